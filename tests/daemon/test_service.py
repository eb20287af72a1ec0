"""The service: it keeps ticking whatever a tick does, and ends cleanly when it is asked to."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time as clock
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from structlog.testing import capture_logs

from reminder.app import open_database
from reminder.daemon.reload import InForce
from reminder.daemon.service import serve
from reminder.daemon.supervisor import Supervisor
from reminder.daemon.ticks import Schedule
from reminder.domain.message import Message, Outcome
from reminder.installation import read_installation
from reminder.pipeline.deployment import Deployment
from reminder.store.schema import attempt, outbox
from support.deployments import add_accounts, row
from support.recorder import Recorder

Opener = Callable[[datetime], Deployment]

ENVIRON = os.environ  # noqa: TID251 - the daemon's own process needs one to start in
WAIT_SECONDS = 60.0


class Slow(Recorder):
    """Takes its time before it answers."""

    def __init__(self, seconds: float) -> None:
        super().__init__("console")
        self.seconds = seconds
        self.called = asyncio.Event()

    async def send(self, message: Message) -> Outcome:
        """Answer after a while."""
        self.called.set()
        await asyncio.sleep(self.seconds)
        return await super().send(message)


def _states(deployment: Deployment) -> list[str]:
    with deployment.engine.connect() as connection:
        return list(connection.scalars(select(outbox.c.state)))


async def _serve_until(
    deployment: Deployment, schedule: Schedule, ready: Callable[[], bool], *, drain_seconds: float = 5
) -> None:
    stop = asyncio.Event()
    serving = asyncio.create_task(
        serve(
            InForce(deployment, schedule),
            stop=stop,
            cut=asyncio.Event(),
            supervisor=Supervisor({}),
            drain_seconds=drain_seconds,
        )
    )
    for _ in range(600):
        if ready() or serving.done():
            break
        await asyncio.sleep(0.02)
    stop.set()
    await serving
    assert ready()


def test_it_plans_and_sends_at_once(config: Path, open_at: Opener, noon: datetime, schedule: Schedule) -> None:
    """A daemon that starts after a slot plans it with its first tick; it does not wait for the next one."""
    add_accounts(config, row("A"))
    deployment = open_at(noon)
    asyncio.run(_serve_until(deployment, schedule, lambda: _states(deployment) == ["sent"]))


def test_a_failing_tick_is_tried_again(config: Path, open_at: Opener, noon: datetime, schedule: Schedule) -> None:
    """Law 9: what fails once ends no daemon and is said in the log; the tick after it does the work."""
    add_accounts(config, row("A"))
    deployment = open_at(noon)
    clocks: Iterator[Any] = iter([noon, noon, RuntimeError("the clock is away")])

    def unsteady() -> datetime:
        """Fail once, after the daemon has started."""
        value = next(clocks, noon)
        if isinstance(value, Exception):
            raise value
        return value

    with capture_logs() as logs:
        asyncio.run(
            _serve_until(replace(deployment, clock=unsteady), schedule, lambda: _states(deployment) == ["sent"])
        )
    assert "reminder.daemon.tick_failed" in [each["event"] for each in logs]


def test_the_batch_under_way_is_drained(config: Path, open_at: Opener, noon: datetime, schedule: Schedule) -> None:
    """Law 3: a stop lets calls under way end and keeps their answers, so that nothing is in doubt."""
    add_accounts(config, row("A"))
    slow = Slow(0.5)
    deployment = replace(open_at(noon), gateways={"console": slow})
    asyncio.run(_serve_until(deployment, schedule, slow.called.is_set))
    assert _states(deployment) == ["sent"]


def test_a_call_that_does_not_end_is_cut_and_never_repeated(
    config: Path, open_at: Opener, noon: datetime, schedule: Schedule
) -> None:
    """Law 3: what is cut off after the time for draining is in doubt; the next daemon does not send it again."""
    add_accounts(config, row("A"))
    slow = Slow(60)
    deployment = replace(open_at(noon), gateways={"console": slow})
    asyncio.run(_serve_until(deployment, schedule, slow.called.is_set, drain_seconds=0.1))
    assert _states(deployment) == ["sending"]

    recorder = Recorder("console")
    later = replace(open_at(noon + timedelta(hours=1)), gateways={"console": recorder})
    asyncio.run(_serve_until(later, schedule, lambda: _states(later) == ["in_doubt"]))
    assert recorder.calls == 0


def test_nothing_ticks_after_a_stop(config: Path, open_at: Opener, noon: datetime, schedule: Schedule) -> None:
    """A stop that comes first is heard first: nothing is planned and nothing is sent."""
    add_accounts(config, row("A"))
    deployment = open_at(noon)
    asyncio.run(_serve_until(deployment, schedule, lambda: True))
    assert _states(deployment) == []


@contextmanager
def _daemon(config: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the real process, and end it whatever the test does."""
    process = subprocess.Popen(
        [sys.executable, "-c", "from reminder.cli import main; main()", "--config", str(config), "daemon"],
        env={**ENVIRON, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _wait_for(found: Callable[[], bool]) -> None:
    end = clock.monotonic() + WAIT_SECONDS
    while not found():
        assert clock.monotonic() < end, "the daemon did not get there in time"
        clock.sleep(0.05)


def _sent(config: Path) -> int:
    with open_database(read_installation(config, {})) as engine, engine.connect() as connection:
        return len(list(connection.scalars(select(attempt.c.reference).where(attempt.c.outcome == "accepted"))))


def _planning_over(config: Path) -> bool:
    with open_database(read_installation(config, {})) as engine, engine.connect() as connection:
        return bool(connection.scalar(text("SELECT count(*) FROM plan_run WHERE ended_at IS NOT NULL")))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_the_process_plans_sends_and_ends_cleanly(config: Path, number: signal.Signals) -> None:
    """`reminder daemon` plans what it missed, sends it through the console, and ends with 0 when asked to."""
    add_accounts(config, row("A"), row("B", 5))
    with _daemon(config) as process:
        _wait_for(lambda: _sent(config) == 2)
        process.send_signal(number)
        out, err = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 0
    assert "Anhe Credit: $120.50" in out
    events = [json.loads(line)["event"] for line in err.splitlines()]
    assert events[0] == "reminder.daemon.started"
    assert "reminder.daemon.planned" in events
    assert events[-1] == "reminder.daemon.stopped"


def test_the_process_logs_no_number_and_no_text(config: Path) -> None:
    """Law 13: logs tell neither whom a text went to nor what it said."""
    add_accounts(config, row("A"))
    with _daemon(config) as process:
        _wait_for(lambda: _sent(config) == 1)
        process.terminate()
        _, err = process.communicate(timeout=WAIT_SECONDS)
    assert "reminder.dispatch.sent" in err
    assert "0123" not in err.replace("****0123", "")
    assert "Anhe Credit" not in err


def test_two_processes_send_everything_once(config: Path) -> None:
    """Law 2: two daemons on one database share the work, and no customer gets a text twice."""
    add_accounts(config, *(row(f"A-{number}") for number in range(40)))
    with _daemon(config) as one, _daemon(config) as two:
        for process in (one, two):  # a signal that comes before they listen would end them as it ends anything
            assert process.stderr is not None
            assert "reminder.daemon.started" in process.stderr.readline()
        _wait_for(lambda: _planning_over(config) and _sent(config) == 40)
        outputs = []
        for process in (one, two):
            process.terminate()
            outputs.append(process.communicate(timeout=WAIT_SECONDS)[0])
    printed = "".join(outputs)
    assert printed.count("Anhe Credit: ") == 40
    assert (one.returncode, two.returncode) == (0, 0)
