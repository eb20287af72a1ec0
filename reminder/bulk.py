"""Many at once: a statement that is made once, and executed for all of a batch as cheaply as its driver can.

SQLAlchemy's own way makes a dictionary of every row and works through it name by name, which costs as much as deciding
and rendering the text that the row is about. SQLite's driver gets the rows as plain tuples. PostgreSQL gets them as
columns, one JSON text each, in one statement: that is as fast as COPY into a table of its own, which needs a right that
an administrator may have taken away. MariaDB's driver knows neither, and has SQLAlchemy's.

Many keys are asked for by `among`: one parameter for all of them, where SQLAlchemy would name, check and replace each.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import repeat
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    BindParameter,
    Boolean,
    ColumnElement,
    Connection,
    Dialect,
    Insert,
    String,
    Subquery,
    Text,
    TypeDecorator,
    Update,
    bindparam,
    cast,
    column,
    select,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import in_op
from sqlalchemy.sql.visitors import replacement_traverse
from sqlalchemy.types import TypeEngine

__all__ = ["ManyRows", "among", "inserts", "unindexed", "updates"]

Types = Mapping[str, TypeEngine[Any]]
Writer = Callable[[Any], Any] | None

_COUNTED = {"preserve_rowcount": True}
"""Keep how many rows were written, which is not kept by itself."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A statement as a driver takes it: where each parameter goes, how its value is written, which are fixed."""

    sql: str
    places: tuple[str, ...]
    writers: Mapping[str, Writer]
    fixed: Mapping[str, Any]

    def tuples(self, given: Mapping[str, Sequence[Any]], shared: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Return the parameters of every row."""
        columns: list[Any] = []
        for name in self.places:
            if name in given:
                columns.append(_written(self.writers.get(name), given[name]))
            else:
                value = shared[name] if name in shared else self.fixed[name]
                columns.append(repeat(*_written(self.writers.get(name), [value])))
        return list(zip(*columns, strict=False))  # what is shared is repeated without end


class ManyRows:
    """An INSERT or UPDATE for many rows. `each` names its parameters that differ from row to row, with their types.

    The others are the same for all rows. `set_based` is the same statement, which finds the rows in PostgreSQL's way.
    """

    def __init__(self, statement: Insert | Update, set_based: Insert | Update, each: Types) -> None:
        self._statement = statement
        self._set_based = set_based
        self._each = each
        self._prepared: WeakKeyDictionary[Dialect, _Prepared] = WeakKeyDictionary()

    def write(self, connection: Connection, rows: Sequence[Sequence[Any]], **shared: object) -> int:
        """Execute it for these rows, each with the values of `each` in their order.

        Returns how many rows the database says were written; MariaDB counts keys that it found there as well.
        """
        if not rows:
            return 0
        dialect = connection.dialect
        if dialect.name not in ("postgresql", "sqlite"):
            parameters = [dict(zip(self._each, row, strict=True)) | shared for row in rows]
            return connection.execute(self._statement, parameters, execution_options=_COUNTED).rowcount
        given = dict(zip(self._each, zip(*rows, strict=True), strict=True))
        if dialect.name == "postgresql":
            texts = {_parameter(name): _as_json(dialect, self._each[name], values) for name, values in given.items()}
            return connection.execute(self._set_based, texts | shared, execution_options=_COUNTED).rowcount
        prepared = self._prepared.get(dialect)
        if prepared is None:
            prepared = self._prepared[dialect] = _prepare(self._statement, dialect)
        tuples = prepared.tuples(given, shared)
        return connection.exec_driver_sql(prepared.sql, tuples, execution_options=_COUNTED).rowcount


def inserts(statement: Insert, each: Sequence[str], shared: Sequence[str] = ()) -> ManyRows:
    """Return the writing of new rows: the columns `each` have a value a row, `shared` one for all of them.

    The statement says what becomes of keys that are there.
    """
    types = {name: statement.table.columns[name].type for name in (*each, *shared)}
    parameters = {name: bindparam(name, type_=kind) for name, kind in types.items()}
    kinds = {name: types[name] for name in each}
    rows = _given(kinds)
    query = select(*(rows.c[name] if name in kinds else parameters[name] for name in types))
    return ManyRows(statement.values(parameters), statement.from_select(list(types), query), kinds)


def updates(statement: Update, each: Types) -> ManyRows:
    """Return the writing of this UPDATE, in which each of these is the name of a `bindparam`.

    No row of the table may be met by two of the rows that are given.
    """
    rows = _given(each)

    def in_rows(element: object, **_: object) -> object:
        return rows.c[element.key] if isinstance(element, BindParameter) and element.key in each else None

    set_based: Any = replacement_traverse(statement, {}, in_rows)
    return ManyRows(statement, set_based, each)


def _prepare(statement: Insert | Update, dialect: Dialect) -> _Prepared:
    compiled: Any = statement.compile(dialect=dialect)
    writers = {name: _writer(parameter.type, dialect) for name, parameter in compiled.binds.items()}
    return _Prepared(compiled.string, tuple(compiled.positiontup), writers, compiled.params)


def _writer(kind: TypeEngine[Any], dialect: Dialect) -> Writer:
    """Return how a type hands a value to the driver, or None where it does so as it is."""
    write = kind.dialect_impl(dialect).bind_processor(dialect)
    if write is None or not isinstance(kind, JSON):
        return write
    return lambda value: "{}" if value == {} else write(value)  # most accounts of a file have no attributes


def _written(write: Writer, values: Sequence[Any]) -> Sequence[Any]:
    if write is None:
        return values
    if values and isinstance(values[0], date):
        # Days and instants repeat themselves. Others are not remembered: a sealed text looks different each time.
        write = cache(write)
    return [write(value) for value in values]


def _parameter(name: str) -> str:
    return f"many_{name}"


def _given(each: Types) -> Subquery:
    """Return the rows as PostgreSQL reads them, from one parameter a column."""
    elements = ", ".join(f"json_array_elements_text(CAST(:{_parameter(name)} AS JSON))" for name in each)
    source = text(f"ROWS FROM ({elements}) AS many ({', '.join(map(_parameter, each))})").bindparams(
        *(bindparam(_parameter(name), type_=Text()) for name in each)
    )
    values = [_typed(name, kind).label(name) for name, kind in each.items()]
    return select(*values).select_from(source).subquery("given")


def _typed(name: str, kind: TypeEngine[Any]) -> Any:  # noqa: ANN401 - of that type
    """Return a text as that type; texts as they are, for a cast to their length would cut them silently."""
    plain = kind.impl if isinstance(kind, TypeDecorator) else kind
    given = column(_parameter(name), Text())
    return given if isinstance(plain, String) else cast(given, kind)


def _as_json(dialect: Dialect, kind: TypeEngine[Any], values: Sequence[Any]) -> str:
    if isinstance(kind, JSON):
        return json.dumps(["{}" if value == {} else json.dumps(value) for value in values])
    written = _written(_writer(kind, dialect), values)
    if isinstance(written[0], date):
        text_of = cache(str)  # of each day or instant once: JSON would ask for the text of each value
        written = [None if value is None else text_of(value) for value in written]
    return json.dumps(written, default=str, ensure_ascii=False)


def among(
    asked: ColumnElement[Any], keys: Sequence[Any] | BindParameter[Any], kind: TypeEngine[Any] | None = None
) -> ColumnElement[bool]:
    """Return the condition that a column holds one of these keys: texts, or whole numbers of 64 bits.

    `keys` are a list, or a `bindparam` that gets one when the statement is executed. `kind` is their type where that is
    not the column's. On SQLite no text is found that has a NUL in it; PostgreSQL knows none.
    """
    kind = kind or _kind_of(asked.type)
    if isinstance(keys, BindParameter):
        return _Among(asked, bindparam(keys.key, expanding=True, type_=kind))
    return _Among(asked, bindparam(None, list(keys), expanding=True, unique=True, type_=kind))


def _kind_of(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return the type of keys for a column; texts of any length, for a cast to the column's would cut them silently."""
    if isinstance(kind, TypeDecorator):
        return kind
    return String() if isinstance(kind, String) else BigInteger()


class _Among(FunctionElement[bool]):
    """A column and its list of keys, as each database takes it with an index on the column."""

    inherit_cache = True
    type = Boolean()

    def self_group(self, against: object = None) -> Any:  # noqa: ANN401, ARG002 - the base class fixes the signature
        """Return the condition as it is: compared with a truth value, no index would answer it."""
        return self


@compiles(_Among)
def _as_parameters(element: _Among, compiler: SQLCompiler, **given: Any) -> str:  # noqa: ANN401 - SQLAlchemy's own
    # MariaDB reads JSON_TABLE row by row in an UPDATE, and its driver puts values into the text anyway.
    asked, keys = element.clauses
    return compiler.process(asked.in_(keys).self_group(), **given)


@compiles(_Among, "sqlite")
def _as_json_list(element: _Among, compiler: SQLCompiler, **given: Any) -> str:  # noqa: ANN401 - SQLAlchemy's own
    asked, keys = element.clauses
    listed = _one_parameter(keys, _JsonList(keys.type))
    operand = compiler.process(asked.self_group(against=in_op), **given)
    return f"({operand} IN (SELECT value FROM json_each({compiler.process(listed, **given)})))"  # noqa: S608 - made of clauses


@compiles(_Among, "postgresql")
def _as_array(element: _Among, compiler: SQLCompiler, **given: Any) -> str:  # noqa: ANN401 - SQLAlchemy's own
    asked, keys = element.clauses
    listed = _one_parameter(keys, ARRAY(keys.type))
    operand = compiler.process(asked.self_group(against=in_op), **given)
    return f"({operand} = ANY ({compiler.process(listed, **given)}))"


def unindexed(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a column by which SQLite is not to look rows up: beside `among`, one that many rows have in common.

    SQLite counts no rows by itself: it takes any state for a rare one, and would read all that are planned.
    """
    return _Unindexed(column)


class _Unindexed(FunctionElement[Any]):
    """A column by itself."""

    inherit_cache = True

    def __init__(self, column: ColumnElement[Any]) -> None:
        super().__init__(column)
        self.type = column.type


@compiles(_Unindexed)
def _as_column(element: _Unindexed, compiler: SQLCompiler, **given: Any) -> str:  # noqa: ANN401 - SQLAlchemy's own
    return compiler.process(next(iter(element.clauses)), **given)


@compiles(_Unindexed, "sqlite")
def _as_value(element: _Unindexed, compiler: SQLCompiler, **given: Any) -> str:  # noqa: ANN401 - SQLAlchemy's own
    return f"+{compiler.process(next(iter(element.clauses)), **given)}"


def _one_parameter(keys: Any, kind: TypeEngine[Any]) -> BindParameter[Any]:  # noqa: ANN401 - one of `clauses`
    return bindparam(keys.key, keys.value, required=keys.required, type_=kind)


class _JsonList(TypeDecorator[Sequence[Any]]):
    """A list of keys of a kind as one JSON text, each as the driver would get it."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: TypeEngine[Any]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> str:
        """Return the text; without keys that SQLite would read as shorter ones, for its JSON ends at a NUL."""
        written = _written(_writer(self.kind, dialect), value or ())
        return json.dumps([key for key in written if not (isinstance(key, str) and "\0" in key)], ensure_ascii=False)
