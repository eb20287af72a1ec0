"""A lender's own table, without a key, a length or a promise: what a book looks like that is not ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any

from sqlalchemy import Engine, text

from reminder.book.book import Book
from reminder.book.mapping import mapped_book

TABLE = "lender_loan"
COLUMNS = {
    "account_id": "loan_no", "customer_id": "cust_no", "phone": "mobile", "due_date": "due_dt",
    "amount_due": "unpaid", "currency": "ccy", "language": "lang", "timezone": "tz", "product": "prod",
}  # fmt: skip

_TYPES = "loan_no {t}, cust_no {t}, mobile {t}, due_dt DATE, unpaid NUMERIC(12,2), ccy {t}, lang {t}, tz {t}, prod {t}"


def loan(loan_no: str | None, due_dt: date | None, **given: Any) -> dict[str, Any]:
    """Return a row: 123.45 CNY owed by a customer in Shanghai."""
    row = {
        "loan_no": loan_no, "cust_no": f"customer of {loan_no}", "mobile": "13800138000", "due_dt": due_dt,
        "unpaid": "123.45", "ccy": "CNY", "lang": "zh-CN", "tz": "Asia/Shanghai", "prod": "cash-loan",
    }  # fmt: skip
    return row | given


def add_loans(engine: Engine, rows: Iterable[Mapping[str, Any]]) -> None:
    """Put these rows into the lender's table."""
    listed = [dict(row) for row in rows]
    if listed:
        names = ", ".join(listed[0])
        values = ", ".join(f":{name}" for name in listed[0])
        with engine.begin() as connection:
            connection.execute(text(f"INSERT INTO {TABLE} ({names}) VALUES ({values})"), listed)


@contextmanager
def lender_book(engine: Engine, *rows: Mapping[str, Any], same_database: bool = True) -> Iterator[Book]:
    """Lend a book on a lender's table with these rows in the database of `engine`; drop the table at the end."""
    kind = "VARCHAR(200)" if engine.dialect.name in ("mysql", "mariadb") else "TEXT"
    with engine.begin() as connection:
        connection.execute(text(f"DROP TABLE IF EXISTS {TABLE}"))
        connection.execute(text(f"CREATE TABLE {TABLE} ({_TYPES.format(t=kind)})"))
    add_loans(engine, rows)
    try:
        yield Book(engine, mapped_book(engine, table=TABLE, columns=COLUMNS), same_database=same_database)
    finally:
        with engine.begin() as connection:
            connection.execute(text(f"DROP TABLE {TABLE}"))
