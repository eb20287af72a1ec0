"""The report: what has become of the reminders that were planned in some days, by any one heading.

Every reminder is counted once, on the day on which it was planned, under the state that it has now. So each line adds
up: what was planned is what is open plus what has ended (law 4).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from reminder.domain.lifecycle import State
from reminder.domain.policy import Policy, Tier
from reminder.errors import DataError
from reminder.pipeline.deployment import Deployment, Price
from reminder.pipeline.facts import reading
from reminder.pipeline.repaid import Repaid, asked_of
from reminder.store import history
from reminder.store.history import Fate

__all__ = ["DAYS_MAX", "NONE", "SILENT", "By", "Days", "Line", "Report", "make_report"]

DAYS_MAX = 1_100
"""The most days of one report: three years."""

NONE = "none"
"""The line of reminders that the heading says nothing about: no text was made, or the step is not there any more."""

SILENT = (State.CANCELLED, State.SUPPRESSED, State.SUPERSEDED, State.EXPIRED)
"""The states of reminders that ended without a word to anybody."""

_TAKEN = frozenset({State.SENT, State.DELIVERED, State.UNDELIVERED})


class By(StrEnum):
    """The heading under which a report counts."""

    DAY = "day"  #: The day on which they were planned.
    POLICY = "policy"  #: The policy that they were planned by.
    TIER = "tier"  #: The tier of their step, as the policies have it now.
    STEP = "step"  #: The step, as `policy/step`.
    GATEWAY = "gateway"  #: The gateway of their last text.
    LANGUAGE = "language"  #: The language of their last text.


@dataclass(frozen=True, slots=True)
class Days:
    """The days of a report, from the first to the last, on the calendar of a zone."""

    first: date
    last: date
    zone: str

    def __post_init__(self) -> None:
        if not self.first <= self.last <= self.first + timedelta(days=DAYS_MAX):
            raise DataError(
                f"expected a first day and a last one, at most {DAYS_MAX} days apart, found {self.first} and "
                f"{self.last}: give days in their order, or ask for less"
            )

    def __iter__(self) -> Iterator[date]:
        """Yield each day."""
        return (self.first + timedelta(days=count) for count in range((self.last - self.first).days + 1))

    def begins(self, day: date) -> datetime:
        """Return the instant (UTC) at which a day begins; where the clocks skip midnight, the one after the jump."""
        return datetime.combine(day, time(), ZoneInfo(self.zone)).astimezone(UTC)

    @property
    def since(self) -> datetime:
        """The instant (UTC) at which the first day begins."""
        return self.begins(self.first)

    @property
    def until(self) -> datetime:
        """The instant (UTC) at which the last day is over."""
        return self.begins(self.last + timedelta(days=1))

    def day_of(self, at: datetime) -> date:
        """Return the day that an instant (aware) belongs to."""
        return at.astimezone(ZoneInfo(self.zone)).date()


@dataclass
class Line:
    """What became of the reminders under one key of the heading.

    `silent` counts those that ended in silence, by reason, and `waiting` the planned ones that wait, by reason.
    `texts` and `segments` are those that gateways took, a text for several reminders counted once; `cost` is what they
    cost at the prices of the settings, by currency, in major units. `repaid` counts reminders whose text was taken.
    """

    key: str
    states: Counter[State] = field(default_factory=Counter)
    silent: Counter[str] = field(default_factory=Counter)
    waiting: Counter[str] = field(default_factory=Counter)
    texts: int = 0
    segments: int = 0
    cost: dict[str, Decimal] = field(default_factory=dict)
    repaid: Counter[Repaid] = field(default_factory=Counter)

    @property
    def planned(self) -> int:
        """How many reminders were planned: all that are counted here."""
        return self.states.total()

    def add(self, fate: Fate, price: Price | None) -> None:
        """Count what became of some reminders; `price` is that of their gateway."""
        state = State(fate.state)
        self.states[state] += fate.reminders
        if state in SILENT:
            self.silent[fate.reason or NONE] += fate.reminders
        if state is State.PLANNED and fate.reason:
            self.waiting[fate.reason] += fate.reminders
        if state not in _TAKEN:
            return
        self.texts += fate.texts
        self.segments += fate.segments
        if price is not None and fate.segments:
            before = self.cost.get(price.currency, Decimal(0))
            self.cost[price.currency] = before + price.per_segment * fate.segments


@dataclass(frozen=True)
class Report:
    """A report over some days: a line for each key of the heading, in order, and the sum of all.

    `paid_within` is the number of days that payments were looked for after a text, or None.
    """

    days: Days
    by: By
    paid_within: int | None
    lines: tuple[Line, ...]
    total: Line


class _Lines:
    """The lines of a report as they grow."""

    def __init__(self, by: By, policies: Sequence[Policy], prices: Mapping[str, Price]) -> None:
        self.by = by
        self.prices = prices
        self.tiers = {(policy.name, step.key): step.tier.value for policy in policies for step in policy.steps}
        self._breaches = {(policy.name, rule.id) for policy in policies for rule in policy.breaches}
        self.lines: dict[str, Line] = {}
        self.total = Line("total")

    def add(self, fate: Fate, day: date | None) -> None:
        """Count what became of some reminders, which were planned on this day (None where no one asks)."""
        price = self.prices.get(fate.gateway)
        for line in (self.line(fate.policy, fate.step, fate.gateway, fate.language, day), self.total):
            line.add(fate, price)

    def line(self, policy: str, step: str, gateway: str, language: str, day: date | None) -> Line:
        """Return the line that a reminder like this is counted in."""
        if self.by is By.DAY:
            key = day.isoformat() if day else NONE
        elif self.by is By.TIER:
            key = Tier.BREACH.value if self._is_breach(policy, step) else self.tiers.get((policy, step), "")
        elif self.by is By.STEP:
            # The number of the promise is left out: a line each would be no report.
            key = f"{policy}/{step.partition('.')[0] if self._is_breach(policy, step) else step}"
        else:
            key = {By.POLICY: policy, By.GATEWAY: gateway, By.LANGUAGE: language}[self.by]
        return self.lines.setdefault(key or NONE, Line(key or NONE))

    def _is_breach(self, policy: str, step: str) -> bool:
        return (policy, step.partition(".")[0]) in self._breaches


def make_report(deployment: Deployment, days: Days, by: By, *, paid_within: int | None, at: datetime) -> Report:
    """Return what has become, by the instant `at` (UTC), of the reminders that were planned on these days.

    With `paid_within` (days) the book is read too, once for every account that was texted.
    """
    lines = _Lines(by, deployment.policies, deployment.prices)
    with reading(deployment) as (connection, book_connection):
        for day, since, until in _ranges(days, by):
            for fate in history.fates(connection, since=since, until=until):
                lines.add(fate, day)
        if paid_within is not None:
            _ask_for_payments(connection, book_connection, deployment, days, lines, paid_within, at)
    ordered = sorted(lines.lines.values(), key=lambda line: (line.key == NONE, line.key))
    return Report(days, by, paid_within, tuple(ordered), lines.total)


def _ranges(days: Days, by: By) -> Iterator[tuple[date | None, datetime, datetime]]:
    """Yield the ranges that are asked for one by one: days where they are the heading, else all at once."""
    if by is not By.DAY:
        yield None, days.since, days.until
        return
    for day in days:
        yield day, days.begins(day), days.begins(day + timedelta(days=1))


def _ask_for_payments(
    connection: Connection,
    book_connection: Connection,
    deployment: Deployment,
    days: Days,
    lines: _Lines,
    paid_within: int,
    at: datetime,
) -> None:
    asked = asked_of(
        connection, book_connection, deployment.book, since=days.since, until=days.until, days=paid_within, at=at
    )
    for told, answer in asked:
        day = days.day_of(told.planned_at)
        for line in (lines.line(told.policy, told.step, told.gateway, told.language, day), lines.total):
            line.repaid[answer] += 1
