"""Reconcile: ask providers about texts whose answer was lost, and settle each one by what they say (laws 3 and 4).

For a bounded number of doubts: claim (commit) → ask (no transaction open) → settle (commit, one at a time in all
processes). A text is sent again only where its provider says twice that it does not have it; whatever nobody can tell
stays in doubt, with its reason, for `reminder outbox doubts`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy import Connection

from reminder.domain.doubt import CannotTell, Confirm, Disprove, Finding, Seen, Told, Wait, follow, judge
from reminder.domain.lifecycle import Event
from reminder.domain.phone import mask_phone
from reminder.domain.record import Actor
from reminder.gateways.asking import CanBeAsked, can_be_asked
from reminder.pipeline.deployment import Deployment
from reminder.store import doubts, unanswered
from reminder.store.deadlocks import in_transaction
from reminder.store.doubts import Question

__all__ = ["ASKS_MAX", "ASK_SECONDS_MAX", "ROUNDS_SECONDS_MAX", "ReconcileReport", "reconcile"]

ASKS_MAX = 20
"""How many doubts are asked for at once: a provider bounds how often its lists may be read."""

ROUNDS_SECONDS_MAX = 10.0
"""For how long one pass goes on to ask, in seconds, round by round: what is due to be sent waits meanwhile."""

ASK_SECONDS_MAX = 90.0
"""How long one question may take in all, in seconds, whatever the gateway."""

CLAIM_SECONDS = 300
"""For how long no other process asks for a doubt that was claimed; longer than a question can take."""

log = structlog.get_logger("reminder.doubt")


@dataclass(frozen=True, slots=True)
class ReconcileReport:
    """How many doubts were new, and what was found out about those that were asked for: `confirm`, `disprove`, `wait`.

    Counts texts, not reminders.
    """

    opened: int = 0
    found: Counter[str] = field(default_factory=Counter)


async def reconcile(deployment: Deployment, *, stopping: Callable[[], bool] = lambda: False) -> ReconcileReport:
    """Ask for the doubts whose time has come, ASKS_MAX at once, and settle what can be settled.

    Thousands, after a bad hour of a provider, are asked for in rounds, for ROUNDS_SECONDS_MAX at most, and no faster
    than the gateway's own rate where it has one: the next round of a slow one is left to the next pass.

    Raises what the database raises. What a gateway raises leaves its doubts open and harms no other (law 9).
    """
    at = deployment.clock()
    askable = {name: gateway for name, gateway in deployment.gateways.items() if can_be_asked(gateway)}
    settle_seconds = {name: gateway.settle_seconds for name, gateway in askable.items()}
    opened = in_transaction(deployment.engine, lambda connection: doubts.open_new(connection, settle_seconds, at=at))
    found: Counter[str] = Counter()
    elapsed = asyncio.get_running_loop().time
    end = elapsed() + ROUNDS_SECONDS_MAX
    while not stopping():
        began = elapsed()
        questions = in_transaction(deployment.engine, partial(_claim, deployment.clock()))
        answers = await asyncio.gather(*(_ask(askable.get(question.gateway), question) for question in questions))
        for question, told in zip(questions, answers, strict=True):
            found[_settle(deployment, question, told)] += 1
        following = max(elapsed(), began + _round_seconds(deployment, questions))
        if len(questions) < ASKS_MAX or following >= end:
            break
        await asyncio.sleep(following - elapsed())
    return ReconcileReport(opened, found)


def _claim(at: datetime, connection: Connection) -> list[Question]:
    return doubts.claim(connection, at=at, lease_seconds=CLAIM_SECONDS, limit=ASKS_MAX)


def _round_seconds(deployment: Deployment, questions: Sequence[Question]) -> float:
    """Return how long a round must last, in seconds, so that no gateway is asked faster than it may be used."""
    asked = Counter(question.gateway for question in questions)
    rates = deployment.rates
    return max((count / rates[name].per_second for name, count in asked.items() if name in rates), default=0.0)


async def _ask(gateway: CanBeAsked | None, question: Question) -> Told:
    """Return what a gateway makes of its provider's answer; CannotTell for all that is none."""
    if gateway is None:
        return CannotTell(f"{question.gateway} can't be asked: a person must look, and say it with `outbox resolve`")
    if question.ahead:
        return CannotTell("a clock that was ahead sent it: nobody knows since when to ask, so a person must look")
    try:
        async with asyncio.timeout(ASK_SECONDS_MAX):
            told = await gateway.find(
                reference=question.reference, to=question.number, since=question.started_at, body=question.body
            )
    except Exception as error:
        log.exception("reminder.doubt.error", gateway=question.gateway, reference=question.reference)
        return CannotTell(f"{question.gateway} failed to ask: {type(error).__name__}")
    if not isinstance(told, Seen | CannotTell):
        return CannotTell(f"{question.gateway} answered with {type(told).__name__}, which is no answer")
    return told


def _settle(deployment: Deployment, question: Question, told: Told) -> str:
    """Do what follows from an answer, in one transaction; return in a word what that was."""
    at = deployment.clock()

    def write(connection: Connection) -> tuple[Confirm | Disprove | Wait, bool]:
        doubts.lock(connection)
        decision = follow(question.asked, _finding(connection, question, told), at)
        return decision, _write(connection, question, decision, at)

    decision, settled = in_transaction(deployment.engine, write)
    word = type(decision).__name__.lower() if settled else "late"
    log.info(
        f"reminder.doubt.{word}",
        reference=question.reference,
        gateway=question.gateway,
        to=mask_phone(question.number),
        note=decision.note if isinstance(decision, Wait) else "",
    )
    return word


def _finding(connection: Connection, question: Question, told: Told) -> Finding:
    seen = [sighting.provider_id for sighting in told.sightings] if isinstance(told, Seen) else []
    bound = doubts.bound(connection, question, seen)
    return judge(told, bound, rivals=bool(seen) and doubts.rivals(connection, question))


def _write(connection: Connection, question: Question, decision: Confirm | Disprove | Wait, at: datetime) -> bool:
    """Write down a decision; return False where somebody else has settled the doubt, or asked for it, meanwhile."""
    if isinstance(decision, Wait):
        return doubts.keep(connection, question, decision.asked, ask_at=decision.ask_at, note=decision.note)
    event, provider_id = Event.DISPROVE, None
    reason = f"{question.gateway} was asked and does not have it: to be sent after all"
    if isinstance(decision, Confirm):
        event, provider_id = Event.CONFIRM, decision.provider_id
        reason = f"{question.gateway} has it as {provider_id} ({decision.status})"
    asked = replace(question.asked, asks=question.asked.asks + 1)
    if not doubts.keep(connection, question, asked, ask_at=at, note=reason):
        return False
    moved = unanswered.resolve(
        connection, question.reference, event=event, reason=reason, who=question.gateway, actor=Actor.PROVIDER, at=at,
        provider_id=provider_id,
    )  # fmt: skip
    return moved > 0
