"""What one process knows of itself since it began: how its gateways answered, and how its ticks go.

Everything else that is measured stands in the database, where every process finds it. Safe from any thread.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

__all__ = ["LATENCY_BOUNDS_SECONDS", "Histogram", "Ticks", "Vitals"]

LATENCY_BOUNDS_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the buckets of a call's duration; a last bucket has what took longer."""


@dataclass
class Histogram:
    """How many calls took how long: `counts` by bucket, each with its own only, and the sum of all, in seconds."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_BOUNDS_SECONDS) + 1))
    total_seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one call."""
        self.counts[bisect_left(LATENCY_BOUNDS_SECONDS, seconds)] += 1
        self.total_seconds += seconds

    def copy(self) -> Histogram:
        """Return another one with the same counts."""
        return Histogram(list(self.counts), self.total_seconds)


@dataclass(frozen=True, slots=True)
class Ticks:
    """How a daemon's ticks go (instants are UTC): the last sign that work goes on, and since when they fail, if so."""

    seen_at: datetime | None = None
    failing_since: datetime | None = None


class Vitals:
    """What is counted while a process runs; a process that is not a daemon has no ticks."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._calls: dict[tuple[str, str], Histogram] = {}
        self._ticks = Ticks()

    def called(self, gateway: str, outcome: str, seconds: float) -> None:
        """Count a call to a gateway that ended with this outcome."""
        with self._lock:
            self._calls.setdefault((gateway, outcome), Histogram()).add(seconds)

    def alive(self, at: datetime) -> None:
        """Note that work goes on."""
        with self._lock:
            self._ticks = Ticks(at, self._ticks.failing_since)

    def ticked(self, at: datetime, *, failed: bool) -> None:
        """Note that a tick has ended."""
        with self._lock:
            self._ticks = Ticks(at, (self._ticks.failing_since or at) if failed else None)

    @property
    def ticks(self) -> Ticks:
        """How the ticks of this process go."""
        with self._lock:
            return self._ticks

    def calls(self) -> Mapping[tuple[str, str], Histogram]:
        """Return how long calls took, by gateway and outcome."""
        with self._lock:
            return {key: histogram.copy() for key, histogram in self._calls.items()}
