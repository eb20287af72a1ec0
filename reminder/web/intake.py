"""The intake: receipts that arrive while others are being written go together into the next transaction.

Nobody is answered before the commit that has his receipt. A provider whose texts go out by thousands sends as many
receipts back, and a transaction each would be bound by the disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from starlette.concurrency import run_in_threadpool

from reminder.domain.receipt import Receipt
from reminder.store.engine import UnreachableError

__all__ = ["CALLS_MAX", "PATIENCE_SECONDS", "TRANSACTIONS_MAX", "Intake"]

CALLS_MAX = 100
"""The most calls whose receipts go into one transaction: what it locks, others wait for."""

PATIENCE_SECONDS = 1.0
"""How long the next transaction waits for the one under way, which may wait for a row that somebody holds."""

TRANSACTIONS_MAX = 4
"""How many may be under way at once, in that case."""

log = structlog.get_logger("reminder.web")


@dataclass(frozen=True, slots=True, eq=False)
class _Call:
    """One call's receipts, and whom to tell that they are committed."""

    gateway: str
    receipts: Sequence[Receipt]
    committed: asyncio.Future[None]

    def tell(self, error: Exception | None = None) -> None:
        """Let the caller go on, unless he has gone away."""
        if self.committed.done():
            return
        if error is None:
            self.committed.set_result(None)
        else:
            self.committed.set_exception(error)


class Intake:
    """Gives receipts to `take` (gateway, receipts), which writes all of them or none, on a thread.

    Used in one event loop.
    """

    def __init__(self, take: Callable[[str, Sequence[Receipt]], object]) -> None:
        self._take = take
        self._waiting: list[_Call] = []
        self._writer: asyncio.Task[None] | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    async def __call__(self, gateway: str, receipts: Sequence[Receipt]) -> None:
        """Return when these receipts of one call are committed; raises what taking them raises."""
        call = _Call(gateway, receipts, asyncio.get_running_loop().create_future())
        self._waiting.append(call)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await call.committed

    async def _write(self) -> None:
        """Write until nobody waits, those of one gateway together."""
        while self._waiting:
            transaction = asyncio.create_task(self._commit(self._next()))
            self._under_way.add(transaction)
            transaction.add_done_callback(self._under_way.discard)
            await asyncio.wait({transaction}, timeout=PATIENCE_SECONDS)
            if len(self._under_way) >= TRANSACTIONS_MAX:
                await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)

    def _next(self) -> list[_Call]:
        """Take the calls that go into the next transaction."""
        gateway = self._waiting[0].gateway
        mine = [call for call in self._waiting if call.gateway == gateway][:CALLS_MAX]
        self._waiting = [call for call in self._waiting if call not in mine]
        return mine

    async def _commit(self, calls: Sequence[_Call]) -> None:
        """Write what these calls bring; where that fails, each by itself, so that one harms no other (law 9)."""
        gateway = calls[0].gateway
        try:
            await run_in_threadpool(self._take, gateway, [each for call in calls for each in call.receipts])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told to whom it concerns
            # A database that is away fails all alike, and each try of it takes its time.
            if len(calls) == 1 or isinstance(error, OperationalError | InterfaceError | UnreachableError):
                for call in calls:
                    call.tell(error)
                return
            log.warning("reminder.web.apart", gateway=gateway, calls=len(calls), error=type(error).__name__)
            for call in calls:
                await self._commit([call])
            return
        for call in calls:
            call.tell()
