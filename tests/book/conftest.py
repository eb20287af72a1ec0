"""Lender's tables for the tests of the book: what a house that never heard of us might have, on each database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, text

from reminder.book.book import Book
from reminder.book.mapping import BookMapping, mapped_book, own_book
from reminder.store.schema import account

LOAN_COLUMNS = {
    "loan_no": {"*": "VARCHAR(80)"},
    "cust_no": {"*": "VARCHAR(80)"},
    "full_name": {"*": "VARCHAR(200)"},
    "mobile": {"*": "VARCHAR(40)"},
    "due_dt": {"*": "DATE"},
    "unpaid": {"*": "NUMERIC(18, 4)", "mysql": "DECIMAL(18, 4)"},
    "ccy": {"*": "VARCHAR(8)"},
    "lang": {"*": "VARCHAR(16)"},
    "tz": {"*": "VARCHAR(64)"},
    "prod": {"*": "VARCHAR(64)", "sqlite": "VARCHAR(64) COLLATE NOCASE"},
    "state": {"*": "VARCHAR(16)"},
    "autopay": {"*": "BOOLEAN"},
    "times_overdue": {"*": "INTEGER"},
    "rate": {"*": "NUMERIC(9, 4)", "mysql": "DECIMAL(9, 4)"},
    "branch": {"*": "VARCHAR(64)"},
    "opened_on": {"*": "DATE"},
    "refreshed": {"*": "TIMESTAMP", "mysql": "DATETIME", "sqlite": "DATETIME"},
}
"""Column -> type by dialect (`*` is any other)."""

LOAN_PARTS = {
    "account_id": "loan_no",
    "customer_id": "cust_no",
    "name": "full_name",
    "phone": "mobile",
    "due_date": "due_dt",
    "amount_due": "unpaid",
    "currency": "ccy",
    "language": "lang",
    "timezone": "tz",
    "product": "prod",
}
LOAN_ATTRIBUTES = ("autopay", "times_overdue", "rate", "branch", "opened_on")

LOAN: Mapping[str, Any] = {
    "loan_no": "L-1",
    "cust_no": "C-1",
    "full_name": "王小明",
    "mobile": "13800138000",
    "due_dt": "2026-11-25",
    "unpaid": "1234.5000",
    "ccy": "CNY",
    "lang": "zh-CN",
    "tz": "Asia/Shanghai",
    "prod": "cash-loan",
    "state": "open",
    "autopay": False,
    "times_overdue": 2,
    "rate": "0.0500",
    "branch": "上海",
    "opened_on": "2025-01-31",
    "refreshed": "2026-11-22 01:00:00",
}
"""A believable row; tests change what they are about."""

MakeTable = Callable[..., None]


@pytest.fixture
def make_table(engine: Engine) -> Iterator[MakeTable]:
    """A function that creates a table of given column definitions and fills it; it is dropped after the test."""
    made = []

    def make(name: str, definitions: Mapping[str, str], rows: Sequence[Mapping[str, Any]] = ()) -> None:
        body = ", ".join(f"{column} {kind}" for column, kind in definitions.items())
        with engine.begin() as connection:
            connection.execute(text(f"CREATE TABLE {name} ({body})"))
            made.append(name)
            fill(connection, name, rows)

    yield make
    with engine.begin() as connection:
        for name in made:
            connection.execute(text(f"DROP TABLE {name}"))


def fill(connection: Any, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows into a table; dates and numbers may be given as text, as the databases take them so."""
    casts = {"due_dt": "DATE", "opened_on": "DATE", "unpaid": "NUMERIC", "rate": "NUMERIC", "refreshed": "TIMESTAMP"}
    on_postgresql = connection.dialect.name == "postgresql"
    for row in rows:
        marks = [f"CAST(:{c} AS {casts[c]})" if on_postgresql and c in casts else f":{c}" for c in row]
        connection.execute(text(f"INSERT INTO {name} ({', '.join(row)}) VALUES ({', '.join(marks)})"), dict(row))


@pytest.fixture
def fill_table() -> Callable[..., None]:
    """The function that inserts rows into a lender's table."""
    return fill


@pytest.fixture
def loan() -> Callable[..., dict[str, Any]]:
    """A function that returns a believable lender's row with some columns changed."""
    return lambda **changes: {**LOAN, **changes}


@pytest.fixture
def loan_types(engine: Engine) -> dict[str, str]:
    """The columns of a lender's table of loans, as this database spells their types."""
    dialect = engine.dialect.name
    return {column: kinds.get(dialect, kinds["*"]) for column, kinds in LOAN_COLUMNS.items()}


@pytest.fixture
def lender_book(engine: Engine, make_table: MakeTable, loan_types: dict[str, str]) -> Callable[..., Book]:
    """A function that creates a lender's table of loans with these rows and maps it."""

    def make(*rows: Mapping[str, Any], **options: Any) -> Book:
        make_table("loan", loan_types, rows)
        given = {"columns": LOAN_PARTS, "attributes": LOAN_ATTRIBUTES, "closed_column": "state"}
        mapping = mapped_book(engine, table="loan", **{**given, "closed_values": ["closed", "sold"], **options})
        return Book(engine, mapping, same_database=True)

    return make


@pytest.fixture
def own_mapping() -> BookMapping:
    """The mapping of our own account table."""
    return own_book(account)


@pytest.fixture
def own(engine: Engine, own_mapping: BookMapping) -> Book:
    """The book in our own account table, empty."""
    return Book(engine, own_mapping, same_database=True)


@pytest.fixture
def at() -> datetime:
    """The instant at which these tests take place."""
    return datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
