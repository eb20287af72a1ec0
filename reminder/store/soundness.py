"""Is what stands in our tables sound? Read-only questions, for `reminder doctor`.

Each is one statement, so that a daemon at work between two of them can't make sound tables look broken. They count
over all rows: what they find is rare, and no index is kept for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, FromClause, and_, exists, func, or_, select

from reminder.domain.lifecycle import OPEN, State
from reminder.store.schema import attempt, outbox, plan_run

__all__ = [
    "EXAMPLES_MAX",
    "Found",
    "ended_leases",
    "far_leases",
    "missing_rows",
    "neglected",
    "old_doubts",
    "orphans",
    "unended_plans",
    "unknown_states",
    "without_text",
]

EXAMPLES_MAX = 5
"""How many examples an answer names."""

_TEXTED = (State.SENDING, State.IN_DOUBT, State.SENT, State.DELIVERED, State.UNDELIVERED, State.PRINTED)
"""The states that a reminder comes to only with a text."""

_MAY_BE_TAKEN = ("", "accepted", "unknown")
"""The outcomes of attempts whose text a gateway took, or may have taken, for a customer."""


@dataclass(frozen=True, slots=True)
class Found:
    """How many rows are like that, since when (UTC), and examples of their keys."""

    count: int
    since: datetime | None = None
    examples: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Return whether there are any."""
        return self.count > 0


def unknown_states(connection: Connection) -> Found:
    """Return reminders in states that this release doesn't know: they are neither open nor ended."""
    unknown = outbox.c.state.not_in([state.value for state in State])
    return _found(connection, outbox, unknown, since=outbox.c.changed_at)


def missing_rows(connection: Connection) -> int:
    """Return how many reminders are gone from the outbox, as far as can be told: rows that plans wrote, less its rows.

    Reminders that `reminder run` planned are in no plan of a schedule, so that this is the least there can be.
    """
    written = select(func.coalesce(func.sum(plan_run.c.planned), 0)).scalar_subquery()
    there = select(func.count()).select_from(outbox).scalar_subquery()
    return max(0, int(connection.execute(select(written - there)).scalar_one()))


def without_text(connection: Connection) -> Found:
    """Return reminders that were sent, or are being sent, without an attempt that says what and to whom."""
    rows = outbox.outerjoin(attempt, attempt.c.reference == outbox.c.reference)
    texted = outbox.c.state.in_([state.value for state in _TEXTED])
    return _found(connection, rows, and_(texted, attempt.c.reference.is_(None)), since=outbox.c.changed_at)


def orphans(connection: Connection) -> Found:
    """Return attempts that a gateway took, or may have taken, and that no reminder knows of.

    Refused ones are no orphans: their reminders have gone on to another attempt.
    """
    known = exists().where(outbox.c.reference == attempt.c.reference)
    taken = attempt.c.outcome.in_(_MAY_BE_TAKEN)
    return _found(connection, attempt, and_(taken, ~known), since=attempt.c.started_at, key=attempt.c.reference)


def ended_leases(connection: Connection, *, at: datetime) -> Found:
    """Return reminders that are being sent under a lease that has ended at the instant `at` (UTC), or under none."""
    over = or_(outbox.c.lease_until.is_(None), outbox.c.lease_until <= at)
    return _found(connection, outbox, and_(outbox.c.state == State.SENDING, over), since=outbox.c.changed_at)


def far_leases(connection: Connection, *, after: datetime) -> Found:
    """Return open reminders whose lease ends after an instant (UTC); `since` is the first of those ends."""
    far = and_(outbox.c.state.in_([state.value for state in OPEN]), outbox.c.lease_until > after)
    return _found(connection, outbox, far, since=outbox.c.lease_until)


def old_doubts(connection: Connection, *, before: datetime) -> Found:
    """Return reminders that have been in doubt since before an instant (UTC)."""
    old = and_(outbox.c.state == State.IN_DOUBT, outbox.c.changed_at < before)
    return _found(connection, outbox, old, since=outbox.c.changed_at)


def neglected(connection: Connection, *, at: datetime, patience: timedelta) -> Found:
    """Return planned reminders whose time came longer than `patience` before `at` (UTC), and that nobody has claimed.

    One that is asked and told to wait has a later time, so none of these has been asked.
    """
    free = or_(outbox.c.lease_until.is_(None), outbox.c.lease_until <= at)
    waiting = and_(outbox.c.state == State.PLANNED, outbox.c.not_before < at - patience, free)
    return _found(connection, outbox, waiting, since=outbox.c.not_before)


def unended_plans(connection: Connection, *, before: datetime) -> Found:
    """Return plans of the schedule that began before an instant (UTC) and have not ended; examples are their owners."""
    unended = and_(plan_run.c.ended_at.is_(None), plan_run.c.started_at < before)
    return _found(connection, plan_run, unended, since=plan_run.c.started_at, key=plan_run.c.owner)


def _found(
    connection: Connection,
    rows: FromClause,
    condition: ColumnElement[bool],
    *,
    since: Column[Any],
    key: Column[Any] = outbox.c.reminder_id,
) -> Found:
    """Return how many rows meet the condition, the least of `since` and the first keys; looks twice only if any do."""
    count, first = connection.execute(select(func.count(), func.min(since)).select_from(rows).where(condition)).one()
    if not count:
        return Found(0)
    keys: Sequence[Any] = connection.scalars(select(key).select_from(rows).where(condition).limit(EXAMPLES_MAX)).all()
    return Found(int(count), first, tuple(str(each) for each in keys))
