"""Database work beside the event loop: in a thread, one piece at a time, so that calls go on while the database works.

On the loop itself a database that is away for longer than a gateway's patience would leave every call in flight in
doubt, whether it was answered or not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

__all__ = ["Aside"]

T = TypeVar("T")


class Aside:
    """Does what it is given in the order in which it is asked, never two things at once."""

    def __init__(self) -> None:
        self._hand = ThreadPoolExecutor(max_workers=1, thread_name_prefix="dispatch")

    async def __call__(self, work: Callable[[], T]) -> T:
        """Return what `work` returns, done while the event loop goes on; raises what it raises."""
        return await asyncio.wrap_future(self._hand.submit(copy_context().run, work))

    def close(self) -> None:
        """Take no more; what a cancellation has left under way ends by itself."""
        self._hand.shutdown(wait=False)
