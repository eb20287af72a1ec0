"""Planning again, when a person asks: what was refused for good, and what the console only printed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, select, update

from reminder.domain.lifecycle import Event, State, target
from reminder.domain.record import Actor, Entry, Kind
from reminder.store import record
from reminder.store.outbox import movable, replan
from reminder.store.rows import chunks
from reminder.store.schema import attempt, outbox

__all__ = ["plan_again", "still_true", "uncount"]


def still_true(connection: Connection, state: State, *, at: datetime, account_id: str | None = None) -> list[int]:
    """Return the ids of reminders in this state whose days are not over at the instant `at` (UTC), oldest first."""
    query = select(outbox.c.reminder_id).where(outbox.c.state == state, outbox.c.expires_at > at)
    if account_id is not None:
        query = query.where(outbox.c.account_id == account_id)
    return list(connection.scalars(query.order_by(outbox.c.reminder_id)))


def uncount(connection: Connection, reminder_ids: Sequence[int]) -> None:
    """Let the printed texts of these reminders no longer count as contacts: nobody was told. To be done before replan.

    A text that a gateway took stays counted.
    """
    for chunk in chunks(reminder_ids):
        texts = select(outbox.c.reference).where(outbox.c.reminder_id.in_(chunk), outbox.c.state == State.PRINTED)
        references = [reference for reference in connection.scalars(texts) if reference is not None]
        connection.execute(update(attempt).where(attempt.c.reference.in_(references)).values(counted=False))


def plan_again(connection: Connection, reminder_ids: Sequence[int], *, who: str, reason: str, at: datetime) -> int:
    """Plan these reminders again at the instant `at`, those that failed or were printed; return how many those were.

    One whose text was given up, for nobody could say whether it was taken, stays as it is: it would be sent again on a
    guess (law 3).
    """
    moved = 0
    guessed = select(attempt.c.reference).where(attempt.c.counted)
    for chunk in chunks(reminder_ids):
        given_up = and_(outbox.c.state == State.FAILED, outbox.c.reference.in_(guessed))
        theirs = and_(outbox.c.reminder_id.in_(chunk), movable(Event.REPLAN), outbox.c.reference.is_(None) | ~given_up)
        rows = connection.execute(select(outbox).where(theirs).with_for_update()).all()
        moved += replan(connection, theirs, event=Event.REPLAN, reason=f"{who}: {reason}", at=at)
        record.append(connection, [_entry(row, who, reason) for row in rows], at=at)
    return moved


def _entry(row: Row[Any], who: str, reason: str) -> Entry:
    return Entry(
        Kind.REQUEUE, Actor.OPERATOR, who, account_id=row.account_id, customer_id=row.customer_id,
        reminder_id=row.reminder_id, reference=row.reference, was=row.state, became=target(Event.REPLAN),
        private={"reason": reason},
    )  # fmt: skip
