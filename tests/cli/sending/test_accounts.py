"""`reminder accounts` and `reminder book`: what goes into the book, and what it shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import create_engine, text

from support.deployments import add_accounts, row, write_csv

Run = Callable[..., Result]
MAPPED = """
book:
  url: {url}
  table: loans
  columns: {{account_id: loan_no, customer_id: cust, phone: mobile, due_date: due, amount_due: unpaid, currency: ccy}}
"""


@pytest.fixture
def mapped(config: Path, tmp_path: Path) -> Path:
    """The deployment, with the lender's own table as its book."""
    url = f"sqlite:///{tmp_path / 'lender.db'}"
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(
            text("CREATE TABLE loans (loan_no TEXT, cust TEXT, mobile TEXT, due DATE, unpaid DECIMAL(12,2), ccy TEXT)")
        )
        connection.execute(text("INSERT INTO loans VALUES ('L-1', 'C-1', '13800138000', '2026-07-01', 10.5, 'CNY')"))
    engine.dispose()
    settings = config / "reminder.yaml"
    settings.write_text(settings.read_text(encoding="utf-8") + MAPPED.format(url=url), encoding="utf-8")
    return config


def test_an_import_can_be_repeated(reminder: Run, tmp_path: Path) -> None:
    """The same file twice changes nothing the second time."""
    file = str(write_csv(tmp_path / "a.csv", [row("A"), row("B")]))

    first, second = reminder("accounts", "import", file), reminder("accounts", "import", file)

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "2 added, 0 changed, 0 unchanged, 0 refused" in first.stdout
    assert "0 added, 0 changed, 2 unchanged, 0 refused" in second.stdout


def test_a_wrong_row_is_listed_and_the_rest_goes_in(reminder: Run, tmp_path: Path) -> None:
    """Law 9: one bad row harms nobody else; it is named by line and column, and the exit code says so."""
    file = write_csv(tmp_path / "a.csv", [row("A"), row("B", due_date="31/02/2026"), row("C")])

    result = reminder("accounts", "import", str(file))

    assert result.exit_code == 1
    assert f"{file}:3:5: due_date: expected a day such as 2026-01-31" in result.stderr
    assert "2 added" in result.stdout
    listed = json.loads(reminder("accounts", "list", "--json").stdout)
    assert [account["account_id"] for account in listed] == ["A", "C"]


def test_a_dry_import_writes_nothing(reminder: Run, tmp_path: Path) -> None:
    """--dry-run on every write: the report is the same and the book stays empty."""
    file = write_csv(tmp_path / "a.csv", [row("A")])

    result = reminder("accounts", "import", str(file), "--dry-run", "--json")

    assert json.loads(result.stdout)["added"] == 1
    assert json.loads(reminder("accounts", "list", "--json").stdout) == []


def test_a_lenders_own_table_is_never_written(mapped: Path, run_in: Run, tmp_path: Path) -> None:
    """The book of a lender is read and never written: an import into it is refused."""
    file = write_csv(tmp_path / "a.csv", [row("A")])

    result = run_in(mapped, "accounts", "import", str(file))

    assert result.exit_code == 1
    assert "found one: accounts are read from it, not imported" in result.stderr


def test_numbers_are_masked_everywhere(reminder: Run, config: Path) -> None:
    """Law 13: neither lists nor single accounts nor JSON tell a number."""
    add_accounts(config, row("A", phone="13800138000"))

    for command in (["list"], ["list", "--json"], ["show", "A"], ["show", "A", "--json"]):
        result = reminder("accounts", *command)
        assert result.exit_code == 0
        assert "13800138000" not in result.output
        assert "****" in result.output


def test_a_page_says_where_the_next_one_begins(reminder: Run, config: Path) -> None:
    """A long book is read page by page, in order of its keys, and no account is missed or shown twice."""
    add_accounts(config, *(row(key) for key in "ABCDE"))

    first = reminder("accounts", "list", "--limit", "2")
    rest = json.loads(reminder("accounts", "list", "--after", "B", "--json").stdout)

    assert "--after B" in first.stdout
    assert [account["account_id"] for account in rest] == ["C", "D", "E"]


def test_a_list_can_be_of_one_customer_and_of_what_is_owed(reminder: Run, config: Path) -> None:
    """The two questions people ask of a book."""
    add_accounts(config, row("A", customer_id="C"), row("B", customer_id="C", amount_due="0"), row("D"))

    found = json.loads(reminder("accounts", "list", "--customer", "C", "--owed", "--json").stdout)

    assert [account["account_id"] for account in found] == ["A"]
    assert (found[0]["amount_due"], found[0]["currency"]) == ("120.50", "USD")


@pytest.mark.parametrize(
    "name",
    ["{{ 7*7 }}", "=cmd|' /C calc'!A0", "[red]bold[/red]", "\x1b[31mred", "a\tb", "\u202eright to left"],
    ids=["template", "spreadsheet", "markup", "escape", "tab", "bidirectional"],
)
def test_a_hostile_name_is_shown_as_data(reminder: Run, config: Path, name: str) -> None:
    """Law 11: what looks like code is printed as text, and what drives a terminal does not reach it."""
    add_accounts(config, row("A", name=name))

    shown = reminder("accounts", "show", "A").stdout
    line = next(line for line in shown.splitlines() if line.startswith("name "))

    assert "49" not in line
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert name.isprintable() is False or line.endswith(name)


def test_an_account_that_is_not_there_is_an_error(reminder: Run) -> None:
    """A wrong key says what was looked for, with exit code 1."""
    result = reminder("accounts", "show", "nobody")
    assert result.exit_code == 1
    assert "found none called 'nobody'" in result.stderr


def test_a_sound_book_passes_its_check(reminder: Run, config: Path) -> None:
    """Nothing wrong: exit code 0, and how many accounts there are."""
    add_accounts(config, row("A"), row("B", amount_due="0"))
    result = reminder("book", "check")
    assert result.exit_code == 0
    assert "2 accounts, 1 of them owe something" in result.stdout


def test_doubts_are_counted_without_numbers(reminder: Run, config: Path) -> None:
    """Law 13: what can't be texted is named by its account, never by its number."""
    add_accounts(config, row("A", phone="010-65551234"), row("B", timezone="Mars/Olympus"))

    result = reminder("book", "check", "--json")

    found = {finding["code"]: finding for finding in json.loads(result.stdout)["findings"]}
    assert found["B029"]["examples"] == ["A"]
    assert found["B028"]["examples"] == ["Mars/Olympus"]
    assert "65551234" not in result.output
    assert result.exit_code == 0


def test_a_lenders_own_table_is_checked_where_it_lies(mapped: Path, run_in: Run) -> None:
    """The mapping in the settings is tried on the real table."""
    result = run_in(mapped, "book", "check")
    assert result.exit_code == 0, result.output
    assert "1 accounts, 1 of them owe something" in result.stdout


def test_a_wrong_mapping_is_explained(mapped: Path, run_in: Run) -> None:
    """A column that isn't there is named with what was probably meant, and the exit code says that it matters."""
    settings = mapped / "reminder.yaml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("unpaid,", "unpaidd,"), encoding="utf-8")

    human, machine = run_in(mapped, "book", "check"), run_in(mapped, "book", "check", "--json")

    assert (human.exit_code, machine.exit_code) == (1, 1)
    assert "B002 error" in human.stdout
    assert "unpaid" in human.stdout
    assert json.loads(machine.stdout)["fit"] is False
