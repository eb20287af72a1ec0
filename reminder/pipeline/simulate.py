"""Simulating: the whole way, day by day on a clock of its own, on a copy of our tables; nothing is written or sent.

Plan, decide, compose and dispatch are those of live runs (law 1), so the first pass is what a preview of that instant
lists. The book is read as it is now; what is assumed of the days to come is said here: providers take everything, the
book is refreshed as regularly as today, nobody new comes, and customers pay as `Payments` says.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from hashlib import sha256
from itertools import count
from math import log
from typing import ClassVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel
from sqlalchemy import Connection

from reminder.book.book import Book
from reminder.domain.account import Account
from reminder.domain.caps import horizon
from reminder.domain.lifecycle import State
from reminder.domain.message import Accepted, Message, Outcome
from reminder.domain.policy import Policy
from reminder.domain.slots import slot_instant
from reminder.gateways.base import Gateway
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.dispatch import dispatch
from reminder.pipeline.plan import plan
from reminder.store import trial

__all__ = ["DAYS_MAX", "NOBODY_PAYS", "Day", "Payments", "Schedule", "Sums", "simulate"]

DAYS_MAX = 366
"""The most days that are simulated: what is known today says little about a year later."""

RECHECK_MINUTES = 120
"""When a silence that may end is asked again: that a hold has ended is seen two hours later at most."""

GRAIN = timedelta(minutes=5)
"""Texts whose time comes within so long of each other are sent together."""


@dataclass(frozen=True, slots=True)
class Payments:
    """How customers are assumed to pay: `daily_percent` of those who owe pay each day, drawn by `seed`; 0 is nobody."""

    daily_percent: float = 0.0
    seed: int = 0

    def paid(self, account: Account, days: int) -> bool:
        """Return whether an account is paid after so many days: always the same answer for the same seed."""
        if self.daily_percent <= 0 or days <= 0:
            return False
        drawn = sha256(f"{self.seed}\0{account.account_id}\0{account.due_date}".encode()).digest()
        luck = (int.from_bytes(drawn[:7], "big") + 1) / (256**7 + 1)
        return self.daily_percent >= 100 or log(luck) / log(1 - self.daily_percent / 100) <= days


NOBODY_PAYS = Payments()


@dataclass(frozen=True, slots=True)
class Schedule:
    """When it is planned: at `plan_at` on the clock of `timezone`, whose days are counted."""

    timezone: str
    plan_at: tuple[time, ...]


@dataclass
class Sums:
    """Texts, their segments and what they cost, by currency in major units."""

    texts: int = 0
    segments: int = 0
    cost: dict[str, Decimal] = field(default_factory=dict)

    def add(self, segments: int, price: tuple[Decimal, str] | None) -> None:
        """Count one text."""
        self.texts += 1
        self.segments += segments
        if price is not None:
            amount, currency = price
            self.cost[currency] = self.cost.get(currency, Decimal(0)) + amount * segments


@dataclass
class Day:
    """One simulated day. `by` has texts by heading (`policy`, `step`, `tier`) and key; `silent` by reason."""

    day: date
    total: Sums = field(default_factory=Sums)
    by: dict[str, dict[str, Sums]] = field(default_factory=lambda: {"policy": {}, "step": {}, "tier": {}})
    silent: Counter[str] = field(default_factory=Counter)
    planned: int = 0
    hand_overs: int = 0


class _TakesAll:
    """A gateway's place holder: counts as the real one does, and takes everything."""

    Options: ClassVar[type[BaseModel]] = BaseModel
    stands_in: ClassVar[bool] = False

    def __init__(self, real: Gateway) -> None:
        self.name, self.counting = real.name, real.counting

    async def send(self, message: Message) -> Outcome:
        """Take the text."""
        return Accepted(message.reference)

    async def close(self) -> None:
        """Do nothing."""


class _StandsIn(_TakesAll):
    """The place holder of one that only shows texts."""

    stands_in: ClassVar[bool] = True


class _BookToCome(Book):
    """The book as it may be in some days: who has paid by then is settled, and its rows are as fresh as today."""

    def __init__(self, book: Book, payments: Payments, clock: _Clock) -> None:
        super().__init__(book.engine, book.mapping, same_database=False)
        self._payments, self._clock = payments, clock

    def read(self, connection: Connection, account_ids: Sequence[str]) -> dict[str, list[Account]]:
        """Return the accounts as they are assumed to be now."""
        found = super().read(connection, account_ids)
        return {key: [self._to_come(account) for account in accounts] for key, accounts in found.items()}

    def _to_come(self, account: Account) -> Account:
        passed = self._clock.now() - self._clock.begin
        loaded_at = account.loaded_at + passed if account.loaded_at is not None else None
        return replace(account, loaded_at=loaded_at, closed=account.closed or self._payments.paid(account, passed.days))


class _Clock:
    """The clock of a simulation, which is set by hand."""

    def __init__(self, begin: datetime) -> None:
        self.begin = self.at = begin

    def now(self) -> datetime:
        """Return the simulated instant (UTC)."""
        return self.at


def simulate(
    deployment: Deployment, schedule: Schedule, begin: datetime, days: int, payments: Payments = NOBODY_PAYS
) -> Iterator[Day]:
    """Yield the days from the instant `begin` (aware) on, each when it is over; `days` is how many, DAYS_MAX at most.

    The first pass is made at `begin`, the others at the slots of the schedule. Our tables and the book are only read.
    """
    begin = begin.astimezone(UTC)
    clock, names = _Clock(begin), count(1)
    reach = horizon(cap for policy in deployment.policies for cap in policy.caps)
    with trial.trial_database(
        deployment.engine, due_since=_first_due(deployment.policies, begin), texts_since=begin - reach
    ) as engine:
        trying = replace(
            deployment,
            engine=engine,
            book=_BookToCome(deployment.book, payments, clock),
            gateways={name: _place_holder(gateway) for name, gateway in deployment.gateways.items()},
            rates={},
            limits=replace(deployment.limits, recheck_minutes=RECHECK_MINUTES),
            clock=clock.now,
            new_reference=lambda: f"{trial.REFERENCES}{next(names)}",
            jitter=lambda: 0.0,
        )
        zone = ZoneInfo(schedule.timezone)
        for offset in range(min(days, DAYS_MAX)):
            today = begin.astimezone(zone).date() + timedelta(days=offset)
            yield _live(trying, schedule, clock, today, first=offset == 0)


def _place_holder(gateway: Gateway) -> Gateway:
    return _StandsIn(gateway) if gateway.stands_in else _TakesAll(gateway)


def _first_due(policies: Sequence[Policy], at: datetime) -> date:
    """Return the earliest due date whose reminders may still matter."""
    last = max((step.closes for policy in policies for step in policy.steps), default=0)
    return at.date() - timedelta(days=last + 2)


def _live(deployment: Deployment, schedule: Schedule, clock: _Clock, today: date, *, first: bool) -> Day:
    """Let one day pass, from the clock's instant or the day's first slot to midnight; return what happened in it."""
    since = clock.at if first else _midnight(schedule, today)
    until = _midnight(schedule, today + timedelta(days=1))
    slots = {slot_instant(schedule.timezone, today, wall) for wall in schedule.plan_at}
    waiting = sorted(slot for slot in slots if slot > since)
    day, at = Day(today), since
    if first:
        waiting.insert(0, since)
    while True:
        at = min((moment for moment in (*waiting[:1], _next_wait(deployment, at)) if moment is not None), default=until)
        if at >= until:
            break
        clock.at = at
        if waiting and at == waiting[0]:
            waiting.pop(0)
            day.planned += plan(deployment, at).planned
        report = asyncio.run(dispatch(deployment))
        day.hand_overs += report.states[State.HANDED_OVER]
    _count(deployment, day, since, until)
    return day


def _midnight(schedule: Schedule, day: date) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(schedule.timezone)).astimezone(UTC)


def _next_wait(deployment: Deployment, at: datetime) -> datetime | None:
    """Return when somebody's time comes next; those whose times lie close together are sent at once."""
    with deployment.engine.connect() as connection:
        found = trial.waiting_until(connection, at)
    return None if found is None else max(found, at + GRAIN)


def _count(deployment: Deployment, day: Day, since: datetime, until: datetime) -> None:
    policies = {policy.name: policy for policy in deployment.policies}
    with deployment.engine.connect() as connection:
        for policy, step, gateway, segments in trial.texts(connection, since=since, until=until):
            known = deployment.prices.get(gateway)
            price = (known.per_segment, known.currency) if known else None
            tier = policies[policy].tier_of_key(step) if policy in policies else None
            keys = {"policy": policy, "step": f"{policy}/{step}", "tier": tier.value if tier else ""}
            day.total.add(segments, price)
            for heading, key in keys.items():
                day.by[heading].setdefault(key, Sums()).add(segments, price)
        for (_, reason), reminders in trial.silences(connection, since=since, until=until).items():
            day.silent[reason] += reminders
