"""The engine: which URLs it takes, what each connection is told, and what it says when it can't."""

from __future__ import annotations

import sqlite3
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, make_url, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.pool import QueuePool

from reminder.errors import StoreError
from reminder.store import engine as engine_module
from reminder.store.engine import POOL_CONNECTIONS_MAX, is_in_memory, open_engine, shown
from reminder.store.schema import customer_lock, event, gateway_state

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("written", "dialect"),
    [
        pytest.param("postgres://me@host/name", "postgresql+psycopg", id="postgres, as hosting companies write it"),
        pytest.param("postgresql://me@host/name", "postgresql+psycopg", id="postgresql"),
        pytest.param("postgresql+psycopg://me@host/name", "postgresql+psycopg", id="postgresql with its driver"),
        pytest.param("mysql://me@host/name", "mysql+pymysql", id="mysql"),
        pytest.param("mariadb://me@host/name", "mysql+pymysql", id="mariadb"),
        pytest.param("mariadb+pymysql://me@host/name", "mysql+pymysql", id="mariadb with its driver"),
        pytest.param("sqlite://", "sqlite+pysqlite", id="sqlite in memory"),
    ],
)
def test_url_is_given_the_driver_this_program_is_tested_with(written: str, dialect: str) -> None:
    """Trap 7: a bare scheme means another driver from one SQLAlchemy to the next, so none is left to chance."""
    engine = open_engine(written)

    assert engine.url.drivername == dialect
    engine.dispose()


def test_an_error_shows_no_row(engine: Engine) -> None:
    """Law 13: whatever a database refuses, a log of the error holds none of the values, one row or many."""
    rows = [{"customer_id": SECRET}, {"customer_id": SECRET}]
    with engine.connect() as connection, pytest.raises(DBAPIError) as caught:
        connection.execute(insert(customer_lock), [*rows, *({"customer_id": f"{SECRET}{n}"} for n in range(9))])

    assert "SQL parameters hidden" in str(caught.value)
    assert SECRET not in str(caught.value).replace(str(caught.value.orig), "")


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("oracle://me:hunter2@host/name", id="a database we do not know"),
        pytest.param("postgresql+psycopg2://me:hunter2@host/name", id="a driver we do not test"),
        pytest.param("hunter2", id="no URL at all"),
        pytest.param("", id="empty"),
        pytest.param("postgresql://me:hunter2@host:port/name", id="a port that is no number"),
    ],
)
def test_unusable_url_is_explained_without_its_password(written: str) -> None:
    """An error says what was expected and what to write instead; law 13: it shows no secret."""
    with pytest.raises(StoreError, match="expected a database URL such as sqlite:///") as caught:
        open_engine(written)

    assert SECRET not in str(caught.value)


def test_missing_driver_names_the_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain installation brings SQLite only; whoever asks for another database learns what to install."""
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(StoreError, match=r'pip install "reminder-dispatcher\[postgres\]"') as caught:
        open_engine(f"postgresql://me:{SECRET}@host/name")

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgresql", "mariadb"])
def test_unreachable_server_is_explained_without_its_password(scheme: str) -> None:
    """The first use of a database that is not there raises one sentence for a person, and law 13: no secret in it."""
    engine = open_engine(f"{scheme}://me:{SECRET}@127.0.0.1:1/name?connect_timeout=3&password={SECRET}")

    with pytest.raises(StoreError, match=r"expected to reach the database .*127\.0\.0\.1:1/name") as caught:
        engine.connect()

    engine.dispose()
    assert SECRET not in str(caught.value)


def test_shown_url_has_neither_password_nor_options() -> None:
    """Law 13: what may be printed of a URL holds no secret, wherever in the URL it stood."""
    engine = open_engine(f"postgresql://me:{SECRET}@host/name?password={SECRET}")

    assert shown(engine.url) == "postgresql://me:***@host/name"


def test_old_sqlite_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trap 9: a SQLite without RETURNING is refused at the start, not in the middle of a claim."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))

    with pytest.raises(StoreError, match=r"expected SQLite 3\.35\.0 or later"):
        open_engine("sqlite://")


def test_sqlite_in_a_missing_directory_is_explained(tmp_path: Path) -> None:
    """SQLite would say "unable to open database file"; the operator is told which directory is missing."""
    with pytest.raises(StoreError, match=r"expected a directory .*nowhere"):
        open_engine(f"sqlite:///{tmp_path}/nowhere/reminder.db")


def test_reading_a_missing_sqlite_file_makes_none(tmp_path: Path) -> None:
    """A mistyped path is an error for a reader, not a new and empty database."""
    with pytest.raises(StoreError, match="run `reminder db upgrade` first"):
        open_engine(f"sqlite:///{tmp_path}/reminder.db", read_only=True)

    assert list(tmp_path.iterdir()) == []


def test_sqlite_connection_has_every_cure(sqlite_engine: Engine) -> None:
    """Readers never block the writer (WAL), a wait is bounded, keys hold, and a commit outlives a power cut (law 3)."""
    with sqlite_engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "busy_timeout", "foreign_keys", "synchronous")
        }

    assert found == {"journal_mode": "wal", "busy_timeout": 30_000, "foreign_keys": 1, "synchronous": 2}


def test_sqlite_driver_begins_no_transaction_of_its_own(sqlite_engine: Engine) -> None:
    """Trap 1: left to itself the driver begins at the first write, without the lock, and behind SQLAlchemy's back."""
    with sqlite_engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.execute("INSERT INTO customer_lock VALUES ('c-1')")

        assert not driver.in_transaction


def test_sqlite_in_memory_is_one_database_for_all_connections() -> None:
    """A preview or a test on a database in memory sees the same tables in each of its transactions."""
    engine = open_engine("sqlite://")
    with engine.begin() as connection:
        customer_lock.create(connection)
        connection.execute(insert(customer_lock).values(customer_id="c-1"))

    with engine.begin() as connection:
        assert connection.execute(select(customer_lock.c.customer_id)).scalars().all() == ["c-1"]
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("sqlite://", True, id="bare"),
        pytest.param("sqlite:///:memory:", True, id="named :memory:"),
        pytest.param("sqlite:///file:x?mode=memory&uri=true", True, id="uri with mode=memory"),
        pytest.param("sqlite:///reminder.db", False, id="file"),
        pytest.param("postgresql://me@host/name", False, id="server"),
    ],
)
def test_in_memory_is_recognised(url: str, expected: bool) -> None:
    """Only a database without a file is opened as one shared connection and needs no lock file."""
    engine = open_engine(url)

    assert is_in_memory(engine.url) is expected
    engine.dispose()


def test_read_only_engine_refuses_writes(database_url: str) -> None:
    """Law 1: preview and explain write nothing, and the database itself holds them to it."""
    reader = open_engine(database_url, read_only=True)

    with pytest.raises(DBAPIError, match=r"(?i)read-?\s?only"), reader.begin() as connection:
        connection.execute(insert(customer_lock).values(customer_id="c-1"))

    with reader.begin() as connection:
        assert connection.execute(select(customer_lock.c.customer_id)).all() == []
    reader.dispose()


def test_reader_does_not_wait_for_the_writer(database_url: str, engine: Engine) -> None:
    """A long planning transaction never makes `status` or `preview` wait, and they don't see half of it."""
    reader = open_engine(database_url, read_only=True)

    with engine.begin() as writing:
        writing.execute(insert(customer_lock).values(customer_id="c-1"))
        with reader.begin() as reading:
            assert reading.execute(select(customer_lock.c.customer_id)).all() == []
    reader.dispose()


def test_open_transaction_sees_what_was_committed_meanwhile(server_url: str) -> None:
    """Law 5: two reads in one transaction may differ on a server, so a payment made a moment ago counts."""
    engine, other = open_engine(server_url), open_engine(server_url)
    with engine.begin() as connection:
        assert connection.execute(select(customer_lock.c.customer_id)).all() == []
        with other.begin() as meanwhile:
            meanwhile.execute(insert(customer_lock).values(customer_id="c-1"))
        assert connection.execute(select(customer_lock.c.customer_id)).scalars().all() == ["c-1"]
    engine.dispose()
    other.dispose()


def test_database_session_counts_in_utc(server_url: str) -> None:
    """Whatever zone the server is set to, SQL that mentions the current time means UTC."""
    engine = open_engine(server_url)
    asked = {"postgresql": "SHOW timezone", "mysql": "SELECT @@session.time_zone"}[engine.dialect.name]

    with engine.connect() as connection:
        assert connection.execute(text(asked)).scalar_one() in ("UTC", "+00:00")
    engine.dispose()


def test_text_that_does_not_fit_is_refused(engine: Engine) -> None:
    """Law 4: MariaDB would cut it with a warning, and an id cut short is another id. (SQLite keeps it whole.)"""
    row = {"customer_id": "x" * 65}
    if engine.dialect.name == "sqlite":
        with engine.begin() as connection:
            connection.execute(insert(customer_lock), row)
            assert connection.execute(select(customer_lock.c.customer_id)).scalar_one() == row["customer_id"]
    else:
        with pytest.raises(DBAPIError, match=r"(?i)too long"), engine.begin() as connection:
            connection.execute(insert(customer_lock), row)


@pytest.mark.parametrize("name", ["王小明", "😀", "Ωmega"])
def test_every_character_comes_back(engine: Engine, name: str) -> None:
    """Names and texts outside the basic plane are kept as they are, on a server set to whatever encoding."""
    with engine.begin() as connection:
        connection.execute(insert(customer_lock).values(customer_id=name))

    with engine.connect() as connection:
        assert connection.execute(select(customer_lock.c.customer_id)).scalar_one() == name


@pytest.mark.parametrize("twin", ["A-1", "a-1 "], ids=["case", "trailing space"])
def test_keys_that_differ_are_different_keys(engine: Engine, twin: str) -> None:
    """Law 9: a book may hold `a-1`, `A-1` and `a-1 `; on no database does one of them hide another."""
    with engine.begin() as connection:
        connection.execute(insert(customer_lock), [{"customer_id": "a-1"}, {"customer_id": twin}])

    with engine.connect() as connection:
        found = connection.execute(select(customer_lock.c.customer_id).where(customer_lock.c.customer_id == "a-1"))
        assert found.scalars().all() == ["a-1"]


def test_foreign_keys_hold(engine: Engine) -> None:
    """An event without its reminder is refused on every database; SQLite has to be told."""
    row = {
        "kind": "hand_over", "addressee": "collections", "account_id": "a-1", "customer_id": "c-1",
        "reminder_id": 404, "happened_at": datetime(2026, 3, 1, tzinfo=UTC), "data": {},
    }  # fmt: skip

    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(insert(event), row)


def test_failed_transaction_leaves_nothing(engine: Engine) -> None:
    """State change and outbox row are one transaction: when the second statement fails, the first is undone."""

    def write_twice() -> None:
        """Write one row, then the same again."""
        with engine.begin() as connection:
            connection.execute(insert(customer_lock).values(customer_id="c-1"))
            connection.execute(insert(customer_lock).values(customer_id="c-1"))

    with pytest.raises(IntegrityError):
        write_twice()

    with engine.connect() as connection:
        assert connection.execute(select(customer_lock.c.customer_id)).all() == []


def test_savepoint_is_undone_alone(engine: Engine) -> None:
    """Law 9: one row that the database refuses can be put aside without losing the batch it came in."""
    with engine.begin() as connection:
        connection.execute(insert(customer_lock).values(customer_id="c-1"))
        with pytest.raises(IntegrityError), connection.begin_nested():
            connection.execute(insert(customer_lock).values(customer_id="c-1"))
        connection.execute(insert(customer_lock).values(customer_id="c-2"))

    with engine.connect() as connection:
        found = connection.execute(select(customer_lock.c.customer_id).order_by(customer_lock.c.customer_id))
        assert found.scalars().all() == ["c-1", "c-2"]


def test_pool_is_bounded(postgresql_url: str) -> None:
    """A process never takes more than its share of the server's connections."""
    engine = open_engine(postgresql_url)
    pool = engine.pool
    assert isinstance(pool, QueuePool)

    assert pool.size() + pool._max_overflow == POOL_CONNECTIONS_MAX
    engine.dispose()


def test_lost_connection_is_replaced(postgresql_url: str) -> None:
    """After a restart of the server the daemon goes on: a dead connection is noticed before it is used."""
    engine, killer = open_engine(postgresql_url), open_engine(postgresql_url)
    with engine.connect() as connection:
        backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    with killer.begin() as connection:
        connection.execute(text(f"SELECT pg_terminate_backend({backend})"))

    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    engine.dispose()
    killer.dispose()


def test_a_table_that_grew_is_asked_by_a_plan_of_its_own(postgresql_url: str) -> None:
    """Law 12: what was quickest for an empty table, and kept by the driver, does not read a full one row by row."""
    engine = open_engine(postgresql_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TEMP TABLE grows (key text PRIMARY KEY)"))
        connection.execute(text("INSERT INTO grows VALUES ('first')"))
        connection.execute(text("ANALYZE grows"))
        found = text("SELECT key FROM grows WHERE key = ANY(:keys)")
        for _ in range(20):  # from the fifth on psycopg prepares it, from the tenth on the server may keep its plan
            connection.execute(found, {"keys": ["none"]}).all()
        connection.execute(text("INSERT INTO grows SELECT i::text FROM generate_series(1, 100000) AS i"))
        connection.execute(found, {"keys": ["7"]}).all()
        scans = text("SELECT seq_scan, idx_scan FROM pg_stat_xact_user_tables WHERE relname = 'grows'")
        before = connection.execute(scans).one()
        connection.execute(found, {"keys": ["7"]}).all()
        after = connection.execute(scans).one()
    engine.dispose()
    assert (after.seq_scan - before.seq_scan, after.idx_scan - before.idx_scan) == (0, 1)


def test_options_of_the_url_are_kept(postgresql_url: str) -> None:
    """A search path given in the URL stays in force beside what this program sets."""
    url = make_url(postgresql_url).update_query_dict({"options": "-c search_path=loan"})
    engine = open_engine(url.render_as_string(hide_password=False))

    with engine.connect() as connection:
        assert connection.execute(text("SHOW search_path")).scalar_one() == "loan"
        assert connection.execute(text("SHOW timezone")).scalar_one() == "UTC"
    engine.dispose()


def test_mysql_is_refused() -> None:
    """MySQL lacks the collation that keeps keys apart; it is refused by name, not by a failing CREATE TABLE."""

    class MySql:
        """A connection to a server that answers as MySQL 8 does."""

        def get_server_info(self) -> str:
            """Return the version as MySQL gives it."""
            return "8.0.39"

    with pytest.raises(StoreError, match=r"expected a MariaDB server, found MySQL 8\.0\.39"):
        engine_module._refuse_mysql(MySql(), None)


def test_instants_of_rows_are_aware(engine: Engine) -> None:
    """What is read back is an instant in UTC, to the microsecond, on every database."""
    at = datetime(2026, 3, 29, 1, 59, 59, 999_999, tzinfo=UTC)
    with engine.begin() as connection:
        connection.execute(
            insert(gateway_state), {"gateway": "twilio", "paused_until": at, "reason": "", "changed_at": at}
        )

    with engine.connect() as connection:
        assert connection.execute(select(gateway_state.c.paused_until)).scalar_one() == at
