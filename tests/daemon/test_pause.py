"""Guards in the daemon: it plans on, sends nothing, and goes on by itself once it may (law 15)."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time as clock
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from reminder.app import open_database
from reminder.daemon.reload import InForce
from reminder.daemon.service import serve
from reminder.daemon.supervisor import Supervisor
from reminder.daemon.ticks import Schedule, TickReport, tick
from reminder.domain.guard import GuardName
from reminder.installation import read_installation
from reminder.pipeline.deployment import Deployment
from reminder.store import guards
from reminder.store.schema import attempt, outbox
from support.deployments import add_accounts, row
from support.leading import lead
from support.outbox_rows import write_attempt
from support.recorder import Recorder

Opener = Callable[[datetime], Deployment]

ENVIRON = os.environ  # noqa: TID251 - the daemon's own process needs one to start in
WAIT_SECONDS = 60.0


def _open(deployment: Deployment) -> list[guards.Pause]:
    with deployment.engine.connect() as connection:
        return guards.open_pauses(connection)


def _reasons(deployment: Deployment) -> list[str]:
    with deployment.engine.connect() as connection:
        return list(connection.scalars(select(outbox.c.reason)))


def _ticked(deployment: Deployment, schedule: Schedule, drift: timedelta = timedelta()) -> TickReport:
    """Tick as the one that leads, on a clock that was put forward by `drift`."""

    async def ticked() -> TickReport:
        mandate = lead(deployment)
        return await tick(deployment, schedule, stopping=lambda: False, mandate=mandate, drift=lambda _: drift)

    return asyncio.run(ticked())


def test_a_paused_tick_plans_and_sends_nothing(
    config: Path, open_at: Opener, noon: datetime, schedule: Schedule
) -> None:
    """Law 4: what comes due while the run is paused is planned, so that nothing is missing afterwards."""
    add_accounts(config, row("A"))
    deployment = open_at(noon)
    with deployment.engine.begin() as connection:
        write_attempt(connection, "later", customer_id="C-B", started_at=noon + timedelta(hours=1))

    paused = _ticked(deployment, schedule)
    with deployment.engine.begin() as connection:
        connection.execute(delete(attempt))
    resumed = _ticked(deployment, schedule)

    assert [pause.guard for pause in paused.pauses] == [GuardName.CLOCK_BEHIND]
    assert (paused.planned, paused.dispatch.texts) == (1, 0)
    assert (resumed.pauses, resumed.dispatch.texts) == ((), 1)


def test_a_clock_that_is_not_believed_plans_nothing(
    config: Path, open_at: Opener, noon: datetime, schedule: Schedule
) -> None:
    """Law 4: slots of tomorrow, planned by a clock a day ahead, would be missing when tomorrow comes."""
    add_accounts(config, row("A"))
    wrong, right = open_at(noon + timedelta(days=1)), open_at(noon)

    paused = _ticked(wrong, schedule, timedelta(days=1))
    resumed = _ticked(right, schedule)
    the_day_after = _ticked(wrong, schedule)

    assert [pause.guard for pause in paused.pauses] == [GuardName.CLOCK_JUMP]
    assert (paused.slots, paused.planned, paused.dispatch.texts) == ((), 0, 0)
    assert (resumed.pauses, resumed.planned, resumed.dispatch.texts) == ((), 1, 1)
    assert [slot.day for slot in the_day_after.slots] == [noon.date() + timedelta(days=1)] * 2


def test_a_daemon_whose_clock_jumps_waits_for_a_person(
    config: Path, open_at: Opener, noon: datetime, schedule: Schedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Law 15: put forward by a day, tomorrow's texts would go out today; approved, the new time is the time."""
    add_accounts(config, row("A", autopay="true"))
    shown = [noon]
    monkeypatch.setattr("reminder.daemon.service.steady", lambda: 1000.0)
    recorder = Recorder("console")
    deployment = replace(open_at(noon), clock=lambda: shown[0], gateways={"console": recorder})
    quick = replace(schedule, every=timedelta(seconds=1))

    async def story() -> None:
        stop = asyncio.Event()
        serving = asyncio.create_task(
            serve(InForce(deployment, quick), stop=stop, cut=asyncio.Event(), supervisor=Supervisor({}))
        )
        await _until(lambda: [each.partition(":")[0] for each in _reasons(deployment)] == ["when"])
        add_accounts(config, row("A", autopay="false"))
        shown[0] += timedelta(days=1)
        await _until(lambda: bool(_open(deployment)))
        assert recorder.calls == 0
        with deployment.engine.begin() as connection:
            (pause,) = guards.open_pauses(connection)
            guards.approve(connection, pause.pause_id, who="ann", reason="it was wrong before", at=shown[0])
        await _until(lambda: recorder.calls == 1)
        stop.set()
        await serving

    asyncio.run(story())
    assert _open(deployment) == []


async def _until(found: Callable[[], bool]) -> None:
    for _ in range(1000):
        if found():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come to that in time")


def test_the_process_reads_its_files_at_a_hangup(config: Path) -> None:
    """SIGHUP: an edit is in force at once, in the real process, and it ends with 0 as ever."""
    add_accounts(config, row("A", autopay="true"))
    process = subprocess.Popen(
        [sys.executable, "-c", "from reminder.cli import main; main()", "--config", str(config), "daemon"],
        env={**ENVIRON, "PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        _wait_for(lambda: "planned" in _state(config))
        policy = config / "policies" / "loan.yaml"
        policy.write_text(policy.read_text(encoding="utf-8").replace(', when: "not account.autopay"', ""), "utf-8")
        process.send_signal(signal.SIGHUP)
        _wait_for(lambda: "sent" in _state(config))
        process.terminate()
        out, err = process.communicate(timeout=WAIT_SECONDS)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
    assert out.count("Anhe Credit: $120.50") == 1
    assert "reminder.config.applied" in err


def _state(config: Path) -> list[str]:
    with open_database(read_installation(config, {})) as engine, engine.connect() as connection:
        return list(connection.scalars(select(outbox.c.state)))


def _wait_for(found: Callable[[], bool]) -> None:
    end = clock.monotonic() + WAIT_SECONDS
    while not found():
        assert clock.monotonic() < end, "the daemon did not get there in time"
        clock.sleep(0.1)
