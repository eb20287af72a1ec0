"""Public holidays, by country or part of a country: `CN`, `US-FL`; `AU-*` has those of the country and of every part.

The data are those of the `holidays` library, which takes a while to import; so the first question about a day imports
it. A deployment may know better, or sooner: its own days arrive as `CalendarChanges`.
"""

from __future__ import annotations

from calendar import SATURDAY, SUNDAY
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING

from reminder.domain.calendar_names import COUNTRIES, DIVIDED
from reminder.errors import DataError

if TYPE_CHECKING:
    from holidays import HolidayBase

__all__ = [
    "NO_CHANGES", "CalendarChanges", "CalendarError", "adjusted_data_known", "check_calendar", "is_holiday",
    "official_until",
]  # fmt: skip

YEARS_CACHE_MAX = 256

_ANNOUNCED_YEARLY = frozenset({"CN"})
# China's State Council decides every autumn which days off are moved where next year. Until the library has the notice
# it gives the days of the statute alone, without a word.


class CalendarError(DataError):
    """A name that is no calendar of public holidays."""


@dataclass(frozen=True, slots=True)
class CalendarChanges:
    """What a deployment knows of a calendar beside the library: days off, days worked, years whose notice it holds."""

    holidays: frozenset[date] = frozenset()
    extra_workdays: frozenset[date] = frozenset()
    official_years: frozenset[int] = frozenset()


NO_CHANGES = CalendarChanges()
"""The library's word alone."""


def check_calendar(calendar: str) -> None:
    """Raise CalendarError, with advice, for a name that is no calendar; as `is_holiday` would, but at once."""
    country, _, part = calendar.partition("-")
    is_whole = calendar in COUNTRIES or (part == "*" and country in DIVIDED)
    if not is_whole and calendar not in _names():
        raise CalendarError(_unknown(calendar))


def is_holiday(day: date, calendar: str, changes: CalendarChanges = NO_CHANGES) -> bool:
    """Return whether a day is a public holiday of a calendar, or raise CalendarError.

    Days off in lieu and the weekends that a break runs over are public holidays too, worked weekends never are.
    `calendar` is an ISO 3166 country, one with a part of it, or one with `*` for all of its parts: `CN`, `US-FL`,
    `AU-*`. What `changes` says of a day goes before.
    """
    listed = day in _holidays(calendar, day.year)
    return day in changes.holidays or (listed and day not in changes.extra_workdays)


def adjusted_data_known(calendar: str, year: int, changes: CalendarChanges = NO_CHANGES) -> bool:
    """Return whether the year's days off are known for good; for China, whether its official notice is in the data.

    Each notice since 2001 names weekend days that are worked in exchange, so a year without any has no notice yet.
    Raises CalendarError for a name that is no calendar.
    """
    if year in changes.official_years:
        return True
    known = _data(calendar, range(year, year + 1))
    worked = (day.year == year for day in known.weekend_workdays)
    # The library keeps worked days of other years in every year's answer; those say nothing about this one.
    return calendar not in _ANNOUNCED_YEARLY or any(worked)


def official_until(calendar: str, year: int, changes: CalendarChanges = NO_CHANGES) -> date | None:
    """Return the last day up to which the days off are known for good, looking from `year` on; None: no end is near.

    It is the last day of a year: of the one before, where not even `year` is known. Raises CalendarError.
    """
    for tried in (year, year + 1):
        if not adjusted_data_known(calendar, tried, changes):
            return date(tried - 1, 12, 31)
    return None


@lru_cache(maxsize=YEARS_CACHE_MAX)
def _holidays(calendar: str, year: int) -> frozenset[date]:
    country, _, part = calendar.partition("-")
    if part == "*" and calendar in _names():
        parts = (name for name in _names() if name.partition("-")[0] == country and name != calendar)
        return frozenset[date]().union(*(_holidays(name, year) for name in parts))
    # Breaks cross the new year, so the years around are looked at too.
    known = _data(calendar, range(year - 1, year + 2))
    days = set(known)
    if calendar in _ANNOUNCED_YEARLY:
        days |= _weekends_in_breaks(days, known.weekend_workdays)
    return frozenset(day for day in days if day.year == year)


def _weekends_in_breaks(days: set[date], worked: set[date]) -> set[date]:
    """Return the weekend days that a break runs over: those that touch a day off, unless they are worked.

    The official notices count them as part of the break; the library doesn't name them.
    """
    found: set[date] = set()
    for _ in range(2):  # First the weekend day beside a day off, then the other one of that weekend.
        beside = {day + timedelta(days=step) for day in days | found for step in (-1, 1)}
        found |= {day for day in beside if day.weekday() in (SATURDAY, SUNDAY)} - worked
    return found


def _data(calendar: str, years: range) -> HolidayBase:
    """Return the library's holidays of these years, or raise CalendarError."""
    from holidays import country_holidays

    if calendar not in _names():
        raise CalendarError(_unknown(calendar))
    country, _, part = calendar.partition("-")
    subdivision = part if part != "*" else None
    return country_holidays(country, subdiv=subdivision or None, years=years, expand=False)


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    """Return every calendar there is. Aliases are left out: one calendar, one name."""
    from holidays import list_supported_countries

    countries = {
        name: parts for name, parts in list_supported_countries(include_aliases=False).items() if len(name) == 2
    }
    every = ((name, part) for name, parts in countries.items() for part in (*parts, "*") if parts)
    return frozenset(countries) | {f"{name}-{part}" for name, part in every}


def _unknown(calendar: str) -> str:
    shown = calendar[:24]
    near = get_close_matches(shown.upper(), sorted(_names()), n=1, cutoff=0.7)
    advice = f"did you mean {near[0]}?" if near else "write a country, or one with a part of it: CN, US-FL"
    return f"expected a calendar of public holidays (ISO 3166), found {shown!r}; {advice}"
