"""Law 7's question: do some hours ever allow what other hours forbid?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import chain, combinations

from reminder.domain.window import ContactWindow, HolidayRule, Hours

__all__ = ["within"]

_DAY = timedelta(days=1)
_NONE = timedelta()

Stretch = tuple[timedelta, timedelta]


def within(inner: Hours, outer: Hours) -> bool:
    """Return whether `inner` never allows what `outer` forbids, in any zone and on any day (law 7).

    What a wall clock shows on a day depends on that day and, over midnight, on the one before. So every weekday is
    tried with every choice of those two days' holidays: any day may be a holiday of any calendar.
    """
    calendars = sorted({window.calendar or "" for window in outer.windows if window.holidays is HolidayRule.SKIP})
    off = [frozenset(some) for size in range(len(calendars) + 1) for some in combinations(calendars, size)]
    return all(
        _covers(_shown(outer, weekday, before, today), _shown(inner, weekday, before, today))
        for weekday in range(7)
        for before in off
        for today in off
    )


def _shown(hours: Hours, weekday: int, before: frozenset[str], today: frozenset[str]) -> list[Stretch]:
    """Return what a clock shows open on a weekday, when the calendars named have a holiday then or the day before."""
    stretches = []
    for window in hours.windows:
        opens, closes = window.hours
        if weekday in window.days and not _skips(window, today):
            stretches.append((opens, min(closes, _DAY)))
        if (weekday - 1) % 7 in window.days and not _skips(window, before):
            stretches.append((_NONE, closes - _DAY))
    return list(_joined(sorted(stretch for stretch in stretches if stretch[0] < stretch[1])))


def _skips(window: ContactWindow, off: frozenset[str]) -> bool:
    """Return whether a window is shut on a day that is a holiday of these calendars, and of no other one."""
    if window.holidays is HolidayRule.ALLOW:
        return False
    if window.calendar is None or window.calendar in off:
        return True
    country, _, part = window.calendar.partition("-")
    # A holiday of a country or of one part of it is one of `AU-*`.
    return part == "*" and any(name.partition("-")[0] == country for name in off)


def _joined(stretches: Iterable[Stretch]) -> Iterator[Stretch]:
    held: Stretch | None = None
    for stretch in chain(stretches, [(_DAY * 2, _DAY * 2)]):
        if held is not None and stretch[0] <= held[1]:
            held = (held[0], max(held[1], stretch[1]))
            continue
        if held is not None:
            yield held
        held = stretch


def _covers(wide: list[Stretch], narrow: list[Stretch]) -> bool:
    return all(any(a <= start and end <= b for a, b in wide) for start, end in narrow)
