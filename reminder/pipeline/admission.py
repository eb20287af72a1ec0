"""Admission: how many of the texts that are ready may be sent now, given how fast and how well their gateways work.

What is not let through waits for its own slot, so that a long queue is put off once and not with every batch. It has
done nothing wrong: no attempt is burnt, and it is decided again when its slot comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from reminder.domain.breaker import probe
from reminder.domain.rate import Rate
from reminder.domain.verdict import Defer, Reason
from reminder.pipeline.compose import Held, Outcome, Text
from reminder.pipeline.deployment import Deployment
from reminder.store import rates
from reminder.store.deadlocks import in_transaction

__all__ = ["AHEAD_MAX", "PROBE_WAIT", "Queue", "admit"]

AHEAD_MAX = timedelta(minutes=10)
"""The longest that a text is put off for its slot: by then the rate may be another one, or other processes gone."""

PROBE_WAIT = timedelta(seconds=10)
"""How long texts wait while one of them probes a gateway that did not answer."""


@dataclass
class Queue:
    """What one dispatch has put off so far: by gateway, the instant (UTC) of the last slot that it gave away."""

    tails: dict[str, datetime] = field(default_factory=dict)

    def next_slot(self, gateway: str, rate: Rate, free_at: datetime, at: datetime) -> datetime:
        """Give away the first slot that comes not before `free_at`, after all that were given away already."""
        tail = self.tails.get(gateway)
        slot = free_at if tail is None else max(free_at, tail + timedelta(seconds=1 / rate.per_second))
        self.tails[gateway] = min(slot, at + AHEAD_MAX)
        return self.tails[gateway]

    def waits(self, at: datetime) -> bool:
        """Return whether something that was put off has its slot still before it."""
        return any(at <= tail for tail in self.tails.values())


def admit(deployment: Deployment, outcomes: Sequence[Outcome], queue: Queue, at: datetime) -> list[Outcome]:
    """Return the outcomes, with the texts that must wait for their gateway held; takes slots from all processes.

    Their order stays: texts of one customer are reserved in the order in which they were decided, or a cap would let
    through another one than the preview foretold (law 1).
    """
    texts: dict[str, list[Text]] = {}
    for outcome in outcomes:
        if isinstance(outcome, Text):
            texts.setdefault(outcome.choice.gateway.name, []).append(outcome)
    if not texts:
        return list(outcomes)

    def take(connection: Connection) -> tuple[dict[str, Iterator[Sequence[Outcome]]], Queue]:
        """Take the slots, queueing anew: where a deadlock is broken, nothing of the try before it counts."""
        ailing, tried = rates.ailing(connection, texts), replace(queue, tails=dict(queue.tails))
        return {
            gateway: iter(_of_gateway(connection, deployment, gateway, texts[gateway], gateway in ailing, tried, at))
            for gateway in sorted(texts)
        }, tried

    fates, queued = in_transaction(deployment.engine, take)
    queue.tails = queued.tails
    admitted: list[Outcome] = []
    for outcome in outcomes:
        admitted += next(fates[outcome.choice.gateway.name]) if isinstance(outcome, Text) else [outcome]
    return admitted


def _of_gateway(
    connection: Connection,
    deployment: Deployment,
    gateway: str,
    texts: Sequence[Text],
    ailing: bool,
    queue: Queue,
    at: datetime,
) -> list[Sequence[Outcome]]:
    """Return what becomes of each text, in their order: itself, or its reminders held."""
    able = _probing(connection, gateway, len(texts), at) if ailing else len(texts)
    probed = Defer(at + PROBE_WAIT, Reason.PAUSED, f"{gateway} is tried with one text first")
    late: list[Sequence[Outcome]] = [_held(text, probed) for text in texts[able:]]
    rate = deployment.rates.get(gateway)
    if rate is None:
        return [*([text] for text in texts[:able]), *late]
    granted = rates.take(connection, gateway, rate, able, at=at)
    free_at = at + timedelta(seconds=granted.wait_seconds)
    queued: list[Sequence[Outcome]] = []
    for text in texts[granted.calls : able]:
        slot = queue.next_slot(gateway, rate, free_at, at)
        queued.append(_held(text, Defer(slot, Reason.RATE, f"{gateway} takes {rate.per_second:g} texts a second")))
    return [*([text] for text in texts[: granted.calls]), *queued, *late]


def _probing(connection: Connection, gateway: str, wanted: int, at: datetime) -> int:
    able, breaker = probe(rates.lock_breaker(connection, gateway), wanted, at)
    rates.keep_breaker(connection, gateway, breaker)
    return able


def _held(text: Text, defer: Defer) -> list[Held]:
    """Return the text's reminders, none of which waits longer than its step is true."""
    return [
        Held(subject.case, Defer(min(defer.until, subject.closes_at), defer.reason, defer.detail), subject)
        for subject in text.subjects
    ]
