"""Batches under way: while one is with the gateways, the next is made ready and the one before is written down.

There are two at most, so that little is in doubt should the process die, and no text is decided long before its turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

import structlog

from reminder.pipeline.aside import Aside
from reminder.pipeline.call import Batch, Calls
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.keep import keep
from reminder.pipeline.pulse import Pulse
from reminder.pipeline.tally import DispatchReport

__all__ = ["BATCHES_MAX", "UnderWay"]

BATCHES_MAX = 2
"""How many batches are with the gateways, or have answers to be recorded, at once at most."""

log = structlog.get_logger("reminder.dispatch")


class UnderWay:
    """The batches that have begun and are not on record; it is left when none is.

    `aside` is where the database works, `report` what has become of all that is on record.
    """

    def __init__(self, deployment: Deployment, on_batch: Callable[[DispatchReport], None]) -> None:
        self.aside, self.report = Aside(), DispatchReport()
        self._deployment, self._on_batch = deployment, on_batch
        self._calls = Calls(deployment)
        self._batches: dict[asyncio.Task[None], Batch] = {}

    def __bool__(self) -> bool:
        """Return whether any batch is under way."""
        return bool(self._batches)

    def begin(self, batch: Batch) -> None:
        """Let the calls of a batch be made and their answers be recorded, while the caller goes on."""
        batch.pulse = Pulse(each.pulse for each in self._batches.values())
        self._batches[asyncio.create_task(self._carry_out(batch))] = batch

    async def _carry_out(self, batch: Batch) -> None:
        try:
            if batch.reserved:
                outcomes = await self._calls.make(batch)
                await keep(self._deployment, self.aside, batch.reserved, outcomes, batch.report)
            self.report += batch.report
            self._on_batch(batch.report)
        finally:
            batch.half_begun.set()

    async def has_room(self) -> None:
        """Wait until another batch is to be made ready.

        That is when half of the newest one's calls have begun. Where they have all been answered by then, it is when
        the answers are on record: nothing is won by going on without knowing what they teach. Raises what a batch
        raised.
        """
        newest = next(reversed(self._batches.values()))
        await newest.half_begun.wait()
        self._let_go()
        while len(self._batches) >= BATCHES_MAX or (newest in self._batches.values() and not newest.in_flight):
            await self.one_ends()

    async def one_ends(self) -> None:
        """Wait until one of the batches, or more, is on record; raises what it raised."""
        await asyncio.wait(self._batches, return_when=asyncio.FIRST_COMPLETED)
        self._let_go()

    def _let_go(self) -> None:
        for task in [task for task in self._batches if task.done()]:
            del self._batches[task]
            task.result()

    async def __aenter__(self) -> Self:
        """Begin with none."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let all that is under way come on record, whatever ended the rest; where that is a cancellation, cut it off.

        Raises what a batch raised, where nothing else is being raised.
        """
        if isinstance(error, asyncio.CancelledError):
            for task in self._batches:
                task.cancel()
        ended = await asyncio.gather(*self._batches, return_exceptions=True)
        self.aside.close()
        failures = [each for each in ended if isinstance(each, Exception)]
        if failures and error is None:
            raise failures.pop(0)
        for failure in failures:
            log.error("reminder.dispatch.batch_failed", exc_info=failure)
