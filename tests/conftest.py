"""Databases for the tests: real ones. Every test that asks for `engine` runs on SQLite, PostgreSQL and MariaDB.

Each test session, and each worker of one, makes a database of its own on the servers and drops it at the end; between
tests its tables are emptied. A server is looked for at `REMINDER_TEST_POSTGRES_URL` or `REMINDER_TEST_MARIADB_URL`, or
else at its usual place on this machine. Where there is none its tests are skipped, and the last lines of the run say
so; with `CI=true` they fail instead.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import URL, Engine, delete, make_url, text

from reminder.errors import StoreError
from reminder.store.engine import open_engine
from reminder.store.schema import metadata
from reminder.store.upgrade import upgrade

# A busy machine is no broken promise, so no example has a deadline. `make worlds` tries the laws in 10,000 worlds.
settings.register_profile("default", max_examples=100, deadline=None)
settings.register_profile("worlds", max_examples=10_000, deadline=None)
settings.load_profile("default")

_ENVIRON = os.environ  # noqa: TID251 - where the servers are is a matter of the machine the tests run on

LEFT_OUT = "database left out: "
"""How the reason of a skip begins when a server is missing; the last lines of the run collect these."""

_PLACES = {
    "postgresql": (
        "postgresql://postgres@127.0.0.1:5432/postgres?connect_timeout=3",
        "postgresql://postgres@/postgres?host=/var/run/postgresql&connect_timeout=3",
    ),
    "mariadb": (
        "mariadb://root@127.0.0.1:3306/?connect_timeout=3",
        "mariadb://root@localhost/?unix_socket=/run/mysqld/mysqld.sock&connect_timeout=3",
    ),
}
_VARIABLES = {"postgresql": "REMINDER_TEST_POSTGRES_URL", "mariadb": "REMINDER_TEST_MARIADB_URL"}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end which databases the run left out, so that nobody takes a partial run for a full one."""
    reasons = set()
    for report in terminalreporter.getreports("skipped"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if LEFT_OUT in reason:
            reasons.add(reason.partition(LEFT_OUT)[2])
    for reason in sorted(reasons):
        terminalreporter.write_line(f"{LEFT_OUT}{reason}", yellow=True)


def _reachable(kind: str) -> str | None:
    """Return the URL of a server of this kind that lets us in, or None."""
    given = _ENVIRON.get(_VARIABLES[kind])
    for url in (given,) if given else _PLACES[kind]:
        try:
            _on_server(url, "SELECT 1")
        except StoreError:
            continue
        return url
    return None


def _on_server(server: str, *statements: str) -> None:
    """Run statements that can't be part of a transaction."""
    engine = open_engine(server)
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for statement in statements:
                connection.execute(text(statement))
    finally:
        engine.dispose()


class Server:
    """A database server, and how to make and drop databases on it."""

    def __init__(self, kind: str, url: str) -> None:
        self.kind = kind
        self.url = url

    def make(self, name: str) -> str:
        """Create an empty database of this name, in place of a leftover one; return its URL."""
        self.drop(name)
        _on_server(self.url, f"CREATE DATABASE {name}")
        if self.kind == "postgresql":  # what a test commits need not survive a power cut
            _on_server(self.url, f"ALTER DATABASE {name} SET synchronous_commit = off")
        return shown_whole(make_url(self.url).set(database=name))

    def drop(self, name: str) -> None:
        """Drop the database of this name, with whoever is still connected to it."""
        force = " WITH (FORCE)" if self.kind == "postgresql" else ""
        _on_server(self.url, f"DROP DATABASE IF EXISTS {name}{force}")


def shown_whole(url: URL) -> str:
    """Return the URL as text with its password, to open another engine with."""
    return url.render_as_string(hide_password=False)


def _server(kind: str) -> Server:
    """Return the server of this kind; skip the test when there is none, or fail it where nothing may be skipped."""
    url = _reachable(kind)
    if url is not None:
        return Server(kind, url)
    reason = f"{kind}: no server at {_VARIABLES[kind]} nor at its usual place on this machine"
    if _ENVIRON.get("CI", "").lower() in ("true", "1"):
        pytest.fail(f"{reason}, and CI=true allows no skip")
    pytest.skip(LEFT_OUT + reason)


@pytest.fixture(scope="session")
def database_name(worker_id: str) -> str:
    """A name for databases that no other test session and no other worker of this one uses."""
    return f"reminder_test_{os.getpid()}_{worker_id}"


@pytest.fixture(scope="session")
def postgresql_server() -> Server:
    """The PostgreSQL server, or a skip."""
    return _server("postgresql")


@pytest.fixture(scope="session")
def mariadb_server() -> Server:
    """The MariaDB server, or a skip."""
    return _server("mariadb")


def _with_tables(url: str) -> Engine:
    """Return an engine for the database at this URL, having made our tables in it."""
    engine = open_engine(url)
    upgrade(engine)
    return engine


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with our tables, to be copied: that is faster than to make them for each test."""
    path = tmp_path_factory.mktemp("template") / "reminder.db"
    _with_tables(f"sqlite:///{path}").dispose()
    return path


@pytest.fixture(scope="session")
def _postgresql_engine(postgresql_server: Server, database_name: str) -> Iterator[Engine]:
    """An engine for this test run's PostgreSQL database, to empty its tables with."""
    engine = _with_tables(postgresql_server.make(database_name))
    yield engine
    engine.dispose()
    postgresql_server.drop(database_name)


@pytest.fixture(scope="session")
def _mariadb_engine(mariadb_server: Server, database_name: str) -> Iterator[Engine]:
    """An engine for this test run's MariaDB database, to empty its tables with."""
    engine = _with_tables(mariadb_server.make(database_name))
    yield engine
    engine.dispose()
    mariadb_server.drop(database_name)


def _emptied(engine: Engine) -> str:
    """Return the URL of this engine's database after deleting every row, those that point at others first."""
    with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(delete(table))
    return shown_whole(engine.url)


@pytest.fixture
def sqlite_url(_sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of a new SQLite database with our tables, empty."""
    path = tmp_path / "reminder.db"
    shutil.copyfile(_sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgresql_url(_postgresql_engine: Engine) -> str:
    """The URL of a PostgreSQL database with our tables, empty."""
    return _emptied(_postgresql_engine)


@pytest.fixture
def mariadb_url(_mariadb_engine: Engine) -> str:
    """The URL of a MariaDB database with our tables, empty."""
    return _emptied(_mariadb_engine)


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a database with our tables, empty: the test runs once on each of the three."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


_SHARED = {"postgresql": "_postgresql_engine", "mariadb": "_mariadb_engine"}


@pytest.fixture
def engine(request: pytest.FixtureRequest, database_url: str) -> Iterator[Engine]:
    """An engine for `database_url`: the test runs once on each of the three databases.

    On a server all tests share one, with its connections and the statements that it has compiled; each has a view of
    its own, so that what listens to one test's hears nothing of another's.
    """
    shared = _SHARED.get(make_url(database_url).get_backend_name())
    if shared is not None:
        yield request.getfixturevalue(shared).execution_options()
        return
    made = open_engine(database_url)
    yield made
    made.dispose()


@pytest.fixture
def sqlite_engine(sqlite_url: str) -> Iterator[Engine]:
    """An engine for a new SQLite database, for tests that no other database would make stronger."""
    made = open_engine(sqlite_url)
    yield made
    made.dispose()
