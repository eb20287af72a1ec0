"""Contact windows: at which days and hours a customer may be contacted, and when next.

A window is local; the answer is UTC. A rule whose hours differ by weekday or holiday is a layer of several windows,
open where any of them is. Contact is allowed where every layer is open and, where a customer's zone isn't certain, in
every zone that is plausible (law 8).

An instant is open when the customer's clock shows an open hour then. That one sentence settles the odd days: an hour
that the clocks skip is never shown, so a window that opens inside it opens right after it; an hour that they repeat is
shown twice, so both count as what they show; and a day that a zone leaves out (Apia, 30 December 2011) has no hours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property, lru_cache, reduce
from itertools import pairwise
from operator import attrgetter
from zoneinfo import ZoneInfo

from reminder.domain.calendar import NO_CHANGES, CalendarChanges, is_holiday
from reminder.domain.zones import zone_clock

__all__ = ["OPENS_WITHIN_DAYS", "WEEK_DAYS", "ContactWindow", "HolidayRule", "Hours", "Span", "closed_by", "opening"]

WEEK_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Days as files spell them; Monday is 0."""

OPENS_WITHIN_DAYS = 31
"""How far ahead an opening is looked for."""

ANSWERS_CACHE_MAX = 8_192
CLOCKS_CACHE_MAX = 1_024

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_NEAR_DAYS = 3
_FAR_DAYS = OPENS_WITHIN_DAYS + 2


class HolidayRule(StrEnum):
    """What a public holiday does to a window."""

    ALLOW = "allow"  #: Nothing: a holiday is a day like any other.
    SKIP = "skip"  #: Contact is not allowed on it.


@dataclass(frozen=True, slots=True)
class ContactWindow:
    """Open on `days` (0 is Monday) from `opens` (included) to `closes` (excluded), local wall time.

    With `to_included` the whole minute that a clock shows as `closes` is open too: rules that forbid contact "after
    nine" allow it while clocks show 21:00. `closes` equal to `time(0)` means the end of the day. A window that closes
    earlier than it opens runs over midnight and belongs to the day on which it opens; one that closes when it opens is
    never open. `calendar` is the ISO 3166 country (or `US-FL`, or `AU-*`) whose public holidays `holidays` speaks of,
    and `changes` is what this deployment knows better about them.
    """

    days: frozenset[int]
    opens: time
    closes: time
    holidays: HolidayRule = HolidayRule.ALLOW
    calendar: str | None = None
    to_included: bool = False
    changes: CalendarChanges = NO_CHANGES

    @property
    def hours(self) -> tuple[timedelta, timedelta]:
        """Return when it opens and closes, counted from the midnight that begins the day it belongs to."""
        opens, closes = _since_midnight(self.opens), _since_midnight(self.closes)
        closes = closes if closes >= opens and self.closes != time(0) else closes + _DAY
        return opens, closes + _MINUTE if self.to_included else closes

    def opens_on(self, day: date) -> bool:
        """Return whether this is one of its days, or raise CalendarError. Skipping unknown holidays skips every day."""
        if day.weekday() not in self.days:
            return False
        if self.holidays is HolidayRule.ALLOW:
            return True
        return self.calendar is not None and not is_holiday(day, self.calendar, self.changes)

    def __str__(self) -> str:
        """Return the window as people say it: `mon-fri 09:00-20:00, not on holidays of CN`."""
        days = sorted(self.days)
        run = days == list(range(days[0], days[-1] + 1)) if days else False
        names = [WEEK_DAYS[day] for day in days]
        spelt = f"{names[0]}-{names[-1]}" if run and len(names) > 1 else ",".join(names)
        closes = "24:00" if self.closes == time(0) else f"{self.closes:%H:%M}"
        included = " included" if self.to_included else ""
        holidays = f", not on holidays of {self.calendar}" if self.holidays is HolidayRule.SKIP else ""
        return f"{spelt} {self.opens:%H:%M}-{closes}{included}{holidays}"


@dataclass(frozen=True)
class Hours:
    """One layer: open where any of its windows is. `source` names the rule, for `explain`."""

    windows: tuple[ContactWindow, ...]
    source: str = "policy"

    @cached_property
    def _identity(self) -> int:
        return hash((self.windows, self.source))

    def __hash__(self) -> int:
        """Return a hash that is computed once: layers are looked up for every account."""
        return self._identity

    @property
    def days(self) -> frozenset[int]:
        """The days of the week (0 is Monday) on which it opens at all."""
        return frozenset(day for window in self.windows for day in window.days)

    def __str__(self) -> str:
        """Return the hours as people say them: `mon-fri 07:00-19:00 or sat 08:00-15:00`."""
        return " or ".join(map(str, self.windows)) or "never"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time in which contact is allowed: `[start, end)`, UTC."""

    start: datetime
    end: datetime


def opening(layers: tuple[Hours, ...], zones: frozenset[str], at: datetime) -> Span | None:
    """Return the span that contains `at`, or else the next one; None if none opens within 31 days.

    A span that began more than a day ago or ends more than a month ahead, such as that of windows which never close,
    is cut there. Without a zone nothing is open; without a layer everything is. Raises ValueError for an `at` without a
    zone, ZoneError and CalendarError for names that are none.
    """
    if at.tzinfo is None:
        raise ValueError(f"expected an instant with its zone, found {at.isoformat()}")
    today = at.astimezone(UTC).toordinal()
    for span in _spans_from(layers, zones, today):
        if at < span.end:
            return span if span.start <= at + _DAY * OPENS_WITHIN_DAYS else None
    return None


def closed_by(layers: tuple[Hours, ...], zones: frozenset[str], at: datetime) -> tuple[Hours, ...]:
    """Return the layers that forbid contact at the instant `at` in one of the zones: why `opening` says "later"."""
    return tuple(layer for layer in layers if not _holds(opening((layer,), zones, at), at))


def _holds(span: Span | None, at: datetime) -> bool:
    return span is not None and span.start <= at


@lru_cache(maxsize=ANSWERS_CACHE_MAX)
def _spans_from(layers: tuple[Hours, ...], zones: frozenset[str], today: int) -> tuple[Span, ...]:
    """Return the spans that answer every instant of a UTC day (a proleptic ordinal), in order."""
    begin = datetime.fromordinal(today).replace(tzinfo=UTC)
    for days in (_NEAR_DAYS, _FAR_DAYS):
        limit = begin + _DAY * days
        spans = [span for span in _intersection(layers, zones, today, days) if span.end > begin]
        answers = [span for span in spans if span.start < begin + _DAY]
        # The last instant of the day is answered by the first span that outlasts the day.
        answers += [span for span in spans if span.start >= begin + _DAY][:1]
        if answers and begin + _DAY <= answers[-1].end < limit:
            break
    return tuple(answers)


def _intersection(layers: tuple[Hours, ...], zones: frozenset[str], today: int, days: int) -> list[Span]:
    """Return when every layer is open in every zone, from the day before `today` to `days` after it."""
    begin = datetime.fromordinal(today - 1).replace(tzinfo=UTC)
    everything = [Span(begin, begin + _DAY * (days + 1))] if zones else []
    each = (_open_in(layer, zone, today, days) for zone in sorted(zones) for layer in layers)
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
def _open_in(layer: Hours, zone: str, today: int, days: int) -> tuple[Span, ...]:
    """Return when a layer is open on the clock of one zone, in UTC: each stretch once, in order."""
    shown = [span for window in layer.windows for span in _wall_spans(window, today, days)]
    spans = []
    for stretch, offset in _stretches(zone, today, days):
        first, last = (instant.replace(tzinfo=None) + offset for instant in (stretch.start, stretch.end))
        for opens, closes in shown:
            start, end = max(opens, first), min(closes, last)
            if start < end:
                spans.append(Span((start - offset).replace(tzinfo=UTC), (end - offset).replace(tzinfo=UTC)))
    return tuple(_joined(sorted(spans, key=attrgetter("start"))))


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


def _since_midnight(moment: time) -> timedelta:
    return timedelta(hours=moment.hour, minutes=moment.minute, seconds=moment.second, microseconds=moment.microsecond)
