"""`reminder run`, `explain` and `status`: one pass, why, and how things stand."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import text

from reminder.app import now, open_database
from reminder.installation import read_installation
from reminder.store import gateway_states, holds, plan_runs
from reminder.store.schema import metadata
from support.deployments import add_accounts, row

Run = Callable[..., Result]


def _write(config: Path, change: Callable[[Any], object]) -> None:
    with open_database(read_installation(config, {})) as engine, engine.begin() as connection:
        change(connection)


def test_a_second_run_finds_nothing_left(reminder: Run, config: Path) -> None:
    """Law 2: what was sent is not sent again, and the report says so."""
    add_accounts(config, row("A"), row("B", 5))

    first, second = reminder("run"), reminder("run")

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.stdout.count("Anhe Credit: $120.50") == 2
    assert "Planned 2 reminders, handled 2, made 2 texts" in first.stdout
    assert "Nothing is left to send now." in second.stdout
    assert "Anhe Credit" not in second.stdout


def test_a_payment_in_between_is_seen(reminder: Run, config: Path, rows: Callable[[Path], list[Any]]) -> None:
    """Law 5: who paid after the plan and before the sending gets no text."""
    add_accounts(config, row("A"))
    _write(config, lambda db: holds.add(db, kind=_kind("promise"), reason="x", who="ann", at=now(), account_id="A"))
    assert "hold" in reminder("run").stdout
    add_accounts(config, row("A", amount_due="0"))
    _write(config, lambda db: db.execute(text("UPDATE outbox SET not_before = '2020-01-01 00:00:00.000000'")))

    result = reminder("run")

    assert "Anhe Credit" not in result.stdout
    assert [(each.state, each.reason.partition(":")[0]) for each in rows(config)] == [("cancelled", "paid")]


def _kind(name: str) -> Any:
    from reminder.domain.hold import HoldKind

    return HoldKind(name)


def test_json_is_the_only_thing_on_stdout(reminder: Run, config: Path) -> None:
    """A program reads the report even when the console prints texts: they go to stderr then."""
    add_accounts(config, row("A"), row("E", 40))

    result = reminder("run", "--json")

    report = json.loads(result.stdout)
    assert (report["planned"], report["texts"]) == (2, 1)
    assert report["states"] == {"handed_over": 1, "sent": 1}
    assert report["steps"] == [
        {"policy": "loan", "step": "due", "planned": 1},
        {"policy": "loan", "step": "over", "planned": 1},
    ]
    assert "Anhe Credit" in result.stderr


def test_what_was_only_printed_is_said_loudly(stand_in: Path, run_in: Run, rows: Callable[[Path], list[Any]]) -> None:
    """A stand-in tells no customer: the report says so and how to plan again, and the state is `printed`."""
    add_accounts(stand_in, row("A"))

    result = run_in(stand_in, "run")

    assert [each.state for each in rows(stand_in)] == ["printed"]
    assert "1 were only printed: the console stood in, and no customer was told." in result.stdout
    assert "reminder outbox requeue --printed" in result.stdout
    assert "TWILIO_ACCOUNT_SID" in result.stderr


def test_a_broken_policy_file_stops_nobody_else(reminder: Run, config: Path) -> None:
    """Law 9: the others are sent, and the broken file is named with its line."""
    add_accounts(config, row("A", product="card"), row("B"))
    (config / "policies" / "broken.yaml").write_text(
        "policy: broken\npriority: 1\napplies_to: {product: card}\nprofile: open\ntimezone: UTC\nstps: []\n",
        encoding="utf-8",
    )

    result = reminder("run")

    assert result.exit_code == 0
    assert "broken.yaml:6:1" in result.stderr
    assert result.stdout.count("Anhe Credit: $120.50") == 1


def test_an_old_schema_is_refused_in_words(reminder: Run, config: Path) -> None:
    """A database of another release is not touched: exit code 1, and what to do."""
    _write(config, lambda db: db.execute(text("UPDATE alembic_version SET version_num = '0000'")))
    result = reminder("run")
    assert result.exit_code == 1
    assert "run `reminder db upgrade`" in result.stderr


def test_an_interrupted_run_ends_after_its_batch(config: Path) -> None:
    """Law 3: Ctrl-C in the middle leaves nothing in doubt; what was not begun is still planned."""
    (config / "reminder.yaml").write_text(
        (config / "reminder.yaml").read_text(encoding="utf-8") + "dispatch: {batch_size: 1}\n", encoding="utf-8"
    )
    add_accounts(config, *(row(f"A-{number}") for number in range(60)))
    command = [sys.executable, "-c", "from reminder.cli import main; main()", "--config", str(config), "run", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while "Anhe Credit" not in process.stderr.readline():
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)

    assert process.returncode == 0
    report = json.loads(out)
    assert set(report["states"]) == {"sent"}
    states = _states(config)
    assert states["sent"] == report["states"]["sent"]
    assert sum(states.values()) == 60
    assert set(states) <= {"sent", "planned"}


def _states(config: Path) -> dict[str, int]:
    with open_database(read_installation(config, {})) as engine, engine.connect() as connection:
        found = connection.execute(text("SELECT state, count(*) FROM outbox GROUP BY state"))
        return dict(map(tuple, found))


def test_an_explanation_shows_every_gate(reminder: Run, config: Path) -> None:
    """Law 1: `explain` asks the same gates in the same order as a run, and marks the one that stops."""
    add_accounts(config, row("A", autopay="true"))

    said = reminder("explain", "A").stdout
    told = json.loads(reminder("explain", "A", "--json").stdout)

    assert "silent (when): `not account.autopay` is false" in said
    assert [gate["gate"] for gate in told["gates"] if gate["stops"]] == ["when"]
    assert told["verdict"]["says"] == "skip"
    assert (told["policy"], told["step"], told["dpd"]) == ("loan", "due", 0)


def test_an_explanation_after_sending_tells_what_happened(reminder: Run, config: Path) -> None:
    """Why somebody got a text is answered from the record: the step, its state and when."""
    add_accounts(config, row("A"))
    assert "send; the text must arrive before" in reminder("explain", "A").stdout
    reminder("run")

    said = reminder("explain", "A").stdout
    history = json.loads(reminder("explain", "A", "--json").stdout)["history"]

    assert "no text; due is sent since" in said
    assert [(each["step"], each["state"]) for each in history] == [("due", "sent")]


@pytest.mark.parametrize(
    ("given", "silence"),
    [
        pytest.param({"dpd": -30}, "no step for DPD -30", id="not-yet"),
        pytest.param({"dpd": 400}, "no step for DPD 400", id="long-ago"),
    ],
)
def test_no_step_is_explained(reminder: Run, config: Path, given: dict[str, Any], silence: str) -> None:
    """Silence has a reason even where no gate was asked."""
    add_accounts(config, row("A", given["dpd"]))
    assert silence in reminder("explain", "A").stdout


def test_an_explanation_masks_the_number_and_shows_no_text(reminder: Run, config: Path) -> None:
    """Law 13: why somebody is texted can be looked up without their number or the text."""
    add_accounts(config, row("A", phone="13800138000", name="{{ 7*7 }}"))
    reminder("run")
    for command in (["explain", "A"], ["explain", "A", "--json"]):
        said = reminder(*command).output
        assert "13800138000" not in said
        assert "Anhe Credit" not in said


def test_an_unknown_account_is_not_explained(reminder: Run) -> None:
    """A wrong key is an error, not an explanation."""
    result = reminder("explain", "nobody")
    assert result.exit_code == 1
    assert "none called 'nobody'" in result.stderr


def test_status_shows_what_needs_a_person(stand_in: Path, run_in: Run) -> None:
    """One screen: the schema, reminders by state, who is absent or paused and why, and the last plans."""
    add_accounts(stand_in, row("A"), row("B", autopay="true"))
    run_in(stand_in, "run")
    at = now()
    _write(
        stand_in,
        lambda db: gateway_states.pause(db, "console", until=at + timedelta(hours=1), reason="no credit", at=at),
    )
    _write(
        stand_in,
        lambda db: plan_runs.begin(db, schedule="plan", slot_date=at.date(), slot_no=510, owner="vm:1", at=at),
    )

    said = run_in(stand_in, "status")
    told = json.loads(run_in(stand_in, "status", "--json").stdout)

    assert said.exit_code == 0
    assert "2 accounts of our own" in said.stdout
    assert "planned 1, printed 1" in said.stdout
    assert "no credit" in said.stdout
    assert told["gateways"]["twilio"].startswith("absent: ")
    assert told["gateways"]["console"].startswith("paused until ")
    assert [(plan["slot_time"], plan["ended_at"]) for plan in told["plans"]] == [("08:30", None)]
    assert told["schema"]["up_to_date"] is True


def test_status_says_since_when_something_waits(reminder: Run, config: Path) -> None:
    """A reminder whose time has come and that nobody sends shows up with its age."""
    add_accounts(config, row("A", autopay="true"))
    reminder("run")
    _write(config, lambda db: db.execute(text("UPDATE outbox SET not_before = '2020-01-01 00:00:00.000000'")))
    assert "2020-01-01 00:00 UTC" in reminder("status").stdout


def test_status_works_before_there_are_tables(reminder: Run, config: Path) -> None:
    """Somebody whose database is not made yet is told to make it."""
    with open_database(read_installation(config, {})) as engine:
        metadata.drop_all(engine)
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE alembic_version"))

    result = reminder("status")

    assert result.exit_code == 0
    assert "none, this program needs" in result.stdout
    assert "reminder db upgrade" in result.stdout


def test_status_names_broken_files(reminder: Run, config: Path) -> None:
    """Law 9: what was left out is said at the place where people look."""
    (config / "policies" / "broken.yaml").write_text("policy: [", encoding="utf-8")
    assert any("broken.yaml" in problem for problem in json.loads(reminder("status", "--json").stdout)["problems"])
    assert "broken.yaml" in reminder("status").stdout
