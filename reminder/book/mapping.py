"""How a book's columns play the parts of an account: our own table, or any table, view or query of the lender's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

from sqlalchemy import Engine, FromClause, Table

from reminder.book.findings import BookError, Finding, Severity
from reminder.book.kinds import Kind
from reminder.book.probe import nearest, probe

__all__ = ["PARTS", "REQUIRED_PARTS", "AmountUnit", "BookMapping", "mapped_book", "own_book"]

REQUIRED_PARTS = ("account_id", "customer_id", "due_date", "amount_due", "currency")
"""Parts that every book must have a column for."""

PARTS = (*REQUIRED_PARTS, "phone", "name", "language", "timezone", "product")
"""Every part a column can play by itself; attributes, closing and freshness are mapped beside them."""


class AmountUnit(StrEnum):
    """What the numbers in the amount column count."""

    MAJOR = "major"  #: Units of the currency: 123.45 yuan.
    MINOR = "minor"  #: Its smallest units: 12345 fen.


@dataclass(frozen=True, slots=True)
class BookMapping:
    """Which selectable is the book, and which of its columns plays which part.

    `columns` maps parts to column names, `kinds` column names to what they hold. An account is closed where
    `closed_column` holds one of `closed_values` (canonical text). `attributes` are columns of the lender's own, by
    name; in our own table all attributes are in one JSON object instead, `attributes_column`. `fresh_column` says when
    a row was last refreshed, which must not be longer ago than `fresh_max_age`. Where `never_contact_column` holds one
    of `never_contact_values` (text -> what it means), the customer is never contacted about the account; in our own
    table it holds the meaning itself.
    """

    selectable: FromClause
    columns: Mapping[str, str]
    kinds: Mapping[str, Kind]
    amount_unit: AmountUnit = AmountUnit.MAJOR
    closed_column: str | None = None
    closed_values: frozenset[str] = frozenset({"true"})
    attributes: tuple[str, ...] = ()
    attributes_column: str | None = None
    fresh_column: str | None = None
    fresh_max_age: timedelta | None = None
    never_contact_column: str | None = None
    never_contact_values: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def is_own(self) -> bool:
        """Whether this is our own table, whose schema has already refused what a lender's may hold."""
        return self.attributes_column is not None


def own_book(account_table: Table, *, fresh_max_age: timedelta | None = None) -> BookMapping:
    """Return the mapping of our own account table, which `accounts import` fills."""
    return BookMapping(
        selectable=account_table,
        columns=MappingProxyType({part: part for part in PARTS}),
        kinds=MappingProxyType({"closed": Kind.BOOL}),
        amount_unit=AmountUnit.MINOR,
        closed_column="closed",
        attributes_column="attributes",
        fresh_column="loaded_at",
        fresh_max_age=fresh_max_age,
        never_contact_column="never_contact",
    )


def mapped_book(
    engine: Engine,
    *,
    table: str | None = None,
    query: str | None = None,
    columns: Mapping[str, str] = MappingProxyType({}),
    attributes: Sequence[str] = (),
    amount_unit: AmountUnit | str = AmountUnit.MAJOR,
    closed_column: str | None = None,
    closed_values: Sequence[str] = ("true",),
    fresh_column: str | None = None,
    fresh_max_age: timedelta | None = None,
    never_contact_column: str | None = None,
    never_contact_values: Mapping[str, str] = MappingProxyType({}),
) -> BookMapping:
    """Return the mapping of a lender's `table` (or view, `schema.table`) or `query`, having asked the database.

    A part that `columns` leaves out is played by the column of its own name, if there is one. Column names may differ
    from the database's in case.

    Raises BookError with every fault at once: the table or query can't be read (B001), a column is missing (B002), a
    column can't play its part (B003).
    """
    selectable, kinds = probe(engine, table=table, query=query)
    finder = _Finder(kinds)
    parts = {part: finder.find(part, columns.get(part), required=part in REQUIRED_PARTS) for part in PARTS}
    for unknown in sorted(set(columns) - set(PARTS)):
        finder.fault("B002", unknown, f"expected one of the parts of an account{nearest(unknown, PARTS)}")
    mapping = BookMapping(
        selectable=selectable,
        columns=MappingProxyType({part: name for part, name in parts.items() if name is not None}),
        kinds=MappingProxyType(kinds),
        amount_unit=AmountUnit(amount_unit),
        closed_column=finder.find("closed", closed_column) if closed_column else None,
        closed_values=frozenset(closed_values),
        attributes=tuple(name for name in map(finder.attribute, attributes) if name),
        fresh_column=finder.find("fresh", fresh_column) if fresh_column else None,
        fresh_max_age=fresh_max_age,
        never_contact_column=finder.find("never_contact", never_contact_column) if never_contact_column else None,
        never_contact_values=MappingProxyType(dict(never_contact_values)),
    )
    faults = finder.faults + ([] if engine.dialect.name == "sqlite" else _wrong_kinds(mapping))
    if faults:
        raise BookError(faults)
    return mapping


class _Finder:
    """Finds columns by name, and notes each one that isn't there."""

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self.names = tuple(kinds)
        self.faults: list[Finding] = []

    def fault(self, code: str, part: str, message: str) -> None:
        """Note that something is wrong."""
        self.faults.append(Finding(code, Severity.ERROR, part, message))

    def find(self, part: str, wanted: str | None, *, required: bool = True) -> str | None:
        """Return the column's name as the database spells it; None, and a fault where it is needed, without one."""
        name = wanted or part
        if name in self.names:
            return name
        same = [other for other in self.names if other.casefold() == name.casefold()]
        if len(same) == 1:
            return same[0]
        if required or wanted:
            self.fault("B002", part, f"expected a column {name!r}, found none{nearest(name, self.names)}")
        return None

    def attribute(self, wanted: str) -> str | None:
        """Return the name of an attribute's column; a name that templates can't say is a fault too."""
        if not wanted.isidentifier():
            self.fault("B002", wanted, "expected an attribute's name of letters, digits and _: rename it in a `query`")
            return None
        return self.find(wanted, wanted)


_FIT: Mapping[str, tuple[frozenset[Kind], str]] = MappingProxyType(
    {
        "due_date": (frozenset({Kind.DATE, Kind.LOCAL_INSTANT}), "a DATE"),
        "amount_due": (
            frozenset({Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT, Kind.TEXT}),
            "a number",
        ),
        "fresh": (frozenset({Kind.DATE, Kind.LOCAL_INSTANT, Kind.INSTANT}), "a TIMESTAMP"),
    }
)
"""Part -> kinds that can play it, on databases that are strict about kinds.

An instant with a zone can't be a due date: which day it falls on depends on whose zone is meant.
"""


def _wrong_kinds(mapping: BookMapping) -> list[Finding]:
    played = {**mapping.columns, **({"fresh": mapping.fresh_column} if mapping.fresh_column else {})}
    faults = []
    for part, (fit, wanted) in _FIT.items():
        column = played.get(part)
        if column is not None and mapping.kinds[column] not in fit:
            message = (
                f"expected {wanted}, found column {column!r} of kind {mapping.kinds[column]}: cast it in a `query`"
            )
            faults.append(Finding("B003", Severity.ERROR, part, message))
    return faults
