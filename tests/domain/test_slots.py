"""Slots of the schedule: every one once, none lost, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder.domain.slots import SLOT_LATE_MINUTES_MIN, due_slots, next_slot, slot_instant, slots_between
from reminder.domain.zones import ZoneError

ZONES = ["UTC", "Asia/Shanghai", "America/New_York", "Europe/London", "Australia/Lord_Howe", "Pacific/Apia"]
zones = st.sampled_from([*ZONES, "America/St_Johns", "Africa/Casablanca", "America/Sao_Paulo", "Asia/Kathmandu"])
walls = st.builds(time, st.integers(0, 23), st.integers(0, 59))
schedules = st.lists(walls, min_size=1, max_size=6, unique=True)
instants = st.integers(1_104_537_600, 2_019_686_400).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
days = st.dates(date(2005, 1, 1), date(2034, 1, 1))


@pytest.mark.parametrize(
    ("zone", "day", "wall", "expected"),
    [
        pytest.param("Asia/Shanghai", date(2026, 7, 1), time(8, 30), "2026-07-01T00:30", id="no-clock-change"),
        pytest.param("America/New_York", date(2026, 3, 8), time(2, 30), "2026-03-08T07:00", id="hour-left-out"),
        pytest.param("America/New_York", date(2026, 3, 8), time(2, 0), "2026-03-08T07:00", id="first-minute-left-out"),
        pytest.param("America/New_York", date(2026, 3, 8), time(3, 0), "2026-03-08T07:00", id="first-minute-after"),
        pytest.param("America/New_York", date(2026, 11, 1), time(1, 30), "2026-11-01T05:30", id="hour-twice"),
        pytest.param("Australia/Lord_Howe", date(2026, 10, 4), time(2, 10), "2026-10-03T15:30", id="half-hour-jump"),
        pytest.param("Pacific/Apia", date(2011, 12, 30), time(9, 0), "2011-12-30T10:00", id="whole-day-left-out"),
        pytest.param("America/Sao_Paulo", date(2018, 11, 4), time(0, 0), "2018-11-04T03:00", id="midnight-left-out"),
    ],
)
def test_a_slot_comes_when_the_clock_first_shows_its_time(zone: str, day: date, wall: time, expected: str) -> None:
    """A slot on a night when clocks change comes once: at the first such minute, or right after the jump."""
    assert slot_instant(zone, day, wall) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@given(zones, days, walls)
def test_a_slot_is_never_early_and_no_later_than_the_jump(zone: str, day: date, wall: time) -> None:
    """At the instant of a slot its clock shows the slot's time or later, and a minute earlier it showed less."""
    at = slot_instant(zone, day, wall)
    wanted = datetime.combine(day, wall)
    shown, before = (
        instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for instant in (at, at - timedelta(minutes=1))
    )
    assert before < wanted <= shown


@given(zones, schedules, instants, st.integers(1, 48))
def test_every_slot_is_due_once_while_a_daemon_ticks(zone: str, times: list[time], start: datetime, hours: int) -> None:
    """Nothing is planned twice and nothing left out: ticks that remember what is done see each slot exactly once."""
    late = timedelta(hours=1)
    seen: list[tuple[date, int]] = []
    end = start + timedelta(hours=hours)
    at = start
    while at < end:
        at += timedelta(minutes=7)
        seen += [(slot.day, slot.number) for slot in due_slots(zone, times, at, late=late, done=seen)]
    wide = due_slots(zone, times, at, late=(at - start) + late - timedelta(minutes=7))
    assert len(seen) == len(set(seen))
    assert set(seen) == {(slot.day, slot.number) for slot in wide}


@given(zones, schedules, instants, st.integers(1, 72))
def test_a_slot_is_caught_up_as_late_as_allowed_and_no_later(
    zone: str, times: list[time], at: datetime, hours: int
) -> None:
    """After downtime the slots of the last hours are due, oldest first, and older ones are left alone (law 6)."""
    late = timedelta(hours=hours)
    slots = due_slots(zone, times, at, late=late)
    assert all(at - late < slot.at <= at for slot in slots)
    assert [slot.at for slot in slots] == sorted(slot.at for slot in slots)
    local = at.astimezone(ZoneInfo(zone)).date()
    expected = {
        (local - timedelta(days=back), wall.hour * 60 + wall.minute)
        for back in range(-1, hours // 24 + 3)
        for wall in times
        if at - late < slot_instant(zone, local - timedelta(days=back), wall) <= at
    }
    assert {(slot.day, slot.number) for slot in slots} == expected


@given(zones, schedules, instants)
def test_the_next_slot_is_the_first_that_will_be_due(zone: str, times: list[time], at: datetime) -> None:
    """What the daemon announces is what it then does: nothing is due in between, and the slot is due when it comes."""
    upcoming = next_slot(zone, times, at)
    assert upcoming.at > at
    late = upcoming.at - at
    due = due_slots(zone, times, upcoming.at, late=late)
    assert upcoming in due
    short = timedelta(minutes=SLOT_LATE_MINUTES_MIN)
    assert late < short or {slot.at for slot in due} == {upcoming.at}


def test_no_catching_up_still_plans_a_slot_that_a_busy_tick_reached_late() -> None:
    """With `catch_up_hours: 0` a slot is not lost because a dispatch held up the tick for some minutes."""
    at = datetime(2026, 7, 1, 0, 40, tzinfo=UTC)
    slots = due_slots("Asia/Shanghai", [time(8, 30)], at, late=timedelta())
    assert [(slot.day, slot.number) for slot in slots] == [(date(2026, 7, 1), 510)]
    assert due_slots("Asia/Shanghai", [time(8, 30)], at + timedelta(minutes=5), late=timedelta()) == []


def test_a_slot_is_called_by_its_minute() -> None:
    """Adding an earlier time to the schedule does not rename a slot that is done, so nothing is planned again."""
    at = datetime(2026, 7, 1, 6, 0, tzinfo=UTC)
    done = {(slot.day, slot.number) for slot in due_slots("Asia/Shanghai", [time(13)], at, late=timedelta(hours=2))}
    again = due_slots("Asia/Shanghai", [time(9), time(13)], at, late=timedelta(hours=2), done=done)
    assert done == {(date(2026, 7, 1), 780)}
    assert again == []


def test_an_unknown_zone_is_named() -> None:
    """A schedule in a zone that does not exist says so instead of planning at some other hour (law 8)."""
    with pytest.raises(ZoneError, match="Mars/Base"):
        due_slots("Mars/Base", [time(9)], datetime(2026, 7, 1, tzinfo=UTC), late=timedelta(hours=1))


@given(zones, schedules, instants, st.integers(1, 96))
def test_slots_between_follow_one_another(zone: str, times: list[time], after: datetime, hours: int) -> None:
    """What is listed ahead is what comes, one after the other: each is the next one of the one before it."""
    until = after + timedelta(hours=hours)
    listed = slots_between(zone, times, after, until)

    assert [slot.at for slot in listed] == sorted(slot.at for slot in listed)
    seen, at = [], after
    while (upcoming := next_slot(zone, times, at)).at <= until:
        seen.append(upcoming.at)
        at = upcoming.at
    assert sorted({slot.at for slot in listed}) == seen
