"""`accounts import`: the good rows of any file go in, each bad one is named, and repeating it changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from reminder.book.book import Book
from reminder.book.csv_source import CELL_CHARS_MAX, ImportFileError
from reminder.book.importer import PROBLEMS_MAX, ImportReport, import_accounts
from reminder.domain.money import Money
from reminder.store.schema import account

HEADER = "account_id,customer_id,name,phone,due_date,amount_due,currency,language,timezone,product,closed,autopay\n"
GOOD = "A-1,C-1,王小明,13800138000,2026-11-25,1234.50,CNY,zh-CN,Asia/Shanghai,cash-loan,false,true\n"
LEAN_HEADER = "account_id,customer_id,due_date,amount_due,currency\n"

Import = Callable[..., ImportReport]


@pytest.fixture
def load(engine: Engine, tmp_path: Path, at: datetime) -> Import:
    """A function that imports a text (or bytes) as a file and returns the report."""

    def load_text(content: str | bytes, **options: Any) -> ImportReport:
        path = tmp_path / "accounts.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return import_accounts(engine, account, path, **{"at": at, "region": "CN", **options})

    return load_text


def counts(report: ImportReport) -> tuple[int, int, int, int, int]:
    """Return read, added, changed, unchanged, refused."""
    return report.read, report.added, report.changed, report.unchanged, report.refused


def rows(engine: Engine) -> dict[str, Any]:
    """Return the rows of our own table by account id."""
    with engine.connect() as connection:
        return {row.account_id: row for row in connection.execute(select(account))}


def places(report: ImportReport) -> list[tuple[int, int]]:
    """Return line and column of each problem."""
    return [(problem.line, problem.column) for problem in report.problems]


def test_a_row_goes_in_whole(engine: Engine, load: Import, own: Book, at: datetime) -> None:
    """Every column arrives where it belongs, amounts in minor units, other columns as attributes."""
    report = load(HEADER + GOOD)
    assert counts(report) == (1, 1, 0, 0, 0)
    assert (report.problems, report.notes) == ((), ())
    with engine.connect() as connection:
        (found,) = own.read(connection, ["A-1"])["A-1"]
    assert found.amount_due == Money(123450, "CNY")
    assert (found.name, found.phone, found.timezone) == ("王小明", "13800138000", "Asia/Shanghai")
    assert (found.attributes, found.loaded_at, found.closed) == ({"autopay": True}, at, False)


def test_repeating_an_import_changes_nothing(engine: Engine, load: Import, at: datetime) -> None:
    """The same file again leaves every row as it was, but for the instant it was last said to be true."""
    content = HEADER + GOOD + GOOD.replace("A-1", "A-2")
    load(content)
    before = rows(engine)
    report = load(content, at=at + timedelta(hours=1))
    assert counts(report) == (2, 0, 0, 2, 0)
    after = rows(engine)
    lasting = [column.name for column in account.columns if column.name != "loaded_at"]
    for name in lasting:
        assert {key: getattr(row, name) for key, row in after.items()} == {
            key: getattr(row, name) for key, row in before.items()
        }
    assert {row.loaded_at for row in after.values()} == {at + timedelta(hours=1)}


def test_a_changed_row_is_changed(engine: Engine, load: Import) -> None:
    """A row that differs in anything replaces what was there; the others are left alone."""
    load(HEADER + GOOD + GOOD.replace("A-1", "A-2"))
    report = load(HEADER + GOOD.replace("1234.50", "0.00") + GOOD.replace("A-1", "A-2"))
    assert counts(report) == (2, 0, 1, 1, 0)
    assert rows(engine)["A-1"].amount_due == 0


def test_columns_that_a_file_has_not_are_kept(engine: Engine, load: Import) -> None:
    """A file of balances does not erase phone numbers, names or attributes."""
    load(HEADER + GOOD)
    report = load("account_id,customer_id,due_date,amount_due,currency,band\nA-1,C-1,2026-12-25,5,CNY,B\n")
    assert counts(report) == (1, 0, 1, 0, 0)
    row = rows(engine)["A-1"]
    assert (row.phone, row.name, row.due_date, row.amount_due) == ("13800138000", "王小明", date(2026, 12, 25), 500)
    assert row.attributes == {"autopay": "true", "band": "B"}


def test_an_emptied_cell_empties_the_field(engine: Engine, load: Import) -> None:
    """An empty cell says that there is nothing, unlike a missing column."""
    load(HEADER + GOOD)
    load(HEADER + GOOD.replace("13800138000", "").replace(",true\n", ",\n"))
    assert rows(engine)["A-1"].phone is None
    assert rows(engine)["A-1"].attributes == {}


def test_a_dry_run_writes_nothing(engine: Engine, load: Import) -> None:
    """A dry run counts what would happen and leaves the table as it is."""
    load(HEADER + GOOD)
    before = rows(engine)
    report = load(HEADER + GOOD + GOOD.replace("A-1", "A-2") + GOOD.replace("A-1", "A-3"), dry_run=True)
    assert counts(report) == (3, 2, 0, 1, 0)
    assert rows(engine) == before


@pytest.mark.parametrize(
    ("row", "column", "message"),
    [
        (",C,2026-11-25,1,CNY", 1, "expected account_id, found an empty cell"),
        ("A,,2026-11-25,1,CNY", 2, "expected customer_id, found an empty cell"),
        ("A,C,,1,CNY", 3, "expected due_date, found an empty cell"),
        ("A,C,2026-11-25, ,CNY", 4, "expected amount_due, found an empty cell"),
        ("A,C,2026-11-25,1,", 5, "expected currency, found an empty cell"),
        ("A,C,25.11.2026,1,CNY", 3, "due_date: expected a day such as 2026-01-31, found '25.11.2026'"),
        ("A,C,2026-02-31,1,CNY", 3, "due_date: expected a day"),
        ("A,C,20261125,1,CNY", 3, "due_date: expected a day"),
        ("A,C,2026-W47-3,1,CNY", 3, "due_date: expected a day"),
        ("A,C,1066-10-14,1,CNY", 3, "due_date: expected a day"),
        ('A,C,2026-11-25,"1,234.50",CNY', 4, "amount_due: expected an amount such as 1234.56"),
        ("A,C,2026-11-25,1.005,CNY", 4, "amount_due: expected at most 2 decimal places for CNY"),
        ("A,C,2026-11-25,1.5,JPY", 4, "amount_due: expected at most 0 decimal places for JPY"),
        ("A,C,2026-11-25,NaN,CNY", 4, "amount_due: expected an amount"),
        ("A,C,2026-11-25,1e400,CNY", 4, "amount_due: expected"),
        ("A,C,2026-11-25,99999999999999999999,CNY", 4, "amount_due: expected"),
        ("A,C,2026-11-25,=1+1,CNY", 4, "amount_due: expected an amount"),
        ("A,C,2026-11-25,1,RMB", 4, "amount_due: expected an ISO 4217 currency in use, found 'RMB'"),
        ("x" * 65 + ",C,2026-11-25,1,CNY", 1, "expected account_id of at most 64 characters, found 65"),
        ("A\x07,C,2026-11-25,1,CNY", 1, "expected account_id without control characters"),
        ('A,"C\nD",2026-11-25,1,CNY', 2, "expected customer_id without control characters or line breaks"),
        ("A\0,C,2026-11-25,1,CNY", 1, "expected account_id without control characters"),
        ("A,C,2026-11-25,1", 0, "expected 5 cells as in the header, found 4: is one left out"),
        ("A,C,2026-11-25,1,234.50,CNY", 0, "expected 5 cells as in the header, found 6"),
        ("A", 0, "expected 5 cells as in the header, found 1"),
    ],
)
def test_a_bad_row_is_named_and_the_rest_goes_in(
    engine: Engine, load: Import, row: str, column: int, message: str
) -> None:
    """A bad row is refused with its line, its cell and a reason; the rows around it go in (law 9)."""
    good = "{0},C,2026-11-25,1,CNY\n"
    report = load(LEAN_HEADER + good.format("before") + row + "\n" + good.format("after"))
    assert counts(report) == (3, 2, 0, 0, 1)
    assert places(report) == [(3, column)]
    assert report.problems[0].message.startswith(message)
    assert set(rows(engine)) == {"before", "after"}


def test_an_endless_attribute_is_refused(load: Import) -> None:
    """An attribute is a word or a number, not a document: a row with one is refused with its cell."""
    report = load(HEADER + GOOD.replace(",true\n", "," + "x" * 1001 + "\n"))
    assert places(report) == [(2, 12)]


def test_an_endless_header_is_refused(load: Import) -> None:
    """A file without line ends, or with a header beyond all measure, is refused as a whole and not read into memory."""
    with pytest.raises(ImportFileError, match="expected a column account_id"):
        load('"' + "x" * (CELL_CHARS_MAX + 9))


def test_every_fault_of_a_row_is_listed(load: Import) -> None:
    """Two faults in one row are two problems and one refused row."""
    report = load(LEAN_HEADER + ",,2026-11-25,1,CNY\n")
    assert places(report) == [(2, 1), (2, 2)]
    assert report.refused == 1


@pytest.mark.parametrize(
    ("phone", "noted"),
    [
        ("13800138000", False),
        ("+8613800138000", False),
        ("", False),
        ("8888", True),
        ("010-88888888", True),
        ("call me", True),
    ],
    ids=["mobile", "with country code", "none", "short", "landline", "words"],
)
def test_a_doubtful_phone_is_a_note(engine: Engine, load: Import, phone: str, noted: bool) -> None:
    """The account goes in all the same, for the decision refuses to text it; the note never shows the number (13)."""
    report = load(HEADER + GOOD.replace("13800138000", phone))
    assert counts(report) == (1, 1, 0, 0, 0)
    assert [(note.line, note.column, note.warning) for note in report.notes] == ([(2, 4, True)] if noted else [])
    assert not any(phone in str(note) for note in report.notes if phone)
    assert rows(engine)["A-1"].phone == (phone or None)


def test_a_doubtful_zone_is_a_note(load: Import) -> None:
    """An unknown zone goes in and is noted: contact is then only at hours that are legal in every zone (law 8)."""
    report = load(HEADER + GOOD.replace("Asia/Shanghai", "Mars/Olympus"))
    assert report.added == 1
    assert "Mars/Olympus" in report.notes[0].message


def test_the_second_row_of_an_account_is_refused(engine: Engine, load: Import) -> None:
    """Which of two rows is right is not guessed: the first stays, the second is named with the line of the first."""
    other = GOOD.replace("A-1", "A-2")
    report = load(HEADER + GOOD + other + GOOD.replace("1234.50", "1"), chunk=2)
    assert counts(report) == (3, 2, 0, 0, 1)
    assert places(report) == [(4, 1)]
    assert "found it on line 2 too" in report.problems[0].message
    assert rows(engine)["A-1"].amount_due == 123450


def test_ids_that_differ_in_case_or_accents_are_different(engine: Engine, load: Import) -> None:
    """`a-1` is not `A-1`, on any database."""
    lean = "{0},C,2026-11-25,1,CNY\n"
    keys = ["A-1", "a-1", "é", "e\u0301", "ａ-1", "1", "01"]
    report = load(LEAN_HEADER + "".join(map(lean.format, keys)))
    assert counts(report) == (7, 7, 0, 0, 0)
    assert set(rows(engine)) == set(keys)


@pytest.mark.parametrize("value", ["=cmd|' /C calc'!A0", "{{ 7*7 }}", "+1", "@SUM(A1)", "'; DROP TABLE account; --"])
def test_data_is_never_code(engine: Engine, load: Import, value: str) -> None:
    """Formulas, templates and SQL in a cell are text, and stay it (law 11)."""
    load(HEADER + GOOD.replace("王小明", value))
    assert rows(engine)["A-1"].name == value


@pytest.mark.parametrize("shift", range(3))
def test_long_files_are_known_for_utf8(load: Import, shift: int) -> None:
    """A character that lies across two blocks of the file is one, wherever it is cut: nothing is noted or refused."""
    row = GOOD.replace("A-1", "A-{}").replace("王小明", "王" * 50)
    report = load(HEADER.replace("autopay", "a" * (shift + 1)) + "".join(map(row.format, range(1_000))))
    assert (counts(report), report.notes) == ((1_000, 1_000, 0, 0, 0), ())


def test_a_file_that_ends_within_a_character_is_not_utf8(load: Import) -> None:
    """The last row of a file that was cut off is refused, with its line, and the rest goes in."""
    cut_off = (HEADER + GOOD + GOOD.replace("A-1", "A-2").replace("true", "真")).encode().rstrip(b"\n")[:-1]
    report = load(cut_off)
    assert counts(report) == (2, 1, 0, 0, 1)
    assert [problem.line for problem in report.problems] == [3]
    assert "1 lines are not UTF-8" in report.notes[0].message


@pytest.mark.parametrize(
    ("encoding", "noted"),
    [("utf-8", ""), ("utf-8-sig", ""), ("utf-16", ""), ("gb18030", "read as GB18030")],
)
def test_encodings_of_spreadsheets(engine: Engine, load: Import, encoding: str, noted: str) -> None:
    """What spreadsheets write is read: UTF-8 with and without mark, UTF-16, and GB18030 with a note."""
    report = load((HEADER + GOOD).encode(encoding))
    assert rows(engine)["A-1"].name == "王小明"
    assert [noted in note.message for note in report.notes] == ([True] if noted else [])


def test_a_few_bad_bytes_do_not_garble_every_name(engine: Engine, load: Import) -> None:
    """One row that is not UTF-8 is refused; the file is not read as something else for its sake (law 9)."""
    good, other = GOOD.encode(), GOOD.replace("A-1", "A-2").encode()
    report = load(HEADER.encode() + good + other.replace("王小明".encode(), b"\xff\xfe"))
    assert counts(report) == (2, 1, 0, 0, 1)
    assert places(report) == [(3, 3)]
    assert "1 lines are not UTF-8" in report.notes[0].message
    assert rows(engine)["A-1"].name == "王小明"


@pytest.mark.parametrize("separator", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_separators_and_line_ends(engine: Engine, load: Import, separator: str, newline: str) -> None:
    """What separates cells and lines is seen from the file."""
    content = (HEADER + GOOD).replace(",", separator).replace("\n", newline)
    assert counts(load(content)) == (1, 1, 0, 0, 0)
    assert rows(engine)["A-1"].attributes == {"autopay": "true"}


def test_blank_lines_and_trailing_separators_are_nothing(load: Import) -> None:
    """Blank lines aren't rows, and empty cells behind the last column aren't faults; lines still count right."""
    report = load(LEAN_HEADER + "\n\nA,C,2026-11-25,1,CNY,,,\n\nB,C,bad,1,CNY\n\n")
    assert counts(report) == (2, 1, 0, 0, 1)
    assert places(report) == [(6, 3)]


def test_a_quoted_line_break_does_not_shift_the_lines(engine: Engine, load: Import) -> None:
    """A cell over two lines is put on one, and problems behind it are still on their own lines."""
    report = load(
        'account_id,customer_id,due_date,amount_due,currency,note\nA,C,2026-11-25,1,CNY,"x\ny"\nB,C,?,1,CNY,\n'
    )
    assert places(report) == [(4, 3)]
    assert rows(engine)["A"].attributes == {"note": "x y"}


def test_a_quote_that_is_never_closed_is_one_fault(engine: Engine, load: Import) -> None:
    """A stray quote swallows what follows; the problem says from which line, and nothing is half imported."""
    tail = "".join(f"T{number},C,2026-11-25,1,CNY\n" for number in range(3))
    report = load(LEAN_HEADER + 'A,C,2026-11-25,1,CNY\nB,"C,2026-11-25,1,CNY\n' + tail)
    assert (report.added, report.refused) == (1, 1)
    assert places(report) == [(3, 0)]
    assert "is a quote not closed?" in report.problems[0].message


def test_a_cell_without_end_is_not_read_into_memory(engine: Engine, load: Import) -> None:
    """A cell of megabytes is refused at a bound, and the rows behind it go in."""
    report = load(LEAN_HEADER + "A,C," + "9" * (CELL_CHARS_MAX + 1) + ",1,CNY\nB,C,2026-11-25,1,CNY\n")
    assert counts(report) == (2, 1, 0, 0, 1)
    assert set(rows(engine)) == {"B"}


@pytest.mark.parametrize(
    ("content", "messages"),
    [
        ("", ["1:1: expected a header"]),
        ("\n\n", ["1:1: expected a header"]),
        (
            "account,customer_id,due_date,amount_due\n",
            ["1:1: expected a column account_id, found none: is it 'account'?", "1:1: expected a column currency"],
        ),
        (LEAN_HEADER.strip() + ",due_date\n", ["1:6: expected each column once, found due_date again"]),
    ],
    ids=["empty", "blank", "missing columns", "a column twice"],
)
def test_a_file_that_cannot_be_imported_says_all_at_once(load: Import, content: str, messages: list[str]) -> None:
    """A header without what every account needs is refused as a whole, with every reason and its place."""
    with pytest.raises(ImportFileError) as caught:
        load(content)
    assert [message in str(problem) for message, problem in zip(messages, caught.value.problems, strict=True)]
    for message, problem in zip(messages, caught.value.problems, strict=True):
        assert message in str(problem)


@pytest.mark.parametrize("name", ["missing.csv", "."], ids=["no such file", "a directory"])
def test_a_file_that_is_not_there(sqlite_engine: Engine, tmp_path: Path, at: datetime, name: str) -> None:
    """A path that is no file is a sentence with the path, not a traceback."""
    with pytest.raises(ImportFileError, match="expected a CSV file, found: "):
        import_accounts(sqlite_engine, account, tmp_path / name, at=at, region=None)


def test_header_names_are_normalised(engine: Engine, load: Import) -> None:
    """Capitals, spaces and dashes in a header are no obstacle; a name that can't be an attribute is left out."""
    report = load(
        "Account ID,Customer-Id, due_date ,AMOUNT_DUE,currency,Risk Band,2nd phone,\nA,C,2026-11-25,1,CNY,B,x,\n"
    )
    assert rows(engine)["A"].attributes == {"risk_band": "B"}
    assert [note.column for note in report.notes] == [7, 8]


@pytest.mark.parametrize(
    ("cell", "closed"), [("true", True), ("YES", True), ("1", True), ("", False), ("No", False), ("0", False)]
)
def test_closed_is_read_as_written_by_people(engine: Engine, load: Import, cell: str, closed: bool) -> None:
    """The usual words for yes and no are understood."""
    load(HEADER + GOOD.replace(",false,", f",{cell},"))
    assert rows(engine)["A-1"].closed is closed


def test_closed_in_other_words_is_refused(load: Import) -> None:
    """A word that could mean anything doesn't close an account, nor keep it open (law 8)."""
    report = load(HEADER + GOOD.replace(",false,", ",perhaps,"))
    assert places(report) == [(2, 11)]


def test_only_the_first_problems_are_kept(load: Import) -> None:
    """A file of garbage gives a bounded report that still counts everything."""
    report = load(LEAN_HEADER + "A,C,?,1,CNY\n" * (PROBLEMS_MAX + 7))
    assert (len(report.problems), report.more, report.refused) == (PROBLEMS_MAX, 7, PROBLEMS_MAX + 7)


def test_progress_is_told_chunk_by_chunk(load: Import) -> None:
    """Whoever waits hears after each chunk how many rows were read and how much of the file that is."""
    told: list[tuple[int, float]] = []
    lean = "".join(f"A{number},C,2026-11-25,1,CNY\n" for number in range(5))
    load(LEAN_HEADER + lean, chunk=2, on_progress=lambda read, share: told.append((read, share)))
    assert [read for read, _ in told] == [2, 4, 5]
    assert told[-1][1] == 1.0


@pytest.mark.parametrize(
    ("cell", "mark"),
    [
        ("deceased", "deceased"), (" Fraud-Victim ", "fraud_victim"), ("WRONG PERSON", "wrong_person"), ("", None),
        ("no", None), ("0", None), ("verstorben", "verstorben"), ("yes", "yes"),
    ],
)  # fmt: skip
def test_a_customer_who_must_not_be_contacted_is_marked(
    sqlite_engine: Engine, tmp_path: Path, at: datetime, cell: str, mark: str | None
) -> None:
    """Law 8: a word that nobody knows is a mark as well, and is told; no, nothing and false are none."""
    path = tmp_path / "accounts.csv"
    path.write_text(LEAN_HEADER.replace("\n", ",never_contact\n") + f"A,C,2026-11-25,1,CNY,{cell}\n")
    report = import_accounts(sqlite_engine, account, path, at=at, region="CN")

    assert rows(sqlite_engine)["A"].never_contact == mark
    assert [note.column for note in report.notes] == ([6] if mark in ("verstorben", "yes") else [])
    assert all("its customer is not contacted" in note.message for note in report.notes)


def test_a_file_without_marks_leaves_those_that_are_there(engine: Engine, load: Import) -> None:
    """A file that does not speak of it takes no mark off; one that says no does."""
    load(LEAN_HEADER.replace("\n", ",never_contact\n") + "A,C,2026-11-25,1,CNY,minor\n")
    load(LEAN_HEADER + "A,C,2026-11-25,2,CNY\n")
    assert rows(engine)["A"].never_contact == "minor"
    load(LEAN_HEADER.replace("\n", ",never_contact\n") + "A,C,2026-11-25,2,CNY,\n")
    assert rows(engine)["A"].never_contact is None
