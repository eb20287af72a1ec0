"""Doubts: texts whose answer was lost, what their provider was asked, and when it is asked again.

A doubt is open as long as its reminders are `in_doubt`; a row here only remembers the asking. So a doubt that a person
or a receipt settles needs nothing from this room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from reminder.domain.doubt import Asked
from reminder.domain.guard import CLOCK_TOLERANCE
from reminder.domain.lifecycle import State
from reminder.store.rows import chunks, cut, upsert
from reminder.store.schema import attempt, customer_lock, doubt, outbox

__all__ = ["Question", "bound", "claim", "keep", "listing", "lock", "open_new", "rivals"]

OPENED_AT_ONCE_MAX = 500
"""How many new doubts are taken up in one transaction."""

_SETTLEMENT_LOCK = "*doubts*"
"""The row of `customer_lock` that one settlement holds, so that no message is taken for two texts at once."""


@dataclass(frozen=True, slots=True)
class Question:
    """A text in doubt that is to be asked for, with what was found before. `started_at` (UTC) is when it was sent.

    With `ahead` that is no true instant: a clock wrote it that was ahead.
    """

    reference: str
    gateway: str
    number: str
    body: str
    started_at: datetime
    asked: Asked
    ahead: bool = False


def open_new(connection: Connection, settle_seconds: Mapping[str, float], *, at: datetime) -> int:
    """Take up the doubts that are new; return how many. Each is asked for once its gateway has settled.

    The time is counted from when the answer was given up for lost, not from the beginning of the call. A gateway that
    `settle_seconds` does not name has no time to wait for.
    """
    known = select(doubt.c.reference)
    query = (
        select(attempt.c.reference, attempt.c.gateway, attempt.c.started_at, attempt.c.ended_at)
        .where(attempt.c.reference.in_(_open()), attempt.c.reference.not_in(known))
        .order_by(attempt.c.reference)
        .limit(OPENED_AT_ONCE_MAX)
    )
    found = connection.execute(query).all()
    for row in found:
        settled = timedelta(seconds=settle_seconds.get(row.gateway, 0))
        # Another process may take it up in the same moment: one row, whoever writes it.
        values = {"reference": row.reference, "asks": 0, "misses": 0, "ask_at": (row.ended_at or at) + settled}
        upsert(connection, doubt, values, keep_if=doubt.c.asks >= 0, decisive="asks")
    return len(found)


def claim(connection: Connection, *, at: datetime, lease_seconds: int, limit: int) -> list[Question]:
    """Return the open doubts whose time to ask has come, the longest overdue first, at most `limit`.

    No other process gets them before `at` + `lease_seconds`.
    """
    due = (
        select(doubt.c.reference)
        .where(doubt.c.ask_at <= at, doubt.c.reference.in_(_open()))
        .order_by(doubt.c.ask_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    references = list(connection.scalars(due))
    if not references:
        return []
    theirs = doubt.c.reference.in_(references)
    connection.execute(update(doubt).where(theirs).values(ask_at=at + timedelta(seconds=lease_seconds)))
    rows = connection.execute(select(attempt, doubt).join(doubt).where(theirs).order_by(attempt.c.reference))
    return [_question(row) for row in rows]


def _open() -> Any:  # noqa: ANN401 - a subquery of SQLAlchemy's, whose type says nothing
    """Return the references of texts that are in doubt."""
    return select(outbox.c.reference).where(outbox.c.state == State.IN_DOUBT, outbox.c.reference.is_not(None))


def _question(row: Row[Any]) -> Question:
    return Question(
        reference=row.reference,
        gateway=row.gateway,
        number=row.number,
        body=row.body,
        started_at=row.started_at,
        asked=Asked(row.asks, row.misses, row.missed_since),
        ahead=row.ended_at is not None and row.started_at - row.ended_at > CLOCK_TOLERANCE,
    )


def lock(connection: Connection) -> None:
    """Wait until no other process is settling a doubt; hold that place until the transaction ends."""
    upsert(connection, customer_lock, {"customer_id": _SETTLEMENT_LOCK})


def bound(connection: Connection, question: Question, provider_ids: Sequence[str]) -> set[str]:
    """Return which of a provider's messages are known to belong to other attempts."""
    taken: set[str] = set()
    for chunk in chunks(provider_ids):
        query = select(attempt.c.provider_id).where(
            attempt.c.provider_id.in_(chunk),
            attempt.c.gateway == question.gateway,
            attempt.c.reference != question.reference,
        )
        taken.update(connection.scalars(query))
    return taken


def rivals(connection: Connection, question: Question) -> bool:
    """Return whether the same text to the same number is in a call whose answer is not known yet."""
    query = (
        select(func.count())
        .select_from(outbox.join(attempt, attempt.c.reference == outbox.c.reference))
        .where(
            outbox.c.state == State.SENDING,
            attempt.c.reference != question.reference,
            attempt.c.gateway == question.gateway,
            attempt.c.number == question.number,
            attempt.c.body == question.body,
        )
    )
    return bool(connection.scalar(query))


def keep(connection: Connection, question: Question, asked: Asked, *, ask_at: datetime, note: str) -> bool:
    """Remember what an answer led to; return False when another process has asked meanwhile, whose word counts."""
    values = {
        "asks": asked.asks, "misses": asked.misses, "missed_since": asked.missed_since, "ask_at": ask_at, "note": note,
    }  # fmt: skip
    unchanged = (doubt.c.reference == question.reference, doubt.c.asks == question.asked.asks)
    return connection.execute(update(doubt).where(*unchanged).values(cut(doubt, values))).rowcount == 1


def listing(connection: Connection, *, limit: int) -> Sequence[Row[Any]]:
    """Return the open doubts, the oldest first: columns of `attempt` and `doubt`, and how many `reminders` it holds."""
    members = (
        select(outbox.c.reference, func.count().label("reminders"), func.min(outbox.c.reminder_id).label("reminder_id"))
        .where(outbox.c.state == State.IN_DOUBT)
        .group_by(outbox.c.reference)
        .subquery()
    )
    query = (
        select(attempt, doubt.c.asks, doubt.c.misses, doubt.c.ask_at, doubt.c.note)
        .add_columns(members.c.reminders, members.c.reminder_id)
        .select_from(attempt.join(members, members.c.reference == attempt.c.reference))
        .outerjoin(doubt, doubt.c.reference == attempt.c.reference)
        .order_by(attempt.c.started_at, attempt.c.reference)
        .limit(limit)
    )
    return connection.execute(query).all()
