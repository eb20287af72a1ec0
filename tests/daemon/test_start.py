"""A daemon outlives its database: it waits for one that is not there, and goes on when one that went away is back."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time as clock
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url, select
from structlog.testing import capture_logs

from reminder.daemon.start import WAIT_SECONDS_MAX, first_there
from reminder.daemon.supervisor import Supervisor
from reminder.errors import StoreError
from reminder.store.engine import UnreachableError, open_engine
from reminder.store.schema import attempt
from support.deployments import row, write_deployment
from support.proxy import Wire, wire

ENVIRON = os.environ  # noqa: TID251 - the daemon's own process needs one to start in
WAIT_SECONDS = 60.0


@pytest.fixture
def line(postgresql_url: str) -> Iterator[Wire]:
    """A wire to the PostgreSQL server of the tests, torn at first."""
    url = make_url(postgresql_url)
    if url.host is None or url.host.startswith("/"):
        pytest.skip("the server of the tests has no address that a wire could lead to")
    with wire(url.host, url.port or 5432) as made:
        made.tear()
        yield made


@pytest.fixture
def away(line: Wire, postgresql_url: str, tmp_path: Path) -> Path:
    """The settings of a deployment whose database is at the end of that wire, tables and all."""
    config = write_deployment(tmp_path)
    behind = make_url(postgresql_url).set(host="127.0.0.1", port=line.port).render_as_string(hide_password=False)
    settings = config / "reminder.yaml"
    settings.write_text(f'database: "{behind}"\n' + settings.read_text("utf-8"), "utf-8")
    return config


@pytest.fixture
def engine(postgresql_url: str) -> Iterator[Engine]:
    """An engine for the same database, past the wire."""
    made = open_engine(postgresql_url)
    yield made
    made.dispose()


@contextmanager
def _daemon(config: Path) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Run the real process, with the events that it logs; end it whatever the test does."""
    process = subprocess.Popen(
        [sys.executable, "-c", "from reminder.cli import main; main()", "--config", str(config), "daemon"],
        env={**ENVIRON, "PYTHONUNBUFFERED": "1"}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    events: list[str] = []

    def listen() -> None:
        assert process.stderr is not None
        with process.stderr as said:
            for line in said:
                word = json.loads(line)["event"] if line.startswith("{") else line
                events.append(word)

    listening = threading.Thread(target=listen)
    listening.start()
    try:
        yield process, events
    finally:
        process.kill()
        process.wait()
        listening.join(WAIT_SECONDS)


def _wait_for(found: Callable[[], bool]) -> None:
    end = clock.monotonic() + WAIT_SECONDS
    while not found():
        assert clock.monotonic() < end, "it did not come to that in time"
        clock.sleep(0.05)


def _owing(engine: Engine, config: Path, account_id: str) -> None:
    """Put an account into the book, past the wire."""
    from reminder.app import now
    from reminder.book.importer import import_accounts
    from reminder.store.schema import account
    from support.deployments import write_csv

    file = write_csv(config.parent / "accounts.csv", [row(account_id)])
    import_accounts(engine, account, file, at=now(), region="CN")


def _sent(engine: Engine) -> int:
    with engine.connect() as connection:
        return len(connection.scalars(select(attempt.c.reference).where(attempt.c.outcome == "accepted")).all())


def test_a_daemon_outlives_its_database(line: Wire, away: Path, engine: Engine) -> None:
    """It starts before its database and says so; works when it is there, lives while it is gone, and goes on after."""
    _owing(engine, away, "A")
    with _daemon(away) as (process, events):
        _wait_for(lambda: "reminder.daemon.database_awaited" in events)
        line.mend()
        _wait_for(lambda: _sent(engine) == 1)
        line.tear()
        _wait_for(lambda: "reminder.daemon.database_away" in events)
        assert process.poll() is None
        _owing(engine, away, "B")
        with engine.begin() as connection:  # so that its slot is planned again
            connection.exec_driver_sql("DELETE FROM plan_run")
        line.mend()
        _wait_for(lambda: _sent(engine) == 2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_SECONDS) == 0
    assert events[-1] == "reminder.daemon.stopped"


def test_one_that_waits_can_be_stopped(away: Path) -> None:
    """SIGTERM is heard while the database is waited for, and ends it with 0."""
    with _daemon(away) as (process, events):
        _wait_for(lambda: "reminder.daemon.database_awaited" in events)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_SECONDS) == 0
    assert events[-1] == "reminder.daemon.stopped"


def test_tables_of_another_release_end_it(config: Path, tmp_path: Path) -> None:
    """What does not get better by waiting is an error at once, with what to do and an exit code."""
    settings = config / "reminder.yaml"
    settings.write_text(f'database: "sqlite:///{tmp_path}/empty.db"\n' + settings.read_text("utf-8"), "utf-8")
    with _daemon(config) as (process, events):
        assert process.wait(WAIT_SECONDS) == 1
    assert "run `reminder db upgrade`" in "".join(events)


def _tried(failing: list[Exception], **given: float) -> tuple[list[float], object]:
    """Let opening fail with these, in turn; return how long was waited each time, and what came of it."""

    def open_now() -> str:
        if failing:
            raise failing.pop(0)
        return "there"

    with capture_logs() as logs:
        found = asyncio.run(
            first_there(open_now, stop=asyncio.Event(), supervisor=Supervisor({}), wait_seconds=given["wait_seconds"])
        )
    return [each["again_in_seconds"] for each in logs], found


def test_waits_grow() -> None:
    """Backoff: twice as long each time."""
    gone: list[Exception] = [UnreachableError("no route") for _ in range(4)]
    waited, found = _tried(gone, wait_seconds=0.001)
    assert (waited, found) == ([0.001, 0.002, 0.004, 0.008], "there")


def test_waits_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the database is away, it is looked for twice a minute."""
    monkeypatch.setattr("reminder.daemon.start.WAIT_SECONDS_MAX", 0.002)
    gone: list[Exception] = [UnreachableError("no route") for _ in range(4)]
    waited, _ = _tried(gone, wait_seconds=0.001)
    assert waited == [0.001, 0.002, 0.002, 0.002]
    assert WAIT_SECONDS_MAX == 30


def test_another_error_is_not_waited_for() -> None:
    """Only what may be there later is waited for."""
    with pytest.raises(StoreError, match="schema"):
        _tried([StoreError("expected schema 9")], wait_seconds=0.001)


def test_the_manager_is_told_how_long(tmp_path: Path) -> None:
    """The service manager hears what is waited for, and gives a daemon that waits more time to start."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(WAIT_SECONDS)
        Supervisor({"NOTIFY_SOCKET": str(tmp_path / "notify")}).waiting("Waits", 61.5)
        assert [manager.recv(100) for _ in range(2)] == [b"STATUS=Waits", b"EXTEND_TIMEOUT_USEC=61500000"]
