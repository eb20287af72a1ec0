"""Contact windows: at which days and hours a customer may be contacted, and when next.

A window is local; the answer is UTC. Where a customer's zone isn't certain, a time counts as open only if it is open in
every zone that is plausible, and in every window that applies (law 8).

An instant is open when the customer's clock shows an open hour then. That one sentence settles the odd days: an hour
that the clocks skip is never shown, so a window that opens inside it opens right after it; an hour that they repeat is
shown twice, so both count as what they show; and a day that a zone leaves out (Apia, 30 December 2011) has no hours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache, reduce
from itertools import pairwise
from zoneinfo import ZoneInfo

from reminder.domain.calendar import is_holiday
from reminder.domain.zones import zone_clock

__all__ = ["OPENS_WITHIN_DAYS", "ContactWindow", "HolidayRule", "Span", "opening", "within"]

OPENS_WITHIN_DAYS = 31
"""How far ahead an opening is looked for."""

ANSWERS_CACHE_MAX = 8_192
CLOCKS_CACHE_MAX = 1_024

_DAY = timedelta(days=1)
_NEAR_DAYS = 3
_FAR_DAYS = OPENS_WITHIN_DAYS + 2


class HolidayRule(StrEnum):
    """What a public holiday does to a window."""

    ALLOW = "allow"  #: Nothing: a holiday is a day like any other.
    SKIP = "skip"  #: Contact is not allowed on it.


@dataclass(frozen=True, slots=True)
class ContactWindow:
    """Open on `days` (0 is Monday) from `opens` (included) to `closes` (excluded), local wall time.

    `closes` equal to `time(0)` means the end of the day. A window that closes earlier than it opens runs over midnight
    and belongs to the day on which it opens; one that closes when it opens is never open. `calendar` is the ISO 3166
    country (or `US-FL`) whose public holidays `holidays` speaks of. `source` names the rule, for `explain`.
    """

    days: frozenset[int]
    opens: time
    closes: time
    holidays: HolidayRule = HolidayRule.ALLOW
    calendar: str | None = None
    source: str = "policy"

    @property
    def hours(self) -> tuple[timedelta, timedelta]:
        """Return when it opens and closes, counted from the midnight that begins the day it belongs to."""
        opens, closes = _since_midnight(self.opens), _since_midnight(self.closes)
        return opens, closes if closes >= opens and self.closes != time(0) else closes + _DAY

    def opens_on(self, day: date) -> bool:
        """Return whether this is one of its days, or raise CalendarError. Skipping unknown holidays skips every day."""
        if day.weekday() not in self.days:
            return False
        return self.holidays is HolidayRule.ALLOW or not (self.calendar is None or is_holiday(day, self.calendar))


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time in which contact is allowed: `[start, end)`, UTC."""

    start: datetime
    end: datetime


def opening(windows: tuple[ContactWindow, ...], zones: frozenset[str], at: datetime) -> Span | None:
    """Return the span that contains `at`, or else the next one; None if none opens within 31 days.

    A span that began more than a day ago or ends more than a month ahead, such as that of windows which never close,
    is cut there. Without a zone nothing is open. Raises ValueError for an `at` without a zone, ZoneError and
    CalendarError for names that are none.
    """
    if at.tzinfo is None:
        raise ValueError(f"expected an instant with its zone, found {at.isoformat()}")
    today = at.astimezone(UTC).toordinal()
    for span in _spans_from(windows, zones, today):
        if at < span.end:
            return span if span.start <= at + _DAY * OPENS_WITHIN_DAYS else None
    return None


@lru_cache(maxsize=ANSWERS_CACHE_MAX)
def _spans_from(windows: tuple[ContactWindow, ...], zones: frozenset[str], today: int) -> tuple[Span, ...]:
    """Return the spans that answer every instant of a UTC day (a proleptic ordinal), in order."""
    begin = datetime.fromordinal(today).replace(tzinfo=UTC)
    for days in (_NEAR_DAYS, _FAR_DAYS):
        limit = begin + _DAY * days
        spans = [span for span in _intersection(windows, zones, today, days) if span.end > begin]
        answers = [span for span in spans if span.start < begin + _DAY]
        # The last instant of the day is answered by the first span that outlasts the day.
        answers += [span for span in spans if span.start >= begin + _DAY][:1]
        if answers and begin + _DAY <= answers[-1].end < limit:
            break
    return tuple(answers)


def _intersection(windows: tuple[ContactWindow, ...], zones: frozenset[str], today: int, days: int) -> list[Span]:
    """Return when every window is open in every zone, from the day before `today` to `days` after it."""
    begin = datetime.fromordinal(today - 1).replace(tzinfo=UTC)
    everything = [Span(begin, begin + _DAY * (days + 1))] if zones else []
    each = (_open_in(window, zone, today, days) for zone in sorted(zones) for window in windows)
    return reduce(_overlaps, each, everything)


def _overlaps(left: list[Span], right: tuple[Span, ...]) -> list[Span]:
    """Return what two ordered rows of spans have in common."""
    common, here, there = [], 0, 0
    while here < len(left) and there < len(right):
        start, end = max(left[here].start, right[there].start), min(left[here].end, right[there].end)
        if start < end:
            common.append(Span(start, end))
        # Whichever ends first can meet nothing more.
        if left[here].end <= right[there].end:
            here += 1
        else:
            there += 1
    return common


@lru_cache(maxsize=CLOCKS_CACHE_MAX)
def _open_in(window: ContactWindow, zone: str, today: int, days: int) -> tuple[Span, ...]:
    """Return when a window is open on the clock of one zone, in UTC: each stretch once, in order."""
    shown = list(_wall_spans(window, today, days))
    spans = []
    for stretch, offset in _stretches(zone, today, days):
        first, last = (instant.replace(tzinfo=None) + offset for instant in (stretch.start, stretch.end))
        for opens, closes in shown:
            start, end = max(opens, first), min(closes, last)
            if start < end:
                spans.append(Span((start - offset).replace(tzinfo=UTC), (end - offset).replace(tzinfo=UTC)))
    return tuple(_joined(spans))


def _wall_spans(window: ContactWindow, today: int, days: int) -> Iterator[tuple[datetime, datetime]]:
    """Yield the window's hours as wall clocks show them (naive), on every day that any zone may have meanwhile."""
    opens, closes = window.hours
    for ordinal in range(today - 3, today + days + 2):
        midnight = datetime.fromordinal(ordinal)
        if opens < closes and window.opens_on(midnight.date()):
            yield midnight + opens, midnight + closes


@lru_cache(maxsize=CLOCKS_CACHE_MAX)
def _stretches(zone: str, today: int, days: int) -> tuple[tuple[Span, timedelta], ...]:
    """Return the stretches in which a zone's clock keeps one distance from UTC, each with that distance."""
    clock = zone_clock(zone)
    begin = datetime.fromordinal(today - 1).replace(tzinfo=UTC)
    edges = [begin + _DAY * day for day in range(days + 2)]
    changes = [_change(clock, *pair) for pair in pairwise(edges) if _differ(clock, *pair)]
    bounds = [begin, *changes, edges[-1]]
    return tuple((Span(a, b), _offset(clock, a)) for a, b in pairwise(bounds) if a < b)


def _offset(clock: ZoneInfo, instant: datetime) -> timedelta:
    """Return how far ahead of UTC a clock is at an instant."""
    return instant.astimezone(clock).utcoffset() or timedelta()


def _differ(clock: ZoneInfo, before: datetime, after: datetime) -> bool:
    return _offset(clock, before) != _offset(clock, after)


def _change(clock: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """Return the second at which a clock was changed between two instants that differ. Rules change it once a day."""
    while after - before > timedelta(seconds=1):
        middle = (before + (after - before) / 2).replace(microsecond=0)
        before, after = (before, middle) if _differ(clock, before, middle) else (middle, after)
    return after


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    """Yield ordered spans with those that meet or overlap as one."""
    held: Span | None = None
    for span in spans:
        if held is not None and span.start <= held.end:
            held = Span(held.start, max(held.end, span.end))
            continue
        if held is not None:
            yield held
        held = span
    if held is not None:
        yield held


def within(inner: ContactWindow, outer: ContactWindow) -> bool:
    """Return whether `inner` never allows what `outer` forbids, in any zone and on any day (law 7).

    Where `outer` skips holidays, `inner` must skip those of the same calendar, and no hour of it may reach into a day
    whose own holidays it doesn't ask about.
    """
    if outer.holidays is HolidayRule.SKIP:
        return _same_days_within(inner, outer)
    allowed = list(_joined(_week(outer)))
    return all(any(a.start <= span.start and span.end <= a.end for a in allowed) for span in _week(inner, weeks=1))


def _same_days_within(inner: ContactWindow, outer: ContactWindow) -> bool:
    """Return whether each day's hours of `inner` lie in the same day's hours of `outer`, holidays included."""
    (opens, closes), (floor, ceiling) = inner.hours, outer.hours
    never = opens == closes or not inner.days
    same = inner.holidays is HolidayRule.SKIP and inner.calendar == outer.calendar and inner.days <= outer.days
    return never or (same and floor <= opens and closes <= ceiling)


def _week(window: ContactWindow, weeks: int = 3) -> Iterator[Span]:
    """Yield a window's hours in so many weeks around one that stands for all, in order; holidays are left out."""
    opens, closes = window.hours
    monday = datetime(2001, 1, 1, tzinfo=UTC) - _DAY * 7 * (weeks // 2)
    for day in range(7 * weeks):
        if day % 7 in window.days and opens < closes:
            yield Span(monday + _DAY * day + opens, monday + _DAY * day + closes)


def _since_midnight(moment: time) -> timedelta:
    return timedelta(hours=moment.hour, minutes=moment.minute, seconds=moment.second, microseconds=moment.microsecond)
