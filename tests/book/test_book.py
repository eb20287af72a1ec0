"""Reading the book: every row becomes an account, none stops the others, and memory does not grow with the book."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select

from reminder.book.book import READ_CHUNK_ROWS, Book
from reminder.domain.account import Account
from reminder.domain.money import Money
from reminder.store.schema import account

OWN_ROW = {
    "account_id": "A-1", "customer_id": "C-1", "name": "王小明", "phone": "13800138000", "due_date": date(2026, 11, 25),
    "amount_due": 123450, "currency": "CNY", "language": "zh-CN", "timezone": "Asia/Shanghai", "product": "cash-loan",
    "closed": False, "attributes": {"autopay": "false", "times_overdue": "2", "branch": "007", "rate": "0.05"},
    "loaded_at": datetime(2026, 11, 22, 1, tzinfo=UTC),
}  # fmt: skip


def read_one(book: Book, key: str) -> Account:
    """Return the only account under a key."""
    with book.engine.connect() as connection:
        (found,) = book.read(connection, [key])[key]
    return found


def ids_where(book: Book, condition: Any) -> set[str]:
    """Return the ids of the accounts that meet a condition."""
    with book.engine.connect() as connection:
        return set(connection.scalars(select(book.columns.account_id).select_from(book.selectable).where(condition)))


def test_our_own_row_is_read_whole(engine: Engine, own: Book) -> None:
    """Everything that was imported comes back, attributes as booleans, whole numbers and texts."""
    with engine.begin() as connection:
        connection.execute(insert(account), [OWN_ROW])
    assert read_one(own, "A-1") == Account(
        account_id="A-1", customer_id="C-1", due_date=date(2026, 11, 25), amount_due=Money(123450, "CNY"),
        phone="13800138000", name="王小明", language="zh-CN", timezone="Asia/Shanghai", product="cash-loan",
        attributes={"autopay": False, "times_overdue": 2, "branch": "007", "rate": "0.05"},
        loaded_at=datetime(2026, 11, 22, 1, tzinfo=UTC),
    )  # fmt: skip


def test_a_lenders_row_is_read_whole(lender_book: Any, loan: Any) -> None:
    """A lender's row means the same account on every database, its own types kept."""
    book = lender_book(loan(), fresh_column="refreshed", fresh_max_age=timedelta(hours=26))
    assert read_one(book, "L-1") == Account(
        account_id="L-1", customer_id="C-1", due_date=date(2026, 11, 25), amount_due=Money(123450, "CNY"),
        phone="13800138000", name="王小明", language="zh-CN", timezone="Asia/Shanghai", product="cash-loan",
        attributes={"autopay": False, "times_overdue": 2, "branch": "上海", "rate": "0.05" , "opened_on": "2025-01-31"},
        loaded_at=datetime(2026, 11, 22, 1, tzinfo=UTC),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"unpaid": None}, "the book has no amount due for it"),
        ({"ccy": None}, "the book has no currency for it"),
        ({"ccy": "  "}, "the book has no currency for it"),
        ({"ccy": "RMB"}, "amount due: expected an ISO 4217 currency in use, found 'RMB'"),
        ({"unpaid": "10.005"}, "amount due: expected at most 2 decimal places for CNY"),
        ({"due_dt": None}, "the book has no due date for it"),
        ({"due_dt": "1066-10-14"}, "the book's due date for it can't be read"),
        ({"cust_no": None}, "the book has no customer for it"),
        ({"refreshed": None}, "the book does not say in refreshed when it was refreshed"),
    ],
    ids=["no amount", "no currency", "blank currency", "no such currency", "half a fen", "no due date",
         "absurd due date", "no customer", "not refreshed"],
)  # fmt: skip
def test_what_a_row_misses_is_named_and_harms_no_other(
    lender_book: Any, loan: Any, changes: dict[str, Any], problem: str
) -> None:
    """A garbled row is an account with its problem in words; the row beside it is read as ever (laws 8 and 9)."""
    book = lender_book(loan(**changes), loan(loan_no="L-2"), fresh_column="refreshed", fresh_max_age=timedelta(hours=1))
    with book.engine.connect() as connection:
        found = book.read(connection, ["L-1", "L-2"])
    assert [each.startswith(problem) for each in found["L-1"][0].problems] == [True]
    assert found["L-2"][0].problems == ()


def test_a_row_of_nulls_is_still_an_account(lender_book: Any) -> None:
    """A row with nothing but a key is read, owed, and refused later with every reason (law 8)."""
    book = lender_book({"loan_no": "L-1"})
    found = read_one(book, "L-1")
    assert (found.amount_due, found.due_date, found.customer_id, found.attributes) == (None, None, "", {})
    assert len(found.problems) == 4
    assert ids_where(book, book.owed()) == {"L-1"}


def test_rows_under_one_key_stay_several(lender_book: Any, loan: Any) -> None:
    """Which of two rows is right is not ours to guess: both are handed to the decision, which refuses (law 8)."""
    book = lender_book(loan(), loan(unpaid="1"), loan(loan_no="L-2"))
    with book.engine.connect() as connection:
        found = book.read(connection, ["L-1", "L-2", "L-3"])
    assert {key: len(each) for key, each in found.items()} == {"L-1": 2, "L-2": 1}


@pytest.mark.parametrize("key", ["l-1", "L-1 ", "L_1", "%", "\0", "\ud800", "9" * 5000, "'; DROP TABLE loan; --"])
def test_keys_are_found_exactly_or_not_at_all(lender_book: Any, loan: Any, key: str) -> None:
    """An id that differs in case or spaces is another id, and no id can break the statement."""
    book = lender_book(loan())
    with book.engine.connect() as connection:
        assert book.read(connection, [key]) == {}


def test_more_keys_than_fit_into_one_statement(engine: Engine, own: Book) -> None:
    """Ids are asked for in bounded chunks, each once, however many there are."""
    keys = [f"A-{number}" for number in range(2 * READ_CHUNK_ROWS + 1)]
    with engine.begin() as connection:
        connection.execute(insert(account), [{**OWN_ROW, "account_id": key} for key in keys])
        found = own.read(connection, [*keys, *keys])
    assert set(found) == set(keys)
    assert {len(each) for each in found.values()} == {1}


@pytest.mark.parametrize(
    ("changes", "owed"),
    [
        ({}, True),
        ({"unpaid": "0"}, False),
        ({"unpaid": "-5"}, False),
        ({"unpaid": None}, True),
        ({"ccy": None}, True),
        ({"state": "closed"}, False),
        ({"state": "sold"}, False),
        ({"state": "CLOSED"}, True),
        ({"state": None}, True),
        ({"state": "closed", "unpaid": None}, False),
    ],
    ids=["owed", "paid", "overpaid", "no amount", "no currency", "closed", "sold", "another word", "not said", "both"],
)
def test_owed_is_what_python_calls_not_settled(
    lender_book: Any, loan: Any, changes: dict[str, Any], owed: bool
) -> None:
    """What planning calls owed is what the decision calls not settled, so that no refusal is left off the record."""
    book = lender_book(loan(**changes))
    assert (ids_where(book, book.owed()) == {"L-1"}) is owed
    assert read_one(book, "L-1").settled is not owed


def test_closed_in_our_own_table(engine: Engine, own: Book) -> None:
    """A closed account of our own is not owed, whatever its amount."""
    with engine.begin() as connection:
        connection.execute(insert(account), [OWN_ROW, {**OWN_ROW, "account_id": "A-2", "closed": True}])
    assert ids_where(own, own.owed()) == {"A-1"}
    assert read_one(own, "A-2").closed


def test_due_between_takes_both_ends(lender_book: Any, loan: Any) -> None:
    """A step's window is whole days, its first and its last included."""
    days = ["2026-11-23", "2026-11-24", "2026-11-25", "2026-11-26", None]
    book = lender_book(*(loan(loan_no=day or "none", due_dt=day) for day in days))
    assert ids_where(book, book.due_between(date(2026, 11, 24), date(2026, 11, 25))) == {"2026-11-24", "2026-11-25"}


@pytest.mark.parametrize(
    "changes",
    [{"loan_no": None}, {"loan_no": ""}, {"loan_no": "x" * 65}, {"cust_no": "x" * 65}],
    ids=["no id", "empty id", "long id", "long customer"],
)
def test_rows_that_do_not_fit_the_outbox_are_not_planned(lender_book: Any, loan: Any, changes: dict[str, Any]) -> None:
    """One id too long for the outbox must not make the planning statement fail for everybody (law 9)."""
    book = lender_book(loan(**changes), loan(loan_no="good", cust_no="客" * 64))
    assert ids_where(book, book.due_between(date(2026, 11, 25), date(2026, 11, 25))) == {"good"}


def test_a_missing_customer_is_planned_to_be_refused(lender_book: Any, loan: Any) -> None:
    """A NULL customer is an empty text in planning, so that the refusal is on record and no NULL breaks the insert."""
    book = lender_book(loan(cust_no=None))
    with book.engine.connect() as connection:
        query = select(book.columns.customer_id).where(book.due_between(date(2026, 11, 25), date(2026, 11, 25)))
        assert list(connection.scalars(query)) == [""]


def test_zones_of_what_is_due(lender_book: Any, loan: Any) -> None:
    """Zones come as written, each once, only of accounts due in the range; law 12: an index answers it."""
    book = lender_book(
        loan(loan_no="1"), loan(loan_no="2"), loan(loan_no="3", tz=None), loan(loan_no="4", tz="Mars/Olympus"),
        loan(loan_no="5", tz="Europe/Paris", due_dt="2027-01-01"), loan(loan_no="6", tz="Asia/Tokyo", unpaid="0"),
        loan(loan_no="7", tz="  "),
    )  # fmt: skip
    with book.engine.connect() as connection:
        zones = book.zones(connection, date(2026, 11, 1), date(2026, 11, 30))
    assert zones == [None, "Asia/Shanghai", "Asia/Tokyo", "Mars/Olympus"]


def test_the_newest_load(engine: Engine, own: Book, lender_book: Any, loan: Any) -> None:
    """Freshness is the newest instant any row was loaded at; a time without zone is UTC (law 15)."""
    book = lender_book(loan(), loan(refreshed="2026-11-22 09:30:00"), loan(refreshed=None), fresh_column="refreshed")
    with engine.begin() as connection:
        assert book.newest_load(connection) == datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
        assert own.newest_load(connection) is None
        connection.execute(insert(account), [OWN_ROW])
        assert own.newest_load(connection) == OWN_ROW["loaded_at"]


def test_a_book_without_freshness_says_so(lender_book: Any, loan: Any) -> None:
    """A book that was mapped without a fresh column has no newest load, and no account lacks one."""
    book = lender_book(loan())
    with book.engine.connect() as connection:
        assert book.newest_load(connection) is None
    assert read_one(book, "L-1").problems == ()
