"""`accounts import`: a CSV file into our own account table; bad rows are listed, the rest goes in.

Repeating it changes nothing; memory does not grow with the file, for a chunk of rows is read, checked and written in
one transaction before the next is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Table

from reminder.book.csv_accounts import CellFault, RowReader
from reminder.book.csv_source import CsvSource, Record
from reminder.book.upsert import Seen, Upsert
from reminder.errors import Problem

__all__ = ["CHUNK_ROWS", "PROBLEMS_MAX", "ImportReport", "Progress", "import_accounts"]

CHUNK_ROWS = 5_000
"""How many rows are read, checked and written at a time, in one transaction."""

PROBLEMS_MAX = 100
"""How many problems, and how many notes, a report lists; the others are counted."""

Progress = Callable[[int, float], None]
"""Called after each chunk with the number of rows read and the share of the file read, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of a file: `read` = `added` + `changed` + `unchanged` + `refused`.

    `problems` say why rows were refused, `notes` what is doubtful about rows that went in; the first 100 of each, and
    `more` and `more_notes` beyond. A problem's column is the number of the cell, counted from 1.
    """

    read: int
    added: int
    changed: int
    unchanged: int
    refused: int
    problems: tuple[Problem, ...]
    more: int
    notes: tuple[Problem, ...]
    more_notes: int


def import_accounts(
    engine: Engine,
    account_table: Table,
    file: Path,
    *,
    at: datetime,
    region: str | None,
    on_progress: Progress | None = None,
    dry_run: bool = False,
    chunk: int = CHUNK_ROWS,
) -> ImportReport:
    """Add and change the accounts in a CSV file, and return what became of its rows.

    Columns are known by their header; those that the file hasn't keep what the table has. Amounts are in major units.
    `region` (ISO 3166) is where phone numbers without a country code are read. With `dry_run` nothing is written.

    Raises ImportFileError where the file can't be read or lacks a column that every account needs; never for a row.
    """
    with CsvSource(file) as source:
        run = _Import(source, account_table, at=at, region=region)
        try:
            records = source.records()
            for first in records:
                rows = run.checked(chain([first], islice(records, chunk - 1)))
                with engine.connect() as connection, connection.begin():
                    run.count(run.upsert.write(connection, rows, dry_run=dry_run))
                if on_progress is not None:
                    on_progress(run.read, source.share)
        finally:
            run.seen.close()
        return run.report()


class _Listed:
    """The first problems of many, and how many there were besides."""

    def __init__(self) -> None:
        self.kept: list[Problem] = []
        self.more = 0

    def add(self, problem: Problem) -> None:
        """Keep the problem, or only count it."""
        if len(self.kept) < PROBLEMS_MAX:
            self.kept.append(problem)
        else:
            self.more += 1


class _Import:
    """One import while it runs: what it counts and what it remembers from chunk to chunk."""

    def __init__(self, source: CsvSource, table: Table, *, at: datetime, region: str | None) -> None:
        self.path = str(source.path)
        self.reader = RowReader(source.columns, table, region)
        self.upsert = Upsert(table, self.reader.core, self.reader.attributes, at)
        self.seen = Seen()
        self.read = self.added = self.changed = self.unchanged = self.refused = 0
        self.problems, self.notes = _Listed(), _Listed()
        for note in source.notes:
            self.notes.add(note)

    def checked(self, records: Iterable[Record]) -> list[dict[str, Any]]:
        """Return the rows of a chunk that are good, each account id once; list what is wrong with the others."""
        # A record is dropped as soon as it is read: what lives long, the garbage collector goes through many times.
        lines: list[int] = []
        rows: list[dict[str, Any]] = []
        for line, cells, fault in records:
            self.read += 1
            values, faults = ({}, [(0, fault)]) if fault else self.reader.read(cells)
            if faults:
                self._refuse(line, faults)
            else:
                lines.append(line)
                rows.append(values)
        repeated = self.seen.repeated([values["account_id"] for values in rows], lines)
        for line, values in zip(lines, rows, strict=True):
            if line in repeated:
                place = self.reader.columns.index("account_id") + 1
                message = (
                    f"expected each account_id once, found it on line {repeated[line]} too: keep the row that is right"
                )
                self._refuse(line, [(place, message)])
                continue
            for column, doubt in self.reader.doubts(values):
                self.notes.add(Problem(self.path, line, column, doubt, warning=True))
        return [values for line, values in zip(lines, rows, strict=True) if line not in repeated] if repeated else rows

    def _refuse(self, line: int, faults: list[CellFault]) -> None:
        self.refused += 1
        for column, message in faults:
            self.problems.add(Problem(self.path, line, column, message))

    def count(self, written: tuple[int, int, int]) -> None:
        """Add what became of a chunk's rows to the counts."""
        self.added += written[0]
        self.changed += written[1]
        self.unchanged += written[2]

    def report(self) -> ImportReport:
        """Return the counts and lists so far."""
        return ImportReport(
            read=self.read,
            added=self.added,
            changed=self.changed,
            unchanged=self.unchanged,
            refused=self.refused,
            problems=tuple(self.problems.kept),
            more=self.problems.more,
            notes=tuple(self.notes.kept),
            more_notes=self.notes.more,
        )
