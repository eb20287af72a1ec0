"""Where the agreements on an account stand at an instant, and which one step the account deserves because of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from reminder.domain.account import Account
from reminder.domain.agreement import Agreed, Agreement, AgreementKind, alive, breach_step, stand
from reminder.domain.policy import Policy, Step

__all__ = ["Deserved", "agreed_on", "deserved"]


def agreed_on(found: Iterable[Agreement], account: Account, policy: Policy, at: datetime) -> tuple[Agreed, ...]:
    """Return where each of an account's agreements stands at the instant `at`, by the account as the book has it."""
    if account.due_date is None:
        return ()
    today = policy.today(at)
    seen_on = account.loaded_at.astimezone(ZoneInfo(policy.timezone)).date() if account.loaded_at else None
    agreed = []
    for agreement in found:
        standing = stand(agreement, account, today=today, seen_on=seen_on)
        rule = policy.broken_promise if agreement.kind is AgreementKind.PROMISE else policy.broken_plan
        agreed.append(Agreed(agreement, standing, breach_step(rule, agreement, standing, account.due_date)))
    return tuple(agreed)


@dataclass(frozen=True, slots=True)
class Deserved:
    """The step that an account deserves on a day, and the cycle that it is of: of the book, or of a plan."""

    step: Step
    due_date: date


def deserved(agreed: Sequence[Agreed], account: Account, policy: Policy, at: datetime) -> Deserved | None:
    """Return the one step that an account deserves at the instant `at`, what was agreed included; None: none.

    A plan in force has its own day counted from, and a breach puts its step before the policy's own. What keeps the
    step from being sent, such as an open promise, is for the decision to say.
    """
    if account.due_date is None:
        return None
    force = alive(agreed)
    part = force.standing.part if force is not None and force.days else None
    if part is not None:
        step = policy.step_on(policy.dpd(part.day, at))
        return Deserved(step, part.day) if step else None
    dpd = policy.dpd(account.due_date, at)
    breaches = [each.breach for each in agreed if each.broken and each.breach is not None and force is None]
    step = next((one for one in breaches if one.opens <= dpd <= one.closes), None) or policy.step_on(dpd)
    return Deserved(step, account.due_date) if step else None
