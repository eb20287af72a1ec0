"""`reminder doctor`: one look at everything, which goes on where a part is broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import text

from reminder.app import now, open_database
from reminder.installation import read_installation
from reminder.pipeline.diagnosis import CODES, PARTS
from reminder.store import gateway_states
from support.deployments import PHONE, add_accounts, row

Run = Callable[..., Result]


def _codes(result: Result) -> list[str]:
    return [finding["code"] for finding in json.loads(result.stdout)["findings"]]


def _write(config: Path, statement: str) -> None:
    with open_database(read_installation(config, {})) as engine, engine.begin() as connection:
        connection.execute(text(statement))


def _edit(path: Path, old: str, new: str) -> None:
    written = path.read_text(encoding="utf-8")
    assert written.count(old) == 1
    path.write_text(written.replace(old, new), encoding="utf-8")


@pytest.fixture(autouse=True)
def _short_names(config: Path) -> None:
    """With the lender's names as short as these, every sample text fits into its budget in every language."""
    _edit(config / "reminder.yaml", "name: Anhe Credit", "name: Anhe")
    _edit(config / "reminder.yaml", "app: the Anhe app", "app: Anhe")


@pytest.fixture
def at_work(reminder: Run, config: Path) -> Run:
    """`reminder` in a deployment that has sent a text."""
    add_accounts(config, row("A"), row("B", 5))
    assert reminder("run").exit_code == 0
    return reminder


def test_a_deployment_at_work_is_well(at_work: Run) -> None:
    """Where nothing is broken every part is looked at and said to be well, and the exit code is 0."""
    result = at_work("doctor")

    assert result.exit_code == 0
    told = {line.split()[1] for line in result.stdout.splitlines() if line.startswith("ok ")}
    assert told == set(PARTS) - {"gateways"}
    assert "RM-W041  gateways: a gateway is not configured" in result.stdout
    assert result.stdout.splitlines()[-1] == "0 errors, 1 warnings."


def test_programs_read_json(at_work: Run) -> None:
    """A program gets each finding with its code, how bad it is, and what to do."""
    found = json.loads(at_work("doctor", "--json").stdout)

    assert (found["well"], found["looked_at"], found["not_looked_at"]) == (True, list(PARTS), [])
    (finding,) = found["findings"]
    assert (finding["code"], finding["severity"], finding["part"]) == ("RM-W041", "warning", "gateways")
    assert finding["says"] == CODES["RM-W041"]
    assert "TWILIO_ACCOUNT_SID" in finding["found"]


def test_an_error_is_told_and_ends_with_one(at_work: Run, config: Path, rows: Callable[[Path], list[Any]]) -> None:
    """Rows that were tampered with are an error: its code, an example, what to do, and exit code 1."""
    _write(config, "UPDATE outbox SET state = 'gone' WHERE account_id = 'A'")
    (gone,) = (row for row in rows(config) if row.state == "gone")

    result = at_work("doctor")

    assert result.exit_code == 1
    assert "RM-E050  outbox: reminders are in a state that is none" in result.stdout
    assert f"found    1 in no known state (for example {gone.reminder_id})" in result.stdout
    assert result.stdout.splitlines()[-1] == "1 errors, 1 warnings."


def test_the_doctor_changes_nothing(at_work: Run, config: Path, rows: Callable[[Path], list[Any]]) -> None:
    """A look is only a look: rows under an ended lease stay as they are for dispatch to settle."""
    _write(config, "UPDATE outbox SET state = 'sending', lease_until = '2020-01-01 00:00:00.000000'")
    before = rows(config)

    result = at_work("doctor", "--json")

    assert (result.exit_code, _codes(result)) == (0, ["RM-W041", "RM-W054"])
    assert rows(config) == before


def test_broken_settings_are_a_finding(reminder: Run, config: Path) -> None:
    """Settings that can't be used are told as any other finding; what can't be looked at without them is named."""
    _edit(config / "reminder.yaml", "tick_seconds: 1", "tick_seconds: soon")

    shown, found = reminder("doctor"), json.loads(reminder("doctor", "--json").stdout)

    assert shown.exit_code == 1
    assert "reminder.yaml:" in shown.stdout
    assert "Not looked at: calendars, database" in shown.stdout
    assert [finding["code"] for finding in found["findings"]] == ["RM-E001"]
    assert found["looked_at"] == ["files"]


def test_a_broken_policy_does_not_hide_the_rest(at_work: Run, config: Path) -> None:
    """Law 9: one policy file that is wrong is told with its place, and all else is looked at too."""
    _edit(config / "policies" / "loan.yaml", "grace_days: 3", "grace_days: many")

    result = at_work("doctor", "--json")

    assert result.exit_code == 1
    assert "RM-E001" in _codes(result)
    assert json.loads(result.stdout)["not_looked_at"] == []
    assert "loan.yaml:6:" in result.stdout


def test_wrong_options_of_a_gateway_are_a_finding(at_work: Run, config: Path) -> None:
    """A gateway with wrong options is told with its place in the file; the outbox is looked at all the same."""
    _edit(config / "reminder.yaml", "console: {}", "console: {colour: red}")

    result = at_work("doctor", "--json")

    assert _codes(result) == ["RM-E001"]
    assert "outbox" in json.loads(result.stdout)["looked_at"]
    assert "gateways" in json.loads(result.stdout)["not_looked_at"]


def test_a_database_that_is_not_there_is_a_finding(reminder: Run, config: Path) -> None:
    """Without its database the doctor still speaks, of what it could look at and of what to do."""
    (config.parent / "reminder.db").unlink()

    result = reminder("doctor", "--json")

    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert "RM-E010" in _codes(result)
    assert found["looked_at"] == ["files", "calendars", "database"]


def test_tables_of_another_release_are_a_finding(at_work: Run, config: Path) -> None:
    """Tables that are not of this release are told with the cure, and not read."""
    _write(config, "UPDATE alembic_version SET version_num = '0000'")

    result = at_work("doctor", "--json")

    assert (result.exit_code, _codes(result)) == (1, ["RM-E011"])
    assert "outbox" in json.loads(result.stdout)["not_looked_at"]


def test_a_pause_is_told(at_work: Run, config: Path) -> None:
    """A gateway that is left alone for a while is told with its reason and its end."""
    at = now()
    with open_database(read_installation(config, {})) as engine, engine.begin() as connection:
        gateway_states.pause(connection, "console", until=at + timedelta(hours=1), reason="no paper", at=at)

    result = at_work("doctor", "--json")

    assert _codes(result) == ["RM-W041", "RM-W042"]
    assert "no paper" in result.stdout


def test_the_book_is_checked(at_work: Run, config: Path) -> None:
    """What the contract check of the book says is among the findings, with ids and without numbers."""
    add_accounts(config, row("C", phone="none"))

    result = at_work("doctor", "--json")

    assert _codes(result) == ["RM-W041", "RM-W021"]
    assert '"C"' in result.stdout


def _map_book(config: Path, where: str) -> None:
    columns = "{account_id: a, customer_id: b, phone: p, due_date: c, amount_due: d, currency: e}"
    with (config / "reminder.yaml").open("a", encoding="utf-8") as settings:
        settings.write(f"book: {{{where}, columns: {columns}}}\n")


def test_a_book_that_can_not_be_read_is_a_finding(at_work: Run, config: Path) -> None:
    """A mapping onto a table that is not there is the book's error; the outbox was looked at before."""
    _map_book(config, "table: nowhere")

    result = at_work("doctor", "--json")

    assert result.exit_code == 1
    assert "RM-E020" in _codes(result)
    assert "outbox" in json.loads(result.stdout)["looked_at"]


def test_a_book_in_another_database_may_be_out(at_work: Run, config: Path) -> None:
    """A book whose own database is not there is told as such, while ours is said to be well."""
    _map_book(config, "url: 'sqlite:////nowhere/book.db', table: t")

    result = at_work("doctor", "--json")

    assert result.exit_code == 1
    assert {code for code in _codes(result) if code not in ("RM-E001", "RM-W002")} == {"RM-E020", "RM-W041"}
    (finding,) = (each for each in json.loads(result.stdout)["findings"] if each["code"] == "RM-E020")
    assert finding["expected"] == "to reach the database of the book"


def test_the_book_can_be_left_alone(at_work: Run, config: Path) -> None:
    """For a look every minute the book, which takes longest, is left unread, and that is said."""
    add_accounts(config, row("C", phone="none"))

    result = at_work("doctor", "--no-book")

    assert "RM-W021" not in result.stdout
    assert "Not looked at: book." in result.stdout


def test_the_doctor_names_nobody(at_work: Run, config: Path) -> None:
    """Law 13: neither numbers nor texts stand in what the doctor says."""
    add_accounts(config, row("C", phone=PHONE + "999999"))

    shown = at_work("doctor").stdout + at_work("doctor", "--json").stdout

    assert PHONE[-4:] not in shown
    assert "$120.50" not in shown
