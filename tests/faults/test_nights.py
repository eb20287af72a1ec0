"""Nights on which clocks change, in three zones: the real daemon lives through them on a clock that runs fast."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from shutil import copyfile
from zoneinfo import ZoneInfo

from sqlalchemy import select

from reminder.domain.slots import slot_instant
from reminder.store.engine import open_engine
from reminder.store.schema import plan_run
from support.haste import Haste
from support.lending import People, Site
from support.nursery import Child, Nursery
from support.stage import Stage
from support.stormy import stormy

SPEED = 400.0
PEOPLE = 8
OPENS, CLOSES = 3, 12
"""When contact is allowed, by the clocks of the place."""

SLOTS = tuple(range(30, 211, 30))
"""Those of the slots that every night must have: from half past midnight until half past three."""


@dataclass
class Night:
    """One place, from a quarter past midnight on."""

    zone: str
    begin: datetime
    stage: Stage
    daemon: Child


NIGHTS = {
    "America/New_York": (datetime(2026, 11, 1, 4, 15, tzinfo=UTC), "+1212736{:04}"),
    "Europe/London": (datetime(2026, 3, 29, 0, 15, tzinfo=UTC), "+44772090{:04}"),
    "Australia/Lord_Howe": (datetime(2026, 4, 4, 13, 15, tzinfo=UTC), "+6141234{:04}"),
}
"""An hour that comes twice, an hour that is left out, half an hour that comes twice; and numbers of each place."""


@contextmanager
def a_night(home: Nursery, folder: Path, database: Path, zone: str, begin: datetime, phones: str) -> Iterator[Night]:
    """Let a daemon begin such a night, with a database of its own."""
    folder.mkdir()
    copyfile(database, folder / "reminder.db")
    url = f"sqlite:///{folder}/reminder.db"
    clock = Haste.starting(begin, SPEED)
    engine = open_engine(url)
    with stormy(folder, clock) as provider:
        site = Site.at(folder, url, provider.url)
        site.write()
        _move_to(site.config, zone)
        dice = random.Random(1)  # noqa: S311 - nothing secret
        people = People(dice, begin.date(), begin, plain=True, zone=zone, phones=phones)
        people.come(engine, PEOPLE)
        stage = Stage(Haste.starting(begin, SPEED), site, engine, people, provider, home)
        yield Night(zone, begin, stage, stage.start("daemon"))
    engine.dispose()


def _move_to(config: Path, zone: str) -> None:
    """Let schedule and policies live in a zone, with a window that opens soon after clocks change."""
    settings = config / "reminder.yaml"
    said = settings.read_text("utf-8").replace("timezone: UTC, plan_at", f"timezone: {zone}, plan_at")
    settings.write_text(said, "utf-8")
    for policy in (config / "policies").iterdir():
        said = policy.read_text("utf-8").replace("timezone: UTC", f"timezone: {zone}")
        hours = f'window: {{days: mon-sun, from: "{OPENS:02}:00", to: "{CLOSES:02}:00"}}'
        policy.write_text(f"{said}{hours}\n", "utf-8")


def test_nights_when_clocks_change(home: Nursery, tmp_path: Path, sqlite_url: str) -> None:
    """Laws 2 and 4: a slot that comes twice or not at all is planned once, in its time; each text goes once."""
    database = Path(sqlite_url.removeprefix("sqlite:///"))
    with ExitStack() as stack:
        nights = [
            stack.enter_context(a_night(home, tmp_path / str(number), database, zone, begin, phones))
            for number, (zone, (begin, phones)) in enumerate(NIGHTS.items())
        ]
        home.until(lambda: all(_slots(night) >= set(SLOTS) for night in nights), seconds=200)
        home.until(lambda: all(len(night.stage.provider.accepted()) == PEOPLE for night in nights), seconds=100)
        for night in nights:
            night.stage.stop(night.daemon)
            assert night.stage.complaints() == []
            check_slots(night)
            check_hours(night)


def _runs(night: Night) -> list[tuple[int, datetime, datetime]]:
    """Return the slots of the night that were planned: their minute, when they should have been and when they were."""
    with night.stage.engine.connect() as connection:
        found = connection.execute(select(plan_run).order_by(plan_run.c.plan_run_id)).all()
    return [
        (
            run.slot_no,
            slot_instant(night.zone, run.slot_date, time(run.slot_no // 60, run.slot_no % 60)),
            run.started_at,
        )
        for run in found
        if run.slot_date == night.begin.astimezone(ZoneInfo(night.zone)).date() and run.ended_at is not None
    ]


def _slots(night: Night) -> set[int]:
    return {minute for minute, _, _ in _runs(night)}


def check_slots(night: Night) -> None:
    """Each slot was planned once, never before its time, and within the hour by which it may be late."""
    runs = _runs(night)
    assert len({minute for minute, _, _ in runs}) == len(runs)
    assert [run for run in runs if not timedelta() <= run[2] - run[1] <= timedelta(hours=1)] == []


def check_hours(night: Night) -> None:
    """No text went out before the window had opened by the clocks of the place, and one for each."""
    hours = [datetime.fromtimestamp(post["at"], ZoneInfo(night.zone)).hour for post in night.stage.provider.posts()]
    assert len(hours) >= PEOPLE
    assert [hour for hour in hours if not OPENS <= hour < CLOSES] == []
