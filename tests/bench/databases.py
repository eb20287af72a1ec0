"""Databases of the bench: a SQLite file (WAL, synchronous FULL) and, where a server is, a PostgreSQL database."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, make_url, text

from reminder.errors import StoreError
from reminder.store.engine import open_engine
from reminder.store.schema import metadata
from reminder.store.upgrade import upgrade

__all__ = ["Raw", "Store", "places", "postgresql_server"]

_ENVIRON = os.environ  # noqa: TID251 - where the server is is a matter of the machine
_SERVERS = (
    "postgresql://postgres@127.0.0.1:5432/postgres?connect_timeout=3",
    "postgresql://postgres@/postgres?host=/var/run/postgresql&connect_timeout=3",
)


@dataclass(frozen=True)
class Store:
    """A database with our tables in it, and the short name by which the report calls it."""

    name: str
    url: str
    engine: Engine

    def clear(self, *names: str) -> None:
        """Empty these tables, or all, such that nothing of what was there is in the way."""
        tables = [table for table in reversed(metadata.sorted_tables) if not names or table.name in names]
        with self.engine.begin() as connection:
            if self.name == "postgresql":
                connection.execute(text(f"TRUNCATE {', '.join(table.name for table in tables)} CASCADE"))
                return
            for table in tables:
                connection.execute(table.delete())


class Raw:
    """The bare driver, for floors: statements with `?`, no library between."""

    def __init__(self, engine: Engine) -> None:
        self._pooled = engine.raw_connection()
        self.connection: Any = self._pooled.driver_connection
        assert self.connection is not None
        self.is_sqlite = isinstance(self.connection, sqlite3.Connection)
        self.cursor = self.connection.cursor()

    def begin(self) -> None:
        """Begin a transaction as the product's are begun."""
        if self.is_sqlite:
            self.cursor.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Commit it."""
        self.connection.commit()

    def run(self, sql: str, values: Sequence[object] = ()) -> Any:
        """Execute one statement; return the cursor."""
        return self.cursor.execute(self._said(sql), values)

    def many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Execute a statement for each of many rows."""
        self.cursor.executemany(self._said(sql), list(rows))

    def close(self) -> None:
        """Give the connection back."""
        self._pooled.close()

    def _said(self, sql: str) -> str:
        return sql if self.is_sqlite else sql.replace("?", "%s")


def postgresql_server() -> str | None:
    """Return the URL of a PostgreSQL server that lets us in, or None."""
    given = _ENVIRON.get("REMINDER_TEST_POSTGRES_URL")
    for url in (given,) if given else _SERVERS:
        try:
            _on_server(url, "SELECT 1")
        except StoreError:
            continue
        return url
    return None


def _on_server(server: str, statement: str) -> None:
    engine = open_engine(server)
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(statement))
    finally:
        engine.dispose()


@contextmanager
def places(folder: Path, wanted: Sequence[str], purpose: str) -> Iterator[list[Store]]:
    """Lend a new database on each of the wanted kinds that this machine has; they are gone afterwards."""
    stores = []
    name = f"reminder_bench_{os.getpid()}_{purpose}"
    server = postgresql_server() if "postgresql" in wanted else None
    try:
        if "sqlite" in wanted:
            stores.append(_opened("sqlite", f"sqlite:///{folder}/{name}.db"))
        if server:
            _on_server(server, f"CREATE DATABASE {name}")
            url = make_url(server).set(database=name).render_as_string(hide_password=False)
            stores.append(_opened("postgresql", url))
        yield stores
    finally:
        for store in stores:
            store.engine.dispose()
        (folder / f"{name}.db").unlink(missing_ok=True)
        if server:
            _on_server(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _opened(name: str, url: str) -> Store:
    engine = open_engine(url)
    upgrade(engine)
    return Store(name, url, engine)
