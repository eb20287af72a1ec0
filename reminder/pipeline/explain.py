"""Explaining: every gate's answer for one account at one instant, and what has happened to it so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from reminder.domain.account import Account
from reminder.domain.decide import Decision, answers, decide
from reminder.domain.policy import Policy, Step
from reminder.domain.reminder import Reminder
from reminder.domain.verdict import GateAnswer
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.facts import gather, policy_for, reading
from reminder.store import outbox

__all__ = ["Explanation", "explain"]

HISTORY_ROWS_MAX = 50


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an account gets a text at an instant, or why not.

    `decision` and `gates` are about the step that the account deserves then; they are None and empty where it
    deserves none, and `silence` says why. `history` are its rows of the outbox, the newest first.
    """

    at: datetime
    account: Account
    policy: Policy | None
    step: Step | None
    dpd: int | None
    silence: str
    decision: Decision | None
    gates: tuple[GateAnswer, ...]
    history: Sequence[Row[Any]]


def explain(deployment: Deployment, account_id: str, at: datetime) -> Explanation | None:
    """Return the explanation for an account at the instant `at` (aware), or None where the book has no such account.

    Asks the same decision as a live run, of the outbox's row if there is one and of an imagined one otherwise.
    """
    with reading(deployment) as (connection, book):
        found = deployment.book.read(book, [account_id]).get(account_id, [])
        if not found:
            return None
        account = found[0]
        history = outbox.listing(connection, account_id=account_id, limit=HISTORY_ROWS_MAX)
        policy = policy_for(deployment.policies, account)
        dpd = policy.dpd(account.due_date, at) if policy and account.due_date else None
        step = policy.step_on(dpd) if policy and dpd is not None else None
        if policy is None or step is None:
            return Explanation(at, account, policy, None, dpd, _silence(policy, dpd), None, (), history)
        reminder, done = _reminder(account, policy, step, history, at)
        if done:
            return Explanation(at, account, policy, step, dpd, done, None, (), history)
        (case,) = gather(connection, book, deployment, [reminder], at)
    return Explanation(at, account, policy, step, dpd, "", decide(case, at), tuple(answers(case, at)), history)


def _silence(policy: Policy | None, dpd: int | None) -> str:
    if policy is None:
        return "no policy is for this account"
    if policy.broken:
        return f"policy {policy.name} can't be read: {policy.broken}"
    if dpd is None:
        return "the book has no due date for it"
    return f"policy {policy.name} has no step for DPD {dpd}"


def _reminder(
    account: Account, policy: Policy, step: Step, history: Sequence[Row[Any]], at: datetime
) -> tuple[Reminder, str]:
    """Return the reminder for this step, and why it is over if it is."""
    assert account.due_date is not None  # noqa: S101 - it has a DPD
    for row in history:
        if (row.due_date, row.step, row.leg) == (account.due_date, step.key, step.leg):
            known = outbox.to_reminder(row)
            since = f"{row.changed_at:%Y-%m-%d %H:%M} UTC"
            done = "" if known.state == "planned" else f"{step.key} is {known.state} since {since}: {row.reason}"
            return known, done.rstrip(": ")
    imagined = Reminder(
        account_id=account.account_id,
        customer_id=account.customer_id,
        due_date=account.due_date,
        policy=policy.name,
        step=step.key,
        leg=step.leg,
        not_before=at,
        expires_at=policy.closes_at(step, account.due_date),
    )
    return imagined, ""
