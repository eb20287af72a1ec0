"""Values of every type a database can hold are read as what they mean, or named as unreadable; nothing fails."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, and_, select, text

from reminder.book.book import Book
from reminder.book.mapping import mapped_book
from reminder.book.rows import cleaned, scalar, to_instant
from reminder.domain.account import Account
from reminder.domain.money import Money
from reminder.domain.selector import Selector, Term, canonical
from reminder.store.engine import open_engine
from reminder.store.schema import account


def read_one(book: Book, key: str) -> Account:
    """Return the only account under a key."""
    with book.engine.connect() as connection:
        (found,) = book.read(connection, [key])[key]
    return found


def ids_where(book: Book, condition: Any) -> set[str]:
    """Return the ids of the accounts that meet a condition."""
    with book.engine.connect() as connection:
        return set(connection.scalars(select(book.columns.account_id).select_from(book.selectable).where(condition)))


@pytest.mark.parametrize("kind", ["BIGINT", "DECIMAL(20, 0)", "CHAR(8)", "UUID"])
def test_keys_of_any_type_are_text(
    engine: Engine, make_table: Any, loan_types: dict[str, str], loan: Any, kind: str
) -> None:
    """A lender's numeric, padded or UUID key is one text here, and found by it."""
    if kind == "UUID" and engine.dialect.name != "postgresql":
        return
    key = (
        "9f1c2d3e-0000-4000-8000-000000000001" if kind == "UUID" else "90071992" if kind == "CHAR(8)" else "9007199254"
    )
    make_table("loan", {**loan_types, "loan_no": kind})
    with engine.begin() as connection:
        row = loan(loan_no=key)
        value = f"CAST('{key}' AS {kind})" if engine.dialect.name != "mysql" else f"'{key}'"
        connection.execute(text(f"INSERT INTO loan (loan_no, cust_no) VALUES ({value}, '{row['cust_no']}')"))
    columns = {"account_id": "loan_no", "customer_id": "cust_no", "due_date": "due_dt", "amount_due": "unpaid",
               "currency": "ccy"}  # fmt: skip
    book = Book(engine, mapped_book(engine, table="loan", columns=columns), same_database=True)
    with engine.connect() as connection:
        assert list(book.read(connection, [key, "word", "1.5"])) == [key]


def test_a_due_date_with_a_time_is_that_day(
    engine: Engine, make_table: Any, fill_table: Any, loan_types: dict[str, str], lender_book: Any, loan: Any
) -> None:
    """A DATETIME due date at any hour is due on its day, in SQL and in Python."""
    make_table("timed", {**loan_types, "due_dt": loan_types["refreshed"]})
    with engine.begin() as connection:
        for key, when in (("a", "2026-11-24 00:00:00"), ("b", "2026-11-24 23:59:59"), ("c", "2026-11-25 00:00:00")):
            value = f"TIMESTAMP '{when}'" if engine.dialect.name == "postgresql" else f"'{when}'"
            connection.execute(text(f"INSERT INTO timed (loan_no, cust_no, due_dt) VALUES ('{key}', 'C', {value})"))
    book = Book(
        engine, mapped_book(engine, table="timed", columns=lender_book(loan()).mapping.columns), same_database=True
    )
    assert ids_where(book, book.due_between(date(2026, 11, 24), date(2026, 11, 24))) == {"a", "b"}
    assert read_one(book, "b").due_date == date(2026, 11, 24)
    assert ids_where(book, book.columns.due_date == date(2026, 11, 24)) == {"a", "b"}


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (12, Money(1200, "CNY")),
        (12.5, Money(1250, "CNY")),
        (0.1 + 0.2, Money(30, "CNY")),
        ("12.50", Money(1250, "CNY")),
        ("-3", Money(-300, "CNY")),
        ("1,234.56", None),
        ("12.", None),
        (".5", None),
        ("1.2.3", None),
        ("--1", None),
        ("1e3", None),
        ("", None),
        ("12 ", None),
        ("twelve", None),
        (b"12", None),
        (1e300, None),
        (12.345, None),
    ],
)
def test_sqlite_amounts_of_every_type(sqlite_engine: Engine, amount: object, expected: Money | None) -> None:
    """SQLite types values, not columns: each is read exactly or not at all, and SQL agrees (laws 1 and 9)."""
    book = _untyped(sqlite_engine, amount_due=amount)
    assert read_one(book, "A").amount_due == expected
    in_range = ids_where(book, book.matching(Selector((Term("amount_due", at_most=Decimal(10**6)),))))
    assert in_range == (set() if expected is None else {"A"})


@pytest.mark.parametrize(
    ("due", "expected"),
    [
        ("2026-11-25", date(2026, 11, 25)),
        ("2026-11-25 23:59:59", date(2026, 11, 25)),
        ("2026-11-25T00:00:00+08:00", date(2026, 11, 25)),
        ("2026-02-31", None),
        ("25.11.2026", None),
        ("now", None),
        ("0000-01-01", None),
        (20261125, None),
        (2461370.5, None),
        (b"2026-11-25", None),
        ("", None),
    ],
)
def test_sqlite_due_dates_of_every_type(sqlite_engine: Engine, due: object, expected: date | None) -> None:
    """A due date is a real day written as ISO 8601, or it is none; planning sees the same day (laws 1 and 9)."""
    book = _untyped(sqlite_engine, due_date=due)
    assert read_one(book, "A").due_date == expected
    within = ids_where(book, book.due_between(date(2000, 1, 1), date(2030, 12, 31)))
    assert within == (set() if expected is None else {"A"})
    planned = ids_where(book, and_(book.columns.due_date.is_not(None)))
    assert planned == within


def _untyped(engine: Engine, **changes: object) -> Book:
    """Return a book of one row whose columns have no types at all."""
    row = {"account_id": "A", "customer_id": "C", "due_date": "2026-11-25", "amount_due": 1, "currency": "CNY",
           "band": None, **changes}  # fmt: skip
    with engine.begin() as connection:
        connection.execute(text(f"CREATE TABLE untyped ({', '.join(row)})"))
        marks = ", ".join(f":{name}" for name in row)
        connection.execute(text(f"INSERT INTO untyped VALUES ({marks})"), row)
    return Book(engine, mapped_book(engine, table="untyped", attributes=["band"]), same_database=True)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, 3), (3.0, 3), (0.5, "0.5"), ("7", 7), ("007", "007"), ("true", True), ("x", "x"), (None, None), (b"x", None)],
)
def test_sqlite_attributes_of_every_type(sqlite_engine: Engine, value: object, expected: object) -> None:
    """An attribute of an untyped column is what its text says, in Python as in SQL (law 1)."""
    book = _untyped(sqlite_engine, band=value)
    assert read_one(book, "A").attributes.get("band") == expected
    if expected is not None:
        assert ids_where(book, book.matching(Selector((Term("band", frozenset({canonical(expected)})),)))) == {"A"}


def test_a_row_the_driver_cannot_decode_harms_no_other(sqlite_engine: Engine) -> None:
    """Bytes that are no text make one account unreadable, named as such; its neighbours are read (law 9)."""
    book = _untyped(sqlite_engine)
    with sqlite_engine.begin() as connection:
        connection.execute(
            text("INSERT INTO untyped SELECT 'B', customer_id, due_date, 2, currency, band FROM untyped")
        )
        connection.execute(text("UPDATE untyped SET band = CAST(x'ff' AS TEXT) WHERE account_id = 'A'"))
    with sqlite_engine.connect() as connection:
        found = book.read(connection, ["A", "B"])
    assert found["A"][0].problems[0].startswith("the database can't hand over its row")
    assert found["B"][0].amount_due == Money(200, "CNY")


def test_a_lost_table_is_an_error_not_an_unreadable_row(sqlite_engine: Engine) -> None:
    """Only values are forgiven: a statement that fails is told to the caller."""
    book = _untyped(sqlite_engine)
    with sqlite_engine.begin() as connection:
        connection.execute(text("DROP TABLE untyped"))
    with sqlite_engine.connect() as connection, pytest.raises(Exception, match="no such table"):
        book.read(connection, ["A"])


@pytest.mark.parametrize("kind", ["DOUBLE PRECISION", "REAL", "VARCHAR(20)"])
@pytest.mark.parametrize(
    ("amount", "expected"), [("12.5", Money(1250, "CNY")), ("0.1", Money(10, "CNY")), ("-1", Money(-100, "CNY"))]
)
def test_amounts_in_floats_and_texts(
    engine: Engine, make_table: Any, loan_types: dict[str, str], kind: str, amount: str, expected: Money
) -> None:
    """Money that a lender keeps in floats or texts is read as the decimal that is meant."""
    book = _amount_book(engine, make_table, loan_types, kind, amount)
    assert read_one(book, "A").amount_due == expected


@pytest.mark.parametrize(
    ("kind", "amount"),
    [("VARCHAR(20)", "12,5"), ("VARCHAR(20)", "12\n"), ("VARCHAR(20)", "٣"), ("VARCHAR(20)", ""),
     ("DOUBLE PRECISION", "1e300"), ("DOUBLE PRECISION", "NaN"), ("DECIMAL", "NaN")],
)  # fmt: skip
def test_amounts_that_are_no_numbers(
    engine: Engine, make_table: Any, loan_types: dict[str, str], kind: str, amount: str
) -> None:
    """What is no number is named, and no statement fails for it, neither reading nor planning (law 9)."""
    if amount == "NaN" and engine.dialect.name != "postgresql":
        return
    book = _amount_book(engine, make_table, loan_types, kind, amount)
    assert read_one(book, "A").amount_due is None
    assert ids_where(book, book.owed()) == {"A"}
    assert ids_where(book, book.matching(Selector((Term("amount_due", at_least=Decimal(0)),)))) == set()


def _amount_book(engine: Engine, make_table: Any, loan_types: dict[str, str], kind: str, amount: str) -> Book:
    """Return a book of one row whose amount is in a column of this kind."""
    make_table("loan", {**loan_types, "unpaid": kind})
    with engine.begin() as connection:
        value = f"CAST('{amount}' AS {kind})" if engine.dialect.name == "postgresql" else f"'{amount}'"
        connection.execute(
            text(f"INSERT INTO loan (loan_no, cust_no, ccy, due_dt, unpaid) VALUES ('A', 'C', 'CNY', NULL, {value})")
        )
    columns = {"account_id": "loan_no", "customer_id": "cust_no", "due_date": "due_dt", "amount_due": "unpaid",
               "currency": "ccy"}  # fmt: skip
    return Book(engine, mapped_book(engine, table="loan", columns=columns), same_database=True)


def test_postgresqls_infinities_are_read(postgresql_url: str) -> None:
    """PostgreSQL knows dates that Python doesn't; such a row is an account without a due date (law 9)."""
    engine = open_engine(postgresql_url)
    query = (
        "SELECT 'A' AS account_id, 'C' AS customer_id, DATE 'infinity' AS due_date, 1 AS amount_due, 'CNY' AS currency,"
        " TIMESTAMPTZ '-infinity' AS loaded"
    )
    book = Book(engine, mapped_book(engine, query=query, fresh_column="loaded"), same_database=True)
    assert read_one(book, "A").problems == ("the book's due date for it can't be read",)
    with engine.connect() as connection:
        assert book.newest_load(connection) is None
    engine.dispose()


def test_mariadbs_zero_dates_are_read(mariadb_url: str) -> None:
    """MariaDB knows the day zero; such a row is an account without a due date (law 9)."""
    engine = open_engine(mariadb_url)
    columns = "account_id VARCHAR(9), customer_id VARCHAR(9), due_date DATE, amount_due INT, currency CHAR(3)"
    with engine.begin() as connection:
        connection.execute(text("SET SESSION sql_mode = ''"))
        connection.execute(text(f"CREATE TABLE zero ({columns})"))
        connection.execute(text("INSERT INTO zero VALUES ('A', 'C', '0000-00-00', 1, 'CNY')"))
    book = Book(engine, mapped_book(engine, table="zero"), same_database=True)
    problems = read_one(book, "A").problems
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE zero"))
    engine.dispose()
    assert problems == ("the book's due date for it can't be read",)


@pytest.mark.parametrize(
    ("given", "expected"),
    [("true", True), ("false", False), ("True", "True"), ("12", 12), ("-3", -3), ("0", 0), ("-0", "-0"), ("007", "007"),
     ("1.0", "1.0"), ("9" * 18, 10**18 - 1), ("9" * 19, "9" * 19), ("٣", "٣"), ("", ""), ("-", "-")],
)  # fmt: skip
def test_scalars_keep_their_canonical_text(given: str, expected: object) -> None:
    """Only a text that is exactly what the value prints becomes a value, so selectors see what was written."""
    assert scalar(given) == expected
    assert type(scalar(given)) is type(expected)
    assert canonical(scalar(given)) == given


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (" 王  小明 ", "王  小明"),
        ("a\nb", "a b"),
        ("a\x00b\x1b[2J", "a b [2J"),
        ("\u2028", ""),
        ("{{ 7*7 }}", "{{ 7*7 }}"),
    ],
)
def test_texts_are_one_line_without_controls(given: str, expected: str) -> None:
    """A name can't break a line or move a cursor; else it is left as it is (law 11)."""
    assert cleaned(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2026-11-22 09:30:00", datetime(2026, 11, 22, 9, 30, tzinfo=UTC)),
        ("2026-11-22T09:30:00+08:00", datetime(2026, 11, 22, 1, 30, tzinfo=UTC)),
        (date(2026, 11, 22), datetime(2026, 11, 22, tzinfo=UTC)),
        ("yesterday", None),
        (17, None),
        (None, None),
    ],
)
def test_instants_are_utc(given: object, expected: datetime | None) -> None:
    """Whatever a driver hands over as an instant is one in UTC, or none."""
    assert to_instant(given) == expected


def test_freshness_may_be_a_day(engine: Engine, make_table: Any, loan_types: dict[str, str], lender_book: Any) -> None:
    """A book that says only the day of its last load was loaded when that day began, in UTC: doubt makes it older."""
    make_table("daily", {**loan_types, "opened_on": "DATE"}, [{"loan_no": "A", "opened_on": date(2026, 11, 22)}])
    columns = lender_book().mapping.columns
    book = Book(
        engine, mapped_book(engine, table="daily", columns=columns, fresh_column="opened_on"), same_database=True
    )
    with engine.connect() as connection:
        assert book.newest_load(connection) == datetime(2026, 11, 22, tzinfo=UTC)


def test_keys_of_an_unknown_type_are_compared_as_text(postgresql_url: str) -> None:
    """A key of a type that we don't know is found by the text the database prints for it."""
    engine = open_engine(postgresql_url)
    query = (
        "SELECT INET '10.0.0.1' AS account_id, 'C' AS customer_id, DATE '2026-11-25' AS due_date, 1 AS amount_due, "
        "'CNY' AS currency"
    )
    book = Book(engine, mapped_book(engine, query=query), same_database=True)
    assert read_one(book, "10.0.0.1/32").account_id == "10.0.0.1/32"
    engine.dispose()


def test_foreign_values_in_our_json_are_read(engine: Engine, own: Book) -> None:
    """Attributes that somebody else wrote as JSON numbers, booleans or lists are read without harm (law 9)."""
    odd = {"a": 1, "b": True, "c": [1], "d": None}
    row = {"account_id": "A", "customer_id": "C", "due_date": date(2026, 11, 25), "amount_due": 1, "currency": "CNY"}
    row |= {"loaded_at": datetime(2026, 1, 1, tzinfo=UTC), "attributes": odd}
    with engine.begin() as connection:
        connection.execute(account.insert(), [row])
    assert read_one(own, "A").attributes == {"a": 1, "b": True, "c": "[1]"}


def test_marks_of_a_lenders_table_mean_what_the_settings_say(lender_book: Any, loan: Any) -> None:
    """Law 5: read with the account itself; what is not listed means nothing of the kind, and so does an empty cell."""
    words = {"1": "D ", "2": "d", "3": "B", "4": "open", "5": "", "6": None, "7": "7"}
    book = lender_book(
        *(loan(loan_no=key, state=word) for key, word in words.items()),
        closed_column=None,
        never_contact_column="STATE",
        never_contact_values={"D": "deceased", "B": "insolvent", "7": "minor"},
    )

    marks = {key: read_one(book, key).never_contact for key in words}
    assert marks == {"1": "deceased", "2": "", "3": "insolvent", "4": "", "5": "", "6": "", "7": "minor"}


def test_a_mark_in_a_column_of_numbers_is_found(lender_book: Any, loan: Any) -> None:
    """A lender's code may be a number: it is compared as the one text it has."""
    book = lender_book(
        loan(loan_no="1", times_overdue=9), loan(loan_no="2", times_overdue=1),
        never_contact_column="times_overdue", never_contact_values={"9": "moratorium"},
    )  # fmt: skip

    assert [read_one(book, key).never_contact for key in "12"] == ["moratorium", ""]
