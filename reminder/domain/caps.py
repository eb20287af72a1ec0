"""Caps: how often somebody may be contacted, over all accounts and policies.

A cap says whose contacts it counts (`CapScope`), within what (`CapPeriod`), on whose calendar, and what makes a contact
count (`Counts`). Contacts arrive by whom they concern (`Key`); a text that is about to be made is an `Aim`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

__all__ = [
    "CUSTOMERS_ZONE",
    "Aim",
    "Cap",
    "CapPeriod",
    "CapScope",
    "Contact",
    "Contacts",
    "Counts",
    "Key",
    "horizon",
    "next_free",
]

UTC = ZoneInfo("UTC")

CUSTOMERS_ZONE = "customer"
"""In place of a zone: the calendar of wherever the customer may be, every plausible place (law 8)."""


class CapPeriod(StrEnum):
    """What a cap counts within. Calendar periods are those of the cap's zone, or else of the policy's."""

    DAY = "day"  #: A calendar day.
    WEEK = "week"  #: A calendar week, Monday to Sunday.
    MONTH = "month"  #: A calendar month.
    ROLLING = "rolling"  #: The last n × 24 hours.


class CapScope(StrEnum):
    """Whose contacts a cap counts."""

    CUSTOMER = "customer"  #: The customer, over all accounts.
    ACCOUNT = "account"  #: Each account that the text speaks of.
    CLAIM = "claim"  #: Each debt that the text speaks of; an account is one, unless the book says it is part of one.
    NUMBER = "number"  #: The phone number, whoever uses it.
    NUMBER_AND_TEMPLATE = "number and template"  #: Texts of one template to the phone number.


class Counts(StrEnum):
    """What makes a contact count, the widest first: each counts all that the next one does."""

    ATTEMPTS = "attempts"  #: Every call to a gateway, also one that it refused.
    ACCEPTED = "accepted"  #: What a gateway took or may have taken.
    DELIVERED = "delivered"  #: What arrived or may yet arrive: all but those a receipt says were lost.


_WIDTH = {Counts.ATTEMPTS: 0, Counts.ACCEPTED: 1, Counts.DELIVERED: 2}

Key = tuple[CapScope, str]
"""Whom a contact concerns: a scope (customer, account, claim or number) and the key or number in it."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A text that was made or is being made. `reached` is the narrowest way of counting that still counts it."""

    at: datetime
    reached: Counts = Counts.DELIVERED
    template: str = ""
    channel: str = "sms"
    notice: bool = False


Contacts = Mapping[Key, Sequence[Contact]]
"""Contacts by whom they concern; one that concerns several is under each."""


@dataclass(frozen=True, slots=True)
class Aim:
    """A text about to be made: whom it is for and what it speaks of. `number` is E.164.

    `notice` says that the law demands it of the lender. `zones` are those in which the customer may be.
    """

    customer_id: str
    number: str
    account_ids: tuple[str, ...]
    claim_ids: tuple[str, ...]
    template: str
    channel: str = "sms"
    notice: bool = False
    zones: frozenset[str] = frozenset()

    def keys(self, scope: CapScope) -> tuple[Key, ...]:
        """Return whom a cap of this scope asks about."""
        if scope is CapScope.CUSTOMER:
            return ((scope, self.customer_id),)
        if scope is CapScope.ACCOUNT:
            return tuple((scope, key) for key in self.account_ids)
        if scope is CapScope.CLAIM:
            return tuple((scope, key) for key in self.claim_ids)
        return ((CapScope.NUMBER, self.number),)

    def concerns(self, scopes: Iterable[CapScope]) -> tuple[Key, ...]:
        """Return everybody and everything, of these scopes, that it concerns."""
        return tuple(key for scope in scopes for key in self.keys(scope))

    def made(self, at: datetime) -> Contact:
        """Return it as the contact it becomes at an instant."""
        return Contact(at, Counts.DELIVERED, self.template, self.channel, self.notice)


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `max` contacts per period, counted by `scope`; `days` is the length of a rolling period.

    `channels` are those it is about, every one if empty. `zone` is whose calendar it counts in: a zone,
    CUSTOMERS_ZONE, or None for the policy's. With `exempts_notices` it neither counts nor stops what the law demands
    to be sent. `source` names the rule, for `explain`; two caps that count the same are equal.
    """

    max: int
    period: CapPeriod
    days: int = 1
    source: str = field(default="policy", compare=False)
    scope: CapScope = CapScope.CUSTOMER
    counts: Counts = Counts.ACCEPTED
    channels: frozenset[str] = frozenset()
    zone: str | None = None
    exempts_notices: bool = False

    def __str__(self) -> str:
        """Return the cap as people say it: `3 per 7 days for a customer`."""
        days = f"{self.days} {'day' if self.days == 1 else 'days'}"
        said = [f"{self.max} per {days if self.period is CapPeriod.ROLLING else self.period}"]
        said.append(f"for {'an' if self.scope is CapScope.ACCOUNT else 'a'} {self.scope}")
        if self.zone is not None and self.period is not CapPeriod.ROLLING:
            said.append(f"in {'the customer’s zone' if self.zone == CUSTOMERS_ZONE else self.zone}")
        if self.counts is not Counts.ACCEPTED:
            said.append(f"counting {'what was delivered' if self.counts is Counts.DELIVERED else 'every attempt'}")
        if self.channels:
            said.append(f"by {' and '.join(sorted(self.channels))}")
        if self.exempts_notices:
            said.append("besides required notices")
        return " ".join(said)

    def binds(self, aim: Aim) -> bool:
        """Return whether it is about such a text at all."""
        return not (self.channels and aim.channel not in self.channels) and not (self.exempts_notices and aim.notice)

    def counted(self, contacts: Iterable[Contact], aim: Aim) -> list[datetime]:
        """Return the instants, in order, of those contacts that are of its kind, whenever they were."""
        return sorted(contact.at for contact in contacts if self._is_of_its_kind(contact, aim))

    def _is_of_its_kind(self, contact: Contact, aim: Aim) -> bool:
        return (
            _WIDTH[contact.reached] >= _WIDTH[self.counts]
            and not (self.channels and contact.channel not in self.channels)
            and not (self.exempts_notices and contact.notice)
            and (self.scope is not CapScope.NUMBER_AND_TEMPLATE or contact.template == aim.template)
        )

    def clocks(self, policy_zone: str, zones: frozenset[str]) -> tuple[str, ...]:
        """Return the zones in each of whose calendars it holds. Where the customer's are not known, the policy's."""
        if self.period is CapPeriod.ROLLING or self.zone is None:
            return (policy_zone,)
        if self.zone == CUSTOMERS_ZONE:
            return tuple(sorted(zones)) or (policy_zone,)
        return (self.zone,)

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

    def room_at(self, made: Sequence[datetime], at: datetime, zone: str) -> datetime | None:
        """Return when one contact more fits on this calendar, or None when it does now. `made` are in order."""
        if len(made) < self.max:
            return None
        begin = self.start(at, zone)
        within = [contact for contact in made if contact >= begin]
        if len(within) < self.max:
            return None
        return self.frees_at(within[-self.max], zone) if self.max else datetime.max.replace(tzinfo=UTC)


def _calendar_start(period: CapPeriod, at: datetime, zone: str) -> datetime:
    day = at.astimezone(ZoneInfo(zone)).date()
    if period is CapPeriod.WEEK:
        day -= timedelta(days=day.weekday())
    if period is CapPeriod.MONTH:
        day = day.replace(day=1)
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def next_free(
    caps: Iterable[Cap], contacts: Contacts, aim: Aim, at: datetime, zone: str
) -> tuple[datetime, Cap] | None:
    """Return when the tightest exhausted cap lets go and which it is, or None when the text fits now.

    `contacts` are those made or being made with all whom the text concerns; `zone` is the policy's.
    """
    blocked: tuple[datetime, Cap] | None = None
    for cap in caps:
        if not cap.binds(aim):
            continue
        for key in aim.keys(cap.scope):
            met = contacts.get(key, ())
            if len(met) < cap.max:
                continue  # There is room whichever of them count.
            made = cap.counted(met, aim)
            for clock in cap.clocks(zone, aim.zones):
                free = cap.room_at(made, at, clock)
                if free is not None and (blocked is None or free > blocked[0]):
                    blocked = (free, cap)
    return blocked


def horizon(caps: Iterable[Cap]) -> timedelta:
    """Return how far back contacts must be known to judge these caps."""
    reach = {CapPeriod.DAY: 2, CapPeriod.WEEK: 8, CapPeriod.MONTH: 32}
    return timedelta(days=max((reach.get(cap.period, cap.days) for cap in caps), default=1) + 1)
