"""Where a process may be killed: named points of plan, claim, reserve, call, record, doubt and receive.

The program knows nothing of this. In a child process, before it begins, the function of a point is wrapped, and at its
n-th passage the process sends itself SIGKILL: no clean-up, no rollback, no goodbye, as when memory runs out.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import random
import signal
from collections.abc import Callable, Mapping
from functools import wraps
from inspect import iscoroutinefunction
from itertools import count
from typing import Any, NoReturn

WITHIN_SECONDS_MAX = 0.08
"""How long after its beginning a call under way is cut off at the latest: some are with the provider by then."""

POINTS: Mapping[str, tuple[str, str]] = {
    "plan: before a slot is taken": ("reminder.store.plan_runs:begin", "before"),
    "plan: slot written, not committed": ("reminder.store.plan_runs:begin", "after"),
    "plan: slot committed": ("reminder.daemon.ticks:plan", "before"),
    "plan: rows written, not committed": ("reminder.store.planning:insert_planned", "after"),
    "plan: rows committed, slot open": ("reminder.daemon.ticks:plan", "after"),
    "plan: slot finished, not committed": ("reminder.store.plan_runs:finish", "after"),
    "claim: written, not committed": ("reminder.store.outbox:claim", "after"),
    "claim: committed": ("reminder.pipeline.dispatch:gather", "before"),
    "reserve: decided": ("reminder.store.attempts:reserve", "before"),
    "reserve: written, not committed": ("reminder.store.attempts:reserve", "after"),
    "reserve: committed": ("reminder.pipeline.dispatch:settle", "after"),
    "reserve: event of a hand-over written": ("reminder.store.events:append", "after"),
    "call: before it": ("reminder.gateways.twilio_calls:TwilioCalls.post", "before"),
    "call: under way": ("reminder.gateways.twilio_http:OneShotHttpClient.request", "within"),
    "call: answered": ("reminder.gateways.twilio_calls:TwilioCalls.post", "after"),
    "record: all answered": ("reminder.pipeline.keep:record", "before"),
    "record: written, not committed": ("reminder.pipeline.keep:keep_pulse", "before"),
    "record: pulse written, not committed": ("reminder.pipeline.keep:keep_pulse", "after"),
    "record: committed": ("reminder.pipeline.keep:record", "after"),
    "doubt: found, not committed": ("reminder.store.unanswered:lose_expired", "after"),
    "doubt: opened, not committed": ("reminder.store.doubts:open_new", "after"),
    "doubt: claimed": ("reminder.pipeline.reconcile:_ask", "before"),
    "doubt: told": ("reminder.pipeline.reconcile:_ask", "after"),
    "doubt: resolved, not committed": ("reminder.store.unanswered:resolve", "after"),
    "doubt: settled": ("reminder.pipeline.reconcile:_settle", "after"),
    "receive: read": ("reminder.web.endpoints:receive_receipts", "before"),
    "receive: bound, not committed": ("reminder.store.receipts:bind", "after"),
    "receive: moved, not committed": ("reminder.store.receipts:move", "after"),
    "receive: kept, not committed": ("reminder.store.receipts:keep", "after"),
    "receive: committed, not answered": ("reminder.web.endpoints:receive_receipts", "after"),
}
"""Name → what is wrapped, and whether the process dies before it, within it, or after it."""


def arm(point: str, passage: int, dice: random.Random) -> None:
    """Let this process die at the n-th passage (from 1) of a point; raises KeyError and AttributeError for none."""
    place, when = POINTS[point]
    module_name, _, path = place.partition(":")
    holder: Any = importlib.import_module(module_name)
    *outer, name = path.split(".")
    for each in outer:
        holder = getattr(holder, each)
    setattr(holder, name, _wrapped(getattr(holder, name), when, point, passage, dice))


def _wrapped(function: Callable[..., Any], when: str, point: str, passage: int, dice: random.Random) -> Any:
    passages = count(1)

    def is_the_one() -> bool:
        return next(passages) == passage

    def passes_before() -> None:
        if when == "before" and is_the_one():
            die(point)
        if when == "within" and is_the_one():
            asyncio.get_running_loop().call_later(dice.uniform(0, WITHIN_SECONDS_MAX), die, point)

    @wraps(function)
    async def awaited(*arguments: Any, **named: Any) -> Any:
        passes_before()
        found = await function(*arguments, **named)
        if when == "after" and is_the_one():
            die(point)
        return found

    @wraps(function)
    def called(*arguments: Any, **named: Any) -> Any:
        passes_before()
        found = function(*arguments, **named)
        if when == "after" and is_the_one():
            die(point)
        return found

    return awaited if iscoroutinefunction(function) else called


def die(point: str) -> NoReturn:
    """Say where, and end this process by SIGKILL."""
    os.write(2, (json.dumps({"event": "killed", "point": point}) + "\n").encode())
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nobody outlives SIGKILL")
