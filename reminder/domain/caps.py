"""Caps: how often a customer may be contacted, over all accounts and policies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

__all__ = ["Cap", "CapPeriod", "horizon", "next_free"]

UTC = ZoneInfo("UTC")


class CapPeriod(StrEnum):
    """What a cap counts within."""

    DAY = "day"  #: A calendar day in the policy's zone.
    WEEK = "week"  #: A calendar week, Monday to Sunday, in the policy's zone.
    MONTH = "month"  #: A calendar month in the policy's zone.
    ROLLING = "rolling"  #: The last n × 24 hours.


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `max` contacts of a customer per period; `days` is the length of a rolling one.

    `source` names the rule, for `explain`; two caps that count the same are equal.
    """

    max: int
    period: CapPeriod
    days: int = 1
    source: str = field(default="policy", compare=False)

    def __str__(self) -> str:
        """Return the cap as a policy spells it: `3 per 7 days`."""
        days = f"{self.days} {'day' if self.days == 1 else 'days'}"
        return f"{self.max} per {days if self.period is CapPeriod.ROLLING else self.period}"

    def start(self, at: datetime, zone: str) -> datetime:
        """Return the earliest instant (UTC) whose contacts still count at `at`."""
        if self.period is CapPeriod.ROLLING:
            # A contact exactly n × 24 h ago no longer counts.
            return at.astimezone(UTC) - timedelta(days=self.days) + timedelta(microseconds=1)
        return _calendar_start(self.period, at, zone)

    def frees_at(self, contact: datetime, zone: str) -> datetime:
        """Return the first instant (UTC) at which `contact` no longer counts."""
        if self.period is CapPeriod.ROLLING:
            return contact.astimezone(UTC) + timedelta(days=self.days)
        # Each lands well inside the next period, though days of 23 to 27 hours exist (Casey's clocks go back by three).
        reach = {CapPeriod.DAY: timedelta(hours=36), CapPeriod.WEEK: timedelta(days=7, hours=12)}
        begin = _calendar_start(self.period, contact, zone)
        return _calendar_start(self.period, begin + reach.get(self.period, timedelta(days=32)), zone)


def _calendar_start(period: CapPeriod, at: datetime, zone: str) -> datetime:
    day = at.astimezone(ZoneInfo(zone)).date()
    if period is CapPeriod.WEEK:
        day -= timedelta(days=day.weekday())
    if period is CapPeriod.MONTH:
        day = day.replace(day=1)
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def next_free(
    caps: Iterable[Cap], contacts: Iterable[datetime], at: datetime, zone: str
) -> tuple[datetime, Cap] | None:
    """Return when the tightest exhausted cap lets go and which it is, or None when one more contact fits now.

    `contacts` are the instants (aware, any order) at which the customer was contacted or is being contacted.
    """
    made = sorted(contacts)
    blocked: tuple[datetime, Cap] | None = None
    for cap in caps:
        counted = [contact for contact in made if contact >= cap.start(at, zone)]
        if len(counted) < cap.max:
            continue
        free = cap.frees_at(counted[-cap.max], zone) if cap.max else datetime.max.replace(tzinfo=UTC)
        if blocked is None or free > blocked[0]:
            blocked = (free, cap)
    return blocked


def horizon(caps: Iterable[Cap]) -> timedelta:
    """Return how far back contacts must be known to judge these caps."""
    reach = {CapPeriod.DAY: 2, CapPeriod.WEEK: 8, CapPeriod.MONTH: 32}
    return timedelta(days=max((reach.get(cap.period, cap.days) for cap in caps), default=1) + 1)
