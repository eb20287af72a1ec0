"""Live configuration: an edit comes into force as a whole or not at all, and nobody is texted twice or forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from structlog.testing import capture_logs

from reminder.app import open_deployment
from reminder.daemon.reload import Live
from reminder.daemon.service import serve
from reminder.daemon.supervisor import Supervisor
from reminder.installation import read_installation
from reminder.pipeline.deployment import Deployment
from reminder.store import refusals
from reminder.store.schema import outbox
from support.deployments import add_accounts, row
from support.recorder import Recorder

LOOK_SECONDS = 0.05
PATIENCE = 3000
"""How many hundredths of a second something may take on a busy machine."""

DUE = '  - {id: due, at: 0, template: grace/due_today, when: "not account.autopay"}\n'
WARNING = "  - {id: overdue, at: 4, template: escalation/first, until: 30}\n"


@dataclass
class House:
    """A daemon's files, its clock, and the provider behind it."""

    config: Path
    at: datetime
    recorder: Recorder
    live: Live
    logs: list[Any] = field(default_factory=list)

    def edit(self, old: str, new: str, file: str = "policies/loan.yaml") -> None:
        """Replace a piece of a file, as an editor saves it."""
        path = self.config / file
        before = path.read_text(encoding="utf-8")
        assert old in before
        path.write_text(before.replace(old, new), encoding="utf-8")

    def rows(self) -> list[Any]:
        """Return the outbox by account and step."""
        with self.live.deployment.engine.connect() as connection:
            return list(connection.execute(select(outbox).order_by(outbox.c.account_id, outbox.c.step)))

    def states(self) -> dict[str, str]:
        """Return the state of every reminder, by step."""
        return {each.step: each.state for each in self.rows()}

    def refused(self) -> list[refusals.Refusal]:
        """Return what another process would see of refused files."""
        with self.live.deployment.engine.connect() as connection:
            return refusals.listing(connection, self.at)


@pytest.fixture
def house(config: Path, noon: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A daemon that looks at its files many times a second; its clock stands at noon until time passes."""
    with ExitStack() as stack:
        installation = read_installation(config, {})
        made: list[House] = []
        deployment = stack.enter_context(open_deployment(installation, clock=lambda: made[0].at))
        recorder = Recorder("console")
        deployment = replace(deployment, gateways={**deployment.gateways, "console": recorder})
        made.append(House(config, noon, recorder, Live(installation, deployment, watch_seconds=LOOK_SECONDS)))
        monkeypatch.setattr("reminder.daemon.service.steady", lambda: made[0].at.timestamp())
        yield made[0]


def _serve(house: House, story: Callable[[], Awaitable[None]]) -> list[Any]:
    """Let the daemon's real loop run while the story is told; return the log."""

    async def told() -> None:
        stop = asyncio.Event()
        serving = asyncio.create_task(
            serve(house.live, stop=stop, cut=asyncio.Event(), supervisor=Supervisor({}), drain_seconds=5)
        )
        try:
            await story()
        finally:
            stop.set()
            await serving

    with capture_logs() as house.logs:
        asyncio.run(told())
    return house.logs


async def _until(found: Callable[[], bool]) -> None:
    for _ in range(PATIENCE):
        if found():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to that in time")


def _events(logs: list[Any], event: str) -> list[Any]:
    return [each for each in logs if each["event"] == event]


def test_an_edit_comes_into_force(house: House) -> None:
    """What was silent by the old file is sent by the new one, and the log says which version is in force."""
    add_accounts(house.config, row("A", autopay="true"))
    before = house.live.deployment.policies[0].version

    async def story() -> None:
        await _until(lambda: house.states() == {"due": "planned"} and "when" in house.rows()[0].reason)
        house.edit(', when: "not account.autopay"', "")
        await _until(lambda: house.states() == {"due": "sent"})

    (applied,) = _events(_serve(house, story), "reminder.config.applied")
    after = house.live.deployment.policies[0].version
    assert applied["policies"] == {"loan": after} != {"loan": before}
    assert applied["asked_again"] == 1


def test_a_removed_step_is_cancelled(house: House) -> None:
    """What is planned follows the policy now in force: a step that is gone sends nothing and says why."""
    add_accounts(house.config, row("A", autopay="true"))

    async def story() -> None:
        await _until(lambda: house.states() == {"due": "planned"})
        house.edit(DUE, "")
        await _until(lambda: house.states() == {"due": "cancelled"})

    _serve(house, story)
    assert house.rows()[0].reason.startswith("policy: ")
    assert house.recorder.calls == 0


def test_a_moved_step_waits_for_its_new_day_and_goes_out_once(house: House) -> None:
    """Law 2: planned for today, moved to the day after tomorrow, sent then and only then."""
    add_accounts(house.config, row("A", autopay="true"))

    async def story() -> None:
        await _until(lambda: house.states() == {"due": "planned"})
        house.edit(DUE, "  - {id: due, at: 2, template: grace/due_today}\n")
        await _until(lambda: house.rows()[0].reason.startswith("not_yet: "))
        assert house.recorder.calls == 0
        house.at += timedelta(days=2)
        await _until(lambda: house.states() == {"due": "sent"})

    _serve(house, story)
    assert (house.recorder.calls, len(house.rows())) == (1, 1)


def test_a_step_that_is_moved_away_and_back_is_not_lost(house: House) -> None:
    """Law 4: a slip that is taken back leaves no reminder waiting beyond its days."""
    add_accounts(house.config, row("A", autopay="true"))
    moved = "  - {id: due, at: 3, template: grace/due_today}\n"

    async def story() -> None:
        await _until(lambda: house.states() == {"due": "planned"})
        house.edit(DUE, moved)
        await _until(lambda: house.rows()[0].reason.startswith("not_yet: "))
        house.edit(moved, "  - {id: due, at: 0, template: grace/due_today}\n")
        await _until(lambda: house.states() == {"due": "sent"})

    _serve(house, story)
    assert house.recorder.calls == 1


def test_one_wrong_file_keeps_all_edits_out(house: House) -> None:
    """Law 9: the last good files stay in force entirely, and log and database say file and line of the error."""
    add_accounts(house.config, row("A"))
    other = house.config / "policies" / "other.yaml"

    async def story() -> None:
        await _until(lambda: house.states() == {"due": "sent"})
        house.edit("at: 4,", "at: 1,")
        other.write_text("policy: other\nstps: []\n", encoding="utf-8")
        await _until(lambda: bool(house.refused()))
        add_accounts(house.config, row("A"), row("B", 2))
        house.at = house.at.replace(hour=18)
        await _until(lambda: any(each.account_id == "B" for each in house.rows()))
        assert [each.step for each in house.rows() if each.account_id == "B"] == ["due"]
        await _until(lambda: bool(house.refused()))
        assert "other.yaml:1:1" in house.refused()[0].problems[0]
        other.unlink()
        await _until(lambda: not house.refused())
        await _until(lambda: house.live.deployment.policies[0].steps[1].closes == 0)

    logs = _serve(house, story)
    (refused,) = _events(logs, "reminder.config.refused")
    assert (refused["log_level"], "other.yaml:1:1" in refused["problems"][0]) == ("error", True)
    assert len(_events(logs, "reminder.config.applied")) == 1


def test_what_is_taken_back_is_refused_no_longer(house: House) -> None:
    """A wrong edit that is undone leaves nothing behind, and applies nothing."""
    path = house.config / "policies" / "loan.yaml"
    good = path.read_text(encoding="utf-8")

    async def story() -> None:
        path.write_text(good.replace("grace_days", "grace_day"), encoding="utf-8")
        await _until(lambda: bool(house.refused()))
        path.write_text(good, encoding="utf-8")
        await _until(lambda: not house.refused())

    logs = _serve(house, story)
    assert len(_events(logs, "reminder.config.restored")) == 1
    assert _events(logs, "reminder.config.applied") == []


def test_a_refusal_is_taken_back_when_the_daemon_ends(house: House) -> None:
    """`status` does not speak of a daemon that is no more."""

    async def story() -> None:
        house.edit("grace_days", "grace_day")
        await _until(lambda: bool(house.refused()))

    _serve(house, story)
    assert house.refused() == []


def test_a_refusal_fades_with_a_daemon_that_died_and_stays_with_one_that_lives(house: House) -> None:
    """A daemon that was killed takes nothing back; one that lives says again every minute that it is so."""

    async def story() -> None:
        house.edit("grace_days", "grace_day")
        await _until(lambda: bool(house.refused()))
        since = house.refused()[0].since
        for _ in range(8):
            house.at += timedelta(minutes=1)
            await asyncio.sleep(4 * LOOK_SECONDS)
            await _until(lambda: bool(house.refused()))
        assert house.refused()[0].since == since
        with house.live.deployment.engine.connect() as connection:
            assert refusals.listing(connection, house.at + timedelta(hours=1)) == []

    _serve(house, story)


def test_a_file_that_is_still_being_written_is_left_alone(house: House) -> None:
    """A half-written policy may be valid and lack its last steps: it does not come into force."""
    path = house.config / "policies" / "loan.yaml"
    lines = path.read_text(encoding="utf-8").replace("until: 30", "until: 29").splitlines(keepends=True)

    async def story() -> None:
        for count in range(1, len(lines) + 1):
            path.write_text("".join(lines[:count]), encoding="utf-8")
            await asyncio.sleep(LOOK_SECONDS / 4)
        await _until(lambda: house.live.deployment.policies[0].steps[2].closes == 29)

    logs = _serve(house, story)
    assert _events(logs, "reminder.config.refused") == []
    assert len(_events(logs, "reminder.config.applied")) == 1


def test_an_edit_counts_when_two_looks_see_the_same(house: House) -> None:
    """An editor that pauses in the middle of a file is given time: what still changes between two looks is not read."""

    async def story() -> list[bool]:
        changed = []
        for old, new in (("ahead", "ahead"), ("until: 30", "until: 31"), ("until: 31", "until: 299"), ("due", "due")):
            if old != new:
                house.edit(old, new)
            await house.live._next_look()
            changed.append(house.live.leave_off())
        return changed

    assert asyncio.run(story()) == [False, False, False, True]


def test_files_that_say_the_same_change_nothing_unless_asked(house: House) -> None:
    """A file that is merely touched is no edit; a person who asks is answered all the same."""
    path = house.config / "policies" / "loan.yaml"

    async def story() -> None:
        path.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
        (house.config / "notes.txt").write_text("nothing of ours", encoding="utf-8")
        await asyncio.sleep(8 * LOOK_SECONDS)
        assert _events(house.logs, "reminder.config.applied") == []
        house.live.ask()
        await _until(lambda: bool(_events(house.logs, "reminder.config.applied")))

    assert len(_events(_serve(house, story), "reminder.config.applied")) == 1


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        pytest.param("database: sqlite:///elsewhere.db\n", "database: it can't change while", id="database"),
        pytest.param("book: {table: loans, columns: {}}\n", "columns", id="book"),
        pytest.param("gateways: {console: {colour: red}}\n", "colour", id="gateway"),
    ],
)
def test_what_a_running_daemon_can_not_follow_is_refused(house: House, settings: str, says: str) -> None:
    """Where only a restart would help, nothing of the edit is taken over, and that is said."""
    path = house.config / "reminder.yaml"
    kept = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if settings.startswith("gateways"):
        kept = [line for line in kept if not line.startswith(("gateways", "  console", "  twilio"))]

    async def story() -> None:
        path.write_text("".join(kept) + settings, encoding="utf-8")
        house.edit("at: 4,", "at: 1,")
        await _until(lambda: bool(house.refused()))
        assert says in " ".join(house.refused()[0].problems)

    _serve(house, story)
    assert house.live.deployment.policies[0].steps[2].opens == 4


def test_a_folder_of_policies_that_vanished_cancels_nothing(house: House) -> None:
    """An unmounted disk looks like an author who removed every policy: it is refused."""
    add_accounts(house.config, row("A", autopay="true"))

    async def story() -> None:
        await _until(lambda: house.states() == {"due": "planned"})
        (house.config / "policies").rename(house.config / "away")
        await _until(lambda: bool(house.refused()))
        house.at += timedelta(hours=1)
        await asyncio.sleep(8 * LOOK_SECONDS)
        assert house.states() == {"due": "planned"}

    _serve(house, story)


def test_settings_that_are_read_at_the_start_are_told(house: House) -> None:
    """The rest of the edit is in force, and the log says which part needs a restart."""

    async def story() -> None:
        house.edit("tick_seconds: 1", "tick_seconds: 2, lead_seconds: 60", "reminder.yaml")
        house.edit("level: info", "level: debug", "reminder.yaml")
        house.edit('"12:00", "18:00"', '"12:00"', "reminder.yaml")
        await _until(lambda: len(house.live.schedule.plan_at) == 3)

    logs = _serve(house, story)
    told = [each["setting"] for each in _events(logs, "reminder.config.restart_needed")]
    assert told == ["logs", "schedule.tick_seconds", "schedule.lead_seconds"]


class _Closing(Recorder):
    """Counts how often it was closed."""

    closed = 0

    async def close(self) -> None:
        """Count."""
        self.closed += 1


def test_only_a_changed_gateway_is_built_anew(house: House) -> None:
    """Calls under way and open connections of the others are not disturbed."""
    closing = _Closing("console")
    house.live.deployment = replace(house.live.deployment, gateways={"console": closing})

    async def story() -> None:
        house.edit("at: 4,", "at: 5,")
        await _until(lambda: house.live.deployment.policies[0].steps[2].opens == 5)
        assert house.live.deployment.gateways["console"] is closing
        assert closing.closed == 0
        house.edit("console: {}", 'console: {price: {per_segment: "1", currency: USD}}', "reminder.yaml")
        await _until(lambda: closing.closed == 1)
        assert house.live.deployment.gateways["console"] is not closing

    _serve(house, story)
    assert closing.closed == 1


class _Patient(Recorder):
    """Takes a moment for each text, so that an edit falls between two batches or into one."""

    async def send(self, message: Any) -> Any:
        """Answer a little later."""
        await asyncio.sleep(0.02)
        return await super().send(message)


def test_an_edit_in_the_middle_of_a_dispatch_loses_nothing(house: House) -> None:
    """Laws 2 to 4: the batch under way ends by the old files; what is left goes by the new ones, each once."""
    add_accounts(house.config, *(row(f"A-{number:02}") for number in range(40)))
    patient = _Patient("console")
    limits = replace(house.live.deployment.limits, batch_rows=2)
    house.live.deployment = replace(house.live.deployment, limits=limits, gateways={"console": patient})

    async def story() -> None:
        await _until(lambda: len(patient.taken) >= 4)
        house.edit(DUE, "")
        await _until(lambda: {each.state for each in house.rows()} == {"sent", "cancelled"})

    logs = _serve(house, story)
    sent = [each for each in house.rows() if each.state == "sent"]
    assert len(house.rows()) == 40
    assert len(sent) == len(patient.taken) == len({message.reference for message in patient.taken})
    assert _events(logs, "reminder.daemon.cut") == []


def test_a_database_that_is_away_keeps_the_last_good(house: House) -> None:
    """What can't be written down is not in force; the next look tries again."""

    def renamed(deployment: Deployment, old: str, new: str) -> None:
        with deployment.engine.begin() as connection:
            connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))

    async def story() -> None:
        renamed(house.live.deployment, "config_refusal", "away")
        house.edit("at: 4,", "at: 5,")
        await _until(lambda: bool(_events(house.logs, "reminder.config.failed")))
        assert house.live.deployment.policies[0].steps[2].opens == 4
        renamed(house.live.deployment, "away", "config_refusal")
        await _until(lambda: house.live.deployment.policies[0].steps[2].opens == 5)

    _serve(house, story)
