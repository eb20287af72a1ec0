"""Writing imported accounts: what is new is added, what differs is changed, what is the same is left alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, String, Table, select, update
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.sql.dml import Insert

from reminder.book.expressions import one_of
from reminder.bulk import ManyRows, inserts

__all__ = ["Seen", "Upsert", "Written"]

_KEYS_MAX = 1_000
"""How many account ids one statement names."""

Written = tuple[int, int, int]
"""How many rows were added, changed and left as they were."""


class Upsert:
    """Writes rows whose `columns` and `attributes` a file fills, and leaves what it doesn't fill as it is."""

    def __init__(self, table: Table, columns: Sequence[str], attributes: frozenset[str], at: datetime) -> None:
        self._table = table
        self._compared = [*(name for name in columns if name != "account_id"), "attributes"]
        self._values = itemgetter(*self._compared)
        self._attributes = attributes
        self._at = at
        self._writing: ManyRows | None = None

    def write(self, connection: Connection, rows: list[dict[str, Any]], *, dry_run: bool) -> Written:
        """Write rows of different account ids, or with `dry_run` only count; return what became of them.

        Rows that are the same still get a new `loaded_at`, for the file says that they are true as of now.
        """
        known = {row[0]: row for row in self._stored(connection, [row["account_id"] for row in rows])}
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

    def _stored(self, connection: Connection, keys: list[str]) -> Iterator[Row[Any]]:
        table = self._table
        query = select(table.c.account_id, *(table.c[name] for name in self._compared))
        for some in self._some(connection, keys):
            yield from connection.execute(query.where(some))

    def _touch(self, connection: Connection, keys: list[str]) -> None:
        for some in self._some(connection, keys):
            connection.execute(update(self._table).where(some).values(loaded_at=self._at))

    def _some(self, connection: Connection, keys: list[str]) -> Iterator[ColumnElement[bool]]:
        """Yield conditions that together are for all these keys."""
        column = self._table.c.account_id
        for start in range(0, len(keys), _KEYS_MAX):
            yield one_of(column, keys[start : start + _KEYS_MAX], String(), connection.dialect.name)

    def _write(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        names = ("account_id", *self._compared)
        if self._writing is None:
            self._writing = inserts(self._statement(connection.dialect.name), names, ["loaded_at"])
        self._writing.write(connection, [*map(itemgetter(*names), rows)], loaded_at=self._at)

    def _statement(self, dialect: str) -> Insert:
        written = [*self._compared, "loaded_at"]
        if dialect in ("mysql", "mariadb"):
            added = mysql.insert(self._table)
            return added.on_duplicate_key_update({name: added.inserted[name] for name in written})
        insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
        statement = insert(self._table)
        return statement.on_conflict_do_update(
            index_elements=["account_id"], set_={name: statement.excluded[name] for name in written}
        )


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

    def repeated(self, lines: list[tuple[str, int]]) -> dict[int, int]:
        """Note account ids with their lines; return the lines whose id was there before -> the line where it was."""
        self._database.execute("BEGIN")
        added = self._database.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", lines).rowcount
        self._database.execute("COMMIT")
        if added == len(lines):
            return {}
        first = "SELECT line FROM seen WHERE account_id = ?"
        found = {line: int(self._database.execute(first, (key,)).fetchone()[0]) for key, line in lines}
        return {line: earlier for line, earlier in found.items() if line != earlier}
