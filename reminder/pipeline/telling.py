"""Telling: what a dispatch decided, sent and heard, as entries of the record (law 14).

A decision is told with every gate's answer, as `explain` would give it at that instant. Gates may repeat what people
wrote (a hold's reason), so their words are personal; the reason's own word is kept for good. A wait for the same reason
as before is told once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from reminder.domain.case import Case
from reminder.domain.decide import answers, ending
from reminder.domain.lifecycle import Event, State, target
from reminder.domain.record import Actor, Entry, Kind
from reminder.domain.verdict import Defer, GateAnswer
from reminder.pipeline.compose import HandOver, Held, Text
from reminder.store.attempts import Answer
from reminder.store.schema import REASON_CHARS_MAX

__all__ = ["answer_entry", "hand_over_entry", "is_news", "plan_entry", "reason_of", "silence_entry", "text_entry"]


def reason_of(held: Held) -> str:
    """Return why a reminder is not sent now, as it is kept in the outbox."""
    return f"{held.verdict.reason}: {held.verdict.detail}"[:REASON_CHARS_MAX]


def is_news(held: Held) -> bool:
    """Return whether a silence is another one than the outbox has already: ended now, or waiting for another reason."""
    final = not isinstance(held.verdict, Defer) and held.verdict.final
    return final or reason_of(held) != held.case.reminder.reason


def silence_entry(held: Held, *, who: str, at: datetime) -> Entry:
    """Return the entry of a decision not to send: not now, or not at all."""
    verdict, reminder = held.verdict, held.case.reminder
    final = not isinstance(verdict, Defer) and verdict.final
    became = target(ending(verdict)) if not isinstance(verdict, Defer) and final else State.PLANNED
    data: dict[str, Any] = _of_reminder(held.case) | {"reason": verdict.reason}
    if isinstance(verdict, Defer):
        data["until"] = verdict.until
    return Entry(
        Kind.SILENCE, Actor.PROCESS, who, account_id=reminder.account_id, customer_id=reminder.customer_id,
        reminder_id=reminder.reminder_id, was=State.PLANNED, became=became, data=data,
        private={"detail": verdict.detail, "gates": _gates(answers(held.case, at))},
    )  # fmt: skip


def text_entry(text: Text, reference: str, *, who: str) -> Entry:
    """Return the entry of a decision to send, with the text; the call has not begun."""
    lead, others = text.lead, text.subjects[1:]
    reminder = lead.case.reminder
    data = _of_reminder(lead.case) | {
        "gateway": text.choice.gateway.name,
        "template": text.rendered.template,
        "template_version": text.rendered.version_hash,
        "language": text.rendered.language,
        "segments": text.segmentation.segments,
        "valid_until": text.valid_until,
    }
    if others:
        data["with"] = [_keys(subject.case) | _of_reminder(subject.case) for subject in others]
    return Entry(
        Kind.TEXT, Actor.PROCESS, who, account_id=reminder.account_id, customer_id=lead.account.customer_id,
        reminder_id=reminder.reminder_id, reference=reference, was=State.PLANNED, became=target(Event.RESERVE),
        data=data,
        private={
            "number": text.number,
            "body": text.rendered.text,
            "gates": [_gates(asked) for asked in text.asked],
        },
    )  # fmt: skip


def hand_over_entry(outcome: HandOver, *, who: str, at: datetime) -> Entry:
    """Return the entry of an account that goes to another system."""
    subject = outcome.subject
    reminder, amount = subject.case.reminder, subject.account.amount_due
    data = _of_reminder(subject.case) | {
        "addressee": subject.step.to,
        "amount_due": amount.amount if amount else None,
        "currency": amount.currency if amount else None,
    }
    return Entry(
        Kind.HAND_OVER, Actor.PROCESS, who, account_id=reminder.account_id,
        customer_id=subject.account.customer_id, reminder_id=reminder.reminder_id, was=State.PLANNED,
        became=target(Event.HAND_OVER), data=data, private={"gates": _gates(answers(subject.case, at))},
    )  # fmt: skip


def answer_entry(text: Text, answer: Answer, *, who: str) -> Entry:
    """Return the entry of what a gateway answered, or of an answer that was lost."""
    reminder, gateway = text.lead.case.reminder, text.choice.gateway.name
    lost = answer.event is Event.LOSE
    told = {
        "event": answer.event, "outcome": answer.outcome, "gateway": gateway, "provider_id": answer.provider_id,
        "code": answer.code,
    }  # fmt: skip
    data: dict[str, Any] = {name: value for name, value in told.items() if value is not None}
    if answer.not_before is not None:
        data["not_before"] = answer.not_before
    return Entry(
        Kind.ANSWER, Actor.PROCESS if lost else Actor.PROVIDER, who if lost else gateway,
        account_id=reminder.account_id, customer_id=text.lead.account.customer_id, reminder_id=reminder.reminder_id,
        reference=answer.reference, data=data,
        private={} if answer.outcome == "accepted" else {"reason": answer.reason},
    )  # fmt: skip


def plan_entry(policy: str, steps: Mapping[str, int], *, who: str) -> Entry:
    """Return the entry of how many reminders of which steps of a policy are new; each is told when it is decided."""
    return Entry(Kind.PLAN, Actor.PROCESS, who, subject=policy, data={"steps": dict(steps)})


def _keys(case: Case) -> dict[str, Any]:
    return {"account": case.reminder.account_id, "reminder": case.reminder.reminder_id}


def _of_reminder(case: Case) -> dict[str, Any]:
    """Return which step of which version of which policy a reminder is of."""
    reminder = case.reminder
    found: dict[str, Any] = {"policy": reminder.policy, "step": reminder.step, "due_date": reminder.due_date}
    return found | ({"version": case.policy.version} if case.policy else {})


def _gates(asked: Iterable[GateAnswer]) -> dict[str, str]:
    """Return what the gates said, by their names, in their order."""
    return {answer.gate: answer.detail for answer in asked}
