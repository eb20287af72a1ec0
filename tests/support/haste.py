"""A clock for child processes that runs faster than the real one, and that can be put forward or back while they run.

So that nobody waits for the minutes in which a provider settles and a lease ends. Everything that a process tells the
time by goes at the same pace: the program's clock, its steady count of seconds, and APScheduler's own clock. Only the
event loop's timers, and with them all timeouts, stay real. A fake provider is given the same clock.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Haste:
    """A clock that showed `base` when the real one showed `began`, and goes `speed` times as fast.

    `began` is in seconds of the epoch. `steps` is a file that holds by how many seconds the clock has been put forward
    since, or back; the steady count of seconds knows nothing of that, as on a real machine.
    """

    base: datetime
    began: float
    speed: float = 1.0
    steps: Path | None = None

    @classmethod
    def starting(cls, base: datetime, speed: float, steps: Path | None = None) -> Haste:
        """Return a clock that shows `base` now."""
        return cls(base, _real(), speed, steps)

    @classmethod
    def parsed(cls, spec: str) -> Haste:
        """Return the clock of a spec as `str` writes it."""
        base, began, speed, steps = spec.split("|")
        return cls(datetime.fromisoformat(base), float(began), float(speed), Path(steps) if steps else None)

    def __str__(self) -> str:
        return f"{self.base.isoformat()}|{self.began!r}|{self.speed!r}|{self.steps or ''}"

    def now(self) -> datetime:
        """Return what it shows (UTC)."""
        return self.base + timedelta(seconds=(_real() - self.began) * self.speed + self._stepped())

    def steady(self) -> float:
        """Return seconds since some beginning, which nobody can set."""
        return time.monotonic() * self.speed

    def step(self, seconds: float) -> None:
        """Put the clock forward by so many seconds, in every process that goes by it."""
        assert self.steps is not None, "a clock without a file for its steps can't be put forward"
        coming = self.steps.with_suffix(".new")
        coming.write_text(repr(self._stepped() + seconds), "utf-8")
        coming.replace(self.steps)

    def _stepped(self) -> float:
        return float(self.steps.read_text("utf-8")) if self.steps is not None and self.steps.exists() else 0.0


def _real() -> float:
    return time.time()  # noqa: TID251 - the pace of the real clock is what this one multiplies


_going: list[Haste] = []
"""The clock that this process goes by, if it is not the real one."""


def go_by(clock: Haste) -> None:
    """Let this process go by a clock from now on; the first time before anything but `reminder.app` is imported."""
    first = not _going
    _going[:] = [clock]
    if not first:
        return
    import apscheduler.executors.base
    import apscheduler.schedulers.base
    import apscheduler.triggers.interval

    from reminder import app

    def hasty_now() -> datetime:
        return _going[0].now()

    class Hasty(datetime):
        """The class `datetime`, by another clock."""

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return hasty_now().astimezone(tz or UTC)

    app.now, app.steady = hasty_now, lambda: _going[0].steady()
    # Its default was bound when it was defined.
    app.open_deployment.__wrapped__.__kwdefaults__["clock"] = hasty_now  # type: ignore[attr-defined]
    for module in (apscheduler.schedulers.base, apscheduler.executors.base, apscheduler.triggers.interval):
        module.datetime = Hasty
