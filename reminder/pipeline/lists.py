"""Lists that come from files: suppressions and consents, row by row. Bad rows are told, the others go in.

Importing the same file again changes nothing. All of it is one transaction of the caller's, so that a dry run takes
the same way and is undone at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from reminder.book.csv_cells import bared
from reminder.book.csv_source import CsvSource, ImportFileError
from reminder.book.fields import ID_CHARS_MAX
from reminder.domain.consent import Consent
from reminder.domain.hold import Suppression
from reminder.domain.phone import parse_phone
from reminder.errors import DataError, Problem
from reminder.store import consents, suppressions

__all__ = [
    "CHANNELS",
    "CONSENT_COLUMNS",
    "SUPPRESSION_COLUMNS",
    "CellError",
    "Cells",
    "Defaults",
    "ListReport",
    "id_in",
    "import_consents",
    "import_rows",
    "import_suppressions",
]

CHANNELS = ("*", "sms")
"""Channels that a suppression or a consent may be for; `*` is every one."""

SUPPRESSION_COLUMNS = ("number", "customer_id", "account_id", "channel", "source", "who", "created_at")
CONSENT_COLUMNS = ("customer_id", "number", "account_id", "channel", "source", "proof", "given_at")

PROBLEMS_MAX = 100
"""How many problems a report lists; the others are counted."""

CHUNK_ROWS = 500

Entry = TypeVar("Entry")
Cells = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ListReport:
    """What became of a file: `read` = `added` + `known` + `refused`; `more` problems than those listed were found."""

    read: int
    added: int
    known: int
    refused: int
    problems: tuple[Problem, ...]
    more: int


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a row has whose own cell is empty. `region` (ISO 3166) is where numbers without a country code are read."""

    source: str
    who: str
    region: str | None
    at: datetime


class CellError(DataError):
    """What is wrong with one cell of a row."""

    def __init__(self, column: str, message: str) -> None:
        super().__init__(f"{column}: {message}")
        self.column = column


def import_suppressions(connection: Connection, file: Path, defaults: Defaults) -> ListReport:
    """Forbid contact with everybody in a CSV file; return what became of its rows.

    Each row names a number, a customer or an account; `channel` is every one where the row doesn't say. Who is in the
    file is suppressed, also where a person has allowed contact since it was written: doubt is silence (law 8).
    Raises ImportFileError where the file can't be read.
    """

    def keep(entries: Sequence[Suppression]) -> list[bool | DataError]:
        new = {id(entry) for entry in suppressions.add_many(connection, entries)}
        return [id(entry) in new for entry in entries]

    return import_rows(file, SUPPRESSION_COLUMNS, (), lambda cells: _suppression(cells, defaults), keep)


def import_consents(connection: Connection, file: Path, defaults: Defaults) -> ListReport:
    """Write down every consent in a CSV file; return what became of its rows.

    Each row names a customer, a number or both, when it was given, and its proof; `channel` is `sms` where the row
    doesn't say. What has been withdrawn since is refused. Raises ImportFileError where the file can't be read or lacks
    a column.
    """

    def keep(entries: Sequence[Consent]) -> list[bool | DataError]:
        return [_kept(connection, entry, defaults.at) for entry in entries]

    return import_rows(file, CONSENT_COLUMNS, ("given_at", "proof"), lambda cells: _consent(cells, defaults), keep)


def _kept(connection: Connection, entry: Consent, at: datetime) -> bool | DataError:
    try:
        return consents.add(connection, entry, at=at) is not None
    except DataError as error:
        return error


def import_rows(
    file: Path,
    known: Sequence[str],
    required: Sequence[str],
    read: Callable[[Cells], Entry],
    keep: Callable[[Sequence[Entry]], Sequence[bool | DataError]],
) -> ListReport:
    """Read rows, a chunk at a time, and let `keep` write them: it says of each if it is new, or why it is wrong."""
    run = _Run(file)
    with CsvSource(file, known=known, required=required) as source:
        places = {name: place for place, name in enumerate(source.columns) if name in known}
        if not places:
            message = f"expected columns named {', '.join(known)}, found none of them: name them in the first line"
            raise ImportFileError([Problem(str(file), 1, 1, message)])
        records = source.records()
        while some := list(islice(records, CHUNK_ROWS)):
            good: list[tuple[int, Entry]] = []
            for line, cells, fault in some:
                try:
                    if fault:
                        raise DataError(fault)
                    good.append((line, read({name: _text(name, cells[place]) for name, place in places.items()})))
                except DataError as error:
                    run.refuse(line, str(error), places.get(getattr(error, "column", ""), -1) + 1)
            for (line, _), fate in zip(good, keep([entry for _, entry in good]), strict=True):
                run.take(line, fate)
    return run.report()


class _Run:
    """One import while it runs: what it counts."""

    def __init__(self, file: Path) -> None:
        self.path = str(file)
        self.added = self.known = self.refused = 0
        self.problems: list[Problem] = []

    def take(self, line: int, fate: bool | DataError) -> None:
        """Count a row that was read."""
        if isinstance(fate, DataError):
            self.refuse(line, str(fate), 0)
        elif fate:
            self.added += 1
        else:
            self.known += 1

    def refuse(self, line: int, message: str, column: int) -> None:
        """Count a row that is wrong, and list why; `column` is the number of the cell, 0 for the whole row."""
        self.refused += 1
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(Problem(self.path, line, column, message))

    def report(self) -> ListReport:
        """Return what became of the rows."""
        return ListReport(
            read=self.added + self.known + self.refused,
            added=self.added,
            known=self.known,
            refused=self.refused,
            problems=tuple(sorted(self.problems, key=lambda problem: problem.line)),
            more=self.refused - len(self.problems),
        )


def _text(name: str, cell: str) -> str:
    text = bared(cell.strip()).strip()
    if "\x00" in text:
        raise CellError(name, "expected text, found a character that is none: save the file anew")
    return text


def _suppression(cells: Cells, defaults: Defaults) -> Suppression:
    given = [name for name in ("number", "customer_id", "account_id") if cells.get(name)]
    if len(given) != 1:
        raise DataError(
            f"expected a number, a customer_id or an account_id, found {' and '.join(given) or 'none of them'}: "
            "a row is for exactly one"
        )
    return Suppression(
        source=cells.get("source") or defaults.source,
        created_at=_instant(cells, "created_at", defaults.at) or defaults.at,
        channel=_channel(cells, "*"),
        number=_number(cells, defaults.region),
        customer_id=id_in(cells, "customer_id"),
        account_id=id_in(cells, "account_id"),
        who=cells.get("who") or defaults.who,
    )


def _consent(cells: Cells, defaults: Defaults) -> Consent:
    given_at = _instant(cells, "given_at", defaults.at)
    if given_at is None:
        raise CellError("given_at", "expected when it was given, found an empty cell: fill it in")
    return Consent(
        source=cells.get("source") or defaults.source,
        proof=cells.get("proof") or "",
        given_at=given_at,
        channel=_channel(cells, "sms"),
        number=_number(cells, defaults.region),
        customer_id=id_in(cells, "customer_id"),
        account_id=id_in(cells, "account_id"),
        who=defaults.who,
    )


def _number(cells: Cells, region: str | None) -> str | None:
    """Return the number as E.164; the message of what is wrong with it never shows it (law 13)."""
    if not cells.get("number"):
        return None
    try:
        return parse_phone(cells["number"], region).e164
    except DataError as error:
        raise CellError("number", str(error)) from None


def id_in(cells: Cells, name: str) -> str | None:
    """Return the id in a cell, or None where it is empty; raise CellError for what no id can be."""
    text = cells.get(name)
    if text and (len(text) > ID_CHARS_MAX or not text.isprintable()):
        raise CellError(name, f"expected at most {ID_CHARS_MAX} printable characters, found another text: correct it")
    return text or None


def _channel(cells: Cells, otherwise: str) -> str:
    channel = cells.get("channel") or otherwise
    if channel not in CHANNELS:
        raise CellError("channel", f"expected {' or '.join(CHANNELS)}, found {channel[:16]!r}")
    return channel


def _instant(cells: Cells, name: str, at: datetime) -> datetime | None:
    text = cells.get(name)
    if not text:
        return None
    try:
        read = datetime.fromisoformat(text)
        known = read.astimezone(UTC) if read.tzinfo is not None else None
    except (ValueError, OverflowError):
        known = None
    if known is None:
        raise CellError(name, f"expected an instant with its zone such as 2026-07-28T10:00+08:00, found {text[:32]!r}")
    if known > at:
        raise CellError(name, f"expected an instant that is over, found {text[:32]}")
    return known
