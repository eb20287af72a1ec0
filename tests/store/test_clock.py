"""The common clock: one that all processes on a database read alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from reminder.app import now
from reminder.store import clock


def test_the_clock_of_the_server_is_read(engine: Engine) -> None:
    """The clock is the server's, now and in UTC, not that of the beginning of a transaction; SQLite has none."""
    with engine.connect() as connection:
        first, second = clock.database_now(connection), clock.database_now(connection)

    if engine.dialect.name == "sqlite":
        assert (first, second) == (None, None)
        return
    assert first is not None
    assert second is not None
    assert first.tzinfo is UTC
    assert first < second
    assert abs(first - now()) < timedelta(minutes=1)


def test_the_common_instant_is_the_servers_or_ours(engine: Engine) -> None:
    """However wrong a machine's own clock is, on a server all compare with the same one; SQLite has one machine."""
    ours = datetime(2001, 1, 1, tzinfo=UTC)
    with engine.connect() as connection:
        common = clock.common_instant(connection, ours)

    assert (common == ours) == (engine.dialect.name == "sqlite")
    assert common == ours or abs(common - now()) < timedelta(minutes=1)
