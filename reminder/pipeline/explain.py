"""Explaining: every gate's answer for one account at one instant, and what has happened to it so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from reminder.domain.account import Account
from reminder.domain.agreement import Agreed
from reminder.domain.decide import Decision, answers, decide
from reminder.domain.policy import Policy, Step
from reminder.domain.reminder import Reminder
from reminder.domain.verdict import GateAnswer
from reminder.pipeline.agreed import Deserved, agreed_on, deserved
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.facts import gather, policy_for, reading
from reminder.store import agreements, outbox

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
    agreed: tuple[Agreed, ...] = ()


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
        agreed = agreed_on(agreements.of_accounts(connection, [account_id]), account, policy, at) if policy else ()
        want = deserved(agreed, account, policy, at) if policy else None
        due_date = want.due_date if want else account.due_date
        dpd = policy.dpd(due_date, at) if policy and due_date else None
        explanation = Explanation(at, account, policy, None, dpd, _silence(policy, dpd), None, (), history, agreed)
        if policy is None or want is None:
            return explanation
        explanation = replace(explanation, step=want.step, silence="")
        reminder, done = _reminder(account, policy, want, history, at)
        if done:
            return replace(explanation, silence=done)
        (case,) = gather(connection, book, deployment, [reminder], at)
    return replace(explanation, decision=decide(case, at), gates=tuple(answers(case, at)))


def _silence(policy: Policy | None, dpd: int | None) -> str:
    if policy is None:
        return "no policy is for this account"
    if policy.broken:
        return f"policy {policy.name} can't be read: {policy.broken}"
    if dpd is None:
        return "the book has no due date for it"
    return f"policy {policy.name} has no step for DPD {dpd}"


def _reminder(
    account: Account, policy: Policy, want: Deserved, history: Sequence[Row[Any]], at: datetime
) -> tuple[Reminder, str]:
    """Return the reminder for the step that is deserved, and why it is over if it is."""
    step = want.step
    for row in history:
        if (row.due_date, row.step, row.leg) == (want.due_date, step.key, step.leg):
            known = outbox.to_reminder(row)
            since = f"{row.changed_at:%Y-%m-%d %H:%M} UTC"
            done = "" if known.state == "planned" else f"{step.key} is {known.state} since {since}: {row.reason}"
            return known, done.rstrip(": ")
    imagined = Reminder(
        account_id=account.account_id,
        customer_id=account.customer_id,
        due_date=want.due_date,
        policy=policy.name,
        step=step.key,
        leg=step.leg,
        not_before=at,
        expires_at=policy.closes_at(step, want.due_date),
    )
    return imagined, ""
