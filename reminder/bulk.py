"""Many rows into one table, in the way that each database takes them fastest.

Given a dictionary a row, SQLAlchemy needs longer to name its parameters than SQLite needs to store it, and psycopg
longer to write an array than PostgreSQL to read it. So rows come as columns: SQLite's driver gets them as plain tuples,
and PostgreSQL gets one JSON text a column. That is as fast as COPY into a table of its own, which needs a right that an
administrator may have taken away.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from itertools import repeat
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Select,
    String,
    Table,
    Text,
    TypeDecorator,
    bindparam,
    cast,
    column,
    literal,
    select,
    text,
)
from sqlalchemy.sql.dml import Insert

__all__ = ["insert_columns"]

_COUNTED = {"preserve_rowcount": True}
"""Keep how many rows an insert wrote, which is not kept by itself."""


def insert_columns(
    connection: Connection, statement: Insert, columns: Mapping[str, Sequence[Any]], given: Mapping[str, Any]
) -> int:
    """Insert rows by a statement in this database's words; return how many the database says were written.

    `columns` are the rows' values by column, all as long; `given` is what they have in common. The statement says what
    becomes of keys that are there; MariaDB counts those as written.
    """
    table = statement.table
    assert isinstance(table, Table)  # noqa: S101 - rows go into tables
    names = [*columns, *given]
    if not any(columns.values()):
        return 0
    if connection.dialect.name == "postgresql":
        whole = statement.from_select(names, _as_query(connection, table, columns, given))
        return connection.execute(whole, execution_options=_COUNTED).rowcount
    if connection.dialect.name != "sqlite":
        rows = zip(*columns.values(), *map(repeat, given.values()), strict=False)
        named = [dict(zip(names, row, strict=True)) for row in rows]
        return connection.execute(statement, named, execution_options=_COUNTED).rowcount
    compiled = statement.compile(dialect=connection.dialect, column_keys=names)
    values: dict[str, Iterable[Any]] = {name: _stored(connection, table.c[name], columns[name]) for name in columns}
    values |= {name: repeat(*_stored(connection, table.c[name], [value])) for name, value in given.items()}
    tuples = list(zip(*(values[name] for name in compiled.positiontup or names), strict=False))
    return connection.exec_driver_sql(compiled.string, tuples, execution_options=_COUNTED).rowcount


def _stored(connection: Connection, of: Column[Any], values: Sequence[Any]) -> Sequence[Any]:
    """Return a column's values as its type hands them to the driver."""
    processor = of.type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
    if processor is None:
        return values
    if values and isinstance(values[0], date):
        # Days and instants repeat themselves. Others are not remembered: a sealed text looks different each time.
        processor = cache(processor)
    return [processor(value) for value in values]


def _as_query(
    connection: Connection, table: Table, columns: Mapping[str, Sequence[Any]], given: Mapping[str, Any]
) -> Select[Any]:
    """Return the rows as a query for them, in PostgreSQL's words."""
    places = {name: f"many_{place}" for place, name in enumerate(columns)}
    elements = ", ".join(f"json_array_elements_text(CAST(:{place} AS JSON))" for place in places.values())
    texts = [
        bindparam(place, _as_json(connection, table.c[name], columns[name]), Text()) for name, place in places.items()
    ]
    source = text(f"ROWS FROM ({elements}) AS many ({', '.join(places.values())})").bindparams(*texts)
    values = [_typed(column(place, Text()), table.c[name]).label(name) for name, place in places.items()]
    alike = [literal(value, table.c[name].type).label(name) for name, value in given.items()]
    return select(*values, *alike).select_from(source)


def _as_json(connection: Connection, of: Column[Any], values: Sequence[Any]) -> str:
    if isinstance(of.type, JSON):
        return json.dumps([json.dumps(value) for value in values])
    return json.dumps(_stored(connection, of, values), default=str, ensure_ascii=False)


def _typed(element: ColumnElement[str], of: Column[Any]) -> ColumnElement[Any]:
    """Return a text as the type of its column; texts as they are, for a cast to their length would cut them."""
    kind = of.type.impl if isinstance(of.type, TypeDecorator) else of.type
    return element if isinstance(kind, String) else cast(element, of.type)
