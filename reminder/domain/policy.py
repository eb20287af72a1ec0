"""A policy: which accounts it is for, and which step an account deserves on which day.

Steps arrive here already expanded: `every`/`times` have become one `Step` per occurrence, and each knows the days in
which it is true, so that on any day an account deserves at most one (DESIGN §5).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

from reminder.domain.caps import Cap
from reminder.domain.profile import Profile
from reminder.domain.selector import Selector
from reminder.domain.window import OPENS_WITHIN_DAYS, Hours, Span, opening

__all__ = ["Action", "Policy", "Step", "Tier", "tier_of"]


class Tier(StrEnum):
    """How far an account is from its due date."""

    PRE_DUE = "pre_due"  #: Not due yet (DPD < 0).
    GRACE = "grace"  #: Due today or within the days of grace (0 ≤ DPD ≤ grace_days).
    ESCALATION = "escalation"  #: Overdue (DPD > grace_days).


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
    the bare id, so that making a step repeat does not send it again. `number` counts occurrences from 1.
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

    @property
    def leg(self) -> str:
        """The channel this step uses: `sms`, or `event` for a step that sends nothing."""
        return "sms" if self.action is Action.TEXT else "event"


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

    @cached_property
    def _own(self) -> tuple[Hours, ...]:
        return (self.window,) if self.window is not None else ()

    @cached_property
    def layers(self) -> tuple[Hours, ...]:
        """Every layer of hours: the profile's, which are the floor, and the policy's own."""
        return (*(rule.hours for rule in self.profile.rules if rule.hours is not None), *self._own)

    @cached_property
    def lasting_layers(self) -> tuple[Hours, ...]:
        """The layers that bind on every day past due."""
        return (*(rule.hours for rule in self.profile.rules if rule.hours is not None and rule.lasting), *self._own)

    def layers_on(self, dpd: int) -> tuple[Hours, ...]:
        """Return the layers that bind an account so many days past due."""
        return (*self.profile.layers_on(dpd), *self._own) if self.profile.turns else self.layers

    def opening(self, zones: frozenset[str], due_date: date, at: datetime) -> Span | None:
        """Return the span that contains `at` or else the next one in which an account due then may be contacted.

        As `reminder.domain.window.opening`, of the layers that bind on each day: a span ends where other layers begin.
        """
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

    @cached_property
    def _by_key(self) -> dict[str, Step]:
        return {step.key: step for step in self.steps}

    def step(self, key: str) -> Step | None:
        """Return the step with this key, or None when the policy no longer has it."""
        return self._by_key.get(key)

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
