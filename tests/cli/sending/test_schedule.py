"""`reminder schedule list`: the next plans as the daemon will make them, on days when clocks change too."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from reminder.app import open_deployment
from reminder.daemon.reload import schedule_of
from reminder.daemon.ticks import tick
from reminder.installation import read_installation
from support.deployments import add_accounts, row, today
from support.leading import lead

Run = Callable[..., Result]


def _slots(reminder: Run, *args: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(reminder("schedule", "list", "--json", *args).stdout)["slots"]
    return found


def _in_zone(config: Path, zone: str, times: str) -> None:
    settings = config / "reminder.yaml"
    text = settings.read_text("utf-8").replace("timezone: UTC,", f"timezone: {zone},")
    settings.write_text(text.replace('["00:00", "06:00", "12:00", "18:00"]', times), "utf-8")


def test_slots_are_told_with_their_standing(reminder: Run) -> None:
    """What came longer ago than `catch_up_hours` is missed, what came since is due, and the rest is coming."""
    standings = [each["standing"] for each in _slots(reminder, "--days", "1", "--at", "2026-07-01T12:30")]
    assert standings == ["missed", "missed", "due", "due", "coming", "coming", "coming", "coming"]


@pytest.mark.parametrize(
    ("zone", "at", "wall", "expected"),
    [
        pytest.param("America/New_York", "2026-03-08T00:00", "02:30", ["2026-03-08T07:00:00Z"], id="skipped hour"),
        pytest.param("America/New_York", "2026-11-01T00:00", "01:30", ["2026-11-01T05:30:00Z"], id="hour twice"),
        pytest.param("Australia/Lord_Howe", "2026-10-04T00:00", "02:10", ["2026-10-03T15:30:00Z"], id="half an hour"),
    ],
)
def test_days_when_clocks_change(
    config: Path, reminder: Run, zone: str, at: str, wall: str, expected: list[str]
) -> None:
    """Each slot comes once on such a day, and the list says when, in the schedule's zone and in UTC."""
    _in_zone(config, zone, f'["{wall}"]')
    coming = [each for each in _slots(reminder, "--days", "1", "--at", at) if each["standing"] == "coming"]
    assert [each["at"] for each in coming] == expected
    assert [each["slot_time"] for each in coming] == [wall]
    assert datetime.fromisoformat(coming[0]["local"]) == datetime.fromisoformat(expected[0])


def test_what_is_listed_is_what_the_daemon_does(config: Path, reminder: Run) -> None:
    """One truth: a tick plans exactly what was due, and afterwards the list says by whom and how many."""
    add_accounts(config, row("A"))
    at = datetime.fromisoformat(f"{today()}T12:30:00+00:00")
    due = [each["slot_time"] for each in _slots(reminder, "--at", at.isoformat()) if each["standing"] == "due"]
    installation = read_installation(config, {})
    with open_deployment(installation, clock=lambda: at) as opened:
        deployment = replace(opened, owner="vm:1")
        schedule = schedule_of(installation.settings)
        report = asyncio.run(tick(deployment, schedule, stopping=lambda: False, mandate=lead(deployment)))

    after = {each["slot_time"]: each for each in _slots(reminder, "--days", "0", "--at", at.isoformat())}
    assert due == [f"{slot.number // 60:02}:00" for slot in report.slots] == ["06:00", "12:00"]
    assert {time: after[time]["standing"] for time in due} == {"06:00": "planned", "12:00": "planned"}
    assert (after["12:00"]["owner"], after["12:00"]["planned"]) == ("vm:1", 1)
    later = at + timedelta(hours=1)
    assert not [each for each in _slots(reminder, "--at", later.isoformat()) if each["standing"] == "due"]


def test_people_get_a_table(reminder: Run) -> None:
    """A line a slot: as it is written, when it comes, and how it stands; --days 0 looks back only."""
    said = reminder("schedule", "list", "--days", "0", "--at", "2026-07-01T12:30").stdout.splitlines()
    assert said[0].split() == ["slot", "comes", "UTC", "standing", "new", "by"]
    assert said[-1].split() == ["2026-07-01", "12:00", "2026-07-01", "12:00", "UTC", "2026-07-01", "12:00", "due"]
