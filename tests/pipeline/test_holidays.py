"""A year whose official days off nobody has entered is said loudly, with the day until which they are known."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest
from structlog.testing import capture_logs

from reminder.domain.calendar import NO_CHANGES, CalendarChanges, adjusted_data_known, official_until
from reminder.domain.window import ContactWindow, HolidayRule, Hours
from reminder.pipeline.holidays import Unofficial, unofficial_holidays
from support.worlds import World, policy

ENTERED = CalendarChanges(official_years=frozenset({2095, 2096}))


def window(calendar: str | None, rule: HolidayRule = HolidayRule.SKIP, changes: CalendarChanges = NO_CHANGES) -> Hours:
    """Return hours of every day but the holidays of a calendar."""
    return Hours((ContactWindow(frozenset(range(7)), time(9), time(20), rule, calendar, changes=changes),))


@pytest.mark.parametrize(
    ("year", "until"),
    [(2094, date(2093, 12, 31)), (2095, date(2096, 12, 31)), (2096, date(2096, 12, 31)), (2097, date(2096, 12, 31))],
)
def test_official_days_end_with_the_last_notice(year: int, until: date) -> None:
    """China's notice comes year by year; the day after the last one's year is a guess."""
    assert not adjusted_data_known("CN", 2094)
    expected = None if year == 2095 else until
    assert official_until("CN", year, ENTERED) == expected


def test_other_calendars_have_no_end() -> None:
    """Where days off follow from the statute, nobody waits for a notice."""
    assert official_until("AU-VIC", 2094) is None


@pytest.mark.parametrize(
    ("hours", "at", "found"),
    [
        pytest.param(window("CN", changes=ENTERED), "2096-11-30", [], id="all days looked ahead are known"),
        pytest.param(
            window("CN", changes=ENTERED), "2096-12-01", [Unofficial("CN", date(2096, 12, 31))], id="not the new year's"
        ),
        pytest.param(window("CN"), "2094-06-01", [Unofficial("CN", date(2093, 12, 31))], id="not even this year's"),
        pytest.param(window("CN", HolidayRule.ALLOW), "2094-06-01", [], id="holidays are days like any other"),
        pytest.param(window("AU-*"), "2094-06-01", [], id="a country without yearly notices"),
    ],
)
def test_what_is_looked_ahead_at_must_be_known(hours: Hours, at: str, found: list[Unofficial]) -> None:
    """A plan looks a month ahead: whoever asks for holidays of days that are not official yet hears of it."""
    assert unofficial_holidays([policy(window=hours)], datetime.fromisoformat(at).replace(tzinfo=UTC)) == found


def test_a_plan_says_so(world: World) -> None:
    """The log of each plan names the calendar and the day, and the plan goes on."""
    world.policies = (policy(window=window("CN")),)
    world.at = datetime(2094, 6, 1, 4, tzinfo=UTC)

    with capture_logs() as logs:
        world.plan()

    assert [(log["event"], log["calendar"], log["until"]) for log in logs] == [
        ("reminder.plan.holidays", "CN", "2093-12-31")
    ]
