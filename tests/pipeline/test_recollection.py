"""Law 15: a database that was restored from a backup has forgotten texts; the provider has not, and the run waits."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, make_url, update
from structlog.testing import capture_logs

from reminder.app import now
from reminder.domain.doubt import CannotTell, Sent
from reminder.domain.guard import Finding, GuardLimits, GuardName
from reminder.pipeline.recollection import ASK_AGAIN, LOOK_BACK, Recollection
from reminder.pipeline.run import RunReport, run_pass
from reminder.store import guards, recollection
from reminder.store.engine import open_engine
from reminder.store.schema import attempt
from support.crashing import texting
from support.outbox_rows import write_attempt
from support.recorder import Recorder
from support.stormy import Provider, stormy
from support.worlds import World, account_row, policy

LIMITS = GuardLimits(timezone="Asia/Shanghai")


@pytest.fixture
def twilio(tmp_path: Path) -> Iterator[Provider]:
    """A fake Twilio, calm."""
    with stormy(tmp_path) as provider:
        yield provider


@contextmanager
def _opened(url: str, twilio: Provider, owner: str) -> Iterator[World]:
    engine = open_engine(url)
    try:
        yield texting(World(engine, owner=owner, at=now()), twilio.url)
    finally:
        engine.dispose()


def _owing(world: World, first: int, last: int) -> None:
    due = world.policies[0].today(world.at)
    world.add_accounts(*(account_row(f"a{n}", due, phone=f"138{n:08}") for n in range(first, last)))


def _pass(world: World) -> RunReport:
    return asyncio.run(run_pass(world.deployment()))


def test_a_restored_database_sends_nothing_before_a_person_says_so(
    sqlite_url: str, tmp_path: Path, twilio: Provider
) -> None:
    """A real copy from before the texts, put back after them: they would all go out again, and not one does."""
    path = Path(make_url(sqlite_url).database or "")
    with _opened(sqlite_url, twilio, "before:1") as world:
        _owing(world, 0, 2)
        assert _pass(world).dispatch.texts == 2
        _owing(world, 2, 8)
    shutil.copyfile(path, tmp_path / "backup.db")
    with _opened(sqlite_url, twilio, "later:1") as world:
        assert _pass(world).dispatch.texts == 6
    for leftover in (f"{path}-wal", f"{path}-shm"):
        Path(leftover).unlink(missing_ok=True)
    shutil.copyfile(tmp_path / "backup.db", path)

    with _opened(sqlite_url, twilio, "after:2") as world:
        restored, again = _pass(world), _pass(world)

        (pause,) = restored.pauses
        assert (pause.guard, pause.figures) == (GuardName.OUTBOX_BEHIND, {"gateway": "twilio", "unknown": 6})
        assert again.pauses == restored.pauses
        assert len(twilio.accepted()) == 8

        with world.engine.begin() as connection:
            guards.approve(connection, pause.pause_id, who="ann", reason="they may go twice", at=now())
        world.at = now()
        assert _pass(world).pauses == ()
    assert len(twilio.accepted()) == 14


def test_a_database_that_remembers_is_not_stopped(sqlite_url: str, twilio: Provider) -> None:
    """What we sent ourselves, also where its answer was lost, is no reason to wait."""
    with _opened(sqlite_url, twilio, "one:1") as world:
        _owing(world, 0, 3)
        twilio.weather((1, {"mode": "reset_after_accept"}), seed=1)
        assert _pass(world).dispatch.texts == 0
        twilio.weather((1, {"mode": "accept"}))
        _owing(world, 3, 6)
        world.at = now()

        report = _pass(world)

    assert (report.pauses, report.dispatch.texts) == ((), 3)


class Lister(Recorder):
    """A gateway whose provider tells what it took lately: those of these texts, or that it can't tell, or an error."""

    def __init__(self, *told: Sent | CannotTell | Exception) -> None:
        super().__init__("recorder")
        self.told = told
        self.asked_since: list[datetime] = []

    async def sent_since(self, since: datetime) -> Sequence[Sent] | CannotTell:
        """Tell it."""
        self.asked_since.append(since)
        for each in self.told:
            if isinstance(each, Exception):
                raise each
            if isinstance(each, CannotTell):
                return each
        return [each for each in self.told if isinstance(each, Sent) and each.at > since]


def _ask(world: World, lister: Lister, asking: Recollection | None = None, **limits: Any) -> Finding | None:
    deployment = replace(world.deployment(), gateways={"recorder": lister}, guards=replace(LIMITS, **limits))
    return asyncio.run((asking or Recollection()).ask(deployment, world.at))


def _sent(world: World, *numbers: int, body: str = "a text") -> list[Sent]:
    return [Sent(f"SM{n}", f"+86138{n:08}", body, world.at - timedelta(minutes=n)) for n in numbers]


@pytest.fixture
def owing(world: World) -> World:
    """Four customers to whom something is due, a world in memory."""
    _owing(world, 0, 4)
    world.plan()
    return world


@pytest.mark.parametrize(("known", "found"), [(2, None), (3, 3)])
def test_some_are_needed(owing: World, known: int, found: int | None) -> None:
    """A stray text or two are no proof; three are."""
    finding = _ask(owing, Lister(*_sent(owing, *range(known))))
    assert (finding.figures["unknown"] if finding else None) == found


def test_texts_to_strangers_are_no_proof(owing: World) -> None:
    """What another program sends from the same number to people whom we never texted and do not want to."""
    assert _ask(owing, Lister(*_sent(owing, 70, 71, 72, 73))) is None


def test_those_texted_before_count(owing: World) -> None:
    """A customer whom we have texted before is ours, whether or not something is due to them."""
    with owing.engine.begin() as connection:
        for n in (70, 71, 72):
            write_attempt(
                connection, f"old-{n}", number=f"+86138{n:08}", provider_id=f"OLD{n}",
                started_at=owing.at - timedelta(days=3),
            )  # fmt: skip
    lister = Lister(*_sent(owing, 70, 71, 72))
    assert _ask(owing, lister) is not None
    assert _ask(owing, lister, unknown_texts=4) is None


def test_texts_of_the_same_second_count(owing: World) -> None:
    """Providers date in whole seconds: what they took right after our newest text may be dated before it."""
    second = owing.at.replace(microsecond=0)
    with owing.engine.begin() as connection:
        write_attempt(
            connection, "newest", gateway="recorder", provider_id="SM9",
            started_at=second + timedelta(milliseconds=100),
        )  # fmt: skip
    later = [replace(each, at=second) for each in _sent(owing, 0, 1, 2)]
    finding = _ask(owing, Lister(*later))
    assert finding is not None
    assert finding.figures["unknown"] == 3


def test_it_can_be_switched_off(owing: World) -> None:
    """Who shares a sender with other programs asks nobody."""
    lister = Lister(*_sent(owing, 0, 1, 2))
    assert _ask(owing, lister, unknown_texts=0) is None
    assert lister.asked_since == []


def test_it_asks_when_there_is_reason_to(owing: World) -> None:
    """At first, each hour, and when told to doubt; never while nothing is due."""
    lister, asking = Lister(), Recollection()
    _ask(owing, lister, asking)
    assert lister.asked_since == [owing.at - LOOK_BACK]
    owing.later(minutes=59)
    _ask(owing, lister, asking)
    assert len(lister.asked_since) == 1
    asking.doubt()
    _ask(owing, lister, asking)
    assert len(lister.asked_since) == 2
    owing.at += ASK_AGAIN
    _ask(owing, lister, asking)
    assert len(lister.asked_since) == 3

    owing.policies = (policy(steps=()),)
    owing.dispatch()
    owing.at += ASK_AGAIN
    _ask(owing, lister, asking)
    assert len(lister.asked_since) == 3


@pytest.mark.parametrize(
    "told", [CannotTell("it is out"), RuntimeError("the gateway is poisoned")], ids=["can't tell", "raises"]
)
def test_a_provider_that_does_not_tell_stops_nothing(owing: World, told: CannotTell | Exception) -> None:
    """Law 9: it is said, and the run goes on: whoever can't list at all may still send."""
    with capture_logs() as logs:
        assert _ask(owing, Lister(told)) is None
    assert "reminder.guard.unasked" in [each["event"] for each in logs]


def test_an_answer_that_is_kept_meanwhile_is_no_proof(postgresql_url: str) -> None:
    """What another daemon is sending right now is known to us, whichever moment its answer is kept in."""
    engine = open_engine(postgresql_url)
    at = now()
    sent = [Sent(f"SM{n}", f"+86138{n:08}", "a text", at) for n in range(3)]
    with engine.begin() as connection:
        for n, each in enumerate(sent):
            write_attempt(connection, f"r{n}", gateway="g", number=each.number, body=each.body, started_at=at)

    kept: list[bool] = []

    def keep_answers(*_: object) -> None:
        """Keep the answers, as the other daemon does, between two statements of this one."""
        if kept:
            return
        kept.append(True)
        with engine.begin() as other:
            for n, each in enumerate(sent):
                known = attempt.c.reference == f"r{n}"
                other.execute(update(attempt).where(known).values(provider_id=each.provider_id))

    with engine.connect() as connection:
        event.listen(engine, "after_cursor_execute", keep_answers)
        assert recollection.unexplained(connection, "g", sent) == []
        assert recollection.unexplained(connection, "g", sent) == []
        assert recollection.unexplained(connection, "other", sent) == sent
    engine.dispose()
