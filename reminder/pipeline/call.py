"""Calling: hand reserved texts to their gateways. No transaction is open while a provider thinks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from reminder.domain.message import Outcome, Refusal, Refused, Unknown
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.pulse import Pulse
from reminder.pipeline.settle import Reserved
from reminder.pipeline.tally import DispatchReport

__all__ = ["Batch", "Calls", "Lease"]

log = structlog.get_logger("reminder.dispatch")


class Lease:
    """What a batch is claimed under, from now on: its beginning (UTC), and how much of it is left.

    The wall clock is the one that others judge it by; the monotonic one, `elapsed`, can't be put back.
    """

    def __init__(self, deployment: Deployment, elapsed: Callable[[], float]) -> None:
        self._clock, self._elapsed = deployment.clock, elapsed
        self._whole, self._began = deployment.limits.lease_seconds, elapsed()
        self.began_at: datetime = deployment.clock()

    def left_seconds(self) -> float:
        """Return how much of it is left; nothing, or less, once it has ended."""
        return self._whole - max(self._elapsed() - self._began, (self._clock() - self.began_at).total_seconds())


@dataclass(eq=False)
class Batch:
    """What was claimed together: the texts that are reserved, under which lease, and what became of all the others.

    `half_begun` is set when half of its calls have begun; `in_flight` counts those that have begun and not ended.
    """

    reserved: Sequence[Reserved]
    lease: Lease
    report: DispatchReport
    pulse: Pulse = field(default_factory=Pulse)
    half_begun: asyncio.Event = field(default_factory=asyncio.Event)
    in_flight: int = 0


class Calls:
    """The calls of one dispatch: its batches share a room of `in_flight` places, and the earlier one goes first."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._room = asyncio.Semaphore(deployment.limits.in_flight)
        self._elapsed = asyncio.get_running_loop().time

    async def make(self, batch: Batch) -> list[Outcome]:
        """Hand the texts over, as places come free, and return the answers in their order."""
        outcomes: list[Outcome] = [Unknown("the call has not ended")] * len(batch.reserved)
        coming = enumerate(batch.reserved)
        callers = min(self._deployment.limits.in_flight, len(batch.reserved))
        await asyncio.gather(*(self._call(batch, coming, outcomes) for _ in range(callers)))
        return outcomes

    async def _call(self, batch: Batch, coming: Iterator[tuple[int, Reserved]], outcomes: list[Outcome]) -> None:
        """Take a place, and hand over one text after another until none is left."""
        async with self._room:
            for number, one in coming:
                batch.in_flight += 1
                if 2 * (number + 1) >= len(outcomes):
                    batch.half_begun.set()
                outcomes[number] = await self._hand_over(batch, one)
                batch.in_flight -= 1

    async def _hand_over(self, batch: Batch, one: Reserved) -> Outcome:
        """Make one call, unless it should not begin any more; whatever its gateway does, return an outcome.

        A call that has not begun when the lease ends is not made: a process that was frozen, or that is too slow for
        its batch, is taken for dead by then, and the provider may have said that it has no such text.
        """
        gateway = one.text.choice.gateway
        if (left := batch.lease.left_seconds()) <= 0:
            return Refused(Refusal.HELD_BACK, "held-back", "its turn came after the lease had ended")
        if held_back := batch.pulse.holds_back(gateway.name):
            return held_back
        message = one.text.message(one.reference, batch.lease.began_at, left)
        began = self._elapsed()
        try:
            outcome = await gateway.send(message)
        except Exception as error:
            # A poisoned gateway must not take the others' answers with it (law 9).
            log.exception("reminder.gateway.error", gateway=gateway.name)
            outcome = Unknown(f"the gateway failed with {type(error).__name__}")
        if not isinstance(outcome, Outcome):
            log.error("reminder.gateway.error", gateway=gateway.name, answer=type(outcome).__name__)
            outcome = Unknown(f"the gateway answered with {type(outcome).__name__}, which is no outcome")
        batch.pulse.hear(gateway.name, outcome)
        self._deployment.vitals.called(gateway.name, type(outcome).__name__.lower(), self._elapsed() - began)
        return outcome
