"""A clock that is put forward or back by a day while the daemon runs."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from faults.conftest import BEGIN
from sqlalchemy import func, select

from reminder.store.engine import open_engine
from reminder.store.guards import open_pauses
from reminder.store.schema import outbox
from support.checkers import states
from support.haste import Haste
from support.lending import People, Site
from support.nursery import Nursery
from support.stage import Stage, told
from support.stormy import stormy

DAY_SECONDS = 86_400.0
HOUR = timedelta(hours=1)
PEOPLE = 60


@contextmanager
def on_stage(home: Nursery, url: str, folder: Path, clock: Haste) -> Iterator[Stage]:
    """Lend a stage with a clock of its own, and nobody in the book yet."""
    engine = open_engine(url)
    dice = random.Random(1)  # noqa: S311 - nothing secret
    people = People(dice, clock.now().date(), clock.now(), plain=True)
    with stormy(folder, clock) as provider:
        site = Site.at(folder, url, provider.url)
        site.write()
        yield Stage(clock, site, engine, people, provider, home)
    engine.dispose()


@pytest.mark.parametrize("seconds", [DAY_SECONDS, -DAY_SECONDS], ids=["a day forward", "a day back"])
def test_a_clock_that_steps(home: Nursery, sqlite_url: str, tmp_path: Path, seconds: float) -> None:
    """Law 15: a clock that jumps stops what is sent, after the batch under way; the daemon looks on, and says why."""
    clock = Haste.starting(BEGIN, 60.0, tmp_path / "steps")
    with on_stage(home, sqlite_url, tmp_path, clock) as stage:
        stage.site.write(rate=0.1)
        stage.people.come(stage.engine, PEOPLE)
        daemon = stage.start("daemon")
        stage.nursery.until(lambda: bool(stage.provider.accepted()))
        clock.step(seconds)
        stage.nursery.until(lambda: "reminder.run.paused" in told(daemon))
        sent = len(stage.provider.accepted())
        assert sent < PEOPLE
        stage.nursery.listen(1.5)
        assert len(stage.provider.accepted()) == sent

        clock.step(-seconds)
        stage.nursery.until(lambda: "reminder.run.resumed" in told(daemon))
        # What was written meanwhile is on record for tomorrow: a person has to say that it is today.
        stage.nursery.until(lambda: _let_go_on(stage) or _waiting(stage, clock.now() + HOUR) == 0)
        stage.stop(daemon)
        assert stage.complaints() == []
        # What the batch under way could not send was put off by the wrong clock: no longer than for a slot by now.
        found = states(stage.engine)
        assert found["sent"] + found["in_doubt"] + _waiting(stage, clock.now() + HOUR) == PEOPLE
        guards = {event["guard"] for event in daemon.events() if event["event"] == "reminder.run.paused"}
        assert "clock_jump" in guards <= {"clock_jump", "clock_behind"}


def _waiting(stage: Stage, until: datetime) -> int:
    """Return how many reminders are planned whose time comes before an instant."""
    with stage.engine.connect() as connection:
        planned = (outbox.c.state == "planned", outbox.c.not_before < until)
        return connection.scalar(select(func.count()).select_from(outbox).where(*planned)) or 0


def _let_go_on(stage: Stage) -> bool:
    """Approve whatever pauses the run, as a person does; return False, for there may be more."""
    with stage.engine.connect() as connection:
        pauses = open_pauses(connection)
    for pause in pauses:
        words = ("run", "approve", str(pause.pause_id), "--reason", "the clock is right")
        child = stage.nursery.start(stage.clock, "approve", "--config", str(stage.site.config), *words)
        assert stage.nursery.wait(child, 60) == 0
    return False
