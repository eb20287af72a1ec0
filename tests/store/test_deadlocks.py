"""A deadlock that the database broke is done again; nothing else is, and nothing of it stays half done."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, select, text, update
from sqlalchemy.exc import OperationalError

from reminder.store.deadlocks import TRIES_MAX, in_transaction
from reminder.store.schema import customer_lock, gateway_state

WAIT_SECONDS = 30.0


def touch(connection: Connection, gateway: str) -> None:
    """Lock one row, as a writer does."""
    connection.execute(update(gateway_state).where(gateway_state.c.gateway == gateway).values(reason="touched"))


def two_rows(engine: Engine) -> None:
    """Write two rows that two transactions can want in opposite orders."""
    row = {"paused_until": "2026-01-01 00:00:00", "reason": "", "changed_at": "2026-01-01 00:00:00"}
    with engine.begin() as connection:
        for gateway in ("a", "b"):
            connection.execute(
                text(
                    "INSERT INTO gateway_state (gateway, paused_until, reason, changed_at) "
                    "VALUES (:gateway, :paused_until, :reason, :changed_at)"
                ),
                {"gateway": gateway, **row},
            )


def test_a_broken_deadlock_is_done_again(engine: Engine) -> None:
    """Two writers that want two rows in opposite orders both get through, whichever the database undid."""
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time, and so no deadlocks")
    two_rows(engine)
    meet = threading.Barrier(2)
    begun: list[str] = []
    failed: list[Exception] = []

    def both(first: str, second: str) -> Callable[[Connection], None]:
        def work(connection: Connection) -> None:
            begun.append(first)
            connection.execute(insert(customer_lock).values(customer_id=f"{first} came first"))
            touch(connection, first)
            if len(begun) <= 2:
                meet.wait(WAIT_SECONDS)
            touch(connection, second)

        return work

    def run(first: str, second: str) -> None:
        try:
            in_transaction(engine, both(first, second))
        except Exception as error:  # noqa: BLE001 - told to the test, which runs in another thread
            failed.append(error)

    threads = [threading.Thread(target=run, args=order) for order in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_SECONDS)

    assert failed == []
    assert len(begun) == 3
    with engine.connect() as connection:
        assert sorted(connection.scalars(select(customer_lock.c.customer_id))) == ["a came first", "b came first"]


class BrokenError(Exception):
    """What a driver raises for a deadlock: MariaDB's number first."""


def test_it_is_not_done_for_ever(sqlite_engine: Engine) -> None:
    """Bounded: a deadlock that comes every time is raised in the end."""
    tries: list[Any] = []

    def work(connection: Connection) -> None:
        tries.append(connection)
        raise OperationalError("UPDATE", {}, BrokenError(1213, "Deadlock found"))

    with pytest.raises(OperationalError, match="Deadlock found"):
        in_transaction(sqlite_engine, work)
    assert len(tries) == TRIES_MAX


def test_nothing_else_is_done_again(sqlite_engine: Engine) -> None:
    """Any other failure is the caller's at once: doing it again could be doing it twice."""
    tries: list[Any] = []

    def work(connection: Connection) -> None:
        tries.append(connection)
        raise OperationalError("UPDATE", {}, BrokenError(2013, "Lost connection"))

    with pytest.raises(OperationalError, match="Lost connection"):
        in_transaction(sqlite_engine, work)
    assert len(tries) == 1
