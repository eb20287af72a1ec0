"""Connections to a database that do not lose data silently.

Each database needs its own care before it can be trusted with "once" and "nothing lost":

- SQLite as Python drives it by default starts a transaction only at the first write, so that two processes can read the
  same value, both write, and one update is gone without an error. Here every transaction takes the write lock when it
  begins (`BEGIN IMMEDIATE`), and waits up to 30 seconds for it. That also stands in for row locks, which SQLite
  has not. A commit is on the disk before it returns (`synchronous=FULL`): the intent to send must outlive a power cut,
  or the text would go out twice.
- MariaDB may cut a long text or an impossible date with a mere warning, and by default reads an old snapshot
  after waiting for a lock. Here it is strict, reads what is committed, and counts time in UTC.
- PostgreSQL is asked for what it does by default, in case an administrator changed that, and to plan each statement for
  the table as it is now.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import StaticPool

from reminder.errors import StoreError
from reminder.store.keyring import Keyring
from reminder.store.sealed import use_keyring

__all__ = [
    "BUSY_TIMEOUT_MS",
    "CONNECT_SECONDS",
    "POOL_CONNECTIONS_MAX",
    "SQLITE_VERSION_MIN",
    "UnreachableError",
    "is_in_memory",
    "open_engine",
    "shown",
]

SQLITE_VERSION_MIN = (3, 35, 0)
"""The first SQLite with `RETURNING` (https://www.sqlite.org/lang_returning.html)."""

BUSY_TIMEOUT_MS = 30_000
"""How long a SQLite transaction waits for another process to finish writing, in milliseconds."""

POOL_CONNECTIONS_MAX = 10
"""The most connections one process keeps open to one database."""

CONNECT_SECONDS = 10
"""How long a server may take to let us in, in seconds, where the URL says nothing else."""

_POOL_TIMEOUT_SECONDS = 30
_POOL_RECYCLE_SECONDS = 1800

_DRIVERS = {
    "sqlite": ("sqlite", "pysqlite"),
    "postgres": ("postgresql", "psycopg"),
    "postgresql": ("postgresql", "psycopg"),
    "mysql": ("mysql", "pymysql"),
    "mariadb": ("mysql", "pymysql"),
}
"""Scheme of a URL as people write it -> (dialect, driver) that this program is tested with."""

_EXTRAS = {"postgresql": "postgres", "mysql": "mariadb"}
"""Dialect -> extra of this package that installs its driver."""

_MARIADB_SESSION = (
    "SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,"
    "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'"
)


_SILENCE_SECONDS_MAX = 900
"""How long MariaDB may take for one answer, in seconds. PyMySQL knows no other sign of a server that is cut off."""

_SIGNS_OF_LIFE = {
    "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3,  # seconds, seconds, times
    "tcp_user_timeout": 60_000,  # milliseconds
}  # fmt: skip
# A network that drops packets says nothing: without these a statement would wait for its answer for hours. However
# long a statement takes, a server that lives answers the kernel's probes.


class UnreachableError(StoreError):
    """The database does not answer, or lets nobody in: it may be there later."""


def open_engine(url: str, *, read_only: bool = False, keyring: Keyring | None = None) -> Engine:
    """Return an engine for the database at `url`; it connects at first use.

    `postgres://`, `postgresql://`, `mysql://`, `mariadb://` and `sqlite://` are understood; `sqlite://` alone is a
    database in memory, which all connections of the engine share. With `read_only` the database refuses writes (SQLite,
    PostgreSQL, MariaDB alike) and, on SQLite, readers do not queue for the write lock. With a `keyring` what
    is personal is sealed when it is written.

    Raises StoreError when the URL is not one of these, its driver is not installed, SQLite is too old or its file
    can't be there; later, at first use, when the database can't be reached. No message shows a password.
    """
    target = _normalised(url)
    dialect = target.get_backend_name()
    if dialect == "sqlite":
        engine = _open_sqlite(target, read_only=read_only)
    elif dialect == "postgresql":
        engine = _open_server(target, _postgresql_arguments(target, read_only=read_only))
        event.listen(engine, "connect", _send_lists_as_they_are)
    else:
        engine = _open_server(target, _mariadb_arguments(read_only=read_only))
        event.listen(engine, "connect", _refuse_mysql)
    event.listen(engine, "handle_error", _explain_no_connection)
    use_keyring(engine, keyring)
    return engine


def shown(url: URL) -> str:
    """Return the URL as it may be printed: without password and without options, which may hold one too."""
    return url.set(drivername=url.get_backend_name(), query={}).render_as_string(hide_password=True)


def is_in_memory(url: URL) -> bool:
    """Return whether this is a SQLite database that lives and dies with its engine."""
    if url.get_backend_name() != "sqlite":
        return False
    name = url.database or ""
    return name in ("", ":memory:") or name.startswith("file::memory:") or url.query.get("mode") == "memory"


def _normalised(url: str) -> URL:
    """Return the parsed URL with the driver that this program is tested with; raise StoreError for any other."""
    expected = "expected a database URL such as sqlite:///reminder.db, postgresql://user@host/name or mariadb://..."
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as exc:
        raise StoreError(f"{expected}; found a text that is none: check the `url` in the configuration") from exc
    scheme, _, driver = parsed.drivername.partition("+")
    dialect, tested = _DRIVERS.get(scheme, ("", ""))
    if not dialect or driver not in ("", tested):
        raise StoreError(f"{expected}; found {parsed.drivername}://: write one of {', '.join(_DRIVERS)}://")
    return parsed.set(drivername=f"{dialect}+{tested}")


def _open_server(url: URL, connect_args: dict[str, Any]) -> Engine:
    """Return an engine for a database server, with a pool that is bounded and drops dead connections."""
    try:
        return create_engine(
            url,
            isolation_level="READ COMMITTED",
            connect_args=connect_args,
            hide_parameters=True,
            pool_pre_ping=True,
            pool_size=POOL_CONNECTIONS_MAX // 2,
            max_overflow=POOL_CONNECTIONS_MAX - POOL_CONNECTIONS_MAX // 2,
            pool_timeout=_POOL_TIMEOUT_SECONDS,
            pool_recycle=_POOL_RECYCLE_SECONDS,
        )
    except ModuleNotFoundError as exc:
        extra = _EXTRAS[url.get_backend_name()]
        raise StoreError(
            f"expected the driver {exc.name} for {shown(url)}, found none installed: "
            f'run `pip install "reminder-dispatcher[{extra}]"`'
        ) from exc


def _postgresql_arguments(url: URL, *, read_only: bool) -> dict[str, Any]:
    """Return libpq parameters: UTC, and no writes when asked, beside whatever options the URL brings itself."""
    given = url.query.get("options", ())
    options = [given] if isinstance(given, str) else list(given)
    # An outbox is empty in the morning and full at nine: a plan made for the one must not be kept for the other.
    options.append("-c timezone=UTC -c plan_cache_mode=force_custom_plan")
    if read_only:
        options.append("-c default_transaction_read_only=on")
    # libpq by itself would wait for a machine that is gone for as long as its kernel does: two minutes and more.
    patience = {"connect_timeout": CONNECT_SECONDS, **_SIGNS_OF_LIFE}
    patience = {name: value for name, value in patience.items() if name not in url.query}
    return {"options": " ".join(options), "application_name": "reminder", **patience}


def _send_lists_as_they_are(dbapi_connection: Any, _record: object) -> None:  # noqa: ANN401 - a driver's own type
    """Let psycopg send lists in binary: as text it escapes each quote of each JSON in Python, 144 to a text sent."""
    from psycopg.types.array import ListBinaryDumper

    dbapi_connection.adapters.register_dumper(list, ListBinaryDumper)


def _mariadb_arguments(*, read_only: bool) -> dict[str, Any]:
    """Return PyMySQL parameters: every character, and what a session is told before its first transaction."""
    return {
        "charset": "utf8mb4",
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": _SILENCE_SECONDS_MAX,
        "write_timeout": _SILENCE_SECONDS_MAX,
        "init_command": _MARIADB_SESSION + (", tx_read_only = 1" if read_only else ""),
    }


def _refuse_mysql(dbapi_connection: Any, _record: object) -> None:  # noqa: ANN401 - a driver's connection has no common type
    """Raise StoreError when the server is MySQL: it lacks the collation that keeps `A-1` and `a-1 ` apart."""
    version = dbapi_connection.get_server_info()
    if "mariadb" not in version.lower():
        raise StoreError(f"expected a MariaDB server, found MySQL {version}: use MariaDB 10.6+, PostgreSQL or SQLite")


def _open_sqlite(url: URL, *, read_only: bool) -> Engine:
    """Return an engine for a SQLite file, or for one shared connection when it lives in memory."""
    if sqlite3.sqlite_version_info < SQLITE_VERSION_MIN:
        wanted = ".".join(str(part) for part in SQLITE_VERSION_MIN)
        raise StoreError(
            f"expected SQLite {wanted} or later, found {sqlite3.sqlite_version}: "
            "use a Python built with a newer SQLite, or another database"
        )
    in_memory = is_in_memory(url)
    if not in_memory:
        _require_place(url, read_only=read_only)
    pool: dict[str, Any] = {"poolclass": StaticPool} if in_memory else {"pool_timeout": _POOL_TIMEOUT_SECONDS}
    engine = create_engine(
        url,
        connect_args={"isolation_level": None, "check_same_thread": False},
        hide_parameters=True,
        pool_reset_on_return="rollback",
        **pool,
    )

    @event.listens_for(engine, "connect")
    def set_up(dbapi_connection: sqlite3.Connection, _record: object) -> None:
        _set_up_sqlite(dbapi_connection, in_memory=in_memory, read_only=read_only)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _require_place(url: URL, *, read_only: bool) -> None:
    """Raise StoreError when the file can't be where the URL says: SQLite itself would only say "unable to open"."""
    name = url.database or ""
    if name.startswith("file:"):
        return
    path = Path(name)
    if not path.parent.is_dir():
        raise StoreError(
            f"expected a directory {path.parent} for {shown(url)}, found none: make it, or correct the URL"
        )
    if read_only and not path.is_file():
        raise StoreError(f"expected a database at {path}, found no file: run `reminder db upgrade` first")


def _set_up_sqlite(dbapi_connection: sqlite3.Connection, *, in_memory: bool, read_only: bool) -> None:
    """Give a new connection what SQLite leaves off by default. The timeout first: the others may have to wait."""
    cursor = dbapi_connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = FULL")
    if read_only:
        cursor.execute("PRAGMA query_only = ON")
    elif not in_memory:
        cursor.execute("PRAGMA journal_mode = WAL")
    cursor.close()


def _explain_no_connection(context: ExceptionContext) -> None:
    """Raise UnreachableError in place of a driver's error when there is no connection at all; leave others alone."""
    if context.connection is not None or context.is_pre_ping or context.engine is None:
        return
    lines = str(context.original_exception).strip().splitlines() or ["no reason given"]
    raise UnreachableError(
        f"expected to reach the database {shown(context.engine.url)}, found: {lines[0]}: "
        "check that it runs and that the URL, user and password are right"
    ) from context.original_exception
