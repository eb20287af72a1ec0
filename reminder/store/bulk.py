"""Writing many rows: a statement that is made once, and executed for all rows of a batch as cheaply as its driver can.

SQLAlchemy's own way makes a dictionary of every row and works through it name by name, which costs as much as deciding
and rendering the text that the row is about. PostgreSQL gets the rows as one array a column in one statement, for row
by row it takes several times as long; SQLite gets them as tuples. MariaDB's driver knows neither, and has SQLAlchemy's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import (
    BindParameter,
    Connection,
    Dialect,
    Insert,
    String,
    TableValuedAlias,
    Update,
    bindparam,
    func,
    select,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.visitors import replacement_traverse
from sqlalchemy.types import TypeEngine

from reminder.store.sealed import SealedText

__all__ = ["ManyRows", "inserts", "updates"]

_COUNTED = {"preserve_rowcount": True}


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A statement as a driver takes it: where each parameter goes, how its value is written, which are fixed."""

    sql: str
    places: tuple[str, ...]
    writers: Mapping[str, Callable[[Any], Any]]
    fixed: Mapping[str, Any]

    def tuples(self, given: Mapping[str, Sequence[Any]], shared: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Return the parameters of every row."""
        columns: list[Any] = []
        for name in self.places:
            write = self.writers.get(name)
            if name in given:
                columns.append(map(write, given[name]) if write else given[name])
            else:
                value = shared[name] if name in shared else self.fixed[name]
                columns.append(repeat(write(value) if write else value))
        return list(zip(*columns, strict=False))  # what is shared is repeated without end


class ManyRows:
    """An INSERT or UPDATE for many rows. `each` names its parameters that differ from row to row, with their types.

    The others are the same for all rows. No row of the table may be met by two of the rows of an UPDATE.
    """

    def __init__(
        self, statement: Insert | Update, set_based: Insert | Update, each: Mapping[str, TypeEngine[Any]]
    ) -> None:
        self._statement = statement
        self._set_based = set_based
        self._each = tuple(each)
        self._prepared: WeakKeyDictionary[Dialect, _Prepared] = WeakKeyDictionary()

    def write(self, connection: Connection, rows: Sequence[Sequence[Any]], **shared: object) -> int:
        """Execute it for these rows, each with the values of `each` in their order; return how many were written."""
        if not rows:
            return 0
        dialect = connection.dialect
        if dialect.name not in ("postgresql", "sqlite"):
            parameters = [dict(zip(self._each, row, strict=True)) | shared for row in rows]
            return connection.execute(self._statement, parameters, execution_options=_COUNTED).rowcount
        given = dict(zip(self._each, zip(*rows, strict=True), strict=True))
        if dialect.name == "postgresql":
            arrays = {name: list(values) for name, values in given.items()} | shared
            return connection.execute(self._set_based, arrays, execution_options=_COUNTED).rowcount
        prepared = self._prepared.get(dialect)
        if prepared is None:
            prepared = self._prepared[dialect] = _prepare(self._statement, dialect)
        tuples = prepared.tuples(given, shared)
        return connection.exec_driver_sql(prepared.sql, tuples, execution_options=_COUNTED).rowcount


def inserts(statement: Insert, each: Sequence[str], shared: Sequence[str] = ()) -> ManyRows:
    """Return the writing of new rows: the columns `each` have a value a row, `shared` one for all of them."""
    columns = {name: statement.table.columns[name].type for name in (*each, *shared)}
    parameters = {name: bindparam(name, type_=kind) for name, kind in columns.items()}
    kinds = {name: columns[name] for name in each}
    rows = _given(kinds)
    query = select(*(rows.c[name] if name in kinds else parameters[name] for name in columns))
    return ManyRows(statement.values(parameters), statement.from_select(list(columns), query), kinds)


def updates(statement: Update, each: Mapping[str, TypeEngine[Any]]) -> ManyRows:
    """Return the writing of this UPDATE, in which each of these is the name of a `bindparam`."""
    rows = _given(each)

    def in_rows(element: object, **_: object) -> object:
        return rows.c[element.key] if isinstance(element, BindParameter) and element.key in each else None

    set_based: Any = replacement_traverse(statement, {}, in_rows)
    return ManyRows(statement, set_based, each)


def _prepare(statement: Insert | Update, dialect: Dialect) -> _Prepared:
    compiled: Any = statement.compile(dialect=dialect)
    kinds = {name: parameter.type.dialect_impl(dialect) for name, parameter in compiled.binds.items()}
    writers = {name: write for name, kind in kinds.items() if (write := kind.bind_processor(dialect)) is not None}
    return _Prepared(compiled.string, tuple(compiled.positiontup), writers, compiled.params)


def _given(each: Mapping[str, TypeEngine[Any]]) -> TableValuedAlias:
    """Return the rows as PostgreSQL gets them: one array a column, each the value of a parameter of its name."""
    arrays = [bindparam(name, type_=postgresql.ARRAY(_unbounded(kind))) for name, kind in each.items()]
    return func.unnest(*arrays).table_valued(*each, name="given").render_derived()


def _unbounded(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return the type without its length: a cast to one with a length would cut texts silently."""
    if isinstance(kind, SealedText):
        return SealedText(kind.use, compared=kind.compared)
    return String() if isinstance(kind, String) else kind
