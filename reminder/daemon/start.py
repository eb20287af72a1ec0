"""Starting: a database that is not there yet is waited for. After a power cut it may well come up after the daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import TypeVar

import structlog

from reminder.daemon.supervisor import Supervisor
from reminder.store.engine import UnreachableError

__all__ = ["WAIT_SECONDS_MAX", "WAIT_SECONDS_MIN", "first_there"]

WAIT_SECONDS_MIN = 1.0
"""How long to wait before the second try, in seconds; doubles each time."""

WAIT_SECONDS_MAX = 30.0
"""The longest such wait, in seconds."""

CONNECTING_SECONDS = 60.0
"""How much longer than its wait a try may take, in seconds, before the service manager takes it for hanging."""

T = TypeVar("T")

log = structlog.get_logger("reminder.daemon")


async def first_there(
    open_now: Callable[[], T],
    *,
    stop: asyncio.Event,
    supervisor: Supervisor,
    wait_seconds: float = WAIT_SECONDS_MIN,
) -> T | None:
    """Return what `open_now` returns, tried again while a database can't be reached; None where `stop` is set before.

    Raises whatever else it raises at once: tables of another release get no better by waiting.
    """
    for tried in count():
        try:
            return await asyncio.to_thread(open_now)
        except UnreachableError as error:
            seconds = min(WAIT_SECONDS_MAX, wait_seconds * 2 ** min(tried, 16))
            supervisor.waiting("Waits for its database: see the log", seconds + CONNECTING_SECONDS)
            log.warning("reminder.daemon.database_awaited", problem=str(error), again_in_seconds=seconds)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)
        if stop.is_set():
            break
    return None
