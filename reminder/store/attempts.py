"""Attempts: the intent to send, committed before the call, and the answer, committed after it.

A text is reserved together with the contact it makes, under a lock on its customer, so that caps hold whatever the
number of processes (law 10). What was reserved and got no answer becomes `in_doubt` (law 3).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, func, insert, select, true, update
from sqlalchemy.dialects import mysql, postgresql, sqlite

from reminder.domain.caps import Cap, horizon, next_free
from reminder.domain.lifecycle import Event, target
from reminder.store.outbox import movable
from reminder.store.rows import among, cut
from reminder.store.schema import REASON_CHARS_MAX, attempt, customer_lock, outbox

__all__ = [
    "Answer",
    "Intent",
    "Reservation",
    "contacts",
    "lose_expired",
    "open_references",
    "record",
    "reserve",
    "resolve",
]


@dataclass(frozen=True, slots=True)
class Intent:
    """One text about to be sent, for one claimed reminder or for several of the same customer."""

    reference: str
    reminder_ids: tuple[int, ...]
    customer_id: str
    number: str
    gateway: str
    policy: str
    policy_version: str
    template: str
    language: str
    body: str
    segments: int
    valid_until: datetime
    caps: tuple[Cap, ...]
    caps_zone: str


@dataclass(frozen=True, slots=True)
class Reservation:
    """What came of the intents: `won` may be sent now, `capped` must wait until an instant, the rest were lost."""

    won: frozenset[str]
    capped: Mapping[str, tuple[datetime, Cap]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call led to. `event` moves the reminders; `outcome` is kept with the attempt.

    `counted` says whether the customer was, or may have been, contacted. `not_before` is when a postponed one is
    tried again, and `burns` whether this try counts towards the limit of attempts.
    """

    reference: str
    event: Event
    outcome: str
    reason: str
    counted: bool
    provider_id: str | None = None
    code: str | None = None
    not_before: datetime | None = None
    burns: bool = False


def contacts(connection: Connection, customer_ids: Sequence[str], *, since: datetime) -> dict[str, list[datetime]]:
    """Return when each customer was contacted, or may have been, since an instant (UTC)."""
    found: dict[str, list[datetime]] = defaultdict(list)
    query = select(attempt.c.customer_id, attempt.c.started_at).where(
        among(connection, attempt.c.customer_id, customer_ids), attempt.c.counted, attempt.c.started_at >= since
    )
    for customer_id, started_at in connection.execute(query):
        found[customer_id].append(started_at)
    return found


def reserve(
    connection: Connection, intents: Sequence[Intent], *, owner: str, at: datetime, lease_seconds: int
) -> Reservation:
    """Commit to sending: count the contact, write the attempt, and move its reminders from planned to sending.

    An intent wins only if the caps still have room for it, asked under a lock on its customer, and if every one of
    its reminders is still planned and still claimed by `owner`. To be run in a transaction of its own, committed
    before any call.
    """
    if not intents:
        return Reservation(frozenset(), {})
    _lock_customers(connection, sorted({intent.customer_id for intent in intents}))
    fitting, capped = _within_caps(connection, intents, at)
    if fitting:
        connection.execute(insert(attempt), [_attempt_row(intent, at) for intent in fitting])
        _start_sending(connection, fitting, owner=owner, at=at, lease_seconds=lease_seconds)
    won = _winners(connection, fitting)
    _drop(connection, [intent.reference for intent in fitting if intent.reference not in won], at=at)
    return Reservation(frozenset(won), capped)


def _lock_customers(connection: Connection, customer_ids: list[str]) -> None:
    """Lock the customers in one order everywhere, so that two processes can't wait for each other."""
    rows = [{"customer_id": customer_id} for customer_id in customer_ids]
    name = connection.dialect.name
    if name == "postgresql":
        connection.execute(postgresql.insert(customer_lock).on_conflict_do_nothing(), rows)
    elif name == "sqlite":
        # The transaction is the only writer already (BEGIN IMMEDIATE); the row is kept for a later move.
        connection.execute(sqlite.insert(customer_lock).on_conflict_do_nothing(), rows)
    else:
        keep = mysql.insert(customer_lock)
        connection.execute(keep.on_duplicate_key_update(customer_id=customer_lock.c.customer_id), rows)
    lock = select(customer_lock.c.customer_id).where(among(connection, customer_lock.c.customer_id, customer_ids))
    connection.execute(lock.order_by(customer_lock.c.customer_id).with_for_update()).all()


def _within_caps(
    connection: Connection, intents: Sequence[Intent], at: datetime
) -> tuple[list[Intent], dict[str, tuple[datetime, Cap]]]:
    reach = max((horizon(intent.caps) for intent in intents), default=timedelta())
    made = contacts(connection, sorted({intent.customer_id for intent in intents}), since=at - reach)
    fitting: list[Intent] = []
    capped: dict[str, tuple[datetime, Cap]] = {}
    for intent in intents:
        before = made.setdefault(intent.customer_id, [])
        blocked = next_free(intent.caps, before, at, intent.caps_zone)
        if blocked is None:
            before.append(at)
            fitting.append(intent)
        else:
            capped[intent.reference] = blocked
    return fitting, capped


def _attempt_row(intent: Intent, at: datetime) -> dict[str, Any]:
    return {
        "reference": intent.reference,
        "gateway": intent.gateway,
        "customer_id": intent.customer_id,
        "number": intent.number,
        "policy": intent.policy,
        "policy_version": intent.policy_version,
        "template": intent.template,
        "language": intent.language,
        "body": intent.body,
        "segments": intent.segments,
        "counted": True,
        "started_at": at,
        "valid_until": intent.valid_until,
    }


def _start_sending(
    connection: Connection, intents: Sequence[Intent], *, owner: str, at: datetime, lease_seconds: int
) -> None:
    connection.execute(
        update(outbox)
        .where(
            outbox.c.reminder_id == bindparam("id"),
            movable(Event.RESERVE),
            outbox.c.lease_owner == owner,
        )
        .values(
            state=target(Event.RESERVE), reference=bindparam("ref"), changed_at=at,
            lease_until=at + timedelta(seconds=lease_seconds),
        ),
        [{"id": row, "ref": intent.reference} for intent in intents for row in intent.reminder_ids],
    )  # fmt: skip


def _winners(connection: Connection, intents: Sequence[Intent]) -> set[str]:
    """Return the intents all of whose reminders were ours to move; one lost member makes the whole text untrue."""
    references = [intent.reference for intent in intents]
    query = select(outbox.c.reference, func.count()).where(among(connection, outbox.c.reference, references))
    moved = {str(reference): count for reference, count in connection.execute(query.group_by(outbox.c.reference))}
    return {intent.reference for intent in intents if moved.get(intent.reference, 0) == len(intent.reminder_ids)}


def _drop(connection: Connection, references: Sequence[str], *, at: datetime) -> None:
    """Take back what was written for texts that won't be sent; their remaining reminders are planned again."""
    if not references:
        return
    connection.execute(
        update(outbox)
        .where(outbox.c.reference.in_(references), movable(Event.POSTPONE))
        .values(state=target(Event.POSTPONE), reference=None, lease_owner=None, lease_until=None, changed_at=at)
    )
    connection.execute(attempt.delete().where(attempt.c.reference.in_(references)))


def record(connection: Connection, answers: Sequence[Answer], *, at: datetime) -> None:
    """Commit what the gateways answered. An answer that comes after its call was given up for lost still counts.

    The loss of an answer, in turn, takes nothing back: an answer that another process has just recorded stands.
    """
    lost = [answer for answer in answers if answer.event is Event.LOSE]
    _keep_answers(connection, [answer for answer in answers if answer.event is not Event.LOSE], true(), at=at)
    _keep_answers(connection, lost, attempt.c.outcome == "", at=at)
    for event in sorted({answer.event for answer in answers}):
        _move(connection, [answer for answer in answers if answer.event is event], event, at=at)


def _keep_answers(
    connection: Connection, answers: Sequence[Answer], guard: ColumnElement[bool], *, at: datetime
) -> None:
    if not answers:
        return
    connection.execute(
        update(attempt)
        .where(attempt.c.reference == bindparam("ref"), guard)
        .values(
            ended_at=at, outcome=bindparam("what"), counted=bindparam("contacted"), provider_id=bindparam("pid"),
            code=bindparam("provider_code"), detail=bindparam("why"),
        ),
        [_attempt_answer(answer) for answer in answers],
    )  # fmt: skip


def _attempt_answer(answer: Answer) -> dict[str, Any]:
    # One provider's endless words must not make the answers of all others fail (law 9).
    told = cut(attempt, {"provider_id": answer.provider_id, "code": answer.code, "detail": answer.reason})
    return {
        "ref": answer.reference,
        "what": answer.outcome,
        "contacted": answer.counted,
        "pid": told["provider_id"],
        "provider_code": told["code"],
        "why": told["detail"],
    }


def _move(connection: Connection, answers: Sequence[Answer], event: Event, *, at: datetime) -> None:
    values: dict[str, Any] = {
        "state": target(event),
        "reason": bindparam("why"),
        "lease_owner": None,
        "lease_until": None,
        "changed_at": at,
    }
    rows: list[dict[str, Any]] = [
        {"ref": answer.reference, "why": answer.reason[:REASON_CHARS_MAX]} for answer in answers
    ]
    if event is Event.POSTPONE:
        values |= {"not_before": bindparam("then"), "attempts": outbox.c.attempts + bindparam("burnt")}
        for row, answer in zip(rows, answers, strict=True):
            row |= {"then": answer.not_before or at, "burnt": int(answer.burns)}
    guard = movable(event)
    connection.execute(update(outbox).where(outbox.c.reference == bindparam("ref"), guard).values(values), rows)


def lose_expired(connection: Connection, *, at: datetime) -> int:
    """Move to `in_doubt` what was being sent by a process whose lease ended; return how many reminders that was."""
    lost = (movable(Event.LOSE), outbox.c.lease_until <= at)
    references = connection.scalars(select(outbox.c.reference).where(*lost).distinct()).all()
    why = "the process stopped during the call: nobody knows whether the gateway took it"
    record(connection, [Answer(ref, Event.LOSE, "unknown", why, counted=True) for ref in references if ref], at=at)
    return len(references)


def resolve(
    connection: Connection,
    reference: str,
    *,
    event: Event,
    reason: str,
    at: datetime,
    provider_id: str | None = None,
) -> int:
    """Settle a doubtful text as a person or the provider says: CONFIRM, DISPROVE or ABANDON; return the rows moved.

    `provider_id` is what the provider calls it, where that is known.
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
    return moved


def open_references(connection: Connection, references: Iterable[str]) -> Sequence[Row[Any]]:
    """Return the attempts with these references."""
    return connection.execute(select(attempt).where(attempt.c.reference.in_(list(references)))).all()
