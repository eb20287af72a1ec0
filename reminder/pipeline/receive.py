"""Receiving receipts: what a provider says became of a text moves its reminders, whatever the order it says it in.

Receipts that come together are one transaction. Each is kept, proves that the text was taken where the call's answer
was lost (law 3), and moves on every reminder of the text as far as `domain.receipt.event_for` says.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection, Row

from reminder.domain.lifecycle import Event, State, target
from reminder.domain.message import Refusal
from reminder.domain.phone import mask_phone
from reminder.domain.receipt import Progress, Receipt, event_for
from reminder.domain.record import Actor
from reminder.pipeline.deployment import Deployment
from reminder.store import consents, numbers, receipts, suppressions
from reminder.store.deadlocks import in_transaction
from reminder.store.schema import REASON_CHARS_MAX

__all__ = ["receive_receipts"]

log = structlog.get_logger("reminder.receipt")


@dataclass(slots=True)
class _Case:
    """A receipt of one of our texts, and what it does: the reminders' states, and the events that move them."""

    attempt: Row[Any]
    receipt: Receipt
    states: set[State] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)

    @property
    def reference(self) -> str:
        """Our name for the text."""
        return str(self.attempt.reference)

    @property
    def effect(self) -> str:
        """What it did, once it has been applied."""
        if self.receipt.progress is Progress.UNCLEAR:
            return "unclear"
        if self.events:
            return str(target(self.events[-1]))
        gone = self.states & {State.FAILED, State.CANCELLED}
        return "contradicted" if gone and self.receipt.progress is Progress.ARRIVED else "none"


def receive_receipts(deployment: Deployment, gateway: str, found: Sequence[Receipt]) -> list[str]:
    """Keep these receipts and let them have their effect, all or none; return the effect of each, in order.

    An effect is the state that reminders came to, or `none`, `reply` (for an answer of ours), `unclear` (a word that we
    don't know) or `unknown` (no text of ours). Taking the same receipt again changes nothing.
    """
    at = deployment.clock()
    effects = in_transaction(deployment.engine, lambda connection: _take(connection, gateway, found, at))
    for receipt, effect in zip(found, effects, strict=True):
        tell = log.warning if effect in ("unknown", "unclear", "contradicted") else log.info
        tell(
            "reminder.receipt.received",
            gateway=gateway,
            reference=receipt.reference,
            status=receipt.status,
            code=receipt.code,
            effect=effect,
        )
    return effects


def _take(connection: Connection, gateway: str, found: Sequence[Receipt], at: datetime) -> list[str]:
    """Do in one transaction what `receive_receipts` says."""
    texts = receipts.find_attempts(connection, gateway, found)
    effects = [""] * len(found)
    for turn in _turns(texts):
        cases = {i: _Case(text, found[i]) for i in turn if (text := texts[i]) is not None}
        _apply(connection, list(cases.values()), at)
        for i in turn:
            effects[i] = cases[i].effect if i in cases else _stranger(connection, gateway, found[i])
        kept = [receipts.Kept(found[i], texts[i], effects[i]) for i in turn]
        receipts.keep(connection, gateway, kept, at=at)
    return effects


def _turns(texts: Sequence[Row[Any] | None]) -> Iterator[list[int]]:
    """Yield the places of receipts such that no turn has two of one number, and those of a number stay in order."""
    turns: dict[int, list[int]] = defaultdict(list)
    earlier: Counter[str] = Counter()
    for i, text in enumerate(texts):
        number = text.number if text is not None else ""
        turns[earlier[number]].append(i)
        if text is not None:
            earlier[number] += 1
    yield from (turns[number] for number in sorted(turns))


def _stranger(connection: Connection, gateway: str, receipt: Receipt) -> str:
    return "reply" if receipts.is_reply(connection, gateway, receipt.reference) else "unknown"


def _apply(connection: Connection, cases: Sequence[_Case], at: datetime) -> None:
    """Let receipts of different numbers' texts have their effect."""
    clear = [case for case in cases if case.receipt.progress is not Progress.UNCLEAR]
    proven = {
        case.reference: case.receipt.provider_id
        for case in clear
        if case.attempt.outcome in ("", "unknown")
        or (case.receipt.progress is Progress.ARRIVED and case.attempt.outcome != "accepted")
    }
    if proven:
        receipts.bind(connection, proven, at=at)
    _advance(connection, clear, at)
    _learn(connection, clear, at)


def _advance(connection: Connection, cases: Sequence[_Case], at: datetime) -> None:
    """Move the reminders of each text as far as its receipt takes them, noting states and events.

    Each turn takes every state one event further, and no receipt takes a reminder further than two.
    """
    waiting = list(cases)
    for _ in range(2):
        found = receipts.states(connection, [case.reference for case in waiting])
        steps: dict[tuple[Event, State, str, str | None], list[str]] = defaultdict(list)
        for case in waiting:
            case.states = found[case.reference]
            for state in sorted(case.states):
                event = event_for(state, case.receipt.progress)
                if event is not None:
                    code = case.receipt.code if event is Event.MISCARRY else None
                    steps[event, state, _reason(case.attempt.gateway, case.receipt, event), code].append(case.reference)
                    case.events.append(event)
        for (event, state, reason, code), references in steps.items():
            receipts.move(connection, references, event, state, reason=reason, code=code, at=at)
        waiting = [case for case in waiting if _goes_on(case)]
        if not waiting:
            return


def _goes_on(case: _Case) -> bool:
    return any(event_for(target(event), case.receipt.progress) is not None for event in case.events)


def _reason(gateway: str, receipt: Receipt, event: Event) -> str:
    words = f"{receipt.status} {receipt.code or ''}".strip()
    if event is Event.CANCEL:
        return f"not sent again: {gateway} says that it arrived after all ({words})"
    return f"{gateway} says: {words}"


def _learn(connection: Connection, cases: Sequence[_Case], at: datetime) -> None:
    """Keep what receipts teach, each about another number: that one is dead, that it lives, that its owner said stop.

    A number is marked only by the receipt that moved a reminder, and the mark goes when one of its texts arrives after
    all, so that the order of receipts makes no difference.
    """
    arrived = [case.attempt.number for case in cases if Event.DELIVER in case.events]
    marked = numbers.bad_among(connection, arrived) if arrived else {}
    for case in cases:
        if case.receipt.refusal is not None:
            _learn_refusal(connection, case, at)
        number, gateway = case.attempt.number, case.attempt.gateway
        if Event.DELIVER in case.events and marked.get(number, numbers.WRONG_PERSON) != numbers.WRONG_PERSON:
            reason = f"a text arrived there: {case.receipt.status}"[:REASON_CHARS_MAX]
            numbers.clear(connection, number, who=gateway, reason=reason, actor=Actor.PROVIDER, at=at)


def _learn_refusal(connection: Connection, case: _Case, at: datetime) -> None:
    receipt, number, gateway = case.receipt, case.attempt.number, case.attempt.gateway
    if receipt.refusal is Refusal.OPTED_OUT:
        source = f"{gateway} says that this number opted out ({receipt.code})"
        suppressions.add(
            connection, number=number, channel="sms", source=source, who=gateway, actor=Actor.PROVIDER, at=at
        )
        consents.withdraw_stopped(connection, number, case.attempt.customer_id, who=gateway, reason=source, at=at)
    if Event.MISCARRY not in case.events:
        return
    if receipt.refusal is Refusal.NUMBER:
        numbers.mark_bad(connection, number, gateway=gateway, code=receipt.code or receipt.status, at=at)
        log.info("reminder.receipt.bad_number", gateway=gateway, to=mask_phone(number), code=receipt.code)
    if receipt.refusal is Refusal.CONFIGURATION:
        log.error(
            "reminder.receipt.configuration",
            gateway=gateway,
            code=receipt.code,
            hint="texts are taken and then dropped: see the provider's page on this code",
        )
