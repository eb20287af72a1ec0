"""A policy: which accounts it is for, and which step an account deserves on which day.

Steps arrive here already expanded: `every`/`times` have become one `Step` per occurrence, and each knows the days in
which it is true, so that on any day an account deserves at most one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

from reminder.domain.account import Account
from reminder.domain.caps import Cap
from reminder.domain.places import Places
from reminder.domain.profile import Profile, combined
from reminder.domain.selector import Selector
from reminder.domain.window import OPENS_WITHIN_DAYS, Hours, Span, opening

__all__ = ["Action", "BreachRule", "Policy", "Step", "Tier", "tier_of"]

OPENINGS_CACHE_MAX = 4_096


class Tier(StrEnum):
    """How far an account is from its due date."""

    PRE_DUE = "pre_due"  #: Not due yet (DPD < 0).
    GRACE = "grace"  #: Due today or within the days of grace (0 ≤ DPD ≤ grace_days).
    ESCALATION = "escalation"  #: Overdue (DPD > grace_days).
    BREACH = "breach"  #: What was agreed was not paid: the step of a breach, whatever the days past due.


class Action(StrEnum):
    """What a step does when it is deserved."""

    TEXT = "text"  #: Sends a text.
    HAND_OVER = "hand_over"  #: Writes an event that another system, such as collections, picks up; sends nothing.


def tier_of(dpd: int, grace_days: int) -> Tier:
    """Return the tier of an account `dpd` whole days past its due date (negative before it)."""
    if dpd < 0:
        return Tier.PRE_DUE
    return Tier.GRACE if dpd <= grace_days else Tier.ESCALATION


@dataclass(frozen=True, slots=True)
class Step:
    """One rung: true while `opens <= DPD <= closes` (both in whole days).

    `key` is its identity in the outbox: the id, and for a repeated step `id.2`, `id.3` …; the first occurrence keeps
    the bare id, so that making a step repeat does not send it again. `number` counts occurrences from 1. `notice` says
    that the law demands this text of the lender.
    """

    key: str
    id: str
    number: int
    opens: int
    closes: int
    tier: Tier
    action: Action = Action.TEXT
    template: str = ""
    when: str | None = None
    to: str | None = None
    notice: bool = False

    @property
    def leg(self) -> str:
        """The channel this step uses: `sms`, or `event` for a step that sends nothing."""
        return "sms" if self.action is Action.TEXT else "event"


@dataclass(frozen=True, slots=True)
class BreachRule:
    """What a broken promise or plan deserves: a step of its own, once, true for `within` days after its grace."""

    id: str
    template: str
    within: int


@lru_cache(maxsize=65536)
def _local_date(at: datetime, zone: str) -> date:
    return at.astimezone(ZoneInfo(zone)).date()


@lru_cache(maxsize=65536)
def _midnight(day: date, later: int, zone: str) -> datetime:
    midnight = datetime.combine(day + timedelta(days=later), time(), ZoneInfo(zone))
    return midnight.astimezone(ZoneInfo("UTC"))


@dataclass(frozen=True)
class Policy:
    """The rules for one kind of account. `version` is a short hash of the file it came from.

    `window` is the policy's own, None where it leaves hours to its profile; `caps` are the profile's and its own.
    `route` names gateways in the order they are tried for a text. `consolidated` is the folder of the templates that
    list several accounts of one customer, or None where each account gets its own text. `broken` says what is wrong
    with the file, where it can't be used: such a policy has no steps, and keeps its accounts from every other one.
    `consent` asks for a consent on record where the profile doesn't.
    `broken_promise` and `broken_plan` are the steps of breaches, None where they have none. With `places` the profile
    is that of each account's place, and the one here is all of them together: the strictest.
    """

    name: str
    description: str
    priority: int
    selector: Selector
    profile: Profile
    timezone: str
    grace_days: int
    window: Hours | None
    caps: tuple[Cap, ...]
    route: tuple[str, ...]
    steps: tuple[Step, ...]
    consolidated: str | None = None
    version: str = ""
    broken: str = ""
    consent: bool = False
    broken_promise: BreachRule | None = None
    broken_plan: BreachRule | None = None
    places: Places | None = None

    def where(self, account: Account, region: str | None) -> Policy:
        """Return the policy as it binds for one account, by where it may be; `region` is the country of its number.

        The same places give the same object, so that policies can be told apart by identity.
        """
        if self.places is None:
            return self
        names = self.places.binding(account, region)
        if names not in self._by_place:
            profile = combined([self.places.profiles[name] for name in names])
            caps = tuple(dict.fromkeys((*profile.caps, *self.places.caps)))
            self._by_place[names] = replace(self, profile=profile, caps=caps, places=None)
        return self._by_place[names]

    @cached_property
    def _by_place(self) -> dict[tuple[str, ...], Policy]:
        return {}

    @cached_property
    def _own(self) -> tuple[Hours, ...]:
        return (self.window,) if self.window is not None else ()

    @cached_property
    def layers(self) -> tuple[Hours, ...]:
        """Every layer of hours: the profile's, which are the floor, and the policy's own."""
        return (*(rule.hours for rule in self.profile.rules if rule.hours is not None), *self._own)

    @cached_property
    def lasting_layers(self) -> tuple[Hours, ...]:
        """The layers that bind on every day past due, and wherever the customer is."""
        if self.places is not None:
            return self._own
        return (*(rule.hours for rule in self.profile.rules if rule.hours is not None and rule.lasting), *self._own)

    def layers_on(self, dpd: int) -> tuple[Hours, ...]:
        """Return the layers that bind an account so many days past due."""
        return (*self.profile.layers_on(dpd), *self._own) if self.profile.turns else self.layers

    def opening(self, zones: frozenset[str], due_date: date, at: datetime) -> Span | None:
        """Return the span that contains `at` or else the next one in which an account due then may be contacted.

        As `reminder.domain.window.opening`, of the layers that bind on each day: a span ends where other layers begin.
        """
        return self._openings(zones, due_date, at)

    @cached_property
    def _openings(self) -> Callable[[frozenset[str], date, datetime], Span | None]:
        """What was found already: at one instant, all accounts that are due on a day in the same zones ask the same."""
        return lru_cache(maxsize=OPENINGS_CACHE_MAX)(self._opening)

    def _opening(self, zones: frozenset[str], due_date: date, at: datetime) -> Span | None:
        begin, dpd = at, self.dpd(due_date, at)
        for turn in (*(turn for turn in self.profile.turns if turn > dpd), None):
            until = self._midnight(due_date, turn) if turn is not None else None
            span = opening(self.layers_on(dpd), zones, begin)
            if span is not None and (until is None or span.start < until):
                start = span.start if begin == at else max(span.start, begin)
                return Span(start, span.end if until is None else min(span.end, until))
            if turn is None or until is None or until > at + timedelta(days=OPENS_WITHIN_DAYS):
                return None
            begin, dpd = until, turn
        return None

    @property
    def breaches(self) -> tuple[BreachRule, ...]:
        """What broken promises and broken plans deserve, where they deserve anything."""
        return tuple(rule for rule in (self.broken_promise, self.broken_plan) if rule is not None)

    @cached_property
    def may_want_consent(self) -> bool:
        """Whether some account of it needs a consent on record before a text."""
        return self.consent or any(rule.consent for rule in self.profile.rules)

    def consent_wanted_by(self, dpd: int) -> tuple[str, ...]:
        """Return who wants a consent on record for an account so many days past due: sources of rules, or us."""
        return (*self.profile.consent_sources(dpd), *(("the policy",) if self.consent else ()))

    @cached_property
    def _by_key(self) -> dict[str, Step]:
        return {step.key: step for step in self.steps}

    def step(self, key: str) -> Step | None:
        """Return the step with this key, or None when the policy no longer has it."""
        return self._by_key.get(key)

    def tier_of_key(self, key: str) -> Tier | None:
        """Return the tier of the step with this key, that of a breach included; None where there is no such step."""
        step = self.step(key)
        if step is None and any(key.startswith(f"{rule.id}.") for rule in self.breaches):
            return Tier.BREACH
        return step.tier if step is not None else None

    def step_on(self, dpd: int) -> Step | None:
        """Return the one step that an account this many days past due deserves, or None."""
        return next((step for step in self.steps if step.opens <= dpd <= step.closes), None)

    def today(self, at: datetime) -> date:
        """Return the calendar day that the policy's zone has at the instant `at` (aware)."""
        return _local_date(at, self.timezone)

    def dpd(self, due_date: date, at: datetime) -> int:
        """Return whole calendar days past due in the policy's zone; negative before the due date."""
        return (self.today(at) - due_date).days

    def closes_at(self, step: Step, due_date: date) -> datetime:
        """Return the instant (UTC) at which this step stops being true: midnight after its last day."""
        return self._midnight(due_date, step.closes + 1)

    def _midnight(self, due_date: date, dpd: int) -> datetime:
        """Return the instant (UTC) at which a day past due begins in the policy's zone."""
        return _midnight(due_date, dpd, self.timezone)
