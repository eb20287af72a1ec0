"""What a deployment knows of public holidays, sooner or better than the library."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from reminder.config.calendars import LoadedCalendars, changes_for, load_calendars
from reminder.config.policies import LoadedPolicies, load_policies
from reminder.config.profile_check import check_profiles
from reminder.config.profiles import LoadedProfiles, load_profiles
from reminder.domain.calendar import NO_CHANGES, CalendarChanges, adjusted_data_known, is_holiday

Write = Callable[..., Path]
NOTICE = (
    "calendar: CN\nsource: State Council notice for 2099\nholidays: ['2099-01-02', 2099-01-05]\n"
    "extra_workdays: ['2099-01-01']\nofficial_years: [2099]\n"
)


def _load(write: Write, **texts: str) -> LoadedCalendars:
    for name, text in texts.items():
        write(text, f"calendars/{name}.yaml")
    return load_calendars(write("", "calendars/.keep").parent)


def test_a_notice_is_read(write: Write) -> None:
    """Law 8: a year that the library doesn't know can be written down."""
    loaded = _load(write, cn=NOTICE)

    assert loaded.problems == ()
    assert loaded.calendars["CN"] == CalendarChanges(
        frozenset({date(2099, 1, 2), date(2099, 1, 5)}), frozenset({date(2099, 1, 1)}), frozenset({2099})
    )


def test_the_notice_goes_before_the_library(write: Write) -> None:
    """A day off is one, a worked day is none, whatever the library says; all other days are the library's."""
    changes = _load(write, cn=NOTICE).calendars["CN"]

    days = [date(2099, 1, 1), date(2099, 1, 2), date(2099, 1, 5), date(2099, 10, 1)]

    assert [is_holiday(day, "CN") for day in days] == [True, False, False, True]
    assert [is_holiday(day, "CN", changes) for day in days] == [False, True, True, True]
    assert not adjusted_data_known("CN", 2099)
    assert adjusted_data_known("CN", 2099, changes)
    assert not adjusted_data_known("CN", 2098, changes)


def test_a_part_takes_its_own_file_or_else_that_of_its_country(write: Write) -> None:
    """Florida's word for Florida; the country's for every part that has none."""
    country = "calendar: US\nsource: x\nholidays: ['2026-06-01']\n"
    part = "calendar: US-FL\nsource: x\nholidays: ['2026-06-02']\n"
    calendars = _load(write, us=country, fl=part).calendars

    assert changes_for("US-FL", calendars).holidays == {date(2026, 6, 2)}
    assert changes_for("US-NY", calendars) == changes_for("US", calendars) == calendars["US"]
    assert changes_for("CN", calendars) == changes_for(None, calendars) == NO_CHANGES


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param("calendar: CN", "calendar: ZZ", "1:11: calendar: expected a calendar of public", id="nowhere"),
        pytest.param("2099-01-02", "2099-02-30", "3:12: holidays[0]: expected a day such as 2027-02-06", id="no-day"),
        pytest.param("'2099-01-01'", "5", "4:18: extra_workdays[0]: expected a day such as", id="number"),
        pytest.param("holidays:", "holiday:", "3:1: unknown key `holiday`; did you mean `holidays`?", id="key"),
        pytest.param(
            "'2099-01-01'",
            "2099-01-05",
            "4:17: extra_workdays: 2099-01-05 is among `holidays` too; say which it is",
            id="both",
        ),
        pytest.param("source: State Council notice for 2099\n", "", "1:1: `source` is missing", id="no-source"),
    ],
)
def test_a_wrong_calendar_is_named_at_its_place(write: Write, old: str, new: str, expected: str) -> None:
    """A day that can't be read is no day off: the file is refused, at line and column."""
    loaded = _load(write, cn=NOTICE.replace(old, new, 1))

    assert loaded.calendars == {}
    (problem,) = loaded.problems
    assert f"{problem.line}:{problem.column}: {problem.message}".startswith(expected)


def test_one_calendar_has_one_file(write: Write) -> None:
    """Law 9: the first is in force, the second is told of."""
    loaded = _load(write, a=NOTICE, b=NOTICE)

    assert list(loaded.calendars) == ["CN"]
    assert [Path(problem.path).name for problem in loaded.problems] == ["b.yaml"]


@pytest.mark.parametrize(
    ("day", "calendar", "holiday"),
    [
        pytest.param("2026-11-03", "AU-*", True, id="a holiday of one part"),
        pytest.param("2026-11-03", "AU-NSW", False, id="and not of another"),
        pytest.param("2026-12-25", "AU-*", True, id="a holiday of all"),
        pytest.param("2026-11-04", "AU-*", False, id="a day like any other"),
    ],
)
def test_a_star_stands_for_every_part(day: str, calendar: str, holiday: bool) -> None:
    """Law 8: where nobody knows the state, a holiday of any one counts."""
    assert is_holiday(date.fromisoformat(day), calendar) is holiday


def _check(write: Write, repository: Path, today: date, **calendars: str) -> list[str]:
    folder = write("", "calendars/.keep").parent
    for name, text in calendars.items():
        write(text, f"calendars/{name}.yaml")
    profiles: LoadedProfiles = load_profiles(repository / "config/profiles", folder)
    policies: LoadedPolicies = load_policies(repository / "config/policies", profiles.profiles, profiles.calendars)
    return [str(problem) for problem in check_profiles(profiles, policies, folder, today)]


def test_a_year_without_its_notice_is_said_loudly(write: Write, repository: Path) -> None:
    """The library answers for such a year as if all were well; a window that skips holidays would be wrong."""
    (warning,) = _check(write, repository, date(2098, 11, 1), cn=NOTICE)

    assert "cn.yaml: warning: the official holidays of CN for 2098 are not known" in warning
    assert _check(write, repository, date(2025, 1, 1)) == []


def test_a_notice_that_was_written_down_is_known(write: Write, repository: Path) -> None:
    """The warning ends with the file, not with the next release of the library."""
    assert not any("for 2099" in problem for problem in _check(write, repository, date(2099, 1, 1), cn=NOTICE))
