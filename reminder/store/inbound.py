"""Customers' texts in the database: every one is kept, once, with what was done about it and who has dealt with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, or_, select, update

from reminder.domain.receipt import Inbound, Meaning
from reminder.domain.record import Actor, Entry, Kind
from reminder.store import record
from reminder.store.rows import cut, insert_one, require_fit
from reminder.store.schema import attempt, inbound, suppression
from reminder.store.suppressions import lift, of_number

__all__ = [
    "STOP_SOURCE", "answered", "by_id", "close", "known", "last_attempt", "lift_stops", "listing", "settle", "write",
]  # fmt: skip

STOP_SOURCE = "STOP"
"""How the source of a suppression begins that a customer's own text made; START lifts those."""


def known(connection: Connection, gateway: str, provider_id: str) -> bool:
    """Return whether this text has come before: providers repeat what they are not sure we heard."""
    same = (
        inbound.c.gateway == gateway,
        inbound.c.provider_id == cut(inbound, {"provider_id": provider_id})["provider_id"],
    )
    return connection.scalar(select(inbound.c.inbound_id).where(*same)) is not None


def write(
    connection: Connection, gateway: str, text: Inbound, *, meaning: Meaning, customer_id: str | None, at: datetime
) -> int:
    """Keep a text that has not come before, as one that waits for a person; return its id.

    Raises IntegrityError when another process keeps the same one in the same instant: then that one acts on it.
    """
    values = {
        "gateway": gateway, "provider_id": text.provider_id, "number": text.sender, "addressee": text.addressee,
        "customer_id": customer_id, "body": text.body, "meaning": meaning.value, "acted": "", "waits": True,
        "received_at": at,
    }  # fmt: skip
    # PostgreSQL keeps no NUL, and a text with one must be kept all the same.
    whole = {
        name: value.replace("\x00", "\ufffd") if isinstance(value, str) else value for name, value in values.items()
    }
    return insert_one(connection, inbound, cut(inbound, whole))


def settle(
    connection: Connection, inbound_id: int, *, acted: str, waits: bool, reply_reference: str | None = None
) -> None:
    """Write down what was done about a text at once, whether a person must look, and our answer's reference."""
    values: Mapping[str, Any] = {"acted": acted, "waits": waits, "reply_reference": reply_reference}
    connection.execute(update(inbound).where(inbound.c.inbound_id == inbound_id).values(cut(inbound, values)))
    row = connection.execute(select(inbound).where(inbound.c.inbound_id == inbound_id)).one()
    data = {"provider_id": row.provider_id, "meaning": row.meaning, "waits": waits}
    private = {"number": row.number, "to": row.addressee, "body": row.body}
    entry = Entry(
        Kind.INBOUND, Actor.PROVIDER, row.gateway, subject=str(inbound_id), customer_id=row.customer_id,
        reference=reply_reference, was="", became=row.acted, data=data, private=private,
    )  # fmt: skip
    record.append(connection, [entry], at=row.received_at)


def answered(connection: Connection, inbound_id: int, outcome: str, *, at: datetime) -> None:
    """Write down what became of our answer to a text."""
    one = inbound.c.inbound_id == inbound_id
    connection.execute(update(inbound).where(one).values(cut(inbound, {"reply_outcome": outcome})))
    row = connection.execute(select(inbound).where(one)).one()
    entry = Entry(
        Kind.REPLY, Actor.PROVIDER, row.gateway, subject=str(inbound_id), customer_id=row.customer_id,
        reference=row.reply_reference, private={"number": row.number, "outcome": outcome},
    )  # fmt: skip
    record.append(connection, [entry], at=at)


def close(connection: Connection, inbound_id: int, *, who: str, note: str, at: datetime) -> bool:
    """Write down that a person has dealt with a text; return False where there is none that waits."""
    require_fit(inbound, {"done_by": who, "note": note})
    waiting = (inbound.c.inbound_id == inbound_id, inbound.c.waits)
    row = connection.execute(select(inbound).where(*waiting)).one_or_none()
    if row is None:
        return False
    changed = connection.execute(
        update(inbound).where(*waiting).values(waits=False, done_at=at, done_by=who, note=note)
    )
    entry = Entry(
        Kind.INBOUND, Actor.OPERATOR, who, subject=str(inbound_id), customer_id=row.customer_id, was="waits",
        became="done", private={"note": note, "number": row.number},
    )  # fmt: skip
    record.append(connection, [entry] if changed.rowcount == 1 else [], at=at)
    return changed.rowcount == 1


def listing(connection: Connection, *, waiting_only: bool, limit: int) -> list[Row[Any]]:
    """Return texts, at most `limit`: those that wait, the oldest first, or else all, the newest first."""
    query = select(inbound).limit(limit)
    if waiting_only:
        return list(connection.execute(query.where(inbound.c.waits).order_by(inbound.c.inbound_id)))
    return list(connection.execute(query.order_by(inbound.c.inbound_id.desc())))


def by_id(connection: Connection, inbound_id: int) -> Row[Any] | None:
    """Return one text, or None."""
    return connection.execute(select(inbound).where(inbound.c.inbound_id == inbound_id)).one_or_none()


def last_attempt(connection: Connection, number: str) -> Row[Any] | None:
    """Return the last text to a number (E.164), whoever it was for: what its owner answers to."""
    query = select(attempt).where(attempt.c.number == number).order_by(attempt.c.started_at.desc()).limit(1)
    return connection.execute(query).one_or_none()


def lift_stops(connection: Connection, number: str, *, gateway: str, at: datetime) -> int:
    """Allow texts to a number again as far as its owner's own STOP forbade them; return how many entries ended.

    That is a STOP sent to us, or one that this gateway told us of. What a person has forbidden stays forbidden.
    """
    theirs = or_(suppression.c.source.like(f"{STOP_SOURCE} %"), suppression.c.who == gateway)
    who = f"START by {gateway}"[:64]
    return lift(connection, of_number(connection, number), theirs, who=who, actor=Actor.PROVIDER, at=at)
