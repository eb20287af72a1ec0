"""Guards: what is abnormal about a whole run, and what only looks so (law 15)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder.domain.guard import (
    CLOCK_TOLERANCE,
    DUE_MIN,
    SAMPLES_MIN,
    WEEKS,
    ClockWatch,
    GuardLimits,
    GuardName,
    day_span,
    judge_clock,
    judge_freshness,
    judge_jump,
    judge_volume,
    same_weekdays,
    too_many,
)

AT = datetime(2026, 11, 23, 4, tzinfo=UTC)
LIMITS = GuardLimits(volume_factor=4, volume_min=200)
SECOND = timedelta(seconds=1)

counts = st.lists(st.integers(0, 50_000), max_size=WEEKS)


@pytest.mark.parametrize(
    ("before", "most"),
    [
        pytest.param([], None, id="first-day"),
        pytest.param([300, 300], None, id="two-weeks-are-no-custom"),
        pytest.param([300, 0, 0, 300, 0], None, id="days-without-texts-are-no-custom"),
        pytest.param([300, 300, 300], 1200, id="three-weeks-are"),
        pytest.param([300, 0, 300, 0, 300], 1200, id="silent-days-do-not-lower-it"),
        pytest.param([300, 300, 90_000], 1200, id="one-odd-day-does-not-raise-it"),
        pytest.param([10, 10, 10], 200, id="never-below-the-least"),
        pytest.param([100, 101, 102, 103], 406, id="between-two-days"),
    ],
)
def test_the_most_is_a_multiple_of_the_usual(before: list[int], most: int | None) -> None:
    """Law 15: what is too many follows from the median of the same weekdays, once there are enough of them."""
    assert too_many(before, LIMITS) == most


@given(counts, st.integers(0, 200), st.integers(0, 200))
def test_a_small_day_never_pauses(before: list[int], sent: int, expected: int) -> None:
    """Up to `volume_min` texts nobody is asked, whatever is usual."""
    limits = GuardLimits(volume_min=sent + expected)
    assert judge_volume(sent=sent, expected=expected, counts=before, limits=limits) is None


@given(st.lists(st.integers(1, 5_000), min_size=SAMPLES_MIN, max_size=WEEKS), st.integers(0, 100_000))
def test_a_day_like_any_other_never_pauses_and_a_far_larger_one_does(before: list[int], sent: int) -> None:
    """Law 15: as many as on any day before pass; more than the factor times the largest of them pause."""
    least = min(before)
    assert judge_volume(sent=0, expected=least, counts=before, limits=LIMITS) is None
    beyond = max(4 * max(before), 200) + 1
    found = judge_volume(sent=sent, expected=beyond, counts=before, limits=LIMITS)
    assert found is not None
    assert found.guard is GuardName.VOLUME
    assert str(beyond) in found.reason
    assert found.figures["expected"] == beyond


def test_what_was_sent_already_counts() -> None:
    """A flood that comes in portions is a flood: the day is judged, not the run."""
    usual = [100] * WEEKS
    assert judge_volume(sent=350, expected=50, counts=usual, limits=LIMITS) is None
    assert judge_volume(sent=350, expected=51, counts=usual, limits=LIMITS) is not None


@pytest.mark.parametrize(
    ("stale", "asked", "stops"),
    [
        pytest.param(0, 1000, False, id="fresh"),
        pytest.param(500, 1000, False, id="half"),
        pytest.param(501, 1000, True, id="more-than-half"),
        pytest.param(DUE_MIN - 1, DUE_MIN - 1, False, id="too-few-to-tell"),
        pytest.param(DUE_MIN, DUE_MIN, True, id="enough-to-tell"),
        pytest.param(0, 0, False, id="nothing-due"),
    ],
)
def test_a_mostly_stale_book_stops(stale: int, asked: int, stops: bool) -> None:
    """Law 15: a few stale accounts are each one's own matter, most of them are the book's."""
    assert (judge_freshness(stale=stale, asked=asked) is not None) is stops


@pytest.mark.parametrize(
    ("newest", "stops"),
    [
        pytest.param(None, False, id="nothing-on-record"),
        pytest.param(AT - timedelta(days=9), False, id="long-ago"),
        pytest.param(AT + CLOCK_TOLERANCE, False, id="other-clocks-are-a-little-ahead"),
        pytest.param(AT + CLOCK_TOLERANCE + SECOND, True, id="from-the-future"),
    ],
)
def test_a_clock_behind_our_own_records_stops(newest: datetime | None, stops: bool) -> None:
    """Law 15: what is on record as having happened can't lie ahead."""
    assert (judge_clock(AT, newest) is not None) is stops


@pytest.mark.parametrize("sign", [1, -1], ids=["forward", "back"])
def test_a_jump_stops_and_says_which_way(sign: int) -> None:
    """Law 15: a clock that was put forward or back makes other things due; five minutes are forgiven."""
    assert judge_jump(sign * CLOCK_TOLERANCE) is None
    found = judge_jump(sign * (CLOCK_TOLERANCE + SECOND))
    assert found is not None
    assert ("forward" in found.reason, "back" in found.reason) == (sign == 1, sign == -1)


def test_the_watch_sees_a_jump_until_it_is_undone_or_trusted() -> None:
    """A jump is no moment but a state: the clock stays wrong until it is put right, or a person says that it is."""
    watch = ClockWatch()
    assert watch.drift(AT, 100.0) == timedelta()
    day = timedelta(days=1)
    assert watch.drift(AT + day + 5 * SECOND, 105.0) == day
    assert watch.drift(AT + day + 10 * SECOND, 110.0) == day
    assert watch.drift(AT + 15 * SECOND, 115.0) == timedelta()
    watch.drift(AT + day + 20 * SECOND, 120.0)
    watch.trust()
    assert watch.drift(AT + day + 25 * SECOND, 125.0) == timedelta()


def test_a_clock_strays_between_two_looks() -> None:
    """A long tick asks whether the clock still goes right, and what it sees then is not trusted when the tick ends."""
    watch, day = ClockWatch(), timedelta(days=1)
    assert not watch.strays(AT + day, 5.0)  # nothing to compare it with yet
    watch.drift(AT, 0.0)
    assert not watch.strays(AT + 5 * SECOND, 5.0)
    assert watch.strays(AT + day, 5.0)
    assert watch.strays(AT - day, 5.0)
    watch.trust()
    assert watch.drift(AT + day + 10 * SECOND, 10.0) == day


@given(st.lists(st.floats(-200, 200), min_size=1, max_size=50))
def test_a_clock_that_is_corrected_in_small_steps_is_trusted(steps: list[float]) -> None:
    """Corrections of a few minutes at a time, each of them trusted, never add up to a jump."""
    watch, at, steady = ClockWatch(), AT, 0.0
    watch.drift(at, steady)
    for step in steps:
        at += timedelta(seconds=60 + step)
        steady += 60
        assert judge_jump(watch.drift(at, steady)) is None
        watch.trust()


@given(st.dates(date(2000, 1, 1), date(2040, 1, 1)))
def test_the_same_weekdays_are_in_the_past(day: date) -> None:
    """Eight of them, a week apart, and never the day itself."""
    days = same_weekdays(day)
    assert len(days) == WEEKS
    assert {each.weekday() for each in days} == {day.weekday()}
    assert max(days) == day - timedelta(days=7)


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        pytest.param(date(2026, 3, 8), 23, id="clock-put-forward"),
        pytest.param(date(2026, 11, 1), 25, id="clock-put-back"),
        pytest.param(date(2026, 7, 1), 24, id="any-day"),
    ],
)
def test_a_day_is_as_long_as_its_zone_makes_it(day: date, hours: int) -> None:
    """Texts of a day are counted from midnight to midnight on the clock of the schedule."""
    start, end = day_span(day, "America/New_York")
    assert end - start == timedelta(hours=hours)
    assert start.utcoffset() == timedelta()
    assert day_span(day + timedelta(days=1), "America/New_York")[0] == end
