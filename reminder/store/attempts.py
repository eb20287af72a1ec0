"""Attempts: the intent to send, committed before the call, and the answer, committed after it.

A text is reserved together with the contact it makes, under locks on all that its caps count by, so that they hold
whatever the number of processes (law 10). What was reserved and got no answer is the business of `unanswered`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, func, insert, select, update
from sqlalchemy.types import TypeEngine

from reminder.bulk import ManyRows, among, inserts, updates
from reminder.domain.caps import Aim, Cap, next_free
from reminder.domain.lifecycle import Event, target
from reminder.store.contacts import Ask, contacts, lock
from reminder.store.outbox import movable
from reminder.store.rows import cut
from reminder.store.schema import REASON_CHARS_MAX, attempt, attempt_account, outbox

__all__ = [
    "Answer",
    "Intent",
    "Reservation",
    "of_references",
    "record",
    "reserve",
    "with_check_code",
]


@dataclass(frozen=True, slots=True)
class Intent:
    """One text about to be sent, for one claimed reminder or for several of the same customer.

    `aim` says whom it is for, and `caps`, whose calendar is that of `caps_zone` where they name none, bound it.
    """

    reference: str
    reminder_ids: tuple[int, ...]
    aim: Aim
    gateway: str
    policy: str
    policy_version: str
    language: str
    body: str
    segments: int
    valid_until: datetime
    caps: tuple[Cap, ...]
    caps_zone: str
    check_code: str | None = None


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


def reserve(
    connection: Connection, intents: Sequence[Intent], *, owner: str, at: datetime, lease_seconds: int
) -> Reservation:
    """Commit to sending: count the contact, write the attempt, and move its reminders from planned to sending.

    An intent wins only if its caps still have room for it, asked under locks on what they count by, and if every one of
    its reminders is still planned and still claimed by `owner`. To be run in a transaction of its own, committed
    before any call.
    """
    if not intents:
        return Reservation(frozenset(), {})
    lock(connection, ((intent.aim, intent.caps) for intent in intents))
    fitting, capped = _within_caps(connection, intents, at)
    if fitting:
        _ATTEMPTS.write(connection, [_attempt_row(intent) for intent in fitting], started_at=at, counted=True)
        others = [row for intent in fitting for row in _other_accounts(intent)]
        if others:
            connection.execute(insert(attempt_account), others)
        moves = [(row, intent.reference) for intent in fitting for row in intent.reminder_ids]
        until = at + timedelta(seconds=lease_seconds)
        moved = _START.write(connection, moves, owner=owner, now=at, until=until)
        if moved == len(moves):
            return Reservation(frozenset(intent.reference for intent in fitting), capped)
    won = _winners(connection, fitting)
    _drop(connection, [intent.reference for intent in fitting if intent.reference not in won], at=at)
    return Reservation(frozenset(won), capped)


def _within_caps(
    connection: Connection, intents: Sequence[Intent], at: datetime
) -> tuple[list[Intent], dict[str, tuple[datetime, Cap]]]:
    ask = Ask.of({cap for intent in intents for cap in intent.caps})
    made = contacts(connection, ask, {key for intent in intents for key in intent.aim.concerns(ask.scopes)}, at=at)
    fitting: list[Intent] = []
    capped: dict[str, tuple[datetime, Cap]] = {}
    for intent in intents:
        blocked = next_free(intent.caps, made, intent.aim, at, intent.caps_zone)
        if blocked is not None:
            capped[intent.reference] = blocked
            continue
        for key in intent.aim.concerns(ask.scopes):
            made.setdefault(key, []).append(intent.aim.made(at))
        fitting.append(intent)
    return fitting, capped


_ATTEMPTS = inserts(
    insert(attempt),
    (
        "reference", "gateway", "customer_id", "number", "policy", "policy_version", "template", "language", "body",
        "segments", "valid_until", "check_code", "account_id", "claim_id", "channel", "notice",
    ),
    ("started_at", "counted"),
)  # fmt: skip


def _attempt_row(intent: Intent) -> tuple[object, ...]:
    aim = intent.aim
    return (
        intent.reference, intent.gateway, aim.customer_id, aim.number, intent.policy, intent.policy_version,
        aim.template, intent.language, intent.body, intent.segments, intent.valid_until, intent.check_code,
        aim.account_ids[0], aim.claim_ids[0], aim.channel, aim.notice,
    )  # fmt: skip


def _other_accounts(intent: Intent) -> list[dict[str, str]]:
    """Return a row for each account that the text speaks of beside the first."""
    aim = intent.aim
    claims = dict(zip(aim.account_ids, aim.claim_ids, strict=True))
    claims.pop(aim.account_ids[0])
    return [{"reference": intent.reference, "account_id": key, "claim_id": claim} for key, claim in claims.items()]


_START = updates(
    update(outbox)
    .where(
        outbox.c.reminder_id == bindparam("id"), movable(Event.RESERVE), outbox.c.lease_owner == bindparam("owner")
    )
    .values(
        state=target(Event.RESERVE), reference=bindparam("ref"), changed_at=bindparam("now"),
        lease_until=bindparam("until"),
    ),
    {"id": outbox.c.reminder_id.type, "ref": outbox.c.reference.type},
)  # fmt: skip


def _winners(connection: Connection, intents: Sequence[Intent]) -> set[str]:
    """Return the intents all of whose reminders were ours to move; one lost member makes the whole text untrue."""
    references = [intent.reference for intent in intents]
    query = select(outbox.c.reference, func.count()).where(among(outbox.c.reference, references))
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
    _KEEP.write(connection, [_answered(answer) for answer in answers if answer.event is not Event.LOSE], now=at)
    _KEEP_LOST.write(connection, [_answered(answer) for answer in lost], now=at)
    for event in sorted({answer.event for answer in answers}):
        those = [answer for answer in answers if answer.event is event]
        if event is Event.POSTPONE:
            rows = [(*_moved(answer), answer.not_before or at, int(answer.burns)) for answer in those]
            _POSTPONE.write(connection, rows, now=at)
        else:
            _MOVES[event].write(connection, [_moved(answer) for answer in those], now=at)


def _keeping(*guard: ColumnElement[bool]) -> ManyRows:
    """Return the writing of answers into their attempts, where these conditions hold."""
    columns = {"ref": "reference", "what": "outcome", "contacted": "counted", "pid": "provider_id"}
    columns |= {"said": "code", "why": "detail"}
    told: dict[str, Any] = {column: bindparam(name) for name, column in columns.items() if name != "ref"}
    return updates(
        update(attempt)
        .where(attempt.c.reference == bindparam("ref"), *guard)
        .values(ended_at=bindparam("now"), **told),
        {name: attempt.c[column].type for name, column in columns.items()},
    )


_KEEP, _KEEP_LOST = _keeping(), _keeping(attempt.c.outcome == "")


def _answered(answer: Answer) -> tuple[object, ...]:
    # One provider's endless words must not make the answers of all others fail (law 9).
    told = cut(attempt, {"provider_id": answer.provider_id, "code": answer.code, "detail": answer.reason})
    return (answer.reference, answer.outcome, answer.counted, told["provider_id"], told["code"], told["detail"])


def _moving(event: Event, each: Mapping[str, TypeEngine[Any]], **more: object) -> ManyRows:
    """Return the move of all reminders of texts by an event, each with its reason."""
    return updates(
        update(outbox)
        .where(outbox.c.reference == bindparam("ref"), movable(event))
        .values(
            state=target(event), reason=bindparam("why"), lease_owner=None, lease_until=None,
            changed_at=bindparam("now"), **more,
        ),
        {"ref": outbox.c.reference.type, "why": outbox.c.reason.type, **each},
    )  # fmt: skip


_MOVES = {event: _moving(event, {}) for event in (Event.ACCEPT, Event.PRINT, Event.REFUSE, Event.LOSE)}
_POSTPONE = _moving(
    Event.POSTPONE,
    {"then": outbox.c.not_before.type, "burnt": outbox.c.attempts.type},
    not_before=bindparam("then"),
    attempts=outbox.c.attempts + bindparam("burnt"),
)


def _moved(answer: Answer) -> tuple[object, ...]:
    return answer.reference, answer.reason[:REASON_CHARS_MAX]


def of_references(connection: Connection, references: Iterable[str]) -> Sequence[Row[Any]]:
    """Return the attempts with these references."""
    return connection.execute(select(attempt).where(attempt.c.reference.in_(list(references)))).all()


def with_check_code(connection: Connection, code: str, *, limit: int) -> Sequence[Row[Any]]:
    """Return the attempts that carried this check code, at most `limit`, the newest first."""
    query = select(attempt).where(attempt.c.check_code == code).order_by(attempt.c.started_at.desc())
    return connection.execute(query.limit(limit)).all()
