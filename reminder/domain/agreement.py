"""Agreements: what a customer agreed to pay and when, and whether the book shows that it was paid.

A promise is one amount by one day; while it is open the account is left alone. A plan is several; while it is alive,
reminders follow its dates and amounts and the cycle it was made in is silent. Both are judged by the same rule, and
only ever by what the book shows: time alone neither keeps nor breaks one.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from reminder.domain.account import Account
from reminder.domain.money import Money
from reminder.domain.policy import BreachRule, Step, Tier
from reminder.domain.verdict import Reason
from reminder.errors import DataError

__all__ = [
    "Agreed",
    "Agreement",
    "AgreementKind",
    "AgreementState",
    "Objection",
    "Part",
    "Standing",
    "alive",
    "breach_of",
    "breach_step",
    "even_parts",
    "objection",
    "require_sound",
    "seen_as_agreed",
    "stand",
]

PARTS_MAX = 120
"""The most parts of a plan: ten years of months."""


class AgreementKind(StrEnum):
    """What was agreed."""

    PROMISE = "promise"  #: One amount by one day. Until then the account is left alone.
    PLAN = "plan"  #: Several amounts, each by its day. Reminders follow these days.


class AgreementState(StrEnum):
    """Where an agreement is. Only an open one has any force; the others are its end."""

    OPEN = "open"  #: In force: not all of it is paid, and no part of it is known to be missed.
    KEPT = "kept"  #: The book shows that all of it is paid. The end.
    BROKEN = "broken"  #: The book shows that a part was not paid, its days of grace included. The end.
    CANCELLED = "cancelled"  #: A person took it back. The end.


@dataclass(frozen=True, slots=True)
class Part:
    """One amount that is to be paid until the end of a day, in the zone of the account's policy."""

    day: date
    amount: Money


@dataclass(frozen=True, slots=True)
class Agreement:
    """A promise or a plan, with what was owed (`owed`, of the cycle `due_date`) when it was made.

    What has been paid since is the difference between `owed` and what the book shows now. After the day of a part come
    `grace_days` in which a payment may still be booked; None: a missed part never ends it. A part counts as paid when
    at most `tolerance_percent` of what is due by its day is missing, so that a day's interest breaks no promise.
    """

    kind: AgreementKind
    account_id: str
    customer_id: str
    due_date: date
    owed: Money
    parts: tuple[Part, ...]
    made_at: datetime
    grace_days: int | None = 2
    tolerance_percent: int = 0
    state: AgreementState = AgreementState.OPEN
    note: str = ""
    who: str = ""
    ended_at: datetime | None = None
    ended_why: str = ""
    agreement_id: int = 0

    @property
    def name(self) -> str:
        """What it is called wherever it is spoken of: `promise 17`."""
        return f"{self.kind} {self.agreement_id}"

    @property
    def total(self) -> Money:
        """The sum of its parts."""
        return Money(sum(part.amount.minor for part in self.parts), self.owed.currency)

    def last_day(self, part: Part) -> date | None:
        """Return the last day on which the payment of a part may be booked; None: there is none."""
        return None if self.grace_days is None else part.day + timedelta(days=self.grace_days)

    def first_open(self, paid_minor: int) -> tuple[Part, Money] | None:
        """Return the first part that so much (minor units) does not cover, and what of it is missing; None: none."""
        due = 0
        for part in self.parts:
            due += part.amount.minor
            if paid_minor * 100 < due * (100 - self.tolerance_percent):
                return part, Money(min(due - paid_minor, due), self.owed.currency)
        return None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an agreement stands by what the book shows: its state, why, and the first part that is not paid."""

    state: AgreementState
    why: str
    part: Part | None = None
    missing: Money | None = None


def stand(agreement: Agreement, account: Account, *, today: date, seen_on: date | None) -> Standing:
    """Return where an agreement stands on a day, by the account as the book has it.

    `today` and `seen_on`, the day on which the book's row was refreshed (None: it doesn't say), are days of the
    policy's zone. A part is missed only on the word of a row that was refreshed after its last day. A due date that
    has moved on means that the amount was paid, as everywhere. What can't be read changes nothing.
    """
    if agreement.state in (AgreementState.KEPT, AgreementState.CANCELLED):
        return Standing(agreement.state, agreement.ended_why)
    if account.settled:
        return Standing(AgreementState.KEPT, "nothing is owed any more")
    if account.due_date is not None and account.due_date > agreement.due_date:
        return Standing(AgreementState.KEPT, f"the book has moved on to {account.due_date}")
    amount = account.amount_due
    if amount is None or amount.currency != agreement.owed.currency:
        return Standing(agreement.state, "the book has no amount to compare with", agreement.parts[0])
    open_part = agreement.first_open(agreement.owed.minor - amount.minor)
    if open_part is None:
        return Standing(AgreementState.KEPT, f"{agreement.owed} was owed, now it is {amount}")
    return _unpaid(agreement, *open_part, today=today, seen_on=seen_on)


def _unpaid(agreement: Agreement, part: Part, missing: Money, *, today: date, seen_on: date | None) -> Standing:
    last = agreement.last_day(part)
    if agreement.state is AgreementState.OPEN:
        if last is None or today <= last:
            return Standing(AgreementState.OPEN, f"{missing} by {part.day}", part, missing)
        if seen_on is not None and seen_on <= last:
            why = f"{missing} by {part.day}; the book was last refreshed on {seen_on}, before {last} was over"
            return Standing(AgreementState.OPEN, why, part, missing)
    return Standing(AgreementState.BROKEN, f"{missing} of {part.amount} was not paid by {part.day}", part, missing)


@dataclass(frozen=True, slots=True)
class Agreed:
    """An agreement on an account, where it stands at the moment of a decision, and the step that its breach has.

    `breach` is None where the policy has no step for it, or where a missed part never ends it.
    """

    agreement: Agreement
    standing: Standing
    breach: Step | None = None

    @property
    def broken(self) -> bool:
        """Whether a part of it is missing and its time is over."""
        return self.standing.state is AgreementState.BROKEN

    @property
    def in_force(self) -> bool:
        """Whether it is open on record, and the book does not show that it is over."""
        return self.agreement.state is AgreementState.OPEN and self.standing.state is AgreementState.OPEN

    @property
    def days(self) -> frozenset[date]:
        """The days of a plan's parts, each the due date of a cycle of its own; a promise has no such cycles."""
        is_plan = self.agreement.kind is AgreementKind.PLAN
        return frozenset(part.day for part in self.agreement.parts) if is_plan else frozenset()


def alive(agreed: Iterable[Agreed]) -> Agreed | None:
    """Return the agreement that is in force, if one is; an account has one at most."""
    return next((each for each in agreed if each.in_force), None)


def breach_step(rule: BreachRule | None, agreement: Agreement, standing: Standing, due_date: date) -> Step | None:
    """Return the step that a breach of this agreement has, true for `rule.within` days from the first day after grace.

    Its key has the agreement's number in it, so that each broken one has a step of its own, once.
    """
    part = standing.part or agreement.parts[-1]
    last = agreement.last_day(part)
    if rule is None or last is None:
        return None
    opens = (last - due_date).days + 1
    return Step(
        key=f"{rule.id}.{agreement.agreement_id}",
        id=rule.id,
        number=1,
        opens=opens,
        closes=opens + rule.within - 1,
        tier=Tier.BREACH,
        template=rule.template,
    )


def breach_of(agreed: Iterable[Agreed], step_key: str) -> Agreed | None:
    """Return the agreement whose breach has this step, if one has."""
    return next((each for each in agreed if each.breach is not None and each.breach.key == step_key), None)


@dataclass(frozen=True, slots=True)
class Objection:
    """Why what was agreed speaks against a reminder; unless `final`, that may end while its step is still true."""

    reason: Reason
    detail: str
    final: bool = False


def objection(agreed: Sequence[Agreed], *, step_key: str, due_date: date, dpd: int) -> Objection | None:
    """Return what speaks against a reminder of this step and cycle, on its day past due; None: nothing.

    What is in force silences all but the reminders that a plan wants itself. The step of a breach must be true still,
    and while it is, on its days, it stands in place of the policy's own steps: an account deserves one at most.
    """
    force, breach = alive(agreed), breach_of(agreed, step_key)
    if force is not None and not (breach is None and due_date in force.days):
        return Objection(Reason.HOLD, f"{force.agreement.name} is open: {force.standing.why}")
    if breach is not None:
        return None if breach.broken else _mended(breach)
    for each in agreed:
        if each.broken and each.breach is not None and each.breach.opens <= dpd <= each.breach.closes:
            detail = f"{each.agreement.name} is broken: {each.breach.key} is deserved on these days"
            return Objection(Reason.HOLD, detail)
    return None


def _mended(breach: Agreed) -> Objection:
    state = breach.standing.state
    detail = f"{breach.agreement.name} is {state}: {breach.standing.why}"
    if state is AgreementState.OPEN:
        return Objection(Reason.HOLD, detail)
    return Objection(Reason.PAID if state is AgreementState.KEPT else Reason.OPERATOR, detail, final=True)


def seen_as_agreed(account: Account, agreed: Sequence[Agreed], due_date: date) -> Account:
    """Return the account as a reminder of this cycle sees it.

    Where a plan is alive and the cycle is one of its parts: with the day of the part that is open now as its due date,
    and what of that part is missing as its amount. Otherwise: as it is.
    """
    plan = alive(agreed)
    if plan is None or due_date not in plan.days or plan.standing.part is None or plan.standing.missing is None:
        return account
    return replace(account, due_date=plan.standing.part.day, amount_due=plan.standing.missing)


def even_parts(owed: Money, first: date, months: int) -> tuple[Part, ...]:
    """Return an amount in so many monthly parts (at least one) from a day on, alike but for the last: it has the rest.

    A day that a month doesn't have is its last one.
    """
    each = owed.minor // months
    parts = [Part(_months_later(first, number), Money(each, owed.currency)) for number in range(months - 1)]
    rest = Money(owed.minor - each * (months - 1), owed.currency)
    return (*parts, Part(_months_later(first, months - 1), rest))


def _months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def require_sound(agreement: Agreement, today: date) -> None:
    """Return when an agreement can be kept; raise DataError, saying what to change, when it can't."""
    parts = agreement.parts
    if not 1 <= len(parts) <= PARTS_MAX:
        raise DataError(f"expected 1 to {PARTS_MAX} amounts to be paid, found {len(parts)}")
    if parts[0].day < today:
        raise DataError(f"expected a day from {today} on, found {parts[0].day}: what is agreed lies ahead")
    for before, part in pairwise(parts):
        if part.day <= before.day:
            raise DataError(f"expected days in order, each once, found {part.day} after {before.day}: sort them")
    for part in parts:
        if part.amount.currency != agreement.owed.currency or part.amount.minor <= 0:
            raise DataError(f"expected an amount of {agreement.owed.currency} above zero, found {part.amount}")
    if agreement.total.minor > agreement.owed.minor:
        raise DataError(f"expected at most what is owed, {agreement.owed}, found {agreement.total} in all: lower it")
