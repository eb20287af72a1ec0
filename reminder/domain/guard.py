"""Guards: what is so unusual about a whole run that it had better wait for a person (law 15).

A gate looks at one reminder, a guard at all of them together. What is judged here was counted elsewhere; each judgement
is a `Finding`, with the figures that it rests on, or None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from statistics import median
from zoneinfo import ZoneInfo

__all__ = [
    "CLOCK_TOLERANCE",
    "DUE_MIN",
    "SAMPLES_MIN",
    "WEEKS",
    "ClockWatch",
    "Finding",
    "GuardLimits",
    "GuardName",
    "day_span",
    "judge_clock",
    "judge_freshness",
    "judge_jump",
    "judge_memory",
    "judge_volume",
    "same_weekdays",
    "too_many",
]

WEEKS = 8
"""How many weeks back the usual volume of a day of the week is looked for."""

SAMPLES_MIN = 3
"""From how many such days on there is a usual volume at all."""

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far a clock may be from where it should be."""

DUE_MIN = 20
"""From how many due accounts on it says something about the book that most of them are stale."""


class GuardName(StrEnum):
    """What a run can be stopped for. Kept in the database with the pause."""

    VOLUME = "volume"  #: Many more texts than is usual for this day of the week.
    STALE_BOOK = "stale_book"  #: Most of the accounts that are due were not refreshed in time.
    CLOCK_JUMP = "clock_jump"  #: The clock was put forward or back while the daemon ran.
    CLOCK_BEHIND = "clock_behind"  #: It is earlier than what our own tables say has happened already.
    OUTBOX_BEHIND = "outbox_behind"  #: A provider has newer texts of ours than our own tables: restored from a backup?


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """What counts as abnormal: `factor` times the usual volume, but never as few as `volume_min` texts a day.

    Days begin at midnight in `timezone`. From `unknown_texts` on, texts of ours that only a provider knows are too
    many; 0 leaves providers unasked.
    """

    volume_factor: int = 4
    volume_min: int = 200
    timezone: str = "UTC"
    unknown_texts: int = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """What a guard found: why the run should wait, in a sentence, and the figures."""

    guard: GuardName
    reason: str
    figures: Mapping[str, int | str] = field(default_factory=dict)


def day_span(day: date, zone: str) -> tuple[datetime, datetime]:
    """Return the first instant of a day in a zone, and the first of the day after (UTC)."""
    clock = ZoneInfo(zone)
    start, end = (datetime.combine(each, time(), clock) for each in (day, day + timedelta(days=1)))
    return start.astimezone(UTC), end.astimezone(UTC)


def same_weekdays(day: date) -> list[date]:
    """Return the last WEEKS days that are the same day of the week, the newest first; `day` is not one of them."""
    return [day - timedelta(weeks=back) for back in range(1, WEEKS + 1)]


def too_many(counts: Sequence[int], limits: GuardLimits) -> int | None:
    """Return the most texts that one day may have, given the counts of the same weekdays before; None: any number.

    Days without a text say nothing of a usual one: nobody worked, or nothing ran. A median and not a mean, so that one
    odd day, let through by a person, does not become the measure.
    """
    days = [count for count in counts if count]
    if len(days) < SAMPLES_MIN:
        return None
    return max(limits.volume_min, int(limits.volume_factor * median(days)))


def judge_volume(*, sent: int, expected: int, counts: Sequence[int], limits: GuardLimits) -> Finding | None:
    """Say whether a day with `sent` texts so far and `expected` more is abnormal against the same weekdays before."""
    most = too_many(counts, limits)
    if most is None or sent + expected <= most:
        return None
    usual = int(median([count for count in counts if count]))
    return Finding(
        GuardName.VOLUME,
        f"{sent} texts were sent today and about {expected} more would be; usual for this day of the week is {usual}, "
        f"and {most} is the most",
        {"sent": sent, "expected": expected, "usual": usual, "most": most},
    )


def judge_freshness(*, stale: int, asked: int) -> Finding | None:
    """Say whether so many stale accounts, among `asked` that are due, mean that the book itself was not refreshed."""
    if asked < DUE_MIN or 2 * stale <= asked:
        return None
    return Finding(
        GuardName.STALE_BOOK,
        f"{stale} of {asked} due accounts looked at were not refreshed in time: the book as a whole looks stale",
        {"stale": stale, "asked": asked},
    )


def judge_clock(at: datetime, newest: datetime | None) -> Finding | None:
    """Say whether the clock is behind what our tables say has happened; `newest` is the newest instant in them."""
    if newest is None or newest - at <= CLOCK_TOLERANCE:
        return None
    return Finding(
        GuardName.CLOCK_BEHIND,
        f"it is {at:%Y-%m-%d %H:%M} UTC by this machine's clock, and something is on record for "
        f"{newest:%Y-%m-%d %H:%M} UTC: one of the two is wrong",
        {"behind_seconds": int((newest - at).total_seconds())},
    )


def judge_memory(gateway: str, unknown: int, since: datetime, limits: GuardLimits) -> Finding | None:
    """Say whether so many texts to our customers, newer than `since` (UTC), that only the provider knows mean a loss.

    They went out from our sender after the newest text that our tables know of, so the tables are older than that.
    """
    if not limits.unknown_texts or unknown < limits.unknown_texts:
        return None
    return Finding(
        GuardName.OUTBOX_BEHIND,
        f"{gateway} has {unknown} texts from our sender to our customers since {since:%Y-%m-%d %H:%M} UTC that are not "
        "on record here: was the database restored from a backup?",
        {"gateway": gateway, "unknown": unknown},
    )


def judge_jump(drift: timedelta) -> Finding | None:
    """Say whether the clock was put forward or back by so much that what is due can't be trusted."""
    if abs(drift) <= CLOCK_TOLERANCE:
        return None
    seconds = int(drift.total_seconds())
    way = "forward" if seconds > 0 else "back"
    return Finding(
        GuardName.CLOCK_JUMP,
        f"the clock was put {way} by {abs(seconds)} seconds while the daemon ran",
        {"seconds": seconds},
    )


@dataclass
class ClockWatch:
    """Compares the clock with a count of seconds that nobody can set (law 15).

    The first look is trusted, and so is every later one that the owner of the watch says is in order: a clock that is
    corrected little by little never strays far from the last of them.
    """

    _trusted: tuple[datetime, float] | None = None
    _seen: tuple[datetime, float] | None = None

    def drift(self, at: datetime, steady_seconds: float) -> timedelta:
        """Return how much more time has passed by the clock than by the steady count since the last trusted look."""
        self._seen = (at, steady_seconds)
        if self._trusted is None:
            self._trusted = self._seen
        return self._apart(at, steady_seconds)

    def strays(self, at: datetime, steady_seconds: float) -> bool:
        """Return whether the clock is further from where it should be than is tolerated; no look, and never trusted."""
        return abs(self._apart(at, steady_seconds)) > CLOCK_TOLERANCE

    def _apart(self, at: datetime, steady_seconds: float) -> timedelta:
        then, steady_then = self._trusted or (at, steady_seconds)
        return (at - then) - timedelta(seconds=steady_seconds - steady_then)

    def trust(self) -> None:
        """Take the clock as it was at the last look for right."""
        self._trusted = self._seen
