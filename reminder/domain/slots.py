"""Slots: the instants at which a daily schedule wants reminders planned, worked out on the schedule's own clock.

A slot is known by its local date and by the minute of the day that it is written for. So it is one slot on the night
when that minute comes twice, it is not lost on the night when it does not come at all, and adding a time to the
schedule does not rename the others.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from reminder.domain.zones import zone_clock

__all__ = ["SCHEDULE", "SLOT_LATE_MINUTES_MIN", "Slot", "due_slots", "next_slot", "slot_instant", "slots_between"]

SCHEDULE = "plan"
"""The name under which slots of `schedule.plan_at` are kept."""

SLOT_LATE_MINUTES_MIN = 15
"""How late a slot may always be planned, in minutes: a tick waits for the dispatch before it."""

_DAY = timedelta(days=1)
_AHEAD_DAYS = 2
# The widest jump of a clock on record skipped one whole day (Samoa, 30 December 2011).


@dataclass(frozen=True, slots=True)
class Slot:
    """One time of one local date. `number` is its minute of the day, 0 to 1439; `at` is when it comes (UTC)."""

    day: date
    number: int
    at: datetime


def due_slots(
    timezone: str, times: Collection[time], at: datetime, *, late: timedelta, done: Collection[tuple[date, int]] = ()
) -> list[Slot]:
    """Return the slots that have come at the instant `at` (aware), not longer ago than `late`, oldest first.

    `done` are the (date, number) of those that need nothing any more. `late` counts as at least
    SLOT_LATE_MINUTES_MIN. Raises ZoneError for a zone that is none.
    """
    reach = max(late, timedelta(minutes=SLOT_LATE_MINUTES_MIN))
    slots = slots_between(timezone, times, at - reach, at)
    return [slot for slot in slots if (slot.day, slot.number) not in done]


def next_slot(timezone: str, times: Collection[time], at: datetime) -> Slot:
    """Return the first slot that comes after the instant `at` (aware). Raises ZoneError for a zone that is none."""
    clock = zone_clock(timezone)
    today = at.astimezone(clock).date()
    ahead = _slots(clock, times, today - _DAY, today + _AHEAD_DAYS * _DAY)
    return min((slot for slot in ahead if slot.at > at), key=_order)


def slots_between(timezone: str, times: Collection[time], after: datetime, until: datetime) -> list[Slot]:
    """Return the slots that come after one instant and not after another (aware), in the order in which they come.

    Raises ZoneError for a zone that is none.
    """
    clock = zone_clock(timezone)
    first, last = after.astimezone(clock).date() - _DAY, until.astimezone(clock).date()
    return sorted((slot for slot in _slots(clock, times, first, last) if after < slot.at <= until), key=_order)


def slot_instant(timezone: str, day: date, wall: time) -> datetime:
    """Return the instant (UTC) at which a clock of this zone first shows `wall` on `day`.

    Where the clock is put forward over that time, it is the first moment after the jump.
    """
    clock = zone_clock(timezone)
    shown = datetime.combine(day, wall.replace(tzinfo=None))
    before, after = (shown.replace(tzinfo=clock, fold=fold).astimezone(UTC) for fold in (0, 1))
    if before.astimezone(clock).replace(tzinfo=None) == shown:
        return before
    return _jump(clock, after, before)


def _jump(clock: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """Return the first whole second after `low` and not after `high` (UTC) at which the zone's offset has changed."""
    start, offset = low, low.astimezone(clock).utcoffset()
    below, above = 0, int((high - low).total_seconds())
    while above - below > 1:
        middle = (below + above) // 2
        if (start + timedelta(seconds=middle)).astimezone(clock).utcoffset() == offset:
            below = middle
        else:
            above = middle
    return start + timedelta(seconds=above)


def _slots(clock: ZoneInfo, times: Collection[time], first: date, last: date) -> Sequence[Slot]:
    days = [first + _DAY * count for count in range((last - first).days + 1)]
    return [
        Slot(day, wall.hour * 60 + wall.minute, slot_instant(clock.key, day, wall)) for day in days for wall in times
    ]


def _order(slot: Slot) -> tuple[datetime, date, int]:
    return slot.at, slot.day, slot.number
