"""What the small rooms of the store share: lists cut to size, texts that fit, a row written over an older one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast

from sqlalchemy import Column, ColumnElement, Connection, Row, Table, case, insert, literal

from reminder.dialects import insert_over
from reminder.errors import DataError

__all__ = ["CHUNK_VALUES", "chunks", "cut", "insert_one", "require_fit", "upsert"]

CHUNK_VALUES = 500
"""The most values that one statement asks for."""

Value = TypeVar("Value")


def chunks(values: Sequence[Value]) -> Iterator[list[Value]]:
    """Return the distinct values in lists of at most CHUNK_VALUES; nothing at all for no values."""
    distinct = list(dict.fromkeys(values))
    for start in range(0, len(distinct), CHUNK_VALUES):
        yield distinct[start : start + CHUNK_VALUES]


def require_fit(table: Table, values: Mapping[str, Any]) -> None:
    """Return when every text fits its column; raise DataError for one that does not.

    SQLite would keep a longer one and the others refuse it, each in its own words. For what a person writes: a record
    of why somebody is left alone is not cut silently.
    """
    for name, value in values.items():
        longest = getattr(table.columns[name].type, "length", None)
        if isinstance(value, str) and longest is not None and len(value) > longest:
            raise DataError(
                f"expected at most {longest} characters for the {name} of a {table.name}, found {len(value)}: "
                "shorten it"
            )


def cut(table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with every text cut to what its column holds. For what a provider writes: it can't be asked."""
    return {
        name: value[: getattr(table.columns[name].type, "length", None)] if isinstance(value, str) else value
        for name, value in values.items()
    }


def insert_one(connection: Connection, table: Table, values: Mapping[str, Any]) -> int:
    """Write a row of a table that numbers its rows; return the number it got."""
    key = connection.execute(insert(table).values(values)).inserted_primary_key
    return int(cast("Row[Any]", key)[0])


def upsert(
    connection: Connection,
    table: Table,
    values: Mapping[str, Any],
    *,
    keep_if: ColumnElement[bool] | None = None,
    decisive: str = "",
) -> None:
    """Write a row, or write it over the one with the same primary key.

    With `keep_if`, a condition on the old row, a row for which it is true stays as it is. `decisive` names the column
    that the condition reads: it is written last, because MariaDB evaluates assignments from left to right and the
    later ones would see its new value.
    """
    key = [column.name for column in table.primary_key]
    names = [name for name in values if name not in key] or key  # a row that is all key is locked by writing it again
    names.sort(key=lambda name: name == decisive)
    changes = [(name, _change(table.columns[name], values[name], keep_if)) for name in names]
    connection.execute(insert_over(connection.dialect.name, table, key, lambda _new: changes).values(values))


def _change(column: Column[Any], value: Any, keep_if: ColumnElement[bool] | None) -> ColumnElement[Any]:  # noqa: ANN401 - of the column's type
    """Return what the column is set to where the row is there already."""
    new = literal(value, column.type)
    return new if keep_if is None else case((keep_if, column), else_=new)
