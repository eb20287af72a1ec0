"""Settling: write down what was decided about claimed reminders, before anything is sent.

One transaction a batch: silences end or are put back, hand-overs write their event, and texts are reserved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from reminder.domain.decide import ending
from reminder.domain.lifecycle import Event, State, target
from reminder.domain.record import Entry
from reminder.domain.verdict import Defer, Reason
from reminder.pipeline.compose import HandOver, Held, Outcome, Text
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.tally import DispatchReport
from reminder.pipeline.telling import hand_over_entry, is_news, reason_of, silence_entry, text_entry
from reminder.store import attempts, events, outbox, record
from reminder.store.attempts import Intent
from reminder.store.deadlocks import in_transaction
from reminder.store.outbox import Ending, Postponement

__all__ = ["Reserved", "settle"]

log = structlog.get_logger("reminder.dispatch")


@dataclass(frozen=True, slots=True)
class Reserved:
    """A text whose intent is committed, with the reference under which it may now be sent."""

    text: Text
    reference: str


def settle(deployment: Deployment, outcomes: Sequence[Outcome], report: DispatchReport, at: datetime) -> list[Reserved]:
    """Write down everything decided, and the intent to send what is to be sent, in one transaction."""
    texts = {deployment.new_reference(): outcome for outcome in outcomes if isinstance(outcome, Text)}
    held = [outcome for outcome in outcomes if isinstance(outcome, Held)]
    intents = [_intent(text, reference) for reference, text in texts.items()]

    def write(connection: Connection) -> tuple[DispatchReport, list[HandOver], frozenset[str]]:
        """Write all of it, counting anew: where a deadlock is broken, nothing of the try before it counts."""
        counted = DispatchReport()
        told = _put_back(connection, deployment, held, counted, at)
        over = [
            outcome
            for outcome in outcomes
            if isinstance(outcome, HandOver) and _hand_over(connection, deployment, outcome, at)
        ]
        counted.states[State.HANDED_OVER] += len(over)
        reservation = attempts.reserve(
            connection, intents, owner=deployment.owner, at=at, lease_seconds=deployment.limits.lease_seconds
        )
        _put_back_capped(connection, deployment, texts, reservation.capped, counted, at)
        told += [hand_over_entry(outcome, who=deployment.owner, at=at) for outcome in over]
        told += [
            text_entry(text, reference, who=deployment.owner)
            for reference, text in texts.items()
            if reference in reservation.won
        ]
        record.append(connection, told, at=at)
        return counted, over, reservation.won

    counted, over, won = in_transaction(deployment.engine, write)
    report += counted
    _tell(over)
    return [Reserved(texts[reference], reference) for reference in texts if reference in won]


def _tell(over: Iterable[HandOver]) -> None:
    for each in over:
        reminder = each.subject.case.reminder
        log.info(
            "reminder.hand_over",
            to=each.subject.step.to,
            account_id=reminder.account_id,
            reminder_id=reminder.reminder_id,
        )


def _put_back(
    connection: Connection, deployment: Deployment, held: Sequence[Held], report: DispatchReport, at: datetime
) -> list[Entry]:
    """Put back or end what is not sent now; return what is to be told of it."""
    news = [one for one in held if is_news(one)]
    ours = outbox.held_by(connection, [one.case.reminder.reminder_id for one in news], owner=deployment.owner)
    postponed, ended = [], []
    for one in held:
        verdict, reminder = one.verdict, one.case.reminder
        reason = reason_of(one)
        if isinstance(verdict, Defer):
            postponed.append(Postponement(reminder.reminder_id, verdict.until, reason))
            report.reasons[verdict.reason] += 1
        elif verdict.final:
            ended.append(Ending(reminder.reminder_id, ending(verdict), reason))
            report.states[target(ending(verdict))] += 1
        else:
            postponed.append(Postponement(reminder.reminder_id, _ask_again(deployment, one, at), reason))
            report.reasons[verdict.reason] += 1
    outbox.postpone(connection, postponed, owner=deployment.owner, at=at)
    outbox.end(connection, ended, owner=deployment.owner, at=at)
    return [silence_entry(one, who=deployment.owner, at=at) for one in news if one.case.reminder.reminder_id in ours]


def _ask_again(deployment: Deployment, held: Held, at: datetime) -> datetime:
    """Return when to ask again: after a while, but not after the end, so that silence is made final in time."""
    later = at + timedelta(minutes=deployment.limits.recheck_minutes)
    closes_at = held.subject.closes_at if held.subject else held.case.reminder.expires_at
    return min(later, closes_at)


def _put_back_capped(
    connection: Connection,
    deployment: Deployment,
    texts: Mapping[str, Text],
    capped: Mapping[str, tuple[datetime, object]],
    report: DispatchReport,
    at: datetime,
) -> None:
    """Postpone texts for which another process took the last room under a cap in the meantime."""
    items = [
        Postponement(
            subject.case.reminder.reminder_id, min(until, subject.closes_at), f"{Reason.CAP}: {cap} is the most"
        )
        for reference, (until, cap) in capped.items()
        for subject in texts[reference].subjects
    ]
    outbox.postpone(connection, items, owner=deployment.owner, at=at)
    report.reasons[Reason.CAP] += len(items)


def _hand_over(connection: Connection, deployment: Deployment, outcome: HandOver, at: datetime) -> bool:
    """Write the event and end the reminder together; if the reminder is no longer ours, write neither: return False."""
    subject, reminder = outcome.subject, outcome.subject.case.reminder
    item = Ending(reminder.reminder_id, Event.HAND_OVER, f"handed over to {subject.step.to}")
    if not outbox.end_one(connection, item, owner=deployment.owner, at=at):
        return False
    amount = subject.account.amount_due
    events.append(
        connection,
        kind="hand_over",
        addressee=subject.step.to or "",
        account_id=reminder.account_id,
        customer_id=subject.account.customer_id,
        reminder_id=reminder.reminder_id,
        at=at,
        data={
            "policy": reminder.policy,
            "step": reminder.step,
            "due_date": reminder.due_date.isoformat(),
            "dpd": subject.dpd,
            "amount_due": str(amount.amount) if amount else None,
            "currency": amount.currency if amount else None,
        },
    )
    return True


def _intent(text: Text, reference: str) -> Intent:
    policy = text.lead.policy
    return Intent(
        reference=reference,
        reminder_ids=tuple(subject.case.reminder.reminder_id for subject in text.subjects),
        aim=text.aim,
        gateway=text.choice.gateway.name,
        policy=policy.name,
        policy_version=policy.version,
        language=text.rendered.language,
        body=text.rendered.text,
        segments=text.segmentation.segments,
        valid_until=text.valid_until,
        caps=policy.caps,
        caps_zone=policy.timezone,
        check_code=text.check_code,
    )
