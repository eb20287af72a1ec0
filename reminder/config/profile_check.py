"""What is doubtful in profiles that load: holidays of years whose official notice nobody has entered yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from reminder.config.calendars import changes_for
from reminder.config.policies import LoadedPolicies
from reminder.config.profiles import LoadedProfiles
from reminder.domain.calendar import adjusted_data_known, official_until
from reminder.domain.window import HolidayRule, Hours
from reminder.errors import Problem

__all__ = ["check_profiles", "check_roles", "missing_notices", "unknown_years"]


def check_profiles(profiles: LoadedProfiles, policies: LoadedPolicies, folder: Path, today: date) -> list[Problem]:
    """Return what is wrong or doubtful in profiles and calendars; `folder` is that of the calendars.

    Holidays are asked for the year of `today` and the next one.
    """
    return [*profiles.problems, *missing_notices(profiles, policies, folder, today)]


def check_roles(profiles: LoadedProfiles, policies: LoadedPolicies) -> Iterator[Problem]:
    """Find policies under a profile that does not bind what this deployment is: such rules are not in force."""
    for file in policies.files:
        for name in file.model.profiles:
            profile = profiles.profiles.get(name)
            if profile is None or not profile.rules or profiles.binding[name].rules:
                continue
            bound = " and ".join(sorted({role for rule in profile.rules for role in rule.binds}))
            message = (
                f"profile: `{name}` binds {bound} only, and `lender.role` is {profiles.role}, so that none of its "
                "rules is in force; name the profile that binds you, or correct the role"
            )
            yield file.document.problem(("profile",), message, warning=True)


def missing_notices(profiles: LoadedProfiles, policies: LoadedPolicies, folder: Path, today: date) -> Iterator[Problem]:
    """Find calendars in use whose days off are not known officially for this year or the next."""
    for calendar, year in unknown_years(profiles, policies, today):
        until = official_until(calendar, today.year, changes_for(calendar, profiles.calendars))
        message = (
            f"the official holidays of {calendar} for {year} are not known, only those until {until}, so that days off "
            f"may get texts and worked weekends none; write the notice into this file, with `official_years: [{year}]`"
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
