"""The outbox: one row per reminder, moved only by compare-and-swap.

Every write names the states it may find (`lifecycle.sources`) and, where the row is claimed, whose claim it must be
under. A row that is no longer so is simply not written: somebody else was first, which is a normal answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    FromClause,
    Row,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.types import TypeEngine

from reminder.bulk import ManyRows, among, unindexed, updates
from reminder.domain.lifecycle import OPEN, Event, State, sources, target
from reminder.domain.reminder import Reminder
from reminder.store.schema import REASON_CHARS_MAX, outbox

__all__ = [
    "AGAIN_SECONDS",
    "Ending",
    "Postponement",
    "by_id",
    "claim",
    "counts_by_state",
    "end",
    "end_one",
    "held_by",
    "listing",
    "movable",
    "oldest_open",
    "planned",
    "postpone",
    "replan",
    "to_reminder",
]

CHUNK_ROWS = 500

AGAIN_SECONDS = 60
"""After how long what was put back to an instant that has already come is asked again, in seconds."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Postponement:
    """A claimed reminder that is to be asked again at `not_before` (UTC)."""

    reminder_id: int
    not_before: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Ending:
    """A claimed reminder that this event ends."""

    reminder_id: int
    event: Event
    reason: str


def claim(connection: Connection, *, owner: str, at: datetime, lease_seconds: int, limit: int) -> list[Reminder]:
    """Lease the planned reminders, whose time has come, of the `limit` customers who have waited longest.

    A customer's reminders are claimed together, so that one decision sees them all (consolidation, caps), and a
    customer who is in another process's hands is passed over. They are leased to `owner` until `at` + `lease_seconds`.
    """
    now = {"now": at, "until": at + timedelta(seconds=lease_seconds), "owner": owner}
    customers = sorted(set(connection.scalars(_HEADS, now | {"limit": limit})))
    rows: list[Row[Any]] = []
    for chunk in _chunks(customers):
        if connection.dialect.update_returning:
            rows += connection.execute(_LEASE_THEIRS, now | {"customers": chunk})
            continue
        for ids in _chunks(sorted(connection.scalars(_THEIRS, now | {"customers": chunk}))):
            connection.execute(_LEASE, now | {"ids": ids})
            rows += connection.execute(_LEASED, now | {"ids": ids})
    return [to_reminder(row) for row in sorted(rows, key=lambda row: (row.not_before, row.reminder_id))]


def _claimable(rows: FromClause, *, by_keys: bool = False) -> ColumnElement[bool]:
    """Return the condition that a row may be claimed: planned, its time has come, and nobody holds a lease on it.

    `by_keys` says that rows are looked up by a list of keys beside it.
    """
    state, not_before = (unindexed(each) if by_keys else each for each in (rows.c.state, rows.c.not_before))
    free = or_(rows.c.lease_until.is_(None), rows.c.lease_until <= bindparam("now"))
    return and_(state == State.PLANNED, not_before <= bindparam("now"), free)


def _has_another_head() -> ColumnElement[bool]:
    """Return the condition that a claimable row is not the one by which its customer is claimed.

    That one is the customer's first claimable row: whoever locks it has the customer. If any row of a customer could
    be locked, two processes could have some each. Nobody has a customer on some of whose rows there is a lease.
    """
    other = outbox.alias("other")
    earlier = and_(_claimable(other), other.c.reminder_id < outbox.c.reminder_id)
    return exists().where(
        other.c.customer_id == outbox.c.customer_id,
        other.c.state == State.PLANNED,
        or_(earlier, other.c.lease_until > bindparam("now")),
    )


_KNOWN = [
    column for column in outbox.c if column.name not in ("planned_at", "changed_at", "lease_owner", "lease_until")
]
"""What the domain knows of a reminder, and its text's reference."""

_HEADS = (
    select(outbox.c.customer_id)
    .where(_claimable(outbox), ~_has_another_head())
    # The index has them in this order; a second key would make PostgreSQL sort all that is due for each batch.
    .order_by(outbox.c.not_before)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_FREE = _claimable(outbox, by_keys=True)
_CLAIM = update(outbox).where(_FREE).values(lease_owner=bindparam("owner"), lease_until=bindparam("until"))
"""A lease waits for rows that another process is only looking at, where SKIP LOCKED would tear a customer apart.

MariaDB locks each row that it reads, for a moment.
"""

_LEASE_THEIRS = _CLAIM.where(among(outbox.c.customer_id, bindparam("customers"))).returning(*_KNOWN)
_THEIRS = select(outbox.c.reminder_id).where(_FREE, among(outbox.c.customer_id, bindparam("customers")))
_LEASE = _CLAIM.where(among(outbox.c.reminder_id, bindparam("ids")))
_LEASED = select(*_KNOWN).where(
    among(outbox.c.reminder_id, bindparam("ids")),
    outbox.c.lease_owner == bindparam("owner"),
    outbox.c.lease_until == bindparam("until"),
)
"""MariaDB hands over no rows that it changes: it is asked for their keys first, and for the rows afterwards."""


def postpone(connection: Connection, items: Sequence[Postponement], *, owner: str, at: datetime) -> None:
    """Give claimed reminders back, each with the time and the reason for which it waits.

    None is put back to an instant that has come at `at`: one pass would claim it again and again, and not end.
    """
    again = at + timedelta(seconds=AGAIN_SECONDS)
    rows = [
        (item.reminder_id, item.not_before if item.not_before > at else again, item.reason[:REASON_CHARS_MAX])
        for item in items
    ]
    _POSTPONE.write(connection, rows, owner=owner, now=at)


def end(connection: Connection, items: Sequence[Ending], *, owner: str, at: datetime) -> None:
    """End claimed reminders, each by its event and with its reason."""
    for event in sorted({item.event for item in items}):
        rows = [(item.reminder_id, item.reason[:REASON_CHARS_MAX]) for item in items if item.event is event]
        _ENDS[event].write(connection, rows, owner=owner, now=at)


def end_one(connection: Connection, item: Ending, *, owner: str, at: datetime) -> bool:
    """End one claimed reminder; return whether it was still ours to end."""
    result = connection.execute(
        update(outbox)
        .where(outbox.c.reminder_id == item.reminder_id, _claimed_by(owner))
        .values(
            state=target(item.event), reason=item.reason[:REASON_CHARS_MAX], lease_owner=None, lease_until=None,
            changed_at=at,
        )
    )  # fmt: skip
    return result.rowcount == 1


def held_by(connection: Connection, reminder_ids: Sequence[int], *, owner: str) -> set[int]:
    """Return those of these reminders that are planned and claimed by `owner`, and stay so until the commit."""
    found: set[int] = set()
    for chunk in _chunks(sorted(reminder_ids)):
        ours = among(outbox.c.reminder_id, chunk)
        claimed = (unindexed(outbox.c.state) == State.PLANNED, outbox.c.lease_owner == owner)
        found.update(connection.scalars(select(outbox.c.reminder_id).where(ours, *claimed).with_for_update()))
    return found


def movable(event: Event, its_state: ColumnElement[str] = outbox.c.state) -> ColumnElement[bool]:
    """Return the guard of a compare-and-swap: the row is in a state in which this event may happen."""
    return or_(*(its_state == state for state in sorted(sources(event))))


def _claimed_by(owner: str | BindParameter[str]) -> ColumnElement[bool]:
    """Return the guard of every write on a claimed reminder: still planned, and still this owner's."""
    return and_(outbox.c.state == State.PLANNED, outbox.c.lease_owner == owner)


def _giving_back(each: Mapping[str, TypeEngine[Any]], **values: object) -> ManyRows:
    """Return the writing of claimed reminders that are let go, each with its reason."""
    claimed = (outbox.c.reminder_id == bindparam("id"), _claimed_by(bindparam("owner")))
    return updates(
        update(outbox)
        .where(*claimed)
        .values(reason=bindparam("why"), lease_owner=None, lease_until=None, changed_at=bindparam("now"), **values),
        {"id": outbox.c.reminder_id.type, **each, "why": outbox.c.reason.type},
    )


_POSTPONE = _giving_back({"then": outbox.c.not_before.type}, not_before=bindparam("then"))
_ENDS = {
    event: _giving_back({}, state=target(event))
    for event in (Event.CANCEL, Event.SUPPRESS, Event.SUPERSEDE, Event.EXPIRE, Event.HAND_OVER)
}


def replan(connection: Connection, where: ColumnElement[bool], *, event: Event, reason: str, at: datetime) -> int:
    """Plan again what a person says is to be sent after all; return how many rows that was.

    `event` is REPLAN for failed and printed ones, DISPROVE for doubtful ones. Raises nothing: rows in other states
    stay as they are.
    """
    result = connection.execute(
        update(outbox)
        .where(where, movable(event))
        .values(
            state=target(event), reason=reason[:REASON_CHARS_MAX], not_before=at, attempts=0, reference=None,
            lease_owner=None, lease_until=None, changed_at=at,
        )
    )  # fmt: skip
    return result.rowcount


def by_id(connection: Connection, reminder_id: int) -> Row[Any] | None:
    """Return one row of the outbox, or None."""
    return connection.execute(select(outbox).where(outbox.c.reminder_id == reminder_id)).one_or_none()


def listing(
    connection: Connection, *, states: Iterable[State] = (), account_id: str | None = None, limit: int
) -> Sequence[Row[Any]]:
    """Return the newest rows, at most `limit`, of these states (all, if none is given) and of this account."""
    query = select(outbox).order_by(outbox.c.reminder_id.desc()).limit(limit)
    wanted = tuple(states)
    if wanted:
        query = query.where(outbox.c.state.in_(wanted))
    if account_id is not None:
        query = query.where(outbox.c.account_id == account_id)
    return connection.execute(query).all()


def planned(connection: Connection) -> list[Reminder]:
    """Return every reminder that is planned, whenever its time may come."""
    return [to_reminder(row) for row in connection.execute(select(outbox).where(outbox.c.state == State.PLANNED))]


def counts_by_state(connection: Connection) -> dict[State, int]:
    """Return how many reminders are in each state, zeros included."""
    query = select(outbox.c.state, func.count()).group_by(outbox.c.state)
    return dict.fromkeys(State, 0) | {State(state): count for state, count in connection.execute(query)}


def oldest_open(connection: Connection, *, at: datetime) -> datetime | None:
    """Return since when the longest waiting reminder whose time has come has been waiting (UTC), or None."""
    waiting = select(func.min(outbox.c.not_before)).where(outbox.c.state.in_(OPEN), outbox.c.not_before <= at)
    since: datetime | None = connection.scalar(waiting)
    return since


def to_reminder(row: Row[Any]) -> Reminder:
    """Return the row as the domain knows it."""
    return Reminder(
        account_id=row.account_id,
        customer_id=row.customer_id,
        due_date=row.due_date,
        policy=row.policy,
        step=row.step,
        leg=row.leg,
        not_before=row.not_before,
        expires_at=row.expires_at,
        reminder_id=row.reminder_id,
        state=State(row.state),
        attempts=row.attempts,
        reason=row.reason,
    )


def _chunks(items: Sequence[T]) -> Iterable[Sequence[T]]:
    for start in range(0, len(items), CHUNK_ROWS):
        yield items[start : start + CHUNK_ROWS]
