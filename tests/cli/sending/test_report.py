"""`reminder report`: for people, for programs and for spreadsheets, with the same figures."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import text

from reminder.app import open_database
from reminder.cli.report import _HEADINGS
from reminder.installation import read_installation
from reminder.pipeline.report import By
from support.deployments import PHONE, add_accounts, row, today

Run = Callable[..., Result]


@pytest.fixture
def sent(reminder: Run, config: Path) -> Run:
    """`reminder` in a deployment where two texts went out and one account was handed over."""
    add_accounts(config, row("A"), row("B", 5), row("C", 40))
    assert reminder("run").exit_code == 0
    return reminder


def _json(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_people_read_a_table(sent: Run) -> None:
    """One line a day and the total, each adding up from planned to what became of it."""
    result = sent("report")

    lines = [line.split() for line in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert f"Planned from {today() - timedelta(days=6)} to {today()} (UTC)" in result.stdout
    day = next(line for line in lines if line[:1] == [today().isoformat()])
    segments = str(_json(sent("report", "--json"))["total"]["segments"])
    assert day == [today().isoformat(), "3", "0", "0", "2", "0", "0", "0", "0", "1", "0", "2", segments]
    assert next(line for line in lines if line[:1] == ["total"])[1:] == day[1:]


def test_programs_read_json(sent: Run) -> None:
    """A program gets every state and reason, and which days and zone they are of."""
    report = _json(sent("report", "--json", "--by", "step"))

    assert (report["from"], report["to"]) == ((today() - timedelta(days=6)).isoformat(), today().isoformat())
    assert (report["timezone"], report["by"], report["paid_within"]) == ("UTC", "step", None)
    assert {line["key"]: line["planned"] for line in report["lines"]} == {
        "loan/due": 1, "loan/overdue": 1, "loan/over": 1,
    }  # fmt: skip
    assert report["total"]["planned"] == sum(report["total"]["states"].values()) == 3
    assert "repaid" not in report["total"]


def test_spreadsheets_read_csv(sent: Run) -> None:
    """CSV has the figures of JSON, one line each and the total last, in columns that every line has."""
    totals = _json(sent("report", "--json"))["total"]
    lines = list(csv.DictReader(io.StringIO(sent("report", "--csv").stdout, newline="")))

    assert [line["day"] for line in lines] == [today().isoformat(), "total"]
    assert lines[-1]["planned"] == str(totals["planned"])
    assert {name: int(lines[-1][f"state_{name}"]) for name in totals["states"]} == totals["states"]
    assert None not in lines[0].values()


def test_silence_is_told_with_its_reasons(reminder: Run, config: Path) -> None:
    """Who stayed silent and who waits is told by reason, not only counted."""
    add_accounts(config, row("A"), row("B"), row("C", phone="none"))
    reminder("run")
    with open_database(read_installation(config, {})) as engine, engine.begin() as connection:
        paid = "UPDATE outbox SET state = 'cancelled', reason = 'paid: nothing is owed' WHERE account_id = 'B'"
        connection.execute(text(paid))

    shown, total = reminder("report").stdout, _json(reminder("report", "--json"))["total"]

    assert (total["silent"], total["waiting"]) == ({"paid": 1}, {"number": 1})
    assert "Why silent" in shown
    assert "Why waiting" in shown


def test_payments_are_asked_for_on_demand(sent: Run, config: Path) -> None:
    """With --paid-within the book is asked; what can't be known is said to be unknown."""
    add_accounts(config, row("A", amount_due="0"), row("B", 5))

    total = _json(sent("report", "--json", "--paid-within", "7"))["total"]

    assert total["repaid"] == {"paid": 1, "not_paid": 0, "unseen": 0, "too_early": 1}
    assert "paid in 7 d" in sent("report", "--paid-within", "7").stdout
    assert "repaid_paid" in sent("report", "--paid-within", "7", "--csv").stdout


@pytest.mark.parametrize("by", By, ids=lambda by: by.value)
def test_every_heading_can_be_asked_for(sent: Run, by: By) -> None:
    """Each heading that the help names gives a report of the same total."""
    assert _json(sent("report", "--json", "--by", by.value))["total"]["planned"] == 3


def test_the_help_names_every_heading() -> None:
    """The help, which imports nothing, can't lag behind the headings that there are."""
    assert tuple(by.value for by in By) == _HEADINGS


def test_other_days_hold_nothing_of_today(sent: Run) -> None:
    """Days given are the days reported: yesterday knows nothing of today."""
    yesterday = (today() - timedelta(days=1)).isoformat()

    assert _json(sent("report", "--json", "--from", yesterday, "--to", yesterday))["total"]["planned"] == 0
    assert _json(sent("report", "--json", "--from", yesterday))["total"]["planned"] == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ("--from", "yesterday"), ("--to", "2026-02-30"), ("--from", "2026-02-02", "--to", "2026-02-01"),
        ("--from", "2010-01-01", "--to", "2026-01-01"), ("--to", "0001-01-01"), ("--by", "colour"),
        ("--paid-within", "0"), ("--json", "--csv"),
    ],
    ids=["no day", "no such day", "backwards", "too many", "no day of ours", "no heading", "no days", "two formats"],
)  # fmt: skip
def test_wrong_usage_is_told(reminder: Run, arguments: tuple[str, ...]) -> None:
    """What can't be reported is wrong usage (exit code 2), told with what is expected."""
    result = reminder("report", *arguments)

    assert result.exit_code == 2
    assert "Error" in result.stderr


def test_a_report_shows_nobody(sent: Run) -> None:
    """Law 13: neither numbers nor texts stand in a report."""
    shown = sent("report").stdout + sent("report", "--json").stdout + sent("report", "--csv").stdout

    assert PHONE[-4:] not in shown
    assert "Anhe" not in shown


def test_no_key_is_a_formula(sent: Run, config: Path) -> None:
    """Law 11: whatever a key begins with, a spreadsheet does not calculate it."""
    with open_database(read_installation(config, {})) as engine, engine.begin() as connection:
        connection.execute(text("UPDATE attempt SET language = '=cmd()'"))

    (first, *_) = csv.DictReader(io.StringIO(sent("report", "--csv", "--by", "language").stdout, newline=""))

    assert first["language"] == "'=cmd()"
