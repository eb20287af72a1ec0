"""How fast a gateway may be used: a generic cell rate algorithm, whose whole state is one number.

That number, the *tat*, is the instant at which everything let through so far is paid for at the steady rate, in
seconds since 1970. In any second at most `per_second` + `burst` calls are let through.

Source: ITU-T I.371, the virtual scheduling algorithm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["AHEAD_SECONDS_MAX", "Grant", "Rate", "grant"]

AHEAD_SECONDS_MAX = 60.0
"""How far ahead of what is possible a tat may be before it is taken for the mark of a clock that went wrong."""

_GRAIN = 1e-6
# Instants since 1970 are known to about a quarter of a microsecond as doubles: a slot that is due then is due.


@dataclass(frozen=True, slots=True)
class Rate:
    """So many calls a second on the long run, and so many at once after a rest."""

    per_second: float
    burst: int


@dataclass(frozen=True, slots=True)
class Grant:
    """How many calls may be made now, the tat afterwards, and after how many seconds the next slot is free."""

    calls: int
    tat: float
    wait_seconds: float


def grant(rate: Rate, tat: float, now: float, wanted: int) -> Grant:
    """Return what is let through of `wanted` calls at `now` (seconds since 1970)."""
    span = rate.burst / rate.per_second
    paid = max(tat, now)
    if paid > now + span + AHEAD_SECONDS_MAX:
        paid = now + span
    room = math.floor((now + span - paid) * rate.per_second + _GRAIN * max(1.0, rate.per_second))
    calls = max(0, min(wanted, room))
    after = paid + calls / rate.per_second
    return Grant(calls, after, max(0.0, after + 1 / rate.per_second - now - span))
