"""A lender's table, view or query becomes a book, or every fault of the mapping is said at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from reminder.book.book import Book
from reminder.book.findings import BookError, Severity
from reminder.book.kinds import Kind
from reminder.book.mapping import AmountUnit, BookMapping, mapped_book, own_book
from reminder.domain.money import Money
from reminder.store.schema import account

MINIMAL = {
    "account_id": "VARCHAR(20)",
    "customer_id": "VARCHAR(20)",
    "due_date": "DATE",
    "amount_due": "DECIMAL(12, 2)",
    "currency": "CHAR(3)",
}
ROW = {
    "account_id": "A",
    "customer_id": "C",
    "due_date": date(2026, 1, 31),
    "amount_due": 12.5,
    "currency": "CNY",
}


@pytest.fixture
def statements(engine: Engine) -> Iterator[list[str]]:
    """A list of statements to run when the test is over, the last added first."""
    undo: list[str] = []
    yield undo
    with engine.begin() as connection:
        for statement in reversed(undo):
            connection.execute(text(statement))


def faults(error: BookError) -> list[tuple[str, str]]:
    """Return the code and part of each finding."""
    return [(finding.code, finding.part) for finding in error.findings]


def only_account(engine: Engine, mapping: BookMapping, key: str = "A") -> Any:
    """Return the one account under the key."""
    book = Book(engine, mapping, same_database=True)
    with engine.connect() as connection:
        (found,) = book.read(connection, [key])[key]
    return found


def test_columns_of_the_parts_own_names_need_no_mapping(engine: Engine, make_table: Any) -> None:
    """A table whose columns are named like the parts is a book as it stands."""
    make_table("plain_loan", MINIMAL, [ROW])
    found = only_account(engine, mapped_book(engine, table="plain_loan"))
    assert (found.amount_due, found.due_date, found.problems) == (Money(1250, "CNY"), date(2026, 1, 31), ())


def test_a_view_is_as_good_as_a_table(engine: Engine, make_table: Any, statements: list[str]) -> None:
    """Lenders hand out views, so a view is mapped like a table."""
    make_table("plain_loan", MINIMAL, [ROW])
    statements.append("DROP VIEW unpaid_loan")
    with engine.begin() as connection:
        connection.execute(text("CREATE VIEW unpaid_loan AS SELECT * FROM plain_loan WHERE amount_due > 0"))
    assert only_account(engine, mapped_book(engine, table="unpaid_loan")).amount_due == Money(1250, "CNY")


def test_a_query_is_as_good_as_a_table(engine: Engine, make_table: Any) -> None:
    """A query may join, name and cast; its colons, percent signs and last semicolon stay what they are."""
    make_table("plain_loan", MINIMAL, [ROW])
    query = """
        SELECT account_id AS "Loan", customer_id AS cust, due_date, amount_due, currency, '10:30 :x 100%' AS note
        FROM plain_loan WHERE currency LIKE 'C%';
    """.replace('"Loan"', "`Loan`" if engine.dialect.name == "mysql" else '"Loan"')
    columns = {"account_id": "loan", "customer_id": "cust"}
    found = only_account(engine, mapped_book(engine, query=query, columns=columns, attributes=["note"]))
    assert (found.customer_id, found.due_date, found.amount_due) == ("C", date(2026, 1, 31), Money(1250, "CNY"))
    assert found.attributes == {"note": "10:30 :x 100%"}


def test_a_query_may_begin_with_with(engine: Engine, make_table: Any) -> None:
    """A query with a common table expression works where it is selected from."""
    make_table("plain_loan", MINIMAL, [ROW])
    query = "WITH open_loan AS (SELECT * FROM plain_loan) SELECT * FROM open_loan"
    assert only_account(engine, mapped_book(engine, query=query)).customer_id == "C"


def test_a_table_in_another_schema(engine: Engine, statements: list[str], make_table: Any) -> None:
    """`schema.table` names a table of another schema: of PostgreSQL, another database of MariaDB, `main` on SQLite."""
    if engine.dialect.name == "sqlite":
        make_table("plain_loan", MINIMAL, [ROW])
        name = "main.plain_loan"
    else:
        schema = f"{engine.url.database}_lending"
        name = f"{schema}.plain_loan"
        statements.append(f"DROP SCHEMA {schema}" + (" CASCADE" if engine.dialect.name == "postgresql" else ""))
        with engine.begin() as connection:
            connection.execute(text(f"CREATE SCHEMA {schema}"))
        make_table(name, MINIMAL, [ROW])
    assert only_account(engine, mapped_book(engine, table=name)).customer_id == "C"


def test_names_may_differ_in_case(engine: Engine, make_table: Any) -> None:
    """A mapping typed in capitals finds the columns that the database spells in small letters."""
    make_table("plain_loan", MINIMAL, [ROW])
    mapping = mapped_book(engine, table="plain_loan", columns={"account_id": "ACCOUNT_ID"})
    assert mapping.columns["account_id"] == "account_id"


def test_every_missing_column_is_said_at_once(engine: Engine, make_table: Any) -> None:
    """All faults come together, each with the nearest name, so that one edit cures them."""
    make_table("plain_loan", {key: kind for key, kind in MINIMAL.items() if key != "currency"})
    with pytest.raises(BookError) as caught:
        mapped_book(
            engine,
            table="plain_loan",
            columns={"account_id": "acount_id", "telephone": "mobile"},
            attributes=["due_dat", "not a name"],
            closed_column="state",
            fresh_column="loaded",
        )
    assert faults(caught.value) == [
        ("B002", "account_id"),
        ("B002", "currency"),
        ("B002", "telephone"),
        ("B002", "closed"),
        ("B002", "due_dat"),
        ("B002", "not a name"),
        ("B002", "fresh"),
    ]
    assert "did you mean 'account_id'?" in str(caught.value)
    assert "did you mean 'due_date'?" in str(caught.value)
    assert all(finding.severity is Severity.ERROR for finding in caught.value.findings)


@pytest.mark.parametrize(
    "name", ["plain_laon", "lending.plain_loan", "a.b.c", ""], ids=["typo", "schema", "dots", "no"]
)
def test_a_missing_table_suggests_the_nearest(engine: Engine, make_table: Any, name: str) -> None:
    """A table that isn't there is a sentence, not a traceback."""
    make_table("plain_loan", MINIMAL)
    with pytest.raises(BookError) as caught:
        mapped_book(engine, table=name)
    assert faults(caught.value) == [("B001", "book")]
    if name == "plain_laon":
        assert "did you mean 'plain_loan'?" in str(caught.value)


@pytest.mark.parametrize("query", ["SELEC 1", "SELECT * FROM no_such_table", ""], ids=["syntax", "table", "empty"])
def test_a_query_that_fails_says_why(engine: Engine, query: str) -> None:
    """The database's own reason is in the message, in one line."""
    with pytest.raises(BookError, match="B001 error: book: expected to read the query, found: ") as caught:
        mapped_book(engine, query=query)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("given", [{}, {"table": "a", "query": "SELECT 1"}], ids=["neither", "both"])
def test_a_book_is_either_a_table_or_a_query(sqlite_engine: Engine, given: dict[str, Any]) -> None:
    """Which of two would win must not be a guess."""
    with pytest.raises(BookError, match="either a `table` or a `query`"):
        mapped_book(sqlite_engine, **given)


@pytest.mark.parametrize(
    ("column", "kind"),
    [("due_date", "VARCHAR(20)"), ("due_date", "INTEGER"), ("amount_due", "DATE")],
    ids=["due date as text", "due date as number", "amount as date"],
)
def test_a_column_that_cannot_play_its_part(engine: Engine, make_table: Any, column: str, kind: str) -> None:
    """Where columns have types, a wrong one is refused at once; SQLite's have none, so its values are looked at."""
    make_table("plain_loan", {**MINIMAL, column: kind})
    if engine.dialect.name == "sqlite":
        assert mapped_book(engine, table="plain_loan").columns[column] == column
        return
    with pytest.raises(BookError, match="cast it in a `query`") as caught:
        mapped_book(engine, table="plain_loan")
    assert faults(caught.value) == [("B003", column)]


def test_a_due_date_with_a_zone_is_refused(engine: Engine, make_table: Any) -> None:
    """On which day an instant falls depends on whose zone is meant, so it is no due date (law 8)."""
    if engine.dialect.name != "postgresql":
        return
    make_table("plain_loan", {**MINIMAL, "due_date": "TIMESTAMPTZ"})
    with pytest.raises(BookError, match="expected a DATE, found column 'due_date' of kind instant"):
        mapped_book(engine, table="plain_loan")


@pytest.mark.parametrize(
    ("sql", "kinds"),
    [
        ("VARCHAR(9)", {"sqlite": Kind.TEXT, "*": Kind.TEXT}),
        ("CHAR(9)", {"*": Kind.TEXT}),
        ("TEXT", {"*": Kind.TEXT}),
        ("SMALLINT", {"*": Kind.INTEGER}),
        ("BIGINT", {"*": Kind.INTEGER}),
        ("BOOLEAN", {"*": Kind.BOOL}),
        ("DECIMAL(9, 2)", {"*": Kind.DECIMAL}),
        ("DECIMAL(9, 0)", {"sqlite": Kind.DECIMAL, "*": Kind.INTEGER}),
        ("DOUBLE PRECISION", {"*": Kind.FLOAT}),
        ("REAL", {"*": Kind.FLOAT}),
        ("DATE", {"*": Kind.DATE}),
        ("TIMESTAMP", {"*": Kind.LOCAL_INSTANT}),
        ("TIMESTAMP WITH TIME ZONE", {"postgresql": Kind.INSTANT}),
        ("UUID", {"postgresql": Kind.UUID}),
        ("INTERVAL", {"postgresql": Kind.OTHER}),
        ("TINYINT", {"mysql": Kind.INTEGER}),
        ("TINYINT(1)", {"mysql": Kind.BOOL}),
        ("DATETIME(6)", {"mysql": Kind.LOCAL_INSTANT}),
        ("BLOB", {"sqlite": Kind.OTHER}),
    ],
)
def test_types_are_known_by_kind(engine: Engine, make_table: Any, sql: str, kinds: dict[str, Kind]) -> None:
    """What a column holds is asked of the database, alike for a table and, where the server describes it, a query."""
    dialect = engine.dialect.name
    expected = kinds.get(dialect, kinds.get("*"))
    if expected is None:
        return
    make_table("plain_loan", {**MINIMAL, "extra": sql})
    assert mapped_book(engine, table="plain_loan").kinds["extra"] is expected
    by_query = mapped_book(engine, query="SELECT * FROM plain_loan").kinds["extra"]
    assert by_query is (Kind.OTHER if dialect == "sqlite" else expected)


def test_our_own_table_is_mapped_by_its_own_names() -> None:
    """The default book needs no configuration; its amounts are minor units and its attributes one JSON object."""
    mapping = own_book(account, fresh_max_age=timedelta(hours=26))
    assert mapping.is_own
    assert mapping.amount_unit is AmountUnit.MINOR
    assert {*mapping.columns.values(), "closed", "attributes", "loaded_at", "never_contact"} == set(account.c.keys())
    assert mapping.fresh_max_age == timedelta(hours=26)
