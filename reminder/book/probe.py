"""Asking a database what columns a lender's table, view or query has, without reading a row."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import partial
from typing import TypeVar

from sqlalchemy import Engine, FromClause, column, inspect, select, text
from sqlalchemy import table as bare_table
from sqlalchemy.exc import SQLAlchemyError

from reminder.book.findings import BookError, Finding, Severity
from reminder.book.kinds import Kind, kind_declared, kind_described

__all__ = ["nearest", "probe"]

T = TypeVar("T")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a suggestion to append to a message: the nearest known name, or what there is to choose from."""
    names = sorted(known)
    folded = {other.casefold(): other for other in names}
    close = get_close_matches(name.casefold(), folded, n=1)
    if close:
        return f": did you mean {folded[close[0]]!r}?"
    return f": there are {', '.join(names[:20])}" if names else ""


def probe(engine: Engine, *, table: str | None, query: str | None) -> tuple[FromClause, dict[str, Kind]]:
    """Return what to select from, and its column names with their kinds, in order.

    Raises BookError (B001) unless exactly one of `table` and `query` is given and the database can read it.
    """
    if (table is None) == (query is None):
        raise _unreadable("expected either a `table` or a `query`, found both or neither")
    if query is not None:
        kinds = _described(engine, _subquery(query), "the query")
        return _subquery(query, *kinds), kinds
    assert table is not None  # noqa: S101 - for the type checker; the line above the query has made sure
    return _of_table(engine, table)


def _unreadable(message: str) -> BookError:
    return BookError([Finding("B001", Severity.ERROR, "book", message)])


def _subquery(query: str, *names: str) -> FromClause:
    # A colon in SQL is a colon, not the beginning of a parameter of SQLAlchemy's.
    statement = text(query.strip().rstrip(";").replace(":", r"\:"))
    return statement.columns(*(column(name) for name in names)).subquery("book")


def _of_table(engine: Engine, name: str) -> tuple[FromClause, dict[str, Kind]]:
    schema, bare = _split(engine, name)
    source = bare_table(bare, schema=schema)
    kinds = _declared(engine, bare, schema) if engine.dialect.name == "sqlite" else _described(engine, source, name)
    return bare_table(bare, *(column(each) for each in kinds), schema=schema), kinds


def _split(engine: Engine, name: str) -> tuple[str | None, str]:
    """Return the schema and the table of `schema.table` or `table`, or raise BookError where there is no such table."""
    schema, _, bare = name.rpartition(".")
    inspector = inspect(engine)
    for where, bare_name in ((None, name), (schema or None, bare)):
        if _answers(partial(inspector.has_table, bare_name, schema=where), otherwise=False):
            return where, bare_name
    none: list[str] = []
    here = _answers(lambda: [*inspector.get_table_names(), *inspector.get_view_names()], otherwise=none)
    advice = nearest(bare, here) or ": check the name, and that its user may read it"
    raise _unreadable(f"expected a table or view {name!r}, found none{advice}")


def _answers(question: Callable[[], T], *, otherwise: T) -> T:
    """Return the database's answer, or `otherwise` where it refuses the question, as for a schema it hasn't."""
    try:
        return question()
    except SQLAlchemyError:
        return otherwise


def _declared(engine: Engine, bare: str, schema: str | None) -> dict[str, Kind]:
    return {each["name"]: kind_declared(each["type"]) for each in inspect(engine).get_columns(bare, schema)}


def _described(engine: Engine, source: FromClause, shown: str) -> dict[str, Kind]:
    """Return the columns of an empty result, or raise BookError where the database refuses to make one."""
    statement = select(text("*")).select_from(source).where(text("1 = 0"))
    try:
        with engine.connect() as connection:
            description = connection.execute(statement).cursor.description
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        raise _unreadable(f"expected to read {shown}, found: {reason}: correct it, or let its user read it") from error
    known = engine.dialect.name != "sqlite"
    return {each[0]: kind_described(engine.dialect.name, each) if known else Kind.OTHER for each in description}
