"""Planning again, when a person asks: what was refused for good, and what the console only printed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from reminder.domain.lifecycle import Event, State
from reminder.store.outbox import replan
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


def plan_again(connection: Connection, reminder_ids: Sequence[int], *, reason: str, at: datetime) -> int:
    """Plan these reminders again at the instant `at`, those that failed or were printed; return how many those were."""
    return sum(
        replan(connection, outbox.c.reminder_id.in_(chunk), event=Event.REPLAN, reason=reason, at=at)
        for chunk in chunks(reminder_ids)
    )
