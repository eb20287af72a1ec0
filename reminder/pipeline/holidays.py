"""Where what is known of public holidays ends: policies that ask for them are told so before days off get texts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from reminder.domain.calendar import official_until
from reminder.domain.policy import Policy
from reminder.domain.window import OPENS_WITHIN_DAYS, HolidayRule

__all__ = ["Unofficial", "unofficial_holidays"]


@dataclass(frozen=True, slots=True)
class Unofficial:
    """A calendar whose days off are known officially until a day (included), and not for all days looked ahead."""

    calendar: str
    until: date

    def __str__(self) -> str:
        """Return it as a sentence that says what to do."""
        return (
            f"the official holidays of {self.calendar} are known until {self.until} only; after that, days off may get "
            "texts and worked weekends none: write the notice among the calendars, or install a newer `holidays`"
        )


def unofficial_holidays(policies: Iterable[Policy], at: datetime) -> list[Unofficial]:
    """Return the calendars in use that are not official for every day which a plan at `at` (aware) may look at."""
    windows = {window for policy in policies for layer in policy.layers for window in layer.windows}
    ends = at.date() + timedelta(days=OPENS_WITHIN_DAYS)
    found = set()
    for window in windows:
        if window.holidays is HolidayRule.ALLOW or window.calendar is None:
            continue
        # All parts of a country live by its one notice.
        until = official_until(window.calendar.removesuffix("-*"), at.year, window.changes)
        if until is not None and until < ends:
            found.add(Unofficial(window.calendar, until))
    return sorted(found, key=lambda one: (one.calendar, one.until))
