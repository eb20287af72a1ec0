"""Figures that guards judge by: how much was sent on a day, how much is due, and what happened last. All read-only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from reminder.domain.lifecycle import State
from reminder.domain.reminder import Reminder
from reminder.store.outbox import to_reminder
from reminder.store.schema import attempt, outbox, plan_run

__all__ = ["claimable", "due_count", "due_sample", "newest_record", "texts_between"]


def texts_between(connection: Connection, spans: Sequence[tuple[datetime, datetime]]) -> list[int]:
    """Return how many texts were sent, or may have been, in each span [from, to) (UTC), from an index alone."""
    return [
        connection.scalar(
            select(func.count()).where(attempt.c.started_at >= start, attempt.c.started_at < end, attempt.c.counted)
        )
        or 0
        for start, end in spans
    ]


def due_count(connection: Connection, at: datetime) -> int:
    """Return how many reminders could be claimed at the instant `at` (UTC)."""
    return connection.scalar(select(func.count()).select_from(outbox).where(claimable(at))) or 0


def due_sample(connection: Connection, at: datetime, *, due: int, limit: int) -> list[Reminder]:
    """Return at most `limit` of the `due` reminders that could be claimed, taken evenly from all of them."""
    stride = max(1, due // limit)
    query = select(outbox).where(claimable(at), outbox.c.reminder_id % stride == 0).limit(limit)
    return [to_reminder(row) for row in connection.execute(query)]


def newest_record(connection: Connection) -> datetime | None:
    """Return the newest instant (UTC) at which something is said to have happened: a plan, a reminder, a text."""
    last = select(outbox.c.changed_at).order_by(outbox.c.reminder_id.desc()).limit(1)
    run = select(plan_run.c.started_at).order_by(plan_run.c.plan_run_id.desc()).limit(1)
    text = select(attempt.c.started_at).order_by(attempt.c.started_at.desc()).limit(1)
    found = [connection.scalar(query) for query in (last, run, text)]
    return max((instant for instant in found if instant is not None), default=None)


def claimable(at: datetime) -> ColumnElement[bool]:
    """Return the condition that a reminder could be claimed at the instant `at` (UTC)."""
    free = or_(outbox.c.lease_until.is_(None), outbox.c.lease_until <= at)
    return and_(outbox.c.state == State.PLANNED, outbox.c.not_before <= at, free)
