"""Bring the tables to the newest shape, once, however many processes try at the same time.

The lock is taken before the shape is looked at, so that whoever comes second finds the work done:

- SQLite: the migration is one `BEGIN IMMEDIATE` transaction, which is a lock by itself; a crash leaves the old shape.
- PostgreSQL: an advisory lock held by a connection of its own, so that a revision may commit in between.
- MariaDB: a named lock, likewise. It has no transactional schema changes: after a crash, restore the backup.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import OperationalError

from reminder.errors import StoreError
from reminder.store.engine import shown
from reminder.store.rekeying import adopt

__all__ = ["HEAD", "UPGRADE_WAIT_SECONDS", "SchemaState", "require_current", "schema_state", "upgrade"]

HEAD = "0010"
"""The newest revision. Written here so that a look at the schema need not load Alembic; a test compares the two."""

UPGRADE_WAIT_SECONDS = 60
"""How long one process waits for another one's migration (on SQLite: as long as for any other writer)."""

_SCRIPTS = "reminder.store:migrations"
_VERSION_TABLE = "alembic_version"
_POSTGRESQL_LOCK = 7_364_251_907  # any number will do, as long as every release uses the same
_MARIADB_LOCK = "CONCAT('reminder.upgrade.', LEFT(DATABASE(), 40))"  # names are per server, at most 64 characters


@dataclass(frozen=True, slots=True)
class SchemaState:
    """Which revision the tables have, None where there are none yet, and which one this program works with."""

    current: str | None
    head: str

    @property
    def up_to_date(self) -> bool:
        """Return whether this program can work with the tables as they are."""
        return self.current == self.head


def schema_state(engine: Engine) -> SchemaState:
    """Return which revision the tables of this database have; changes nothing."""
    with engine.connect() as connection:
        return SchemaState(_current(connection), HEAD)


def require_current(engine: Engine) -> None:
    """Return when the tables are of this release; raise StoreError saying how to get there when not."""
    state = schema_state(engine)
    if not state.up_to_date:
        raise _unfit(engine, state.current)


def upgrade(engine: Engine, *, note: Callable[[Connection, str], None] = lambda _connection, _before: None) -> str:
    """Bring the tables to the newest revision, under a lock; return that revision.

    Rows are kept. Where the tables are of this release already, nothing is changed. `note` is called after a change, in
    its transaction, with the revision that there was before, or nothing.
    Raises StoreError when they are of a newer release, or when another process holds the lock for too long.
    """
    with _locked(engine) as connection:
        current = _current(connection)
        if current is not None and current > HEAD:
            raise _unfit(engine, current)
        if current != HEAD:
            _migrate(connection)
            if current is None:
                adopt(connection)
            note(connection, current or "")
    return HEAD


def _current(connection: Connection) -> str | None:
    """Return the revision that the database says it has, or None."""
    if not inspect(connection).has_table(_VERSION_TABLE):
        return None
    revision: str | None = connection.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar()  # noqa: S608 - a constant
    return revision


def _unfit(engine: Engine, current: str | None) -> StoreError:
    """Return the error for tables that are not of this release, saying what to do."""
    cure = "install the newer release" if current is not None and current > HEAD else "run `reminder db upgrade`"
    found = "no tables" if current is None else current
    return StoreError(f"expected schema {HEAD} in {shown(engine.url)}, found {found}: {cure}")


def _migrate(connection: Connection) -> None:
    """Run the revisions that are missing on this connection."""
    from alembic import command  # not at the top: 0.2 s that only a migration should pay
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", _SCRIPTS)
    command.upgrade(config, "head")


@contextmanager
def _locked(engine: Engine) -> Iterator[Connection]:
    """Give a connection to migrate on, while no other process can; commit at the end."""
    try:
        if engine.dialect.name == "sqlite":
            with _sqlite_alone(engine) as connection:
                yield connection
            return
        with engine.connect() as guard, _named_lock(guard), engine.begin() as connection:
            yield connection
    except OperationalError as exc:
        if not _is_busy(exc):
            raise
        raise StoreError(_busy_message(engine)) from exc


@contextmanager
def _sqlite_alone(engine: Engine) -> Iterator[Connection]:
    """Give a connection in one transaction that nobody else can write beside.

    Foreign keys are off meanwhile, as https://www.sqlite.org/lang_altertable.html#otheralter asks of whoever replaces a
    table others point at, and checked before the commit.
    """
    with engine.connect() as connection:
        driver = connection.connection.cursor()
        driver.execute("PRAGMA foreign_keys = OFF")
        try:
            with connection.begin():
                yield connection
                orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
                if orphans:
                    raise StoreError(f"expected every row to have its counterpart, found {len(orphans)} without")
        finally:
            driver.execute("PRAGMA foreign_keys = ON")


@contextmanager
def _named_lock(guard: Connection) -> Iterator[None]:
    """Hold the server's lock on this connection."""
    if guard.dialect.name == "postgresql":
        guard.execute(text(f"SET lock_timeout = '{UPGRADE_WAIT_SECONDS}s'"))
        take, leave = f"SELECT pg_advisory_lock({_POSTGRESQL_LOCK})", f"SELECT pg_advisory_unlock({_POSTGRESQL_LOCK})"
    else:
        take = f"SELECT GET_LOCK({_MARIADB_LOCK}, {UPGRADE_WAIT_SECONDS})"
        leave = f"SELECT RELEASE_LOCK({_MARIADB_LOCK})"
    taken = guard.execute(text(take)).scalar()
    if guard.dialect.name != "postgresql" and taken != 1:
        raise StoreError(_busy_message(guard.engine))
    try:
        yield
    finally:
        guard.execute(text(leave))
        guard.rollback()


def _is_busy(exc: OperationalError) -> bool:
    """Return whether the database gave up waiting for another process."""
    return "database is locked" in str(exc.orig) or "lock timeout" in str(exc.orig)


def _busy_message(engine: Engine) -> str:
    """Return what to tell when another process does not let go."""
    return (
        f"expected to be the only one to change the tables of {shown(engine.url)}, "
        "found another process at it for too long: wait for it, or end it, and run `reminder db upgrade` again"
    )
