"""Suppressions in the database: numbers and customers that must not be contacted on a channel.

They are in force from the moment they are written, never deleted, and only a person removes one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, select, update

from reminder.domain.hold import Suppression
from reminder.errors import DataError
from reminder.store.rows import among, chunks, cut, insert_one, require_fit
from reminder.store.schema import suppression

__all__ = ["add", "covering", "listing", "remove"]


def add(
    connection: Connection,
    *,
    source: str,
    who: str,
    at: datetime,
    channel: str = "*",
    number: str | None = None,
    customer_id: str | None = None,
) -> int:
    """Forbid contact with a number (E.164) or a customer on a channel (`*`: on all); return the suppression's id.

    When an equal one is in force already, nothing is written and that one's id is returned. A `source` longer than
    its column is cut: refusing a STOP because of how it was reported would be worse.
    Raises DataError when it is not for exactly one of the two, or an id is too long.
    """
    _require_one(number, customer_id)
    subject = {"number": number, "customer_id": customer_id, "channel": channel}
    require_fit(suppression, subject)
    query = select(suppression.c.suppression_id).where(_same(number, customer_id), suppression.c.channel == channel)
    existing = connection.scalar(query.order_by(suppression.c.suppression_id).limit(1))
    if existing is not None:
        return int(existing)
    values = subject | cut(suppression, {"source": source, "who": who}) | {"created_at": at}
    return insert_one(connection, suppression, values)


def remove(
    connection: Connection,
    *,
    who: str,
    at: datetime,
    number: str | None = None,
    customer_id: str | None = None,
    channel: str | None = None,
) -> int:
    """Allow contact with a number or a customer again, on one channel or (None) on all; return how many entries ended.

    Two processes may have added the same entry at the same time; all of them end. Raises DataError like `add`.
    """
    _require_one(number, customer_id)
    require_fit(suppression, {"removed_by": who})
    change = update(suppression).where(_same(number, customer_id)).values(removed_at=at, removed_by=who)
    if channel is not None:
        change = change.where(suppression.c.channel == channel)
    return connection.execute(change).rowcount


def covering(connection: Connection, *, numbers: Sequence[str], customer_ids: Sequence[str]) -> list[Suppression]:
    """Return the suppressions in force for any of these numbers (E.164) or customers, on any channel, oldest first."""
    rows: list[Row[Any]] = []
    for column, values in ((suppression.c.number, numbers), (suppression.c.customer_id, customer_ids)):
        for chunk in chunks(values):
            rows += connection.execute(select(suppression).where(among(connection, column, chunk), _in_force()))
    return sorted((_to_suppression(row) for row in rows), key=lambda found: found.suppression_id or 0)


def listing(connection: Connection, *, active_only: bool, limit: int) -> list[Suppression]:
    """Return the newest suppressions, at most `limit`; with `active_only` those in force."""
    query = select(suppression).order_by(suppression.c.suppression_id.desc()).limit(limit)
    if active_only:
        query = query.where(_in_force())
    return [_to_suppression(row) for row in connection.execute(query)]


def _require_one(number: str | None, customer_id: str | None) -> None:
    """Raise DataError unless exactly one of the two is given."""
    if (number is None) == (customer_id is None):
        raise DataError("expected a number or a customer to suppress, found both or neither: give exactly one")


def _same(number: str | None, customer_id: str | None) -> ColumnElement[bool]:
    """Return the condition that a suppression is in force for just this number, or just this customer."""
    subject = suppression.c.number == number if number is not None else suppression.c.customer_id == customer_id
    return and_(subject, _in_force())


def _in_force() -> ColumnElement[bool]:
    """Return the condition that nobody has removed it."""
    return suppression.c.removed_at.is_(None)


def _to_suppression(row: Row[Any]) -> Suppression:
    """Return the row as the domain knows it."""
    return Suppression(
        source=row.source,
        created_at=row.created_at,
        channel=row.channel,
        number=row.number,
        customer_id=row.customer_id,
        who=row.who,
        suppression_id=row.suppression_id,
    )
