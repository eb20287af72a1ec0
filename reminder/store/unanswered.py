"""Texts whose call was never answered: they become `in_doubt` (law 3), until who knows says what became of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from reminder.domain.lifecycle import Event, sources, target
from reminder.domain.record import Actor, Entry, Kind
from reminder.store.attempts import Answer, of_references, record
from reminder.store.outbox import movable
from reminder.store.record import append
from reminder.store.schema import REASON_CHARS_MAX, attempt, outbox

__all__ = ["lose_expired", "resolve"]


def lose_expired(connection: Connection, *, owner: str, at: datetime) -> int:
    """Move to `in_doubt` what was being sent by a process whose lease ended; return how many texts those were.

    `owner` is the process that finds it.
    """
    lost = (movable(Event.LOSE), outbox.c.lease_until <= at)
    references = connection.scalars(select(outbox.c.reference).where(*lost).distinct()).all()
    why = "the process stopped during the call: nobody knows whether the gateway took it"
    record(connection, [Answer(ref, Event.LOSE, "unknown", why, counted=True) for ref in references if ref], at=at)
    lost_ones = of_references(connection, [reference for reference in references if reference])
    append(connection, [_told(row, Kind.ANSWER, Actor.PROCESS, owner, Event.LOSE) for row in lost_ones], at=at)
    return len(references)


def _told(row: Row[Any], kind: Kind, actor: Actor, who: str, event: Event) -> Entry:
    """Return the entry of what became of a text otherwise than by its call's own answer."""
    was = min(sources(event))
    return Entry(kind, actor, who, customer_id=row.customer_id, reference=row.reference, was=was, became=target(event))


def resolve(
    connection: Connection,
    reference: str,
    *,
    event: Event,
    reason: str,
    who: str,
    at: datetime,
    actor: Actor = Actor.OPERATOR,
    provider_id: str | None = None,
) -> int:
    """Settle a doubtful text as a person or the provider says: CONFIRM, DISPROVE or ABANDON; return the rows moved.

    `who` says so; `provider_id` is what the provider calls it, where that is known.
    """
    counted = event is not Event.DISPROVE
    moved = connection.execute(
        update(outbox)
        .where(outbox.c.reference == reference, movable(event))
        .values(
            state=target(event), reason=reason[:REASON_CHARS_MAX], not_before=at, lease_owner=None, lease_until=None,
            changed_at=at,
        )
    ).rowcount  # fmt: skip
    if moved:
        connection.execute(
            update(attempt)
            .where(attempt.c.reference == reference)
            .values(
                outcome="accepted" if event is Event.CONFIRM else "refused", counted=counted, ended_at=at,
                provider_id=func.coalesce(provider_id, attempt.c.provider_id),
            )
        )  # fmt: skip
        data = {"provider_id": provider_id} if provider_id else {}
        told = [_told(row, Kind.DOUBT, actor, who, event) for row in of_references(connection, [reference])]
        append(connection, [replace(entry, data=data, private={"reason": reason}) for entry in told], at=at)
    return moved
