"""Receipts in the database: every one is kept, and moves the reminders of its text by compare-and-swap.

The attempt is locked and written before the reminders, as everywhere, so that a receipt and the call's own answer,
which may come in the same instant, wait for each other and not in a circle. Several receipts cost as many statements
as one does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, exists, insert, select, update

from reminder.bulk import among, unindexed
from reminder.domain.lifecycle import Event, State, target
from reminder.domain.receipt import Receipt
from reminder.domain.record import Actor, Entry, Kind
from reminder.store import record
from reminder.store.outbox import movable
from reminder.store.rows import chunks, cut
from reminder.store.schema import REASON_CHARS_MAX, attempt, inbound, outbox, receipt

__all__ = ["Kept", "bind", "find_attempts", "is_reply", "keep", "listing", "move", "states"]


@dataclass(frozen=True, slots=True)
class Kept:
    """A receipt as it is to be kept: for which attempt, or for none of ours, and what it did."""

    found: Receipt
    attempt: Row[Any] | None
    effect: str


def find_attempts(connection: Connection, gateway: str, found: Sequence[Receipt]) -> list[Row[Any] | None]:
    """Return, and lock, the attempt of each receipt: by our reference where the provider echoes it, else by its own id.

    None is of no text of ours. A reference of another gateway's attempt is not believed.
    """
    of_reference: dict[str | None, Row[Any]] = {}
    for chunk in chunks([each.reference for each in found if each.reference is not None]):
        query = _attempts(gateway).where(among(attempt.c.reference, chunk)).order_by(attempt.c.reference)
        of_reference |= {row.reference: row for row in connection.execute(query)}
    return [
        of_reference.get(each.reference) if each.reference is not None else _newest(connection, gateway, each)
        for each in found
    ]


def _attempts(gateway: str) -> Select[Any]:
    """Return the query for attempts of a gateway, locked but for those who only refer to them."""
    columns = (attempt.c.reference, attempt.c.gateway, attempt.c.customer_id, attempt.c.number, attempt.c.outcome)
    return select(*columns).where(attempt.c.gateway == gateway).with_for_update(key_share=True)


def _newest(connection: Connection, gateway: str, found: Receipt) -> Row[Any] | None:
    mine = _attempts(gateway).where(attempt.c.provider_id == found.provider_id)
    return connection.execute(mine.order_by(attempt.c.started_at.desc()).limit(1)).one_or_none()


def is_reply(connection: Connection, gateway: str, reference: str | None) -> bool:
    """Return whether this is the reference of our answer to a customer's text."""
    if reference is None:
        return False
    ours = exists().where(inbound.c.gateway == gateway, inbound.c.reply_reference == reference)
    return bool(connection.scalar(select(ours)))


def bind(connection: Connection, provider_ids: Mapping[str, str], *, at: datetime) -> None:
    """Write down that the provider has these texts (by reference), and what it calls each.

    They count against caps from now on, whatever had been thought of them. What is known already stays.
    """
    changed = (
        update(attempt)
        .where(attempt.c.reference == bindparam("its_reference"), attempt.c.outcome != "accepted")
        .values(provider_id=bindparam("its_id"), outcome="accepted", counted=True, ended_at=at)
    )
    connection.execute(
        changed,
        [
            {"its_reference": reference, "its_id": cut(attempt, {"provider_id": provider_id})["provider_id"]}
            for reference, provider_id in provider_ids.items()
        ],
    )


def states(connection: Connection, references: Collection[str]) -> dict[str, set[State]]:
    """Return, and lock, the states of the reminders that each of these texts is for."""
    found: dict[str, set[State]] = {reference: set() for reference in references}
    for chunk in chunks(list(references)):
        query = (
            select(outbox.c.reference, outbox.c.state)
            .where(among(outbox.c.reference, chunk))
            .order_by(outbox.c.reminder_id)
            .with_for_update(key_share=True)
        )
        for row in connection.execute(query):
            found[row.reference].add(State(row.state))
    return found


def move(
    connection: Connection,
    references: Sequence[str],
    event: Event,
    state: State,
    *,
    reason: str,
    code: str | None,
    at: datetime,
) -> None:
    """Move those reminders of these texts that are in this state; a `code` is written to the attempts."""
    its_state = unindexed(outbox.c.state)
    values = {"state": target(event), "reason": reason[:REASON_CHARS_MAX], "changed_at": at}
    for chunk in chunks(references):
        connection.execute(
            update(outbox)
            .where(among(outbox.c.reference, chunk), its_state == state, movable(event, its_state))
            .values(values | {"lease_owner": None, "lease_until": None})
        )
        if code is not None:
            mine = update(attempt).where(among(attempt.c.reference, chunk))
            connection.execute(mine.values(cut(attempt, {"code": code})))


def keep(connection: Connection, gateway: str, kept: Sequence[Kept], *, at: datetime) -> None:
    """Keep receipts. A repeated one is there, and what it did stays written.

    Raises IntegrityError where another process keeps one of no text of ours at the same instant; those of our own
    texts wait for each other at the attempt.
    """
    known = _known(connection, gateway, [each.found.provider_id for each in kept])
    rows, entries = [], []
    for each in kept:
        values = _values(gateway, each, at)
        key = (values["provider_id"], values["status"])
        if key not in known:
            known.add(key)
            rows.append(values)
            entries.append(_entry(gateway, values, each.attempt))
    if rows:
        connection.execute(insert(receipt), rows)
        record.append(connection, entries, at=at)


def _known(connection: Connection, gateway: str, provider_ids: Sequence[str]) -> set[tuple[str, str]]:
    """Return id and status of the receipts that are kept already for these texts of a provider."""
    known: set[tuple[str, str]] = set()
    for chunk in chunks([cut(receipt, {"provider_id": each})["provider_id"] for each in provider_ids]):
        query = select(receipt.c.provider_id, receipt.c.status).where(
            receipt.c.gateway == gateway, among(receipt.c.provider_id, chunk)
        )
        known |= {(row.provider_id, row.status) for row in connection.execute(query)}
    return known


def _values(gateway: str, kept: Kept, at: datetime) -> dict[str, Any]:
    found = kept.found
    told = {
        "gateway": gateway, "provider_id": found.provider_id, "reference": found.reference,
        "status": found.status, "code": found.code, "effect": kept.effect,
    }  # fmt: skip
    return cut(receipt, told) | {"received_at": at}


def _entry(gateway: str, values: Mapping[str, Any], known: Row[Any] | None) -> Entry:
    said = {name: values[name] for name in ("provider_id", "status", "code", "effect") if values[name] is not None}
    customer_id = known.customer_id if known is not None else None
    reference = known.reference if known is not None else values["reference"]
    return Entry(Kind.RECEIPT, Actor.PROVIDER, gateway, customer_id=customer_id, reference=reference, data=said)


def listing(connection: Connection, reference: str) -> list[Row[Any]]:
    """Return the receipts that echo this reference, in the order in which they came."""
    query = select(receipt).where(receipt.c.reference == reference).order_by(receipt.c.receipt_id)
    return list(connection.execute(query))
