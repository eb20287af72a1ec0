"""Windows of files → hours of the domain, with what is wrong in them at its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import time

from reminder.config.calendars import Calendars, changes_for
from reminder.config.policy_model import WindowModel
from reminder.config.yaml_document import Document, Loc
from reminder.domain.calendar import CalendarError, check_calendar
from reminder.domain.window import ContactWindow, HolidayRule, Hours
from reminder.errors import Problem

__all__ = ["check_windows", "hours_of"]


def check_windows(windows: Sequence[WindowModel], document: Document, loc: Loc) -> list[Problem]:
    """Return what is wrong in the windows at `loc`, a list of a file or, where it has only one, that one itself."""
    listed = isinstance(document.value(loc), list)
    return [
        problem
        for index, window in enumerate(windows)
        for problem in _check(window, document, (*loc, index) if listed else loc)
    ]


def _check(window: WindowModel, document: Document, loc: Loc) -> Iterator[Problem]:
    if window.opens == window.closes and window.closes != time(0):
        message = "opens and closes at the same minute, so it is never open; for the whole day write 00:00 to 24:00"
        yield document.problem((*loc, "to"), f"window: {message}")
    if window.holidays == "skip" and window.calendar is None:
        message = "`holidays: skip` needs to know whose; add `calendar`, such as `calendar: CN`"
        yield document.problem((*loc, "holidays"), f"window: {message}")
    if window.calendar is not None:
        try:
            check_calendar(window.calendar)
        except CalendarError as error:
            yield document.problem((*loc, "calendar"), f"window.calendar: {error}")


def hours_of(windows: Sequence[WindowModel], source: str, calendars: Calendars) -> Hours:
    """Return the layer that is open where any of these windows is; `source` names the rule it comes from."""
    return Hours(tuple(_window(window, calendars) for window in windows), source)


def _window(window: WindowModel, calendars: Calendars) -> ContactWindow:
    return ContactWindow(
        days=window.days,
        opens=window.opens,
        closes=window.closes,
        holidays=HolidayRule(window.holidays),
        calendar=window.calendar,
        to_included=window.to_included,
        changes=changes_for(window.calendar, calendars),
    )
