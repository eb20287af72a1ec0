"""Receiving receipts: what a provider says became of a text moves its reminders, whatever the order it says it in.

Each receipt is one transaction. It is kept, proves that the text was taken where the call's answer was lost (law 3),
and moves on every reminder of the text as far as `domain.receipt.event_for` says.
"""

from __future__ import annotations

from collections.abc import Sequence
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


def receive_receipts(deployment: Deployment, gateway: str, found: Sequence[Receipt]) -> list[str]:
    """Keep these receipts and let them have their effect; return the effect of each, in order.

    An effect is the state that reminders came to, or `none`, `reply` (for an answer of ours), `unclear` (a word that we
    don't know) or `unknown` (no text of ours). Taking the same receipt again changes nothing.
    """
    return [_receive(deployment, gateway, receipt, deployment.clock()) for receipt in found]


def _receive(deployment: Deployment, gateway: str, receipt: Receipt, at: datetime) -> str:
    def write(connection: Connection) -> str:
        attempt = receipts.find_attempt(connection, gateway, receipt)
        if attempt is not None:
            effect = _apply(connection, attempt, receipt, at)
        else:
            effect = "reply" if receipts.is_reply(connection, gateway, receipt.reference) else "unknown"
        receipts.keep(connection, gateway, receipt, attempt, effect=effect, at=at)
        return effect

    effect = in_transaction(deployment.engine, write)
    tell = log.warning if effect in ("unknown", "unclear", "contradicted") else log.info
    tell(
        "reminder.receipt.received",
        gateway=gateway,
        reference=receipt.reference,
        status=receipt.status,
        code=receipt.code,
        effect=effect,
    )
    return effect


def _apply(connection: Connection, attempt: Row[Any], receipt: Receipt, at: datetime) -> str:
    """Let a receipt have its effect on a text; return what that was."""
    if receipt.progress is Progress.UNCLEAR:
        return "unclear"
    if attempt.outcome in ("", "unknown") or receipt.progress is Progress.ARRIVED:
        receipts.bind(connection, attempt.reference, receipt.provider_id, at=at)
    moved = _advance(connection, attempt, receipt, at)
    _learn(connection, attempt, receipt, moved, at)
    if moved:
        return str(target(moved[-1]))
    gone = receipts.states(connection, attempt.reference) & {State.FAILED, State.CANCELLED}
    return "contradicted" if gone and receipt.progress is Progress.ARRIVED else "none"


def _advance(connection: Connection, attempt: Row[Any], receipt: Receipt, at: datetime) -> list[Event]:
    """Move the reminders of a text as far as a receipt takes them; return the events, in order.

    Each turn takes every state one event further, and no receipt takes a reminder further than two.
    """
    events: list[Event] = []
    for _ in range(2):
        for state in sorted(receipts.states(connection, attempt.reference)):
            event = event_for(state, receipt.progress)
            if event is None:
                continue
            code = receipt.code if event is Event.MISCARRY else None
            reason = _reason(attempt.gateway, receipt, event)
            if receipts.move(connection, attempt.reference, event, state, reason=reason, code=code, at=at):
                events.append(event)
    return events


def _reason(gateway: str, receipt: Receipt, event: Event) -> str:
    words = f"{receipt.status} {receipt.code or ''}".strip()
    if event is Event.CANCEL:
        return f"not sent again: {gateway} says that it arrived after all ({words})"
    return f"{gateway} says: {words}"


def _learn(connection: Connection, attempt: Row[Any], receipt: Receipt, moved: Sequence[Event], at: datetime) -> None:
    """Keep what a receipt teaches about its number: that it is dead, that it lives, that its owner said stop.

    A number is marked only by the receipt that moved a reminder, and the mark goes when one of its texts arrives after
    all, so that the order of receipts makes no difference.
    """
    number, gateway = attempt.number, attempt.gateway
    if receipt.refusal is Refusal.OPTED_OUT:
        source = f"{gateway} says that this number opted out ({receipt.code})"
        suppressions.add(
            connection, number=number, channel="sms", source=source, who=gateway, actor=Actor.PROVIDER, at=at
        )
        consents.withdraw_stopped(connection, number, attempt.customer_id, who=gateway, reason=source, at=at)
    if receipt.refusal is Refusal.NUMBER and Event.MISCARRY in moved:
        numbers.mark_bad(connection, number, gateway=gateway, code=receipt.code or receipt.status, at=at)
        log.info("reminder.receipt.bad_number", gateway=gateway, to=mask_phone(number), code=receipt.code)
    if receipt.refusal is Refusal.CONFIGURATION and Event.MISCARRY in moved:
        log.error(
            "reminder.receipt.configuration",
            gateway=gateway,
            code=receipt.code,
            hint="texts are taken and then dropped: see the provider's page on this code",
        )
    marked = numbers.bad_among(connection, [number]).get(number) if Event.DELIVER in moved else None
    if marked is not None and marked != numbers.WRONG_PERSON:
        words = f"a text arrived there: {receipt.status}"
        reason = words[:REASON_CHARS_MAX]
        numbers.clear(connection, number, who=gateway, reason=reason, actor=Actor.PROVIDER, at=at)
