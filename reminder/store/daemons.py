"""Daemons at work, as they say themselves: every process can tell whether anybody sends reminders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from reminder.store.rows import upsert
from reminder.store.schema import daemon

__all__ = ["Sign", "forget_the_gone", "keep", "leave", "listing"]

GONE_AFTER = timedelta(hours=1)
"""After how long without a sign a daemon is forgotten when another one begins."""

_FORGOTTEN_AFTER = timedelta(days=7)
"""After how long nobody asks any more what became of the last daemon."""


@dataclass(frozen=True, slots=True)
class Sign:
    """A daemon, the last sign that its work goes on, and since when its ticks fail, if they do (all UTC)."""

    owner: str
    started_at: datetime
    seen_at: datetime
    failing_since: datetime | None


def keep(connection: Connection, sign: Sign) -> None:
    """Keep how a daemon is, in place of what it said before."""
    values = {
        "owner": sign.owner, "started_at": sign.started_at, "seen_at": sign.seen_at,
        "failing_since": sign.failing_since,
    }  # fmt: skip
    upsert(connection, daemon, values)


def leave(connection: Connection, owner: str) -> None:
    """Keep that this daemon has ended as it should."""
    connection.execute(delete(daemon).where(daemon.c.owner == owner))


def forget_the_gone(connection: Connection, at: datetime) -> int:
    """Forget the daemons that died long ago, now that another one works; return how many."""
    return connection.execute(delete(daemon).where(daemon.c.seen_at < at - GONE_AFTER)).rowcount


def listing(connection: Connection, at: datetime) -> Sequence[Sign]:
    """Return the daemons that have not taken their leave, the one that was heard of last first."""
    query = select(daemon).where(daemon.c.seen_at > at - _FORGOTTEN_AFTER).order_by(daemon.c.seen_at.desc())
    return [Sign(row.owner, row.started_at, row.seen_at, row.failing_since) for row in connection.execute(query)]
