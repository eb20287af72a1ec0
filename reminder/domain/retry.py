"""When to try again after a gateway has refused for now."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Backoff"]


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff with full jitter on its upper half.

    The n-th try waits between half and the whole of `base_seconds` × 2^(n-1), never more than `max_seconds`: with a
    base of 60, up to 60, 120, 240 … seconds. After `attempts_max` tries it is over.
    """

    base_seconds: float
    max_seconds: float
    attempts_max: int

    def delay_seconds(self, attempts: int, jitter: float) -> float | None:
        """Return how long to wait after this many refused tries (from 1), or None when that was the last.

        `jitter` lies in [0, 1] and is the caller's dice, so that this stays a function of what it is given.
        """
        if attempts >= self.attempts_max:
            return None
        # 2^62 seconds is beyond any maximum; the bound keeps the power finite.
        whole = min(self.max_seconds, self.base_seconds * 2.0 ** min(attempts - 1, 62))
        return whole * (0.5 + jitter / 2)
