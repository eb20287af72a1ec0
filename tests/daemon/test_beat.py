"""The beat goes on whatever becomes of the machine's clock: APScheduler waits for an instant, and clocks are set."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any

import apscheduler.schedulers.base
import pytest

from reminder.daemon import service
from reminder.daemon.ticks import Schedule

DAY = timedelta(days=1)
LOOKS_MAX = 600


@pytest.mark.parametrize("step", [-DAY, DAY], ids=["back", "forward"])
def test_a_clock_that_is_set_does_not_stop_the_beat(monkeypatch: pytest.MonkeyPatch, step: timedelta) -> None:
    """Law 4: a clock that is put back by a day leaves the next beat a day ahead; nobody waits for it."""
    stepped = [timedelta()]
    beats: list[datetime] = []

    class Settable(datetime):
        """The class `datetime`, by a clock that is set."""

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.now(tz or UTC) + stepped[0]  # noqa: TID251 - the machine's clock is what is set here

    monkeypatch.setattr(apscheduler.schedulers.base, "datetime", Settable)
    monkeypatch.setattr(service, "now", Settable.now)
    schedule = Schedule("UTC", (time(8),), timedelta(seconds=1), DAY, lead_seconds=15)

    async def watch() -> None:
        scheduler = service._scheduler(lambda: beats.append(Settable.now()), schedule)
        scheduler.start()
        keeping = asyncio.create_task(service._keep_beat(scheduler, schedule))
        for wanted in (1, 3):
            for _ in range(LOOKS_MAX):
                if len(beats) >= wanted:
                    break
                await asyncio.sleep(0.05)
            stepped[0] = step
        keeping.cancel()
        scheduler.shutdown(wait=False)

    asyncio.run(watch())
    assert len(beats) >= 3
    assert abs(beats[-1] - beats[0] - step) < timedelta(hours=1)
