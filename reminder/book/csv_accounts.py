"""Records of a CSV file as rows of our own account table, or what is wrong with them, cell by cell."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache
from operator import gt, itemgetter
from typing import Any

from sqlalchemy import Table

from reminder.book.csv_source import KNOWN_COLUMNS
from reminder.book.expressions import DAY_MAX, DAY_MIN
from reminder.book.mapping import REQUIRED_PARTS
from reminder.book.rows import cleaned
from reminder.domain.hold import NEVER_CONTACT
from reminder.domain.money import minor_units
from reminder.domain.phone import PhoneError, parse_phone
from reminder.domain.zones import known_zone
from reminder.errors import DataError

__all__ = ["CellFault", "RowReader"]

_TRUE = frozenset({"true", "1", "yes", "y"})
_FALSE = frozenset({"", "false", "0", "no", "n"})
_ATTRIBUTE_CHARS_MAX = 1_000
_MARK_CHARS_MAX = 32
_NO_TEXT = "\ufffd"
_BOOLEANS = {"true": "true", "false": "false"}  # spreadsheets write them in capitals
_BOOLEAN_CHARS_MAX = 5
_NO_ATTRIBUTES: dict[str, str] = {}
"""What a row without attributes has, one for all rows: nobody writes into it."""
_SURE_CHINESE_MOBILE = re.compile(r"(\+86|0086)?1[35789]\d{9}", re.ASCII)
"""A shape that needs no closer look; parsing each number of a large file would take longer than importing it."""

CellFault = tuple[int, str]
"""The column of a cell (from 1; 0 is the whole row) and what is wrong with it."""


class RowReader:
    """Turns cells into the values of an account.

    `columns` are the file's, in order; `region` (ISO 3166) is where phone numbers without a country code are read.
    """

    def __init__(self, columns: Sequence[str], table: Table, region: str | None) -> None:
        self.columns = columns
        self._region = region
        self._core = [(place, name) for place, name in enumerate(columns) if name in KNOWN_COLUMNS]
        self._extra = [(place, name) for place, name in enumerate(columns) if name and name not in KNOWN_COLUMNS]
        self._place = {name: place for place, name in self._core}
        self._required = itemgetter(*(self._place[name] for name in REQUIRED_PARTS))
        typed = ("due_date", "amount_due", "currency", "closed", "never_contact")
        self._text_names = [name for _, name in self._core if name not in typed]
        self._text_lengths = [_length(table, name) for name in self._text_names]
        self._texts = itemgetter(*(self._place[name] for name in self._text_names))

    @property
    def core(self) -> tuple[str, ...]:
        """The table's columns that the file fills."""
        return tuple(name for _, name in self._core)

    @property
    def attributes(self) -> frozenset[str]:
        """The attributes that the file fills."""
        return frozenset(name for _, name in self._extra)

    def read(self, cells: list[str]) -> tuple[dict[str, Any], list[CellFault]]:
        """Return the row's values, and every fault; with a fault the values are not to be used."""
        faults: list[CellFault] = []
        joined = "".join(cells)
        if not joined.isprintable() or _NO_TEXT in joined:
            cells = self._cleaned(cells, faults)
        elif " " in joined:  # the only space that is printable
            cells = [cell.strip() for cell in cells]
        texts = self._texts(cells)
        values: dict[str, Any] = dict(zip(self._text_names, texts, strict=True))
        if "" in texts:
            values = {name: text or None for name, text in values.items()}
        if any(map(gt, map(len, texts), self._text_lengths)):
            faults += self._too_long(texts)
        if not all(self._required(cells)):
            faults += self._left_out(cells)
        if not faults:
            self._read_typed(cells, values, faults)
        return values, faults

    def _too_long(self, texts: Sequence[str]) -> Iterator[CellFault]:
        for name, text, at_most in zip(self._text_names, texts, self._text_lengths, strict=True):
            if len(text) > at_most:
                yield self._place[name] + 1, f"expected {name} of at most {at_most} characters, found {len(text)}"

    def _left_out(self, cells: Sequence[str]) -> Iterator[CellFault]:
        for name in REQUIRED_PARTS:
            if not cells[self._place[name]]:
                yield self._place[name] + 1, f"expected {name}, found an empty cell: fill it in"

    def _read_typed(self, cells: list[str], values: dict[str, Any], faults: list[CellFault]) -> None:
        """Add the values that aren't just text, and a fault for each that can't be read."""
        values["currency"] = currency = cells[self._place["currency"]]
        name = "due_date"
        try:
            values[name] = _day(cells[self._place[name]])
            name = "amount_due"
            values[name] = minor_units(cells[self._place[name]], currency)
            name = "closed"
            if name in self._place:
                values[name] = _closed(cells[self._place[name]])
            name = "never_contact"
            if name in self._place:
                values[name] = _never_contact(cells[self._place[name]])
        except DataError as error:
            faults.append((self._place[name] + 1, f"{name}: {error}"))
        attributes: dict[str, str] = {}
        for place, name in self._extra:
            text = cells[place]
            if text:
                attributes[name] = text if len(text) > _BOOLEAN_CHARS_MAX else _BOOLEANS.get(text.lower(), text)
            if len(text) > _ATTRIBUTE_CHARS_MAX:
                faults.append((place + 1, f"expected {name} of at most {_ATTRIBUTE_CHARS_MAX} characters"))
        values["attributes"] = attributes or _NO_ATTRIBUTES

    def _cleaned(self, cells: list[str], faults: list[CellFault]) -> list[str]:
        """Return the cells on one line each; refuse ids with control characters and bytes that are no text."""
        for place, cell in enumerate(cells):
            name = self.columns[place]
            if _NO_TEXT in cell:
                faults.append((place + 1, f"expected text, found bytes that are none in {name}: save it as UTF-8"))
            elif name in ("account_id", "customer_id") and cleaned(cell) != cell.strip():
                faults.append((place + 1, f"expected {name} without control characters or line breaks: remove them"))
        return [cleaned(cell) for cell in cells]

    def doubts(self, values: dict[str, Any]) -> list[CellFault]:
        """Return what is doubtful about a good row: it goes in, and what depends on the cell is refused later."""
        found: list[CellFault] = []
        zone, phone, never = values.get("timezone"), values.get("phone"), values.get("never_contact")
        if zone is not None and known_zone(zone) is None:
            found.append((self._place["timezone"] + 1, f"expected an IANA zone such as Asia/Shanghai, found {zone!r}"))
        if never is not None and never not in NEVER_CONTACT:
            known = ", ".join(sorted(NEVER_CONTACT))
            message = f"expected one of {known} (or an empty cell), found {never!r}: its customer is not contacted"
            found.append((self._place["never_contact"] + 1, message))
        if phone is not None and not self._surely_mobile(phone):
            try:
                parse_phone(phone, self._region)
            except PhoneError as error:
                found.append((self._place["phone"] + 1, str(error)))
        return found

    def _surely_mobile(self, phone: str) -> bool:
        return bool(_SURE_CHINESE_MOBILE.fullmatch(phone)) and (self._region == "CN" or not phone.startswith("1"))


def _length(table: Table, name: str) -> int:
    length: int = getattr(table.c[name].type, "length", None) or _ATTRIBUTE_CHARS_MAX
    return length


@lru_cache(maxsize=4_096)
def _day(text: str) -> date:
    """Return a day written as 2026-01-31, or raise DataError."""
    try:
        day = date.fromisoformat(text) if len(text) == len("2026-01-31") and text[4] == "-" else None
    except ValueError:
        day = None
    if day is None or not DAY_MIN <= day <= DAY_MAX or str(day) != text:
        raise DataError(f"expected a day such as 2026-01-31, found {text[:24]!r}")
    return day


def _never_contact(text: str) -> str | None:
    """Return the mark that a cell makes, or None; a word that nobody knows is a mark as well (law 8)."""
    word = text.lower().replace(" ", "_").replace("-", "_")
    if len(word) > _MARK_CHARS_MAX:
        raise DataError(f"expected a word of at most {_MARK_CHARS_MAX} characters, found {len(word)}")
    return None if word in _FALSE else word


def _closed(text: str) -> bool:
    """Return whether a cell says that the account is closed, or raise DataError."""
    lowered = text.lower()
    if lowered not in _TRUE | _FALSE:
        raise DataError(f"expected true or false (or an empty cell), found {text[:24]!r}")
    return lowered in _TRUE
