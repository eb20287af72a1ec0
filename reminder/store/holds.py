"""Holds in the database: dated pauses on an account, a customer or a selection of accounts.

A hold ends by itself; releasing it only ends it sooner. Nothing is ever deleted, so that "was there a hold on that
day?" has an answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, Row, and_, bindparam, or_, select, update

from reminder.bulk import among
from reminder.domain.hold import NEVER_CONTACT, RESUME_HOURS_MAX, Hold, HoldKind
from reminder.domain.record import Actor, Entry, Kind
from reminder.domain.selector import Selector, Term
from reminder.errors import DataError
from reminder.store import record
from reminder.store.rows import chunks, insert_one, require_fit
from reminder.store.schema import hold

__all__ = ["add", "ending_between", "in_force", "listing", "release", "selections"]


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
    selector: Selector | None = None,
    resume_hours: int = 0,
    actor: Actor = Actor.OPERATOR,
) -> int:
    """Pause an account, a customer or a selection from `at` until `until` (UTC; None: until released); return its id.

    A selection comes back over `resume_hours`. Raises DataError when it is not for exactly one of them, when a kind
    that means "never contact this person" is not put on a customer, when it would end before it begins, or when a text
    is missing or too long.
    """
    if sum(each is not None for each in (account_id, customer_id, selector)) != 1:
        raise DataError("expected an account, a customer or a selection to hold, found none or several: give one")
    if not 0 <= resume_hours <= (RESUME_HOURS_MAX if selector is not None else 0):
        raise DataError(f"expected 0 to {RESUME_HOURS_MAX} hours in which a selection comes back, found {resume_hours}")
    if kind in NEVER_CONTACT and customer_id is None:
        raise DataError(f"expected a customer for a hold of kind {kind}, found none: it is the person who is meant")
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
        "selection": [_term_data(term) for term in selector.terms] if selector is not None else None,
        "resume_hours": resume_hours,
    }
    require_fit(hold, values)
    hold_id = insert_one(connection, hold, values)
    entry = Entry(
        Kind.HOLD, actor, who, subject=str(hold_id), account_id=account_id, customer_id=customer_id, was="",
        became=kind.value,
        data={"until": until} | ({"selection": values["selection"]} if selector is not None else {}),
        private={"reason": reason},
    )  # fmt: skip
    record.append(connection, [entry], at=at)
    return hold_id


def release(
    connection: Connection, hold_id: int, *, who: str, at: datetime, reason: str = "", actor: Actor = Actor.OPERATOR
) -> bool:
    """End a hold at `at`; return False when there is none of this id in force (any more).

    Raises DataError when a mark of a kind that means "never contact this person" is to be taken off without a reason.
    """
    reason = reason.strip()
    signed = {"released_by": who, "released_because": reason or None}
    require_fit(hold, signed)
    wanted = and_(hold.c.hold_id == hold_id, _in_force(at))
    held = connection.execute(select(hold).where(wanted)).one_or_none()
    if held is None:
        return False
    if not reason and held.kind in NEVER_CONTACT:
        raise DataError("expected a reason for contacting this person again, found none: say how it is known")
    if connection.execute(update(hold).where(wanted).values(released_at=at, **signed)).rowcount != 1:
        return False
    entry = Entry(
        Kind.HOLD, actor, who, subject=str(hold_id), account_id=held.account_id, customer_id=held.customer_id,
        was=held.kind, became="released", private={"reason": reason} if reason else {},
    )  # fmt: skip
    record.append(connection, [entry], at=at)
    return True


def in_force(
    connection: Connection, *, account_ids: Sequence[str], customer_ids: Sequence[str], at: datetime
) -> list[Hold]:
    """Return the holds that pause any of these accounts or customers at the instant `at`, oldest first."""
    rows: list[Row[Any]] = []
    for query, ids in ((_ON_ACCOUNTS, account_ids), (_ON_CUSTOMERS, customer_ids)):
        for chunk in chunks(ids):
            rows += connection.execute(query, {"ids": chunk, "at": at})
    return sorted((_to_hold(row) for row in rows), key=lambda found: found.hold_id or 0)


def selections(connection: Connection, *, at: datetime) -> list[Hold]:
    """Return the holds on selections that pause somebody at the instant `at`, also those that are coming back.

    `Hold.of_customer` says until when for each customer.
    """
    when = {"at": at, "ended": at - timedelta(hours=RESUME_HOURS_MAX)}
    return [_to_hold(row) for row in connection.execute(_ON_SELECTIONS, when)]


def ending_between(connection: Connection, since: datetime, until: datetime, *, limit: int) -> list[Hold]:
    """Return the holds that end by themselves in [since, until) (UTC), the first to end first, at most `limit`."""
    query = select(hold).where(hold.c.until >= since, hold.c.until < until, hold.c.released_at.is_(None))
    rows = connection.execute(query.order_by(hold.c.until, hold.c.hold_id).limit(limit))
    return [_to_hold(row) for row in rows]


def listing(connection: Connection, *, at: datetime, active_only: bool, limit: int) -> list[Hold]:
    """Return the newest holds, at most `limit`; with `active_only` those in force at `at` (UTC)."""
    query = select(hold).order_by(hold.c.hold_id.desc()).limit(limit)
    if active_only:
        query = query.where(_in_force(at))
    return [_to_hold(row) for row in connection.execute(query)]


def _in_force(at: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """Return the condition that a hold pauses reminders at this instant, past, present or future."""
    return and_(hold.c.starts_at <= at, _not_ended(at))


def _not_ended(at: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    return and_(
        or_(hold.c.until.is_(None), hold.c.until > at),
        or_(hold.c.released_at.is_(None), hold.c.released_at > at),
    )


_ON_ACCOUNTS, _ON_CUSTOMERS = (
    select(hold).where(among(column, bindparam("ids")), _in_force(bindparam("at")))
    for column in (hold.c.account_id, hold.c.customer_id)
)
_ON_SELECTIONS = (
    select(hold)
    .where(hold.c.account_id.is_(None), hold.c.customer_id.is_(None))
    .where(hold.c.starts_at <= bindparam("at"), _not_ended(bindparam("ended")))
    .order_by(hold.c.hold_id)
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
        selector=Selector(tuple(map(_to_term, row.selection))) if row.selection is not None else None,
        resume_hours=row.resume_hours,
    )


def _term_data(term: Term) -> dict[str, Any]:
    bounds = {"at_least": term.at_least, "at_most": term.at_most}
    return {
        "field": term.field,
        "values": sorted(term.values),
        "negated": term.negated,
        **{name: str(bound) if bound is not None else None for name, bound in bounds.items()},
    }


def _to_term(data: Mapping[str, Any]) -> Term:
    low, high = (Decimal(data[name]) if data[name] is not None else None for name in ("at_least", "at_most"))
    return Term(data["field"], frozenset(data["values"]), data["negated"], low, high)
