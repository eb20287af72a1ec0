"""`reminder outbox`: what a person may look at, and the few moves that only a person may make."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import text

from reminder.app import open_database
from reminder.cli.outbox import _STATES
from reminder.domain.lifecycle import State
from reminder.installation import read_installation
from support.deployments import add_accounts, row

Run = Callable[..., Result]
Rows = Callable[[Path], list[Any]]


def _set_state(config: Path, state: str, account: str = "A") -> None:
    """Put a reminder into a state that takes a provider to come to."""
    with open_database(read_installation(config, {})) as engine, engine.begin() as connection:
        connection.execute(
            text("UPDATE outbox SET state = :state WHERE account_id = :account"), {"state": state, "account": account}
        )
        if state == "failed":  # its text was refused, and is no contact
            mine = "(SELECT reference FROM outbox WHERE account_id = :account)"
            connection.execute(
                text(f"UPDATE attempt SET counted = 0, outcome = 'refused' WHERE reference IN {mine}"),
                {"account": account},
            )


@pytest.fixture
def sent(reminder: Run, config: Path) -> Path:
    """A deployment in which two reminders were sent."""
    add_accounts(config, row("A"), row("B"))
    assert reminder("run").exit_code == 0
    return config


def test_the_states_of_the_help_are_those_of_the_lifecycle() -> None:
    """A state that is added later can be asked for."""
    assert set(_STATES) == {state.value for state in State}


def test_a_list_is_of_states_and_accounts(reminder: Run, sent: Path) -> None:
    """The newest first, only what was asked for, as a table and as data."""
    _set_state(sent, "failed", "B")
    assert [each["account_id"] for each in json.loads(reminder("outbox", "list", "--json").stdout)] == ["B", "A"]
    failed = json.loads(reminder("outbox", "list", "--state", "failed", "--json").stdout)
    assert [each["account_id"] for each in failed] == ["B"]
    only = json.loads(reminder("outbox", "list", "--account", "A", "--json").stdout)
    assert [(each["account_id"], each["state"]) for each in only] == [("A", "sent")]
    assert "No reminder is like that." in reminder("outbox", "list", "--state", "expired").stdout


def test_a_reminder_is_shown_with_its_text_and_without_the_number(reminder: Run, sent: Path) -> None:
    """Law 13: the text is shown where it is asked for; the number is masked even there."""
    shown, told = reminder("outbox", "show", "1"), json.loads(reminder("outbox", "show", "1", "--json").stdout)
    assert "Anhe Credit: $120.50" in shown.stdout
    (attempt,) = told["attempts"]
    assert (attempt["to"], attempt["outcome"], attempt["gateway"]) == ("+121****0123", "accepted", "console")
    assert "2125550123" not in shown.output + json.dumps(told)


@pytest.mark.parametrize("verb", [["show"], ["retry"], ["resolve", "--sent", "--reason", "x"]])
def test_a_reminder_that_is_not_there(reminder: Run, verb: list[str]) -> None:
    """A wrong id is an error that says where to look."""
    result = reminder("outbox", verb[0], "99", *verb[1:])
    assert result.exit_code == 1
    assert "none with id 99: see `reminder outbox list`" in result.stderr


def test_failed_ones_are_planned_again(reminder: Run, sent: Path, rows: Rows) -> None:
    """A person may ask for what was refused for good; who and why is kept, and it is sent with the next run."""
    _set_state(sent, "failed")

    dry = reminder("outbox", "retry", "1", "--dry-run")
    assert dry.stdout == "Would plan 1 again.\n"
    assert rows(sent)[0].state == "failed"
    assert reminder("outbox", "retry", "1", "--reason", "corrected").stdout == "Planned 1 again.\n"

    assert (rows(sent)[0].state, rows(sent)[0].reason) == ("planned", "ann: corrected")
    assert reminder("run").stdout.count("Anhe Credit") == 1


def test_only_failed_ones_are_retried(reminder: Run, sent: Path, rows: Rows) -> None:
    """Law 3: asking to retry what was sent, or is in doubt, changes nothing, not even for the others."""
    _set_state(sent, "failed", "A")
    result = reminder("outbox", "retry", "1", "2")
    assert result.exit_code == 1
    assert "found 2, which is sent" in result.stderr
    assert [each.state for each in rows(sent)] == ["failed", "sent"]


def test_printed_ones_are_planned_again_and_do_not_count(stand_in: Path, run_in: Run, rows: Rows) -> None:
    """What the console printed in place of a gateway can go out after all, under the same caps as before."""
    policy = stand_in / "policies" / "loan.yaml"
    capped = policy.read_text(encoding="utf-8") + "caps: {per_customer: [{max: 1, per: day}]}\n"
    policy.write_text(capped, encoding="utf-8")
    add_accounts(stand_in, row("A"))
    run_in(stand_in, "run")
    assert [each.state for each in rows(stand_in)] == ["printed"]

    assert run_in(stand_in, "outbox", "requeue", "--printed", "--dry-run").stdout == "Would plan 1 again.\n"
    assert run_in(stand_in, "outbox", "requeue", "--printed").stdout == "Planned 1 again.\n"

    again = run_in(stand_in, "run")
    assert again.stdout.count("Anhe Credit: $120.50") == 1
    assert [each.state for each in rows(stand_in)] == ["printed"]


def test_requeue_takes_one_account_and_leaves_what_is_over(stand_in: Path, run_in: Run, rows: Rows) -> None:
    """Law 6: what is not true any more is not planned again; one account can be asked for alone."""
    add_accounts(stand_in, row("A"), row("B"), row("C"))
    run_in(stand_in, "run")
    with open_database(read_installation(stand_in, {})) as engine, engine.begin() as connection:
        connection.execute(text("UPDATE outbox SET expires_at = '2020-01-01 00:00:00.000000' WHERE account_id = 'B'"))

    assert run_in(stand_in, "outbox", "requeue", "--printed", "--account", "A").stdout == "Planned 1 again.\n"
    assert [each.state for each in rows(stand_in)] == ["planned", "printed", "printed"]
    assert run_in(stand_in, "outbox", "requeue", "--printed").stdout == "Planned 1 again.\n"
    assert [each.state for each in rows(stand_in)] == ["planned", "printed", "planned"]


def test_requeue_wants_to_be_told_what(reminder: Run) -> None:
    """Nothing is planned again by a slip of the finger: exit code 2."""
    assert reminder("outbox", "requeue").exit_code == 2


@pytest.mark.parametrize(
    ("outcome", "state", "texts"),
    [("--sent", "sent", 0), ("--not-sent", "planned", 1), ("--give-up", "failed", 0)],
)
def test_doubt_is_settled_by_a_person(
    reminder: Run, sent: Path, rows: Rows, outcome: str, state: str, texts: int
) -> None:
    """Law 3: only the word of somebody who asked the provider moves it, and only "never had it" sends it again."""
    _set_state(sent, "in_doubt")

    assert (
        reminder("outbox", "resolve", "1", outcome, "--reason", "asked", "--dry-run").stdout == f"Would be {state}.\n"
    )
    assert rows(sent)[0].state == "in_doubt"
    assert reminder("outbox", "resolve", "1", outcome, "--reason", "asked").stdout == f"1 now {state}.\n"

    assert (rows(sent)[0].state, rows(sent)[0].reason) == (state, "ann: asked")
    assert reminder("run").stdout.count("Anhe Credit") == texts


def test_only_doubt_is_settled(reminder: Run, sent: Path, rows: Rows) -> None:
    """A reminder that was sent can't be declared unsent."""
    result = reminder("outbox", "resolve", "1", "--not-sent", "--reason", "x")
    assert result.exit_code == 1
    assert "expected a reminder that is in_doubt to resolve, found 1, which is sent" in result.stderr
    assert rows(sent)[0].state == "sent"


@pytest.mark.parametrize("args", [["--sent"], ["--reason", "x"]], ids=["no-reason", "no-outcome"])
def test_settling_wants_an_outcome_and_a_reason(reminder: Run, sent: Path, args: list[str]) -> None:
    """What became of it, and how they know: both are asked for, with exit code 2."""
    _set_state(sent, "in_doubt")
    assert reminder("outbox", "resolve", "1", *args).exit_code == 2


def test_who_can_be_named(reminder: Run, sent: Path, rows: Rows) -> None:
    """Every act is on record with the person who did it."""
    _set_state(sent, "failed")
    reminder("outbox", "retry", "1", "--who", "li.lei", "--reason", "asked by phone")
    assert rows(sent)[0].reason == "li.lei: asked by phone"
