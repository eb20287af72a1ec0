"""What keeps a daemon company: the endpoints, its sign of life, alerts. None of it may hurt a reminder.

Each is a coroutine that goes on until the daemon is to stop. Whatever one of them raises is logged, and it begins anew
after a while; the ticks know nothing of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any

import structlog

from reminder.daemon.reload import Live
from reminder.errors import ConfigError
from reminder.pipeline.deployment import Deployment
from reminder.store import daemons
from reminder.store.daemons import Sign

__all__ = ["AGAIN_SECONDS", "SIGN_SECONDS", "STOP_SECONDS", "Companion", "accompanied", "endpoints", "signs"]

AGAIN_SECONDS = 60.0
"""After how long something that failed begins anew, in seconds."""

SIGN_SECONDS = 15.0
"""How often a daemon says that its work goes on, in seconds."""

STOP_SECONDS = 12.0
"""How long company may take to leave, in seconds: calls under way get ten of them."""

Companion = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""Something that goes on until the event is set."""

log = structlog.get_logger("reminder.daemon")


@asynccontextmanager
async def accompanied(companions: Mapping[str, Companion], stop: asyncio.Event) -> AsyncIterator[None]:
    """Keep these going, by name; at the end let them leave, and cut off what does not."""
    tasks = [asyncio.create_task(_kept(name, each, stop)) for name, each in companions.items()]
    try:
        yield
    finally:
        stop.set()
        if tasks:
            _, pending = await asyncio.wait(tasks, timeout=STOP_SECONDS)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)


async def _kept(name: str, companion: Companion, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await companion(stop)
        except Exception:
            log.exception(
                "reminder.daemon.company_failed", what=name, hint="reminders go on; it begins anew in a minute"
            )
            await rest(stop, AGAIN_SECONDS)


async def rest(stop: asyncio.Event, seconds: float) -> None:
    """Wait for so long, or until `stop` is set."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


def endpoints(live: Live) -> Companion:
    """Return what takes receipts and replies and tells how it is, beside the ticks.

    An address that is taken is told of, and tried again: another daemon of this machine may have it, and end.
    """

    async def serve(stop: asyncio.Event) -> None:
        from reminder.web import service  # not at the top: whoever keeps the endpoints apart need not load them

        told = False
        while not stop.is_set():
            try:
                listening = service.listen(live.installation.settings)
            except ConfigError as error:
                if not told:
                    problem = str(error.problems[0])
                    log.error("reminder.web.unheard", problem=problem, hint="reminders go on; it is tried every minute")
                    told = True
                await rest(stop, AGAIN_SECONDS)
            else:
                await service.serve(live, stop=stop, at=listening)

    return serve


def signs(current: Callable[[], Deployment], started_at: datetime) -> Companion:
    """Return what keeps in the database that this daemon works, for alerts, metrics and `reminder doctor`."""

    async def sign(stop: asyncio.Event) -> None:
        await asyncio.to_thread(_begin, current(), started_at)
        try:
            while not stop.is_set():
                await rest(stop, SIGN_SECONDS)
                await asyncio.to_thread(_sign, current(), started_at)
        finally:
            await asyncio.to_thread(_leave, current())

    return sign


def _begin(deployment: Deployment, started_at: datetime) -> None:
    with deployment.engine.begin() as connection:
        daemons.forget_the_gone(connection, started_at)
    _sign(deployment, started_at)


def _sign(deployment: Deployment, started_at: datetime) -> None:
    ticks = deployment.vitals.ticks
    with deployment.engine.begin() as connection:
        daemons.keep(connection, Sign(deployment.owner, started_at, ticks.seen_at or started_at, ticks.failing_since))


def _leave(deployment: Deployment) -> None:
    with suppress(Exception), deployment.engine.begin() as connection:  # it fades by itself otherwise
        daemons.leave(connection, deployment.owner)
