"""Writing imported accounts: what is new is added, what differs is changed, what is the same is left alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Insert, Table, bindparam, select, update

from reminder.bulk import ManyRows, among, inserts
from reminder.dialects import insert_over

__all__ = ["Seen", "Upsert", "Written"]

Written = tuple[int, int, int]
"""How many rows were added, changed and left as they were."""


class Upsert:
    """Writes rows whose `columns` and `attributes` a file fills, and leaves what it doesn't fill as it is."""

    def __init__(self, table: Table, columns: Sequence[str], attributes: frozenset[str], at: datetime) -> None:
        self._table = table
        self._compared = [*(name for name in columns if name != "account_id"), "attributes"]
        self._values = itemgetter(*self._compared)
        stored = select(table.c.account_id, *(table.c[name] for name in self._compared))
        self._stored = stored.where(among(table.c.account_id, bindparam("ids")))
        self._attributes = attributes
        self._at = at
        self._writing: ManyRows | None = None

    def write(self, connection: Connection, rows: list[dict[str, Any]], *, dry_run: bool) -> Written:
        """Write rows of different account ids, or with `dry_run` only count; return what became of them.

        Rows that are the same still get a new `loaded_at`, for the file says that they are true as of now.
        """
        stored_rows = connection.execute(self._stored, {"ids": [row["account_id"] for row in rows]})
        known = {row[0]: row for row in stored_rows}
        differing, same = [], []
        for row in rows:
            stored = known.get(row["account_id"])
            if stored is not None:
                kept = {name: text for name, text in stored[-1].items() if name not in self._attributes}
                row["attributes"] = {**kept, **row["attributes"]}
            if stored is None or self._values(row) != tuple(stored[1:]):
                differing.append(row)
            else:
                same.append(row["account_id"])
        if differing and not dry_run:
            differing.sort(key=itemgetter("account_id"))  # in one order everywhere, so that two imports don't deadlock
            self._write(connection, differing)
        if not dry_run:
            self._touch(connection, same)
        changed = len(known) - len(same)
        return len(differing) - changed, changed, len(same)

    def _touch(self, connection: Connection, account_ids: list[str]) -> None:
        if account_ids:
            touched = update(self._table).where(among(self._table.c.account_id, account_ids))
            connection.execute(touched.values(loaded_at=self._at))

    def _write(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        names = ("account_id", *self._compared)
        if self._writing is None:
            self._writing = inserts(self._statement(connection.dialect.name), names, ["loaded_at"])
        self._writing.write(connection, [*map(itemgetter(*names), rows)], loaded_at=self._at)

    def _statement(self, dialect: str) -> Insert:
        written = [*self._compared, "loaded_at"]
        return insert_over(dialect, self._table, ["account_id"], lambda new: [(name, new[name]) for name in written])


class Seen:
    """Remembers which account ids a file had, and on which line: in a temporary file, so that memory stays flat."""

    def __init__(self) -> None:
        # A database without a name is SQLite's own temporary file, gone when it is closed.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute("CREATE TABLE seen (account_id TEXT PRIMARY KEY, line INTEGER NOT NULL) WITHOUT ROWID")

    def close(self) -> None:
        """Forget everything."""
        self._database.close()

    def repeated(self, account_ids: Sequence[str], lines: Sequence[int]) -> dict[int, int]:
        """Note account ids with their lines; return the lines whose id was there before -> the line where it was."""
        noted = zip(account_ids, lines, strict=True)
        self._database.execute("BEGIN")
        added = self._database.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", noted).rowcount
        self._database.execute("COMMIT")
        if added == len(lines):
            return {}
        first = "SELECT line FROM seen WHERE account_id = ?"
        found = {
            line: int(self._database.execute(first, (key,)).fetchone()[0])
            for key, line in zip(account_ids, lines, strict=True)
        }
        return {line: earlier for line, earlier in found.items() if line != earlier}
