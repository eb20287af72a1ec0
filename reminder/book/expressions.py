"""Columns of a lender's book as SQL that never fails and never lies, whatever a row holds.

What is selected and what is compared is the same expression, so that an account in memory and a condition in SQL can't
disagree. A value that can't be read is NULL here, never an error: one bad row must not stop a statement (law 9). Text
is compared exactly, although MariaDB by default, and SQLite on request, ignore case.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Date,
    DateTime,
    Numeric,
    String,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    collate,
    false,
    func,
    literal,
    null,
    or_,
    type_coerce,
)

from reminder import bulk
from reminder.book.kinds import Kind

__all__ = [
    "DAY_MAX",
    "DAY_MIN",
    "Expression",
    "among",
    "canonical_text",
    "char_count",
    "day",
    "days_between",
    "instant",
    "keyed",
    "keys_of",
    "number",
    "number_as_read",
    "part_text",
    "without_nul",
]

Expression = ColumnElement[Any]

DAY_MIN, DAY_MAX = date(1900, 1, 1), date(2999, 12, 31)
"""The first and last day that can be meant; databases know infinities and a year zero, Python does not."""

_EXACT_COLLATION = "utf8mb4_nopad_bin"
_NUMBER_CHARS_MAX = 17
_FLOAT_MAX = 10**18
_INT64_MAX, _UINT64_MAX = 2**63 - 1, 2**64 - 1
_INT64_CHARS_MAX = 20


def canonical_text(raw: Expression, kind: Kind, dialect: str) -> Expression:
    """Return a value in the one text form in which selectors compare: `true`, `12`, `0.5`, `2026-01-31`, text."""
    if dialect == "sqlite":
        return _sqlite_text(raw, kind)
    if kind is Kind.BOOL:
        truth = literal(True) if dialect == "postgresql" else literal(1)
        return case((raw.is_(None), null()), (raw == truth, "true"), else_="false")
    return _postgresql_text(raw, kind) if dialect == "postgresql" else _mariadb_text(raw, kind)


def _postgresql_text(raw: Expression, kind: Kind) -> Expression:
    if kind is Kind.DATE:
        return func.to_char(raw, "YYYY-MM-DD", type_=String())
    # The cast also drops the spaces that CHAR(n) is padded with.
    return cast(func.trim_scale(raw) if kind is Kind.DECIMAL else raw, Text)


def _mariadb_text(raw: Expression, kind: Kind) -> Expression:
    from sqlalchemy.dialects.mysql import CHAR  # nine drivers' worth of code, for who has that database

    text: Expression = cast(raw, CHAR(charset="utf8mb4"))
    if kind is Kind.DECIMAL:
        text = case((text.contains("."), func.regexp_replace(text, "[.]?0+$", "")), else_=text)
    return type_coerce(collate(text, _EXACT_COLLATION), String())


def _sqlite_text(raw: Expression, kind: Kind) -> Expression:
    whole: Expression = cast(raw, Text)
    if kind is Kind.BOOL:
        whole = case((raw == literal(0), "false"), (raw == literal(1), "true"), else_=whole)
    return case(
        (func.typeof(raw) == "text", type_coerce(raw, String())),
        (func.typeof(raw) == "integer", whole),
        (func.typeof(raw) == "real", func.printf("%.15g", raw)),
        else_=null(),
    )


def part_text(raw: Expression, kind: Kind, dialect: str) -> Expression:
    """Return a core text field without spaces around it; NULL where nothing is left."""
    return func.nullif(func.trim(canonical_text(raw, kind, dialect)), "", type_=String())


def number_as_read(raw: Expression, kind: Kind, dialect: str) -> Expression:
    """Return a column's exact number such that its driver reads it exactly; NULL where it holds none.

    Text counts where it is plain: `-?[0-9]+([.][0-9]+)?` of at most 17 characters. On SQLite the number is read as
    text, fractions to the 15 digits that its floats keep.
    """
    if dialect == "sqlite":
        return case(
            (func.typeof(raw) == "integer", cast(raw, Text)),
            (func.typeof(raw) == "real", func.printf("%.15g", raw)),
            (and_(func.typeof(raw) == "text", _is_plain_number_in_sqlite(raw)), type_coerce(raw, String())),
            else_=null(),
        )
    if kind is Kind.TEXT:
        return case((_is_plain_number(raw, dialect), cast(raw, Numeric(38, 16))), else_=null())
    if kind is Kind.FLOAT:
        # On MariaDB by way of its shortest text, as a single float would else bring along noise in its eighth digit.
        exact = cast(raw, Numeric) if dialect == "postgresql" else cast(cast(raw, Text), Numeric(38, 10))
        return case((raw.between(-_FLOAT_MAX, _FLOAT_MAX), exact), else_=null())
    return raw


def number(raw: Expression, kind: Kind, dialect: str) -> Expression:
    """Return a column's exact number such that SQL compares it; NULL where it holds none."""
    read = number_as_read(raw, kind, dialect)
    return cast(read, Numeric(asdecimal=False)) if dialect == "sqlite" else read


def _is_plain_number(raw: Expression, dialect: str) -> ColumnElement[bool]:
    # PCRE lets `$` match before a line break at the end; `\z` doesn't, and PostgreSQL's `$` never does.
    pattern = "^-?[0-9]+([.][0-9]+)?" + ("$" if dialect == "postgresql" else r"\z")
    return and_(func.char_length(raw) <= _NUMBER_CHARS_MAX, raw.regexp_match(pattern))


def _is_plain_number_in_sqlite(raw: Expression) -> ColumnElement[bool]:
    body = func.ltrim(raw, "-")
    return and_(
        func.length(raw) <= _NUMBER_CHARS_MAX,
        func.length(raw) - func.length(body) <= 1,
        body.op("GLOB", is_comparison=True)("[0-9]*"),
        body.op("GLOB", is_comparison=True)("*[0-9]"),
        ~body.op("GLOB", is_comparison=True)("*[^0-9.]*"),
        ~body.op("GLOB", is_comparison=True)("*.*.*"),
    )


def day(raw: Expression, kind: Kind, dialect: str) -> Expression:
    """Return a column as a calendar day between DAY_MIN and DAY_MAX; NULL where it holds none."""
    if dialect == "sqlite":
        first_ten = func.substr(raw, 1, 10, type_=String())
        # A modifier makes SQLite count: without one it gives a 31st of February back as it came.
        counted = func.date(first_ten, "+0 days") == first_ten
        real = and_(func.typeof(raw) == "text", counted, first_ten.between(str(DAY_MIN), str(DAY_MAX)))
        return type_coerce(case((real, first_ten), else_=null()), Date())
    if kind is Kind.LOCAL_INSTANT:
        return case((_within(raw, DAY_MIN, DAY_MAX), cast(raw, Date)), else_=null())
    return type_coerce(case((raw.between(DAY_MIN, DAY_MAX), raw), else_=null()), Date())


def days_between(raw: Expression, kind: Kind, dialect: str, first: date, last: date) -> ColumnElement[bool]:
    """Return whether the day lies in [first, last], such that an index on the bare column can answer it."""
    if dialect == "sqlite":
        text = type_coerce(raw, String())
        return and_(text >= str(first), text < str(last + timedelta(days=1)), day(raw, kind, dialect).is_not(None))
    if kind is Kind.LOCAL_INSTANT:
        return _within(raw, first, last)
    return raw.between(first, last)


def _within(raw: Expression, first: date, last: date) -> ColumnElement[bool]:
    """Return whether an instant without a zone falls on one of these days."""
    after = last + timedelta(days=1)
    return and_(raw >= literal(_midnight(first), DateTime()), raw < literal(_midnight(after), DateTime()))


def _midnight(when: date) -> datetime:
    return datetime(when.year, when.month, when.day)  # noqa: DTZ001 - compared with a column that has no zone


def instant(raw: Expression, kind: Kind, dialect: str) -> Expression:
    """Return a column of instants such that the driver can read every row: text on SQLite, infinities as NULL."""
    if dialect == "sqlite":
        return cast(raw, Text)
    if kind is Kind.DATE:
        return day(raw, kind, dialect)
    return case((_within(raw, DAY_MIN, DAY_MAX), raw), else_=null())


def char_count(text: Expression, dialect: str) -> Expression:
    """Return the length of a text in characters, not bytes."""
    return func.length(text) if dialect == "sqlite" else func.char_length(text)


def without_nul(text: Expression) -> ColumnElement[bool]:
    """Return whether a text of SQLite, which alone may hold them beside MariaDB, has no NUL in it."""
    return func.instr(text, func.char(0)) == 0


def among(text: Expression, values: Iterable[str], dialect: str) -> ColumnElement[bool]:
    """Return whether a canonical text is one of these values: true or false, never NULL."""
    usable = sorted({value for value in values if _storable(value, dialect)})
    return and_(text.is_not(None), bulk.among(text, usable, String())) if usable else false()


def _storable(value: str, dialect: str) -> bool:
    """Return whether a database can hold the text, or be asked for it; what it can't hold, it can't match."""
    if "\0" in value and dialect in ("postgresql", "sqlite"):  # as to SQLite, see `bulk.among`
        return False
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)


def keyed(raw: Expression, kind: Kind, dialect: str) -> ColumnElement[bool]:
    """Return whether the row is under one of the keys that `keys_of` gives, such that an index can answer it.

    The bare comparison may find too much, where the column ignores case; the exact one then decides.
    """
    text = canonical_text(raw, kind, dialect)
    texts: BindParameter[Any] = bindparam("texts")
    numbers: BindParameter[Any] = bindparam("numbers")
    exact = and_(text.is_not(None), bulk.among(text, texts, String()))
    if dialect == "sqlite":
        # Values of any type may be in the column, and without a declared type a text isn't equal to a number.
        return and_(or_(bulk.among(raw, texts, String()), bulk.among(raw, numbers, BigInteger())), exact)
    if kind is Kind.TEXT:
        return and_(bulk.among(raw, texts, String()), exact)
    if kind is Kind.UUID:
        return and_(bulk.among(raw, bindparam("uuids"), Uuid()), exact)
    if kind in (Kind.INTEGER, Kind.DECIMAL):
        return and_(bulk.among(raw, numbers, BigInteger()), exact)
    return exact


def keys_of(kind: Kind, dialect: str, keys: Iterable[str]) -> dict[str, Sequence[Any]]:
    """Return the parameters with which `keyed` asks for these keys; those that a database can't hold are left out."""
    texts = [key for key in keys if _storable(key, dialect)]
    whole = dialect == "sqlite" or kind in (Kind.INTEGER, Kind.DECIMAL)
    at_most = _UINT64_MAX if dialect in ("mysql", "mariadb") else _INT64_MAX
    return {
        "texts": texts,
        "numbers": _whole(texts, at_most) if whole else [],
        "uuids": _uuids(texts) if kind is Kind.UUID else [],
    }


def _whole(keys: list[str], at_most: int) -> list[int]:
    digits = (key for key in keys if len(key) <= _INT64_CHARS_MAX and key.isascii())
    numbers = [int(key) for key in digits if key.removeprefix("-").isdigit()]
    return [value for value in numbers if abs(value) <= at_most]


def _uuids(keys: list[str]) -> list[UUID]:
    found = []
    for key in keys:
        try:
            found.append(UUID(key))
        except ValueError:
            continue
    return found
