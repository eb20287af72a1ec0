"""What is doubtful in profiles that load: holidays of years whose official notice nobody has entered yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from reminder.config.calendars import changes_for
from reminder.config.policies import LoadedPolicies
from reminder.config.profiles import LoadedProfiles
from reminder.domain.calendar import adjusted_data_known
from reminder.domain.window import HolidayRule, Hours
from reminder.errors import Problem

__all__ = ["check_profiles", "unknown_years"]


def check_profiles(profiles: LoadedProfiles, policies: LoadedPolicies, folder: Path, today: date) -> list[Problem]:
    """Return what is wrong or doubtful in profiles and calendars; `folder` is that of the calendars.

    Holidays are asked for the year of `today` and the next one.
    """
    return [*profiles.problems, *_missing_notices(profiles, policies, folder, today)]


def _missing_notices(
    profiles: LoadedProfiles, policies: LoadedPolicies, folder: Path, today: date
) -> Iterator[Problem]:
    for calendar, year in unknown_years(profiles, policies, today):
        message = (
            f"the official holidays of {calendar} for {year} are not known, so that days off may get texts "
            f"and worked weekends none; write the notice into this file, with `official_years: [{year}]`"
        )
        yield Problem(str(folder / f"{calendar.lower()}.yaml"), 0, 0, message, warning=True)


def unknown_years(profiles: LoadedProfiles, policies: LoadedPolicies, today: date) -> list[tuple[str, int]]:
    """Return the calendars in use with the years, this one or the next, whose official days off are not known."""
    layers = [rule.hours for profile in profiles.profiles.values() for rule in profile.rules if rule.hours is not None]
    layers += [file.policy.window for file in policies.files if file.policy.window is not None]
    return [
        (calendar, year)
        for calendar in _calendars(layers)
        for year in (today.year, today.year + 1)
        if not adjusted_data_known(calendar, year, changes_for(calendar, profiles.calendars))
    ]


def _calendars(layers: Iterable[Hours]) -> list[str]:
    """Return the calendars whose holidays some window skips, by name."""
    windows = (window for layer in layers for window in layer.windows if window.holidays is HolidayRule.SKIP)
    return sorted({window.calendar for window in windows if window.calendar is not None})
