"""Receipts in the database: every one is kept, and moves the reminders of its text by compare-and-swap.

The attempt is written before the reminders, as everywhere, so that a receipt and the call's own answer, which may come
in the same instant, wait for each other and not in a circle.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, exists, select, update
from sqlalchemy.dialects import mysql, postgresql, sqlite

from reminder.domain.lifecycle import Event, State, target
from reminder.domain.receipt import Receipt
from reminder.domain.record import Actor, Entry, Kind
from reminder.store import record
from reminder.store.outbox import movable
from reminder.store.rows import cut
from reminder.store.schema import REASON_CHARS_MAX, attempt, inbound, outbox, receipt

__all__ = ["bind", "find_attempt", "is_reply", "keep", "listing", "move", "states"]


def find_attempt(connection: Connection, gateway: str, found: Receipt) -> Row[Any] | None:
    """Return the attempt that a receipt is for: by our reference where the provider echoes it, or else by its own id.

    A reference of another gateway's attempt is not believed.
    """
    mine = select(attempt).where(attempt.c.gateway == gateway)
    if found.reference is not None:
        return connection.execute(mine.where(attempt.c.reference == found.reference)).one_or_none()
    newest = mine.where(attempt.c.provider_id == found.provider_id).order_by(attempt.c.started_at.desc()).limit(1)
    return connection.execute(newest).one_or_none()


def is_reply(connection: Connection, gateway: str, reference: str | None) -> bool:
    """Return whether this is the reference of our answer to a customer's text."""
    if reference is None:
        return False
    ours = exists().where(inbound.c.gateway == gateway, inbound.c.reply_reference == reference)
    return bool(connection.scalar(select(ours)))


def bind(connection: Connection, reference: str, provider_id: str, *, at: datetime) -> bool:
    """Write down that the provider has this text and what it calls it; return whether that was news.

    It counts against caps from now on, whatever had been thought of it.
    """
    changed = connection.execute(
        update(attempt)
        .where(attempt.c.reference == reference, attempt.c.outcome != "accepted")
        .values(cut(attempt, {"provider_id": provider_id}) | {"outcome": "accepted", "counted": True, "ended_at": at})
    )
    return changed.rowcount == 1


def states(connection: Connection, reference: str) -> set[State]:
    """Return the states of the reminders that a text is for."""
    query = select(outbox.c.state).where(outbox.c.reference == reference).distinct()
    return {State(state) for state in connection.scalars(query)}


def move(
    connection: Connection, reference: str, event: Event, state: State, *, reason: str, code: str | None, at: datetime
) -> int:
    """Move those reminders of a text that are in this state; return how many those were."""
    moved = connection.execute(
        update(outbox)
        .where(outbox.c.reference == reference, outbox.c.state == state, movable(event))
        .values(
            state=target(event), reason=reason[:REASON_CHARS_MAX], lease_owner=None, lease_until=None, changed_at=at
        )
    ).rowcount
    if moved and code is not None:
        connection.execute(update(attempt).where(attempt.c.reference == reference).values(cut(attempt, {"code": code})))
    return moved


def keep(
    connection: Connection, gateway: str, found: Receipt, known: Row[Any] | None, *, effect: str, at: datetime
) -> None:
    """Keep a receipt for an attempt, or for none of ours. A repeated one is there, and what it did stays written."""
    values = cut(
        receipt,
        {
            "gateway": gateway, "provider_id": found.provider_id, "reference": found.reference,
            "status": found.status, "code": found.code, "effect": effect,
        },
    ) | {"received_at": at}  # fmt: skip
    dialect = connection.dialect.name
    if dialect == "postgresql":
        kept = connection.execute(postgresql.insert(receipt).values(values).on_conflict_do_nothing())
    elif dialect == "sqlite":
        kept = connection.execute(sqlite.insert(receipt).values(values).on_conflict_do_nothing())
    else:
        # IGNORE would swallow other faults too; a row written over itself swallows none, and counts as none.
        again = mysql.insert(receipt).values(values)
        kept = connection.execute(again.on_duplicate_key_update(receipt_id=receipt.c.receipt_id))
    if kept.rowcount == 1:
        record.append(connection, [_entry(gateway, values, known)], at=at)


def _entry(gateway: str, values: Mapping[str, Any], known: Row[Any] | None) -> Entry:
    said = {name: values[name] for name in ("provider_id", "status", "code", "effect") if values[name] is not None}
    customer_id = known.customer_id if known is not None else None
    reference = known.reference if known is not None else values["reference"]
    return Entry(Kind.RECEIPT, Actor.PROVIDER, gateway, customer_id=customer_id, reference=reference, data=said)


def listing(connection: Connection, reference: str) -> list[Row[Any]]:
    """Return the receipts that echo this reference, in the order in which they came."""
    query = select(receipt).where(receipt.c.reference == reference).order_by(receipt.c.receipt_id)
    return list(connection.execute(query))
