"""The clock that several processes go by when they compare instants with each other: the database's own."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, func, select

__all__ = ["common_instant", "database_now"]


def database_now(connection: Connection) -> datetime | None:
    """Return the instant (UTC) on the clock of the database's server; None where it has no clock but ours (SQLite)."""
    name = connection.dialect.name
    if name == "sqlite":
        return None
    # Not CURRENT_TIMESTAMP: PostgreSQL answers that with the beginning of the transaction.
    asked = func.clock_timestamp() if name == "postgresql" else func.utc_timestamp(6)
    told: datetime = connection.execute(select(asked)).scalar_one()
    return told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)


def common_instant(connection: Connection, ours: datetime) -> datetime:
    """Return the instant (UTC) that all processes on this database agree on.

    It is the server's, whatever the machines' clocks say; on SQLite all processes share one machine, whose instant is
    `ours`.
    """
    theirs = database_now(connection)
    return ours if theirs is None else theirs
