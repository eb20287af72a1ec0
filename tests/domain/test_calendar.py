"""Public holidays are those of the official notices, and a year without its notice is known to lack it."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder.domain.calendar import CalendarError, adjusted_data_known, check_calendar, is_holiday
from reminder.domain.calendar_names import COUNTRIES, DIVIDED
from reminder.errors import DataError


def days_off(calendar: str, year: int) -> list[str]:
    """Return the year's public holidays as `MM-DD`, in order."""
    every = (date(year, 1, 1) + timedelta(days=day) for day in range(365))
    return [f"{day:%m-%d}" for day in every if is_holiday(day, calendar)]


def run(first: str, last: str) -> list[str]:
    """Return the days from first to last (`MM-DD`) as such, both included, of a year without a leap day."""
    begin, end = (date.fromisoformat(f"2026-{day}") for day in (first, last))
    return [f"{begin + timedelta(days=day):%m-%d}" for day in range((end - begin).days + 1)]


def test_a_chinese_year_is_its_official_notice() -> None:
    """The State Council's notice for 2026, day by day: seven breaks with their weekends, no worked day."""
    breaks = [
        ("01-01", "01-03"), ("02-15", "02-23"), ("04-04", "04-06"), ("05-01", "05-05"), ("06-19", "06-21"),
        ("09-25", "09-27"), ("10-01", "10-07"),
    ]  # fmt: skip
    assert days_off("CN", 2026) == [day for first, last in breaks for day in run(first, last)]


@pytest.mark.parametrize("worked", ["2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"])
def test_a_worked_weekend_day_is_no_holiday(worked: str) -> None:
    """People at work on a Saturday that was moved may be texted as on any weekday."""
    assert not is_holiday(date.fromisoformat(worked), "CN")


@pytest.mark.parametrize(
    ("day", "holiday"),
    [
        pytest.param("2022-12-31", True, id="the Saturday before a New Year on Sunday"),
        pytest.param("2022-12-30", False, id="the Friday before it"),
        pytest.param("2023-01-02", True, id="the Monday off instead"),
        pytest.param("2027-01-02", True, id="a Saturday after a Friday off, notice or not"),
        pytest.param("2026-01-10", False, id="a plain Saturday"),
        pytest.param("2096-12-30", False, id="a Sunday, two days before a Tuesday off"),
        pytest.param("2099-01-03", False, id="a Saturday, two days after a Thursday off"),
    ],
)
def test_breaks_cross_the_new_year(day: str, holiday: bool) -> None:
    """A break belongs to the holiday it surrounds, on either side of 31 December."""
    assert is_holiday(date.fromisoformat(day), "CN") is holiday


@pytest.mark.parametrize(
    ("day", "calendar", "holiday"),
    [
        pytest.param("2026-07-04", "US", True, id="Independence Day, a Saturday"),
        pytest.param("2026-07-03", "US", True, id="the Friday on which it is observed"),
        pytest.param("2026-07-05", "US", False, id="the Sunday after: no break in a country without notices"),
        pytest.param("2026-11-27", "US-FL", True, id="Florida's day after Thanksgiving"),
        pytest.param("2026-11-27", "US", False, id="which is none elsewhere"),
        pytest.param("2026-12-26", "GB", True, id="Boxing Day"),
    ],
)
def test_other_calendars(day: str, calendar: str, holiday: bool) -> None:
    """A country, or a part of one with days of its own."""
    assert is_holiday(date.fromisoformat(day), calendar) is holiday


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        pytest.param("cn", "did you mean CN?", id="lower case"),
        pytest.param("USA", "did you mean US?", id="three letters"),
        pytest.param("US-XL", "did you mean US-", id="no such state"),
        pytest.param("Middle-earth", "write a country", id="no such country"),
        pytest.param("", "write a country", id="nothing"),
        pytest.param("CN-", "did you mean CN?", id="a dash and no part"),
    ],
)
def test_an_unknown_calendar_is_refused_with_advice(name: str, advice: str) -> None:
    """Law 8: holidays of nowhere are an error, never a year without holidays."""
    with pytest.raises(CalendarError) as caught:
        is_holiday(date(2026, 1, 1), name)
    assert advice in str(caught.value)
    assert isinstance(caught.value, DataError)
    with pytest.raises(CalendarError):
        adjusted_data_known(name, 2026)
    with pytest.raises(CalendarError) as checked:
        check_calendar(name)
    assert str(checked.value) == str(caught.value)


def test_the_names_of_whole_calendars_are_the_librarys() -> None:
    """Law 8: a name that is taken without asking the library is one that the library knows, and none is left out."""
    from holidays import list_supported_countries

    known = list_supported_countries(include_aliases=False)
    assert frozenset(name for name in known if len(name) == 2) == COUNTRIES
    assert frozenset(name for name in COUNTRIES if known[name]) == DIVIDED
    for name in (*COUNTRIES, *(f"{name}-*" for name in DIVIDED), "US-FL"):
        check_calendar(name)


@pytest.mark.parametrize(
    ("calendar", "year", "known"),
    [
        pytest.param("CN", 2024, True, id="2024"),
        pytest.param("CN", 2025, True, id="2025"),
        pytest.param("CN", 2026, True, id="2026"),
        pytest.param("CN", 2099, False, id="a year long before its notice"),
        pytest.param("US", 2099, True, id="holidays fixed by statute"),
    ],
)
def test_a_missing_notice_is_noticed(calendar: str, year: int, known: bool) -> None:
    """Law 8: the library answers for a year without its notice as if all were well; this tells the difference."""
    assert adjusted_data_known(calendar, year) is known


def test_new_years_day_of_a_year_without_notice_is_off() -> None:
    """The days of the statute hold whether or not the notice is there."""
    assert is_holiday(date(2099, 1, 1), "CN")


@given(st.dates(date(2007, 1, 1), date(2026, 12, 31)))
def test_weekdays_off_are_never_made_up(day: date) -> None:
    """Completing a break adds weekend days only: a weekday is off exactly where the library says so."""
    from holidays import country_holidays

    if day.weekday() < 5:
        assert is_holiday(day, "CN") is (day in country_holidays("CN", years=(day.year - 1, day.year, day.year + 1)))


def test_reading_calendars_names_is_cheap() -> None:
    """No command that reads policies waits for the library before it must know of a day."""
    checks = "from reminder.domain.calendar import check_calendar as check; check('CN'); check('AU-*')"
    asks = f"import sys; {checks}; sys.exit('holidays' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asks], check=False).returncode == 0
