"""The fourteen ways in which APScheduler loses, doubles or shifts a run, and the tests that fail without their cures.

What each trap is was tried out with APScheduler 3.11. Our cure is one: it keeps the beat and nothing else, and what is
due follows from `plan_run`.

| trap | guarded by |
|---|---|
| 1. a shared job store is no lock: jobs run twice | `test_ticks`: two daemons plan a slot once; `tests/crashes` |
| 2. a job store that fails ends the scheduler's thread, and `running` stays true | here: its jobs are in memory |
| 3. a run missed while the daemon was down is lost | `test_ticks`: missed slots are caught up by one plan |
| 4. a run that is more than a second late is skipped | here: a beat is never too late |
| 5. coalesced runs bear the last missed time | here: a long tick is followed by one beat; slots bear their own |
| 6. 01:30 comes twice when clocks are put back | `domain/test_slots`: every slot is due once |
| 7. 02:30 is mislabelled when clocks go forward | `domain/test_slots`: a slot comes when the clock first shows it |
| 8. `CalendarIntervalTrigger` skips that day | `domain/test_slots`, and here: no such trigger is used |
| 9. `IntervalTrigger(days=1)` drifts by an hour | `domain/test_slots`, and here: only seconds are counted |
| 10. `from_crontab` counts weekdays from Monday | here: no cron expression is read |
| 11. hourly runs depend on the scheduler's zone | here: it is UTC; `domain/test_slots` over all zones |
| 12. SIGTERM ends the process in the middle of a job | `test_service`: the process sends and ends cleanly |
| 13. `shutdown(wait=True)` waits without a limit | `test_service`: a call that does not end is cut |
| 14. a job that raises SystemExit vanishes without a word | here: it is told, and the next tick tries again |
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy import select
from structlog.testing import capture_logs

from reminder.daemon import service
from reminder.daemon.reload import InForce
from reminder.daemon.supervisor import Supervisor
from reminder.daemon.ticks import Schedule
from reminder.pipeline.deployment import Deployment
from reminder.store.schema import outbox
from support.deployments import add_accounts, row

Opener = Callable[[datetime], Deployment]
ROOM = Path(service.__file__).parent
REMINDER = ROOM.parent


def _job(schedule: Schedule) -> tuple[Any, Any]:
    """Return the scheduler of a daemon, not started, and its only job."""
    scheduler = service._scheduler(lambda: None, schedule)
    (job,) = scheduler.get_jobs()
    return scheduler, job


def test_its_jobs_are_in_memory(schedule: Schedule) -> None:
    """Traps 1 and 2: no database that fails or is slow can end the beat, and none is taken for a lock."""

    async def stores() -> list[type]:
        """Start it, for only then it has its stores, and stop it."""
        scheduler, _ = _job(schedule)
        scheduler.start(paused=True)
        found = [type(store) for store in scheduler._jobstores.values()]
        scheduler.shutdown(wait=False)
        await asyncio.sleep(0)
        return found

    assert asyncio.run(stores()) == [MemoryJobStore]
    assert not [path for path in REMINDER.rglob("*.py") if "SQLAlchemyJobStore" in path.read_text("utf-8")]


def test_a_beat_is_never_too_late_nor_doubled(schedule: Schedule) -> None:
    """Traps 4 and 5: however long a tick takes, it is followed by one beat, and none runs beside it."""
    _, job = _job(schedule)

    assert (job.misfire_grace_time, job.coalesce, job.max_instances) == (None, True, 1)


def test_it_counts_seconds_in_utc(schedule: Schedule) -> None:
    """Traps 9 and 11: no zone's clock moves the beat, and days are not what it counts."""
    scheduler, job = _job(schedule)

    assert isinstance(job.trigger, IntervalTrigger)
    assert job.trigger.interval == schedule.every < timedelta(days=1)
    assert (scheduler.timezone, job.trigger.timezone) == (UTC, UTC)


def test_no_other_trigger_is_used() -> None:
    """Traps 6 to 10: no daily trigger and no cron expression of APScheduler's decides when something is due."""
    imported = {
        found
        for path in REMINDER.rglob("*.py")
        for found in re.findall(r"^\s*(?:from|import) (apscheduler\S*)", path.read_text("utf-8"), re.MULTILINE)
    }

    assert imported == {"apscheduler.schedulers.asyncio", "apscheduler.triggers.interval"}
    assert not [path for path in REMINDER.rglob("*.py") if "from_crontab" in path.read_text("utf-8")]


@pytest.mark.parametrize("raised", [SystemExit(1), RuntimeError("away")], ids=["SystemExit", "an error"])
def test_a_tick_that_wants_to_end_the_process_is_told(
    config: Path, open_at: Opener, noon: datetime, schedule: Schedule, raised: BaseException
) -> None:
    """Trap 14: a library that calls `sys.exit` ends no daemon in silence; it is in the log, and the work goes on."""
    add_accounts(config, row("A"))
    told: Iterator[Any] = iter([noon, raised])

    def unsteady() -> datetime:
        """Fail once, after the daemon has said that it started."""
        value = next(told, noon)
        if isinstance(value, BaseException):
            raise value
        return value

    deployment = replace(open_at(noon), clock=unsteady)

    async def story() -> None:
        stop = asyncio.Event()
        serving = asyncio.create_task(
            service.serve(InForce(deployment, schedule), stop=stop, cut=asyncio.Event(), supervisor=Supervisor({}))
        )
        for _ in range(3000):
            if _states(deployment) == ["sent"]:
                break
            await asyncio.sleep(0.02)
        stop.set()
        await serving

    with capture_logs() as logs:
        asyncio.run(story())
    assert _states(deployment) == ["sent"]
    assert "reminder.daemon.tick_failed" in [each["event"] for each in logs]


def _states(deployment: Deployment) -> list[str]:
    with deployment.engine.connect() as connection:
        return list(connection.scalars(select(outbox.c.state)))


def test_the_table_names_tests_that_are_there() -> None:
    """The table above is kept: fourteen rows, and each file that it names exists."""
    rows = re.findall(r"^\| (\d+)\. .* \| (.*) \|$", __doc__ or "", re.MULTILINE)
    tests = Path(__file__).parents[1]
    named = {name for _, guards in rows for name in re.findall(r"`((?:domain/)?test_\w+|tests/\w+)`", guards)}

    assert [int(number) for number, _ in rows] == list(range(1, 15))
    for name in named:
        place = tests / name.removeprefix("tests/") if name.startswith("tests/") else None
        file = tests / (f"{name}.py" if "/" in name else f"daemon/{name}.py")
        assert (place or file).exists(), name
