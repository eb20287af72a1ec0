"""What became of reminders: read-only questions over the outbox and the attempts, for reports.

Every question is over the reminders that were planned in a range of instants, which an index finds: a report costs
what it is about, not what the outbox has seen in its life.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Subquery, and_, case, exists, func, or_, select

from reminder.domain.lifecycle import FINAL, State
from reminder.domain.verdict import Reason
from reminder.store.rows import chunks
from reminder.store.schema import attempt, outbox

__all__ = ["Fate", "Sign", "Told", "fates", "signs", "told"]

_WITH_REASON = frozenset({State.PLANNED}) | (FINAL - {State.SENT, State.DELIVERED, State.UNDELIVERED, State.PRINTED})
"""The states whose reason begins with a word of `Reason`; in the others it says which gateway spoke."""


@dataclass(frozen=True, slots=True)
class Fate:
    """How many reminders of one kind came to one state.

    `reason` is a word of `Reason`, or empty where the outbox tells no such word. `gateway` and `language` are those of
    the last text that was made for them, or empty where none was. A text for several reminders is one of `texts`, and
    its `segments` are counted, with the reminder that was planned first.
    """

    policy: str
    step: str
    state: str
    reason: str
    gateway: str
    language: str
    reminders: int
    texts: int
    segments: int


@dataclass(frozen=True, slots=True)
class Told:
    """One reminder whose text a gateway took; `told_at` and `planned_at` are UTC."""

    reminder_id: int
    account_id: str
    due_date: date
    policy: str
    step: str
    gateway: str
    language: str
    planned_at: datetime
    told_at: datetime


@dataclass(frozen=True, slots=True)
class Sign:
    """What one reminder shows of its cycle: owed when it was planned and texted, `settled_at` when it was seen paid.

    `moved_at` is when the book was seen to have another due date. Instants are UTC.
    """

    account_id: str
    due_date: date
    owed_at: datetime
    settled_at: datetime | None
    moved_at: datetime | None


def fates(connection: Connection, *, since: datetime, until: datetime) -> list[Fate]:
    """Return what has become of the reminders that were planned in [since, until) (UTC), counted by kind."""
    rows = _reminders(since, until)
    kind = [rows.c[name] for name in ("policy", "step", "state", "reason", "gateway", "language")]
    counts = func.count(), func.sum(rows.c.texts), func.sum(rows.c.segments)
    found = connection.execute(select(*kind, *counts).group_by(*kind).order_by(*kind))
    return [Fate(*row[:6], *(int(count) for count in row[6:])) for row in found]


def _reminders(since: datetime, until: datetime) -> Subquery:
    """Return one row per reminder of the range. Grouped outside, so that no expression must be repeated to the letter.

    PostgreSQL takes a parameter in a GROUP BY for another one than its twin in the SELECT.
    """
    first = and_(attempt.c.reference.is_not(None), ~_has_an_earlier_one())
    return (
        select(
            outbox.c.policy,
            outbox.c.step,
            outbox.c.state,
            _reason().label("reason"),
            func.coalesce(attempt.c.gateway, "").label("gateway"),
            func.coalesce(attempt.c.language, "").label("language"),
            case((first, 1), else_=0).label("texts"),
            case((first, attempt.c.segments), else_=0).label("segments"),
        )
        .select_from(_with_text())
        .where(*_planned_in(since, until))
        .subquery("reminders")
    )


def _with_text() -> FromClause:
    return outbox.outerjoin(attempt, attempt.c.reference == outbox.c.reference)


def _planned_in(since: datetime, until: datetime) -> tuple[ColumnElement[bool], ...]:
    return outbox.c.planned_at >= since, outbox.c.planned_at < until


def _has_an_earlier_one() -> ColumnElement[bool]:
    """Return whether the text of a reminder was also made for one with a lower id, which then counts it."""
    other = outbox.alias("other")
    return exists().where(other.c.reference == outbox.c.reference, other.c.reminder_id < outbox.c.reminder_id)


def _reason() -> ColumnElement[Any]:
    words = [(outbox.c.reason.startswith(f"{word}:", autoescape=True), word.value) for word in Reason]
    known = outbox.c.state.in_(sorted(_WITH_REASON))
    return case((~known, ""), *words, else_="")


def told(
    connection: Connection, *, since: datetime, until: datetime, after: Told | None = None, limit: int
) -> list[Told]:
    """Return reminders planned in [since, until) (UTC) whose text a gateway took, at most `limit`, behind `after`.

    Those that the carrier says did not arrive are left out.
    """
    query = (
        select(
            outbox.c.reminder_id, outbox.c.account_id, outbox.c.due_date, outbox.c.policy, outbox.c.step,
            attempt.c.gateway, attempt.c.language, outbox.c.planned_at, attempt.c.started_at.label("told_at"),
        )
        .select_from(outbox.join(attempt, attempt.c.reference == outbox.c.reference))
        .where(*_planned_in(since, until), outbox.c.state.in_([State.SENT, State.DELIVERED]))
        .order_by(outbox.c.planned_at, outbox.c.reminder_id)
        .limit(limit)
    )  # fmt: skip
    if after is not None:
        later = or_(outbox.c.planned_at > after.planned_at, outbox.c.reminder_id > after.reminder_id)
        query = query.where(outbox.c.planned_at >= after.planned_at, later)
    return [Told(**row) for row in connection.execute(query).mappings()]


def signs(connection: Connection, account_ids: Sequence[str]) -> list[Sign]:
    """Return what every reminder of these accounts, whenever it was planned, shows of its cycle."""
    query = select(
        outbox.c.account_id, outbox.c.due_date, outbox.c.planned_at, outbox.c.state, outbox.c.changed_at,
        _reason().label("reason"), attempt.c.started_at, attempt.c.counted,
    ).select_from(_with_text())  # fmt: skip
    found: list[Sign] = []
    for chunk in chunks(account_ids):
        for row in connection.execute(query.where(outbox.c.account_id.in_(chunk))):
            cancelled = row.changed_at if row.state == State.CANCELLED else None
            found.append(
                Sign(
                    account_id=row.account_id,
                    due_date=row.due_date,
                    # A text is made only for what is owed at that moment.
                    owed_at=max(row.planned_at, row.started_at or row.planned_at),
                    settled_at=cancelled if row.reason == Reason.PAID else None,
                    moved_at=cancelled if row.reason == Reason.MOVED else None,
                )
            )
    return found
