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
from reminder.domain.window import ContactWindow

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


@dataclass(frozen=True)
class Policy:
    """The rules for one kind of account. `version` is a short hash of the file it came from.

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
    window: ContactWindow
    caps: tuple[Cap, ...]
    route: tuple[str, ...]
    steps: tuple[Step, ...]
    consolidated: str | None = None
    version: str = ""
    broken: str = ""

    @cached_property
    def windows(self) -> tuple[ContactWindow, ...]:
        """Every window a text must fit into: the profile's, which is the floor, and the policy's own."""
        return (*self.profile.windows, self.window)

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
        midnight = datetime.combine(due_date + timedelta(days=step.closes + 1), time(), ZoneInfo(self.timezone))
        return midnight.astimezone(ZoneInfo("UTC"))
