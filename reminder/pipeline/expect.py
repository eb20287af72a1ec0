"""Expecting: whether the policies do what is written down as expected of them. No book, no database, nothing is sent.

The question is put to the one decision (law 1), about an account with no history: nothing was sent to it, nothing holds
it, and every gateway works.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from reminder.config.expectations import Expectation
from reminder.domain.case import Case
from reminder.domain.decide import decide
from reminder.domain.policy import Policy, Step
from reminder.domain.reminder import Reminder
from reminder.domain.verdict import Send
from reminder.errors import Problem
from reminder.message.expression import Condition
from reminder.pipeline.facts import condition_of, phone_of, policy_for

__all__ = ["unmet"]


def unmet(
    expectations: Iterable[Expectation],
    policies: Sequence[Policy],
    conditions: Mapping[str, Condition],
    region: str | None,
) -> Iterator[Problem]:
    """Yield each expectation that these policies don't meet, at its place, with what they do instead.

    `policies` are in the order in which an account tries them; `region` (ISO 3166) is where numbers without a country
    code are read.
    """
    for each in expectations:
        found = _contradiction(each, policies, conditions, region)
        if found:
            yield each.problem(f"{_expected(each)}, found {found}")


def _expected(each: Expectation) -> str:
    what = f"`{each.step}`" if each.step is not None else "no step"
    whose = f" of {each.policy}" if each.policy is not None else ""
    why = f", not done: {each.reason}" if each.reason is not None else ""
    return f"expected {what}{whose} on day {each.dpd} at {each.clock:%H:%M}{why}"


def _contradiction(
    each: Expectation, policies: Sequence[Policy], conditions: Mapping[str, Condition], region: str | None
) -> str:
    """Return what the policies do otherwise, in words; "" where they do as expected."""
    account = each.account
    phone, problem = phone_of(account, region)
    policy = policy_for(policies, account)
    if policy is None:
        return "" if each.step is None and each.policy is None else "that no policy is for this account"
    policy = policy.where(account, phone.region if phone else None)
    if policy.broken:
        return f"that policy {policy.name} can't be read: {policy.broken}"
    if each.policy not in (None, policy.name):
        return f"that {policy.name} is for this account"
    step = policy.step_on(each.dpd)
    if step is None or step.key != each.step:
        found = f"`{step.key}`" if step else "no step" if each.step is not None else ""
        return f"{found} of {policy.name}" if found else ""
    reminder, at = _reminder(each, policy, step)
    condition = condition_of(conditions, step, account)
    case = Case(reminder, (account,), policy, phone=phone, phone_problem=problem, condition=condition)
    verdict = decide(case, at).verdict
    if isinstance(verdict, Send):
        return "that it is done" if each.reason is not None else ""
    return "" if verdict.reason is each.reason else f"that it is not: {verdict.reason}: {verdict.detail}"


def _reminder(each: Expectation, policy: Policy, step: Step) -> tuple[Reminder, datetime]:
    """Return what a plan would have made of the step, and the instant (UTC) at which it is asked about."""
    day = each.due_date + timedelta(days=each.dpd)
    at = datetime.combine(day, each.clock, ZoneInfo(policy.timezone)).astimezone(UTC)
    reminder = Reminder(
        each.account.account_id, each.account.customer_id, each.due_date, policy.name, step.key, step.leg,
        not_before=at, expires_at=policy.closes_at(step, each.due_date),
    )  # fmt: skip
    return reminder, at
