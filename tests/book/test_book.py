"""Reading the book: every row becomes an account, none stops the others, and memory does not grow with the book."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, and_, insert, select, text

from reminder.book.book import READ_CHUNK_ROWS, Book
from reminder.book.mapping import BookMapping, mapped_book
from reminder.book.rows import cleaned, scalar, to_instant
from reminder.domain.account import Account
from reminder.domain.money import Money
from reminder.domain.selector import Selector, Term, canonical
from reminder.store.engine import open_engine
from reminder.store.schema import account, metadata

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
    """Zones come as written, each once, only of accounts due in the range that owe something."""
    book = lender_book(
        loan(loan_no="1"), loan(loan_no="2"), loan(loan_no="3", tz=None), loan(loan_no="4", tz="Mars/Olympus"),
        loan(loan_no="5", tz="Europe/Paris", due_dt="2027-01-01"), loan(loan_no="6", tz="Asia/Tokyo", unpaid="0"),
        loan(loan_no="7", tz="  "),
    )  # fmt: skip
    with book.engine.connect() as connection:
        zones = book.zones(connection, date(2026, 11, 1), date(2026, 11, 30))
    assert zones == [None, "Asia/Shanghai", "Mars/Olympus"]


def test_pages_of_a_listing_meet_without_gap_or_repeat(lender_book: Any, loan: Any) -> None:
    """Page after page lists every account once, and an id that the book has twice is on one page."""
    book = lender_book(*(loan(loan_no=f"L-{number % 7}") for number in range(11)))
    seen: list[str] = []
    after = None
    with book.engine.connect() as connection:
        while page := book.listing(connection, limit=3, after=after):
            seen += [each.account_id for each in page]
            after = page[-1].account_id
    assert seen == sorted(f"L-{number % 7}" for number in range(11))


def test_a_listing_is_filtered(lender_book: Any, loan: Any) -> None:
    """A listing can be narrowed to a selector, a customer and what is owed."""
    book = lender_book(
        loan(loan_no="1"), loan(loan_no="2", prod="card"), loan(loan_no="3", unpaid="0"), loan(loan_no="4", cust_no="D")
    )
    selector = Selector((Term("product", frozenset({"cash-loan"})),))
    with book.engine.connect() as connection:
        assert [each.account_id for each in book.listing(connection, limit=9, selector=selector)] == ["1", "3", "4"]
        assert [each.account_id for each in book.listing(connection, limit=9, owed_only=True)] == ["1", "2", "4"]
        assert [each.account_id for each in book.listing(connection, limit=9, customer_id="D")] == ["4"]


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


def test_another_database_streams_bounded_chunks(engine: Engine, lender_book: Any, loan: Any, tmp_path: Any) -> None:
    """The keys of a book elsewhere arrive in chunks; each list is bounded, and all of them are there (law 12)."""
    book = lender_book(*(loan(loan_no=f"L-{number:03}") for number in range(25)))
    with engine.connect() as connection:
        chunks = [
            [row.account_id for row in rows]
            for rows in book.stream_due(
                connection, book.owed(), [book.columns.account_id.label("account_id")], chunk=10
            )
        ]
    assert [len(chunk) for chunk in chunks] == [10, 10, 5]
    assert sorted(sum(chunks, [])) == [f"L-{number:03}" for number in range(25)]  # noqa: RUF017 - three short lists


def test_a_stream_left_early_leaves_its_connection_usable(lender_book: Any, loan: Any) -> None:
    """Who stops reading after the first chunk can go on with the connection."""
    book = lender_book(*(loan(loan_no=f"L-{number:03}") for number in range(25)))
    with book.engine.connect() as connection:
        stream = book.stream_due(connection, book.owed(), [book.columns.account_id], chunk=10)
        next(stream)
        stream.close()  # type: ignore[attr-defined]
        assert connection.scalar(text("SELECT 1")) == 1


def test_memory_stays_flat_while_streaming(sqlite_engine: Engine, own_mapping: BookMapping) -> None:
    """Streaming ten times as many keys takes no more memory (law 12)."""
    book = Book(sqlite_engine, own_mapping, same_database=False)
    peaks = []
    for count in (2_000, 20_000):
        with sqlite_engine.begin() as connection:
            connection.execute(account.delete())
            connection.execute(insert(account), [{**OWN_ROW, "account_id": f"A-{n}"} for n in range(count)])
        with sqlite_engine.connect() as connection:
            tracemalloc.start()
            seen = sum(len(rows) for rows in book.stream_due(connection, book.owed(), [book.columns.account_id], 500))
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert seen == count
    assert peaks[1] < 1.5 * peaks[0]


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
        assert ids_where(book, book.matching(Selector((Term("band", frozenset({canonical(expected)})),)))) == {"A"}  # type: ignore[arg-type]


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


def test_a_book_in_another_database(engine: Engine, tmp_path: Any, loan: Any) -> None:
    """The book may be elsewhere: here in a SQLite file of its own, whatever database the outbox is in."""
    elsewhere = open_engine(f"sqlite:///{tmp_path}/lender.db")
    metadata.create_all(elsewhere, tables=[account])
    with elsewhere.begin() as connection:
        connection.execute(insert(account), [OWN_ROW])
    book = Book(elsewhere, mapped_book(elsewhere, table="account", amount_unit="minor"), same_database=False)
    assert read_one(book, "A-1").amount_due == Money(123450, "CNY")
    assert not book.same_database
    elsewhere.dispose()


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
