"""`book check` finds what would keep accounts from being reminded, with counts and examples that name no one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from reminder.book import check as check_module
from reminder.book.book import Book
from reminder.book.check import EXAMPLES_MAX, check_book
from reminder.book.findings import BookError, BookReport, Finding, Severity
from reminder.book.mapping import mapped_book
from reminder.store.schema import account


def found(report: BookReport) -> dict[tuple[str, str], Finding]:
    """Return the findings by code and part."""
    return {(each.code, each.part): each for each in report.findings}


def test_a_sound_book_is_fit(lender_book: Any, loan: Any, at: datetime) -> None:
    """Nothing is found where nothing is wrong."""
    book = lender_book(
        loan(), loan(loan_no="L-2", unpaid="0"), fresh_column="refreshed", fresh_max_age=timedelta(hours=2)
    )
    report = check_book(book.engine, book, at=at, region="CN")
    assert report == BookReport(rows=2, owed=1, findings=())
    assert report.fit


@pytest.mark.parametrize(
    ("changes", "code", "part", "severity"),
    [
        ({"loan_no": None}, "B012", "account_id", Severity.ERROR),
        ({"loan_no": ""}, "B012", "account_id", Severity.ERROR),
        ({"loan_no": "x" * 65}, "B012", "account_id", Severity.ERROR),
        ({"cust_no": "x" * 65}, "B012", "customer_id", Severity.ERROR),
        ({"cust_no": None}, "B013", "customer_id", Severity.WARNING),
        ({"due_dt": None}, "B020", "due_date", Severity.WARNING),
        ({"unpaid": None}, "B020", "amount_due", Severity.WARNING),
        ({"ccy": None}, "B020", "currency", Severity.WARNING),
        ({"tz": None}, "B020", "timezone", Severity.INFO),
        ({"mobile": " "}, "B020", "phone", Severity.INFO),
        ({"due_dt": "1066-10-14"}, "B021", "due_date", Severity.WARNING),
        ({"due_dt": "2062-11-25"}, "B022", "due_date", Severity.WARNING),
        ({"unpaid": "10.005"}, "B024", "amount_due", Severity.WARNING),
        ({"unpaid": "-1"}, "B025", "amount_due", Severity.INFO),
        ({"ccy": "RMB"}, "B027", "currency", Severity.WARNING),
        ({"tz": "Mars/Olympus"}, "B028", "timezone", Severity.WARNING),
        ({"mobile": "95588"}, "B029", "phone", Severity.WARNING),
    ],
)
def test_each_fault_is_found_and_nothing_else(
    lender_book: Any, loan: Any, at: datetime, changes: dict[str, Any], code: str, part: str, severity: Severity
) -> None:
    """One garbled value is one finding with its code, its part and its count; the sound row beside it adds none."""
    book = lender_book(loan(**changes), loan(loan_no="sound"))
    findings = found(check_book(book.engine, book, at=at, region="CN"))
    assert list(findings) == [(code, part)]
    assert (findings[code, part].severity, findings[code, part].count) == (severity, 1)


def test_examples_are_bounded_and_name_no_one(lender_book: Any, loan: Any, at: datetime) -> None:
    """Examples are account ids, at most five, and never a phone number (law 13)."""
    book = lender_book(*(loan(loan_no=f"L-{number}", mobile=f"9558{number}") for number in range(9)))
    report = check_book(book.engine, book, at=at, region="CN")
    finding = found(report)["B029", "phone"]
    assert finding.count == 9
    assert finding.examples == tuple(f"L-{number}" for number in range(EXAMPLES_MAX))
    assert "9558" not in str(finding)


def test_phone_numbers_are_sampled(lender_book: Any, loan: Any, at: datetime) -> None:
    """Parsing every number of a large book would take long: a sample tells enough, and says that it is one."""
    book = lender_book(*(loan(loan_no=f"L-{number}", mobile="95588") for number in range(9)))
    finding = found(check_book(book.engine, book, at=at, region="CN", sample=4))["B029", "phone"]
    assert (finding.count, "sample of 4" in finding.message) == (4, True)


def test_numbers_without_region_are_not_guessed(lender_book: Any, loan: Any, at: datetime) -> None:
    """Without a region only numbers with a country code can be texted (law 8)."""
    book = lender_book(loan(), loan(loan_no="L-2", mobile="+8613800138000"))
    assert found(check_book(book.engine, book, at=at))["B029", "phone"].examples == ("L-1",)


def test_an_id_on_several_rows(lender_book: Any, loan: Any, at: datetime) -> None:
    """An account that the book has twice would be refused each time: an error, with the ids (law 8)."""
    book = lender_book(loan(), loan(), loan(), loan(loan_no="l-1"), loan(loan_no="M"), loan(loan_no="M"))
    report = check_book(book.engine, book, at=at, region="CN")
    finding = found(report)["B011", "account_id"]
    assert finding.count == 2
    assert set(finding.examples) == {"L-1", "M"}
    assert not report.fit


def test_an_empty_book(lender_book: Any, at: datetime) -> None:
    """An empty book is said to be empty; nothing else can be said of it."""
    book = lender_book(fresh_column="refreshed", fresh_max_age=timedelta(hours=1))
    report = check_book(book.engine, book, at=at)
    assert (report.rows, report.owed, list(found(report))) == (0, 0, [("B010", "book")])
    assert report.fit


@pytest.mark.parametrize(
    ("refreshed", "severity"),
    [
        ("2026-11-21 23:59:59", Severity.ERROR),
        ("2026-11-22 00:00:00", None),
        ("2026-11-22 10:00:00", Severity.WARNING),
        (None, Severity.ERROR),
    ],
    ids=["a second too old", "just in time", "yet to come", "not said"],
)
def test_freshness(lender_book: Any, loan: Any, at: datetime, refreshed: str | None, severity: Severity | None) -> None:
    """A book that nobody refreshed is found before it is believed (law 15)."""
    book = lender_book(loan(refreshed=refreshed), fresh_column="refreshed", fresh_max_age=timedelta(hours=2))
    finding = found(check_book(book.engine, book, at=at, region="CN")).get(("B030", "fresh"))
    assert (finding.severity if finding else None) == severity


def test_money_in_floats_is_warned_of(
    engine: Engine, make_table: Any, loan_types: dict[str, str], lender_book: Any, at: datetime
) -> None:
    """A float column is read as well as it can be, but its owner should know."""
    make_table(
        "floating", {**loan_types, "unpaid": "DOUBLE PRECISION"}, [{"loan_no": "A", "cust_no": "C", "unpaid": 1.5}]
    )
    mapping = mapped_book(engine, table="floating", columns=lender_book().mapping.columns)
    report = check_book(engine, Book(engine, mapping, same_database=True), at=at)
    assert ("B026", "amount_due") in found(report)


def test_amounts_as_text_are_looked_at(
    engine: Engine, make_table: Any, loan_types: dict[str, str], lender_book: Any, at: datetime
) -> None:
    """Text that is no number is counted, whatever the other rows hold."""
    rows = [{"loan_no": "A", "cust_no": "C", "unpaid": "1,5"}, {"loan_no": "B", "cust_no": "C", "unpaid": "1.5"}]
    types = {**loan_types, "unpaid": "VARCHAR(20)"}
    make_table("texts", types)
    with engine.begin() as connection:
        for row in rows:
            connection.exec_driver_sql(
                f"INSERT INTO texts (loan_no, cust_no, unpaid) VALUES ('{row['loan_no']}', 'C', '{row['unpaid']}')"
            )
    mapping = mapped_book(engine, table="texts", columns=lender_book().mapping.columns)
    finding = found(check_book(engine, Book(engine, mapping, same_database=True), at=at))["B023", "amount_due"]
    assert (finding.count, finding.examples) == (1, ("A",))


def test_our_own_table_is_checked_alike(engine: Engine, own: Book, at: datetime) -> None:
    """Our own table can hold a zone or a number that is no use, and is checked by the same questions."""
    row = {"account_id": "A", "customer_id": "C", "due_date": at.date(), "amount_due": 1, "currency": "CNY",
           "timezone": "Mars/Olympus", "phone": "95588", "attributes": {}, "loaded_at": at}  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(account), [row])
    report = check_book(engine, own, at=at, region="CN")
    assert {code for code, _ in found(report)} == {"B020", "B028", "B029"}


def test_a_finding_reads_as_one_line() -> None:
    """What the command line prints says the code, the severity, the part, the sentence and the examples."""
    finding = Finding("B011", Severity.ERROR, "account_id", "2 ids on several rows", 2, ("A", "B"))
    assert str(finding) == "B011 error: account_id: 2 ids on several rows (for example A, B)"
    assert str(BookError([finding])) == str(finding)


def test_every_code_is_documented() -> None:
    """The table at the top of the module lists each code that is ever given, and only those."""
    source = check_module.__file__
    assert source is not None
    listed = {line.split()[0] for line in (check_module.__doc__ or "").splitlines() if line.startswith("B")}
    with open(source, encoding="utf-8") as file:  # noqa: PTH123 - a module's own path
        body = file.read().partition('"""\n\nfrom __future__')[2]
    given = {code for code in listed if f'"{code}"' in body}
    assert listed - given == {"B001", "B002", "B003"}
    assert {part[:4] for part in body.split('"') if part[:1] == "B" and part[1:].isdigit()} == given


def test_a_lean_book_is_asked_only_what_it_can_answer(engine: Engine, make_table: Any, at: datetime) -> None:
    """A book without phones, zones, closing or freshness is checked for what it has."""
    types = {"account_id": "BIGINT", "customer_id": "BIGINT", "due_date": "DATE", "amount_due": "INTEGER",
             "currency": "CHAR(3)"}  # fmt: skip
    make_table("lean", types, [{"account_id": 1, "customer_id": 2, "due_date": at.date(), "amount_due": 3}])
    book = Book(engine, mapped_book(engine, table="lean"), same_database=True)
    report = check_book(engine, book, at=at)
    assert list(found(report)) == [("B020", "currency")]
    assert (report.rows, report.owed) == (1, 1)
