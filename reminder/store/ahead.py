"""What a clock that was ahead has left in our tables, put right once the clock is.

A wait that was written down by such a clock would last for as long as it was ahead: a try again "in a minute" would
come tomorrow. What gives such a row away is that it was changed at an instant that has not come yet.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from reminder.domain.doubt import ASK_AGAIN_SECONDS_MAX
from reminder.domain.guard import CLOCK_TOLERANCE
from reminder.domain.lifecycle import State
from reminder.store.rows import chunks
from reminder.store.schema import attempt, doubt, gateway_state, outbox

__all__ = ["ASKED_SECONDS_MAX", "LEASE_SECONDS_MAX", "put_right"]

LEASE_SECONDS_MAX = 3600
"""The longest lease on reminders that the settings allow, in seconds: one that lasts longer is of another clock."""

ASKED_SECONDS_MAX = 2 * ASK_AGAIN_SECONDS_MAX
"""Later than this, in seconds, no doubt is to be asked for again."""


def put_right(connection: Connection, *, at: datetime) -> int:
    """Let nothing wait for an instant that a clock which was ahead has named; return how many reminders had waited so.

    They are decided anew, so that hours, caps and holds are asked as ever; at most a try comes sooner than a gateway
    asked for. Leases on reminders end at the latest an hour from `at` (UTC), which is to be right.
    """
    too_far = at + CLOCK_TOLERANCE
    waiting = update(outbox).where(
        outbox.c.state == State.PLANNED, outbox.c.not_before > at, outbox.c.changed_at > too_far
    )
    freed = connection.execute(
        waiting.values(not_before=at, lease_owner=None, lease_until=None, changed_at=at)
    ).rowcount
    lease_end = at + timedelta(seconds=LEASE_SECONDS_MAX)
    held = (outbox.c.state.in_((State.PLANNED, State.SENDING)), outbox.c.lease_until > lease_end)
    connection.execute(update(outbox).where(*held).values(lease_until=lease_end))
    connection.execute(
        update(gateway_state).where(gateway_state.c.changed_at > too_far).values(paused_until=at, changed_at=at)
    )
    _give_up_now(connection, at)
    return freed


def _give_up_now(connection: Connection, at: datetime) -> None:
    """Let lost answers be lost as of now, and asked for: that a text ended before it began tells on it for good."""
    lost = select(outbox.c.reference).where(outbox.c.state == State.IN_DOUBT, outbox.c.reference.is_not(None))
    began_ahead = (attempt.c.started_at > at + CLOCK_TOLERANCE, attempt.c.reference.in_(lost))
    for chunk in chunks(list(connection.scalars(select(attempt.c.reference).where(*began_ahead)))):
        connection.execute(update(attempt).where(attempt.c.reference.in_(chunk)).values(ended_at=at))
    too_late = at + timedelta(seconds=ASKED_SECONDS_MAX)
    connection.execute(update(doubt).where(doubt.c.ask_at > too_late).values(ask_at=at))
