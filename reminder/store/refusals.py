"""Files that a daemon could not take over: kept where other processes see it, while that daemon lives and says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from reminder.domain.record import Actor, Entry, Kind
from reminder.store import record
from reminder.store.rows import upsert
from reminder.store.schema import config_refusal

__all__ = ["SAID_AGAIN_SECONDS", "Refusal", "clear", "listing", "repeat", "write"]

SAID_AGAIN_SECONDS = 60
"""How often a daemon says again that its files are refused."""

_SILENT = timedelta(seconds=5 * SAID_AGAIN_SECONDS)
"""After how long a daemon that no longer says so is taken for gone."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A daemon that goes on with its last good files since an instant (UTC), and what is wrong with those of now."""

    owner: str
    since: datetime
    problems: tuple[str, ...]


def write(connection: Connection, owner: str, *, problems: Sequence[str], at: datetime) -> None:
    """Keep that this daemon refuses its files, in place of what it said before."""
    values = {"owner": owner, "since": at, "seen_at": at, "problems": list(problems)}
    upsert(connection, config_refusal, values)
    entry = Entry(Kind.CONFIG, Actor.PROCESS, owner, became="refused", data={"problems": list(problems)})
    record.append(connection, [entry], at=at)


def repeat(connection: Connection, owner: str, *, at: datetime) -> None:
    """Keep that it is still so."""
    connection.execute(update(config_refusal).where(config_refusal.c.owner == owner).values(seen_at=at))


def clear(connection: Connection, owner: str) -> bool:
    """Take back that this daemon refuses its files; return False when it had not said so."""
    return connection.execute(delete(config_refusal).where(config_refusal.c.owner == owner)).rowcount == 1


def listing(connection: Connection, at: datetime) -> list[Refusal]:
    """Return the refusals of daemons that live at the instant `at` (UTC), the oldest first."""
    query = select(config_refusal).where(config_refusal.c.seen_at > at - _SILENT).order_by(config_refusal.c.since)
    return [Refusal(row.owner, row.since, tuple(row.problems)) for row in connection.execute(query)]
