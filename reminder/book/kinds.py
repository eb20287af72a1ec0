"""What a column of the lender's book holds, as far as its database tells.

PostgreSQL and MariaDB describe the columns of any result, of a table, a view or a query alike. SQLite types values, not
columns, so there a kind is a hint from the table's declaration, and there is none for a query.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy import types

__all__ = ["Kind", "kind_declared", "kind_described"]


class Kind(StrEnum):
    """What kind of value a column holds, as far as selecting and reading it differ."""

    TEXT = "text"  #: Characters of any length.
    INTEGER = "integer"  #: Whole numbers, and decimals declared without a fraction.
    DECIMAL = "decimal"  #: Exact numbers with a fraction.
    FLOAT = "float"  #: Binary fractions; money in them is inexact.
    BOOL = "bool"  #: True and false; MariaDB's TINYINT(1).
    DATE = "date"  #: A calendar day.
    LOCAL_INSTANT = "local_instant"  #: Day and time without a zone.
    INSTANT = "instant"  #: Day and time with a zone.
    UUID = "uuid"  #: A UUID of PostgreSQL.
    OTHER = "other"  #: Anything else, or nobody knows; it is read as the database prints it.


_POSTGRESQL: Mapping[int, Kind] = MappingProxyType(
    {
        16: Kind.BOOL,
        20: Kind.INTEGER,
        21: Kind.INTEGER,
        23: Kind.INTEGER,
        25: Kind.TEXT,
        700: Kind.FLOAT,
        701: Kind.FLOAT,
        1042: Kind.TEXT,
        1043: Kind.TEXT,
        1082: Kind.DATE,
        1114: Kind.LOCAL_INSTANT,
        1184: Kind.INSTANT,
        1700: Kind.DECIMAL,
        2950: Kind.UUID,
    }
)
"""Object identifiers of built-in types, from PostgreSQL's catalogue `pg_type`."""

_MARIADB: Mapping[int, Kind] = MappingProxyType(
    {
        0: Kind.DECIMAL,
        1: Kind.INTEGER,
        2: Kind.INTEGER,
        3: Kind.INTEGER,
        4: Kind.FLOAT,
        5: Kind.FLOAT,
        7: Kind.LOCAL_INSTANT,
        8: Kind.INTEGER,
        9: Kind.INTEGER,
        10: Kind.DATE,
        12: Kind.LOCAL_INSTANT,
        15: Kind.TEXT,
        246: Kind.DECIMAL,
        252: Kind.TEXT,
        253: Kind.TEXT,
        254: Kind.TEXT,
    }
)
"""Field types of the MariaDB protocol (https://mariadb.com/kb/en/result-set-packets/#field-types)."""

_MARIADB_TINY = 1


def kind_described(dialect: str, description: Sequence[Any]) -> Kind:
    """Return the kind of a result column from its DB-API description (name, type, size, length, precision, scale …)."""
    code, length, scale = description[1], description[3], description[5]
    if dialect == "postgresql":
        kind = _POSTGRESQL.get(code, Kind.OTHER)
    elif code == _MARIADB_TINY and length == 1:
        kind = Kind.BOOL
    else:
        kind = _MARIADB.get(code, Kind.OTHER)
    return Kind.INTEGER if kind is Kind.DECIMAL and scale == 0 else kind


_DECLARED: tuple[tuple[type[types.TypeEngine[Any]], Kind], ...] = (
    (types.Boolean, Kind.BOOL),
    (types.Integer, Kind.INTEGER),
    (types.Float, Kind.FLOAT),
    (types.Numeric, Kind.DECIMAL),
    (types.DateTime, Kind.LOCAL_INSTANT),
    (types.Date, Kind.DATE),
    (types.String, Kind.TEXT),
)


def kind_declared(declared: types.TypeEngine[Any]) -> Kind:
    """Return the kind that a SQLite column is declared to hold; its values may still be of any other."""
    return next((kind for base, kind in _DECLARED if isinstance(declared, base)), Kind.OTHER)
