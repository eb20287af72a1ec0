"""Events for other systems: accounts handed over. They pick them up in order, remembering the last `event_id` they saw.

That works only if an event never becomes visible after one with a higher number. Numbers are given at insertion and
rows show at commit, so two writers could cross; hence one writes at a time, until its commit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from reminder.store.rows import insert_one, upsert
from reminder.store.schema import customer_lock, event

__all__ = ["EventRecord", "append", "listing"]

_ORDER_LOCK = "*events*"
"""The row of `customer_lock` that a writer of events holds. A customer of that name would only share the lock."""


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One event as other systems see it. `happened_at` is UTC; `data` depends on the kind."""

    event_id: int
    kind: str
    addressee: str
    account_id: str
    customer_id: str
    reminder_id: int
    happened_at: datetime
    data: Mapping[str, Any]


def append(
    connection: Connection,
    *,
    kind: str,
    addressee: str,
    account_id: str,
    customer_id: str,
    reminder_id: int,
    at: datetime,
    data: Mapping[str, Any],
) -> int:
    """Write an event; return its id, higher than that of every event that can be seen. Others wait for the commit."""
    upsert(connection, customer_lock, {"customer_id": _ORDER_LOCK})
    values = {
        "kind": kind,
        "addressee": addressee,
        "account_id": account_id,
        "customer_id": customer_id,
        "reminder_id": reminder_id,
        "happened_at": at,
        "data": dict(data),
    }
    return insert_one(connection, event, values)


def listing(
    connection: Connection, *, addressee: str | None = None, after_id: int = 0, limit: int
) -> list[EventRecord]:
    """Return the events after `after_id`, lowest first and at most `limit`, of one addressee or (None) of all."""
    query = select(event).where(event.c.event_id > after_id).order_by(event.c.event_id).limit(limit)
    if addressee is not None:
        query = query.where(event.c.addressee == addressee)
    return [EventRecord(**row) for row in connection.execute(query).mappings()]
