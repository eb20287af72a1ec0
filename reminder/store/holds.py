"""Holds in the database: dated pauses on an account or a customer.

A hold ends by itself; releasing it only ends it sooner. Nothing is ever deleted, so that "was there a hold on that
day?" has an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, or_, select, update

from reminder.domain.hold import NEVER_CONTACT, Hold, HoldKind
from reminder.errors import DataError
from reminder.store.rows import among, chunks, insert_one, require_fit
from reminder.store.schema import hold

__all__ = ["add", "in_force", "listing", "release"]


def add(
    connection: Connection,
    *,
    kind: HoldKind,
    reason: str,
    who: str,
    at: datetime,
    until: datetime | None = None,
    account_id: str | None = None,
    customer_id: str | None = None,
) -> int:
    """Pause one account or one customer from `at` until `until` (UTC; None: until released); return the hold's id.

    Raises DataError when it is not for exactly one of the two, when a kind that means "never contact this person" is
    put on an account, when it would end before it begins, or when a text is missing or too long.
    """
    if (account_id is None) == (customer_id is None):
        raise DataError("expected an account or a customer to hold, found both or neither: give exactly one")
    if kind in NEVER_CONTACT and customer_id is None:
        raise DataError(
            f"expected a customer for a hold of kind {kind}, found an account: it is the person who is meant"
        )
    if until is not None and until <= at:
        raise DataError(f"expected a hold to end after {at.isoformat()}, found {until.isoformat()}: give a later end")
    if not reason.strip():
        raise DataError("expected a reason for the hold, found none: say why, somebody will ask")
    values = {
        "kind": kind.value,
        "account_id": account_id,
        "customer_id": customer_id,
        "reason": reason,
        "who": who,
        "starts_at": at,
        "until": until,
    }
    require_fit(hold, values)
    return insert_one(connection, hold, values)


def release(connection: Connection, hold_id: int, *, who: str, at: datetime) -> bool:
    """End a hold at `at`; return False when there is none of this id in force (any more)."""
    require_fit(hold, {"released_by": who})
    released = connection.execute(
        update(hold).where(hold.c.hold_id == hold_id, _in_force(at)).values(released_at=at, released_by=who)
    )
    return released.rowcount == 1


def in_force(
    connection: Connection, *, account_ids: Sequence[str], customer_ids: Sequence[str], at: datetime
) -> list[Hold]:
    """Return the holds that pause any of these accounts or customers at the instant `at`, oldest first."""
    rows: list[Row[Any]] = []
    for column, ids in ((hold.c.account_id, account_ids), (hold.c.customer_id, customer_ids)):
        for chunk in chunks(ids):
            rows += connection.execute(select(hold).where(among(connection, column, chunk), _in_force(at)))
    return sorted((_to_hold(row) for row in rows), key=lambda found: found.hold_id or 0)


def listing(connection: Connection, *, at: datetime, active_only: bool, limit: int) -> list[Hold]:
    """Return the newest holds, at most `limit`; with `active_only` those in force at `at` (UTC)."""
    query = select(hold).order_by(hold.c.hold_id.desc()).limit(limit)
    if active_only:
        query = query.where(_in_force(at))
    return [_to_hold(row) for row in connection.execute(query)]


def _in_force(at: datetime) -> ColumnElement[bool]:
    """Return the condition that a hold pauses reminders at this instant, past, present or future."""
    return and_(
        hold.c.starts_at <= at,
        or_(hold.c.until.is_(None), hold.c.until > at),
        or_(hold.c.released_at.is_(None), hold.c.released_at > at),
    )


def _to_hold(row: Row[Any]) -> Hold:
    """Return the row as the domain knows it: a hold that was released is one that ended then."""
    ends = [moment for moment in (row.until, row.released_at) if moment is not None]
    return Hold(
        kind=HoldKind(row.kind),
        reason=row.reason,
        starts_at=row.starts_at,
        until=min(ends, default=None),
        hold_id=row.hold_id,
        account_id=row.account_id,
        customer_id=row.customer_id,
        who=row.who,
    )
