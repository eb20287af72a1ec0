"""The book as planning uses it: one INSERT … SELECT into the outbox, which no row of the book can break."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import ColumnElement, Connection, Engine, and_, insert, literal, not_, select, text

from reminder.book.book import Book
from reminder.book.check import check_book
from reminder.book.findings import Severity
from reminder.book.mapping import mapped_book
from reminder.domain.selector import Selector, Term
from reminder.store.schema import account, outbox
from support.explaining import plans

FIRST, LAST = date(2026, 11, 20), date(2026, 11, 30)
ONE_DAY = timedelta(days=1)
SELECTOR = Selector(
    (
        Term("amount_due", at_least=Decimal("0.01")),
        Term("product", frozenset({"card"}), negated=True),
        Term("rate", frozenset({"7"}), negated=True),
    )
)


def condition(book: Book, selector: Selector) -> ColumnElement[bool]:
    """Return what planning asks of the book: due in a window, owed, and for this policy."""
    return and_(book.due_between(FIRST, LAST), book.owed(), book.matching(selector))


def plan(book: Book, at: datetime, selector: Selector) -> set[tuple[str, str, date]]:
    """Plan as one statement; return what is in the outbox then."""
    columns = book.columns
    names = ("policy", "step", "leg", "state")
    chosen = select(
        columns.account_id, columns.customer_id, columns.due_date, *(literal(name) for name in names),
        *(literal(at, outbox.c.not_before.type) for _ in range(4)), literal(0),
    ).where(condition(book, selector))  # fmt: skip
    into = ("account_id", "customer_id", "due_date", *names, "not_before", "expires_at", "planned_at", "changed_at")
    with book.engine.begin() as connection:
        connection.execute(insert(outbox).from_select([*into, "attempts"], chosen))
        rows = connection.execute(select(outbox.c.account_id, outbox.c.customer_id, outbox.c.due_date))
        return {tuple(row) for row in rows}


@pytest.mark.parametrize("selector", [Selector(), SELECTOR], ids=["every account", "by amount and attribute"])
def test_no_row_breaks_the_planning_statement(lender_book: Any, loan: Any, at: datetime, selector: Selector) -> None:
    """A book full of garbage is planned in one statement: good rows go in, none fails it, on any database (law 9)."""
    garbage: list[dict[str, Any]] = [
        {"loan_no": None}, {"loan_no": ""}, {"loan_no": "x" * 65}, {"loan_no": "long", "cust_no": "x" * 65},
        {"loan_no": "no-due", "due_dt": None}, {"loan_no": "old", "due_dt": "1066-10-14"},
        {"loan_no": "paid", "unpaid": "0"}, {"loan_no": "closed", "state": "closed"},
    ]  # fmt: skip
    book = lender_book(loan(loan_no="good"), *(loan(**changes) for changes in garbage))
    assert plan(book, at, selector) == {("good", "C-1", date(2026, 11, 25))}


def test_what_will_be_refused_is_planned_first(lender_book: Any, loan: Any, at: datetime) -> None:
    """An account without amount, currency or customer gets its row, so that its refusal is on record (law 8)."""
    changes: list[dict[str, Any]] = [
        {"unpaid": None}, {"ccy": None}, {"ccy": "RMB"}, {"cust_no": None}, {"mobile": None}, {"tz": "?"},
    ]  # fmt: skip
    book = lender_book(*(loan(loan_no=str(place), **each) for place, each in enumerate(changes)))
    assert {key for key, _, _ in plan(book, at, Selector())} == {str(place) for place in range(len(changes))}


@pytest.mark.parametrize("amount", ["1,5", "", "1e999", "12\n", "-", "x"])
def test_texts_for_amounts_do_not_break_it_either(
    engine: Engine, make_table: Any, loan_types: dict[str, str], lender_book: Any, at: datetime, amount: str
) -> None:
    """Casting a text that is no number would fail the whole statement on strict databases; it is not cast (law 9)."""
    make_table("texts", {**loan_types, "unpaid": "VARCHAR(20)"})
    with engine.begin() as connection:
        for key, each in (("bad", amount), ("good", "1.5")):
            due = "CAST('2026-11-25' AS DATE)" if engine.dialect.name == "postgresql" else "'2026-11-25'"
            row = f"('{key}', 'C', {due}, :amount, 'CNY')"
            columns = "loan_no, cust_no, due_dt, unpaid, ccy"
            connection.execute(text(f"INSERT INTO texts ({columns}) VALUES {row}"), {"amount": each})
    mapping = mapped_book(engine, table="texts", columns=lender_book().mapping.columns, attributes=["rate"])
    book = Book(engine, mapping, same_database=True)
    assert {key for key, _, _ in plan(book, at, SELECTOR)} == {"good"}
    assert {key for key, _, _ in plan_ids(book)} == {"bad", "good"}


def plan_ids(book: Book) -> set[tuple[str, str, date]]:
    """Return what would be planned for a policy that is for every account."""
    columns = (book.columns.account_id, book.columns.customer_id, book.columns.due_date)
    with book.engine.connect() as connection:
        return {tuple(row) for row in connection.execute(select(*columns).where(condition(book, Selector())))}


def test_our_own_table_is_planned_alike(engine: Engine, own: Book, at: datetime) -> None:
    """Our own table goes into the outbox by the same statement, first and last day of the window included."""
    days = {"before": FIRST - ONE_DAY, "first": FIRST, "last": LAST, "after": LAST + ONE_DAY}
    common = {"customer_id": "C", "amount_due": 1, "currency": "CNY", "attributes": {}, "loaded_at": at}
    with engine.begin() as connection:
        rows = [{**common, "account_id": key, "due_date": day} for key, day in days.items()]
        connection.execute(insert(account), rows)
    assert plan(own, at, SELECTOR) == {("first", "C", FIRST), ("last", "C", LAST)}
    with engine.connect() as connection:
        ids = select(own.columns.account_id).where(own.columns.identified())
        assert set(connection.scalars(ids)) == set(days)


def test_first_match_wins_in_sql(lender_book: Any, loan: Any) -> None:
    """`this policy and none before it` splits the book without gap or overlap, whatever is NULL (law 1)."""
    book = lender_book(
        loan(loan_no="1"), loan(loan_no="2", prod="card"), loan(loan_no="3", prod=None), loan(loan_no="4", ccy=None)
    )
    first = book.matching(Selector((Term("product", frozenset({"card"})),)))
    second = and_(not_(first), book.matching(Selector((Term("currency", frozenset({"CNY"})),))))
    rest = and_(not_(first), not_(second))
    with book.engine.connect() as connection:
        key = book.columns.account_id
        split = [set(connection.scalars(select(key).where(each))) for each in (first, second, rest)]
    assert split == [{"2"}, {"1", "3"}, {"4"}]


def test_an_index_on_the_due_date_is_used(engine: Engine, lender_book: Any, loan: Any) -> None:
    """What is due is found by index, so that planning costs what is due, not what is in the book (law 12)."""
    book = lender_book(*(loan(loan_no=str(day), due_dt=f"2026-{day % 12 + 1:02}-01") for day in range(60)))
    query = select(book.columns.account_id).where(book.due_between(FIRST, LAST))
    assert "due_index" in _explained(engine, "due_dt", lambda connection: connection.execute(query))


def test_an_index_on_the_account_id_is_used(engine: Engine, lender_book: Any, loan: Any) -> None:
    """Accounts are read by index at the moment of sending, whatever the collation or type of their id (law 12)."""
    book = lender_book(*(loan(loan_no=str(number)) for number in range(60)))
    assert "due_index" in _explained(engine, "loan_no", lambda connection: book.read(connection, ["7", "8"]))


def _explained(engine: Engine, column: str, ask: Callable[[Connection], object]) -> str:
    """Return the database's plan for a question, as text, with an index on this column there to be used."""
    with engine.begin() as connection:
        connection.execute(text(f"CREATE INDEX due_index ON loan ({column})"))
        with plans(connection) as found:
            ask(connection)
    return "\n".join(found)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("part", ["loan_no", "cust_no"])
def test_an_id_that_lists_cannot_name_is_not_planned(lender_book: Any, loan: Any, at: datetime, part: str) -> None:
    """SQLite's JSON ends at a NUL: such an account could be planned and never claimed, so the check tells of it."""
    book = lender_book(loan(**{part: "a\0b"}), loan(loan_no="sound"))
    assert {key for key, _, _ in plan(book, at, Selector())} == {"sound"}
    findings = check_book(book.engine, book, at=at, region="CN").findings
    assert [(each.code, each.count) for each in findings if each.severity is Severity.ERROR] == [("B012", 1)]
