"""Keeping: write down what became of calls, and what is to be learnt from it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import InterfaceError, OperationalError

from reminder.domain.lifecycle import State, target
from reminder.domain.message import Outcome, Refusal, Refused
from reminder.domain.phone import mask_phone
from reminder.domain.record import Actor
from reminder.domain.verdict import Reason
from reminder.pipeline.answers import Tried, answer_for
from reminder.pipeline.aside import Aside
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.pulse import keep_pulse
from reminder.pipeline.settle import Reserved
from reminder.pipeline.tally import DispatchReport
from reminder.pipeline.telling import answer_entry
from reminder.store import attempts, consents, gateway_states, numbers, suppressions
from reminder.store.attempts import Answer
from reminder.store.deadlocks import in_transaction
from reminder.store.engine import UnreachableError
from reminder.store.record import append

__all__ = ["RECORD_AGAIN_SECONDS", "keep", "record"]

RECORD_AGAIN_SECONDS = 1.0
"""How long to wait before answers are written down again that a database which was away did not take, in seconds."""

log = structlog.get_logger("reminder.dispatch")


async def keep(
    deployment: Deployment,
    aside: Aside,
    reserved: Sequence[Reserved],
    outcomes: Sequence[Outcome],
    report: DispatchReport,
) -> None:
    """Record the answers; where the database is away, or its disk full, try again for as long as a lease lasts.

    A database that is started anew would leave a whole batch in doubt otherwise. To record twice, where only the word
    of a commit was lost, changes nothing. Raises what the last try raised.
    """
    tries = max(1, int(deployment.limits.lease_seconds / RECORD_AGAIN_SECONDS))
    for left in reversed(range(tries)):
        try:
            await aside(lambda: record(deployment, reserved, outcomes, report))
        except (OperationalError, InterfaceError, UnreachableError) as error:
            if not left:
                raise
            if left == tries - 1:
                log.warning("reminder.dispatch.answers_wait", answers=len(outcomes), problem=type(error).__name__)
        else:
            return
        await asyncio.sleep(RECORD_AGAIN_SECONDS)


def record(
    deployment: Deployment, reserved: Sequence[Reserved], outcomes: Sequence[Outcome], report: DispatchReport
) -> None:
    """Commit the answers to reserved texts, in one transaction, and what they teach; add them to the report.

    It is done again where the database broke a deadlock: an answer that is not kept leaves its text in doubt.
    """
    at = deployment.clock()
    answers = [_answer(deployment, one, outcome, at) for one, outcome in zip(reserved, outcomes, strict=True)]

    def write(connection: Connection) -> None:
        attempts.record(connection, answers, at=at)
        told = zip(reserved, answers, strict=True)
        append(connection, [answer_entry(one.text, each, who=deployment.owner) for one, each in told], at=at)
        for one, outcome in zip(reserved, outcomes, strict=True):
            if isinstance(outcome, Refused):
                _learn(connection, deployment, one, outcome, at)
        keep_pulse(connection, _by_gateway(reserved, outcomes), at)

    in_transaction(deployment.engine, write)
    for one, answer in zip(reserved, answers, strict=True):
        _tell(one, answer, report)


def _by_gateway(reserved: Sequence[Reserved], outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    found: dict[str, list[Outcome]] = {}
    for one, outcome in zip(reserved, outcomes, strict=True):
        found.setdefault(one.text.choice.gateway.name, []).append(outcome)
    return found


def _answer(deployment: Deployment, one: Reserved, outcome: Outcome, at: datetime) -> Answer:
    tried = Tried(
        reference=one.reference,
        gateway=one.text.choice.gateway.name,
        attempts=one.text.lead.case.reminder.attempts,
        turns=one.text.choice.turns,
        instead_of=one.text.choice.instead_of,
        closes_at=min(subject.closes_at for subject in one.text.subjects),
    )
    limits = deployment.limits
    return answer_for(
        tried, outcome, at=at, backoff=limits.backoff, pause_minutes=limits.pause_minutes, jitter=deployment.jitter()
    )


def _learn(connection: Connection, deployment: Deployment, one: Reserved, refused: Refused, at: datetime) -> None:
    """Keep what a refusal teaches beyond this text: a dead number, a stop said elsewhere, a gateway that can't send."""
    gateway, number = one.text.choice.gateway.name, one.text.number
    if refused.kind is Refusal.NUMBER:
        numbers.mark_bad(connection, number, gateway=gateway, code=refused.code, at=at)
    if refused.kind is Refusal.OPTED_OUT:
        source = f"{gateway} says that this number opted out ({refused.code})"
        suppressions.add(
            connection, number=number, channel="sms", source=source, who=gateway, actor=Actor.PROVIDER, at=at
        )
        customer_id = one.text.lead.account.customer_id
        consents.withdraw_stopped(connection, number, customer_id, who=gateway, reason=source, at=at)
    if refused.kind is Refusal.CONFIGURATION:
        until = at + timedelta(minutes=deployment.limits.pause_minutes)
        reason = f"{refused.code} {refused.detail}".strip()
        gateway_states.pause(connection, gateway, until=until, reason=reason, at=at)
        log.error("reminder.gateway.paused", gateway=gateway, until=until.isoformat(), reason=reason)


def _tell(one: Reserved, answer: Answer, report: DispatchReport) -> None:
    state = target(answer.event)
    if state is State.PLANNED:
        report.reasons[Reason.NOT_YET] += len(one.text.subjects)
    else:
        report.states[state] += len(one.text.subjects)
    if state in (State.SENT, State.PRINTED):
        report.texts += 1
        report.segments += one.text.segmentation.segments
    log.info(
        f"reminder.dispatch.{state}",
        reference=one.reference,
        gateway=one.text.choice.gateway.name,
        to=mask_phone(one.text.number),
        accounts=len(one.text.subjects),
        code=answer.code,
    )
