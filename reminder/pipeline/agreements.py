"""Promises and plans over all accounts: making one, writing down which the book ended, and planning what they want.

Reminders of plans, and the steps of breaches, are planned from our own table and not by one statement over the book:
what is open of a part depends on what was paid since, account by account. That costs what is agreed, not what is in
the book (law 12), and is done in bounded chunks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import structlog
from sqlalchemy import Connection

from reminder.domain.account import Account
from reminder.domain.agreement import (
    Agreed,
    Agreement,
    AgreementKind,
    AgreementState,
    Part,
    Standing,
    require_sound,
    seen_as_agreed,
)
from reminder.domain.money import Money
from reminder.domain.policy import Policy
from reminder.errors import DataError, StoreError
from reminder.pipeline.agreed import agreed_on, deserved
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.facts import policy_for, reading
from reminder.pipeline.telling import plan_entry
from reminder.store import agreements, leases, planned_rows, record
from reminder.store.agreements import End
from reminder.store.leases import Mandate

__all__ = ["WITHIN_DAYS_MAX", "make", "owing_account", "plan_agreed", "rows_wanted", "standing_of"]

WITHIN_DAYS_MAX = 30
"""The most days for which the step of a breach is true."""

CHUNK_ROWS = 500
"""How many agreements are read and judged in one transaction."""

log = structlog.get_logger("reminder.agreements")


def make(
    deployment: Deployment,
    book: Connection,
    *,
    kind: AgreementKind,
    account_id: str,
    parts: Callable[[Money], Sequence[Part]],
    grace_days: int | None,
    tolerance_percent: int,
    note: str,
    who: str,
    at: datetime,
) -> Agreement:
    """Return an agreement on an account as the book has it now, sound but not yet written.

    `parts` says what is to be paid, given what is owed. Raises DataError where the book doesn't have the account once
    with an amount that is owed, where no policy is for it (its days would have no zone), and where the agreement can't
    be kept.
    """
    account = owing_account(deployment, book, account_id)
    policy = policy_for(deployment.policies, account)
    if policy is None:
        raise DataError(f"expected a policy for account {account_id}, found none: its days would have no zone")
    assert account.due_date is not None  # noqa: S101 - it is an owing account
    assert account.amount_due is not None  # noqa: S101
    made = Agreement(
        kind=kind,
        account_id=account.account_id,
        customer_id=account.customer_id,
        due_date=account.due_date,
        owed=account.amount_due,
        parts=tuple(parts(account.amount_due)),
        made_at=at,
        grace_days=grace_days,
        tolerance_percent=tolerance_percent,
        note=note,
        who=who,
    )
    require_sound(made, policy.today(at))
    return made


def standing_of(
    deployment: Deployment, agreement_id: int, kind: AgreementKind, at: datetime
) -> tuple[Agreement, Standing | None]:
    """Return an agreement and where it stands by the book at the instant `at`.

    The standing is None where the book does not have its account once, or no policy is for it. Raises StoreError where
    there is no such agreement.
    """
    with reading(deployment) as (connection, book):
        found = agreements.find(connection, agreement_id, kind)
        if found is None:
            raise StoreError(f"expected a {kind} {agreement_id}, found none: see `reminder {kind} list --all`")
        accounts = deployment.book.read(book, [found.account_id]).get(found.account_id, [])
    policy = policy_for(deployment.policies, accounts[0]) if len(accounts) == 1 else None
    agreed = agreed_on([found], accounts[0], policy, at) if policy is not None else ()
    return found, agreed[0].standing if agreed else None


def owing_account(deployment: Deployment, book: Connection, account_id: str) -> Account:
    """Return the account, which the book has once, with a due date and an amount above zero; else raise DataError."""
    accounts = deployment.book.read(book, [account_id]).get(account_id, [])
    if len(accounts) != 1:
        found = f"{len(accounts)} rows of it" if accounts else "none"
        raise DataError(f"expected account {account_id} once in the book, found {found}: check the id")
    account = accounts[0]
    if account.due_date is None or account.amount_due is None or account.settled:
        found = "nothing that is owed" if account.settled else "; ".join(account.problems)
        raise DataError(f"expected account {account_id} to owe an amount by a day, found {found}")
    return account


@dataclass(frozen=True, slots=True)
class _Agreeing:
    """An account that the book has once and a policy is for, with all that was ever agreed on it."""

    account: Account
    policy: Policy
    agreed: tuple[Agreed, ...]


def plan_agreed(deployment: Deployment, at: datetime, mandate: Mandate | None = None) -> Counter[tuple[str, str]]:
    """Write down what the book has ended, and plan what plans and breaches deserve, at the instant `at`.

    Returns how many reminders each step (policy, id) got. Each chunk is committed by itself; doing it twice adds
    nothing. An agreement that no policy is for, or whose account the book does not have once, stays as it is. With a
    `mandate` every commit is the leader's, as with `plan`.
    """
    planned: Counter[tuple[str, str]] = Counter()
    after: int | None = 0
    while after is not None:
        with _writing(deployment) as (connection, book):
            after, agreeing = _page(deployment, connection, book, at, after)
            ended = agreements.end(connection, _ends(agreeing), at=at)
            new = _insert(connection, list(_rows(agreeing, at)))
            _tell(connection, deployment.owner, new, at)
            leases.confirm(connection, mandate)
        planned += new
        for each in ended:
            log.info("reminder.agreement.ended", agreement_id=each.agreement_id, state=each.state.value, why=each.why)
    return planned


def _insert(connection: Connection, rows: Sequence[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """Write those rows that are new; return how many each step (policy, id) got."""
    planned: Counter[tuple[str, str]] = Counter()
    for step, theirs in _by_step(planned_rows.not_in_outbox(connection, rows)):
        planned[step] += planned_rows.insert_rows(connection, theirs)
    return +planned


def _tell(connection: Connection, owner: str, planned: Counter[tuple[str, str]], at: datetime) -> None:
    """Write down how many reminders of each policy are new, in one entry each, as for those over the book."""
    policies = sorted({policy for policy, _ in planned})
    steps = {policy: {step: count for (name, step), count in planned.items() if name == policy} for policy in policies}
    record.append(connection, [plan_entry(policy, steps[policy], who=owner) for policy in policies], at=at)


def _by_step(rows: Sequence[dict[str, Any]]) -> Iterator[tuple[tuple[str, str], list[dict[str, Any]]]]:
    """Yield rows together that are of one step (policy, id), whatever its occurrence or its promise."""

    def step(row: dict[str, Any]) -> tuple[str, str]:
        return row["policy"], row["step"].partition(".")[0]

    for key, group in groupby(sorted(rows, key=step), key=step):
        yield key, list(group)


@contextmanager
def _writing(deployment: Deployment) -> Iterator[tuple[Connection, Connection]]:
    """Lend a transaction of our tables, and a connection to the book: the same one where the database is the same."""
    with deployment.engine.begin() as connection:
        if deployment.book.same_database:
            yield connection, connection
            return
        with deployment.book.engine.connect() as book:
            yield connection, book


def rows_wanted(
    deployment: Deployment, connection: Connection, book: Connection, at: datetime
) -> Iterator[dict[str, Any]]:
    """Yield the outbox rows that `plan_agreed` would write at the instant `at`; writes nothing."""
    after: int | None = 0
    while after is not None:
        after, agreeing = _page(deployment, connection, book, at, after)
        yield from planned_rows.not_in_outbox(connection, list(_rows(agreeing, at)))


def _page(
    deployment: Deployment, connection: Connection, book: Connection, at: datetime, after: int
) -> tuple[int | None, list[_Agreeing]]:
    """Return the next accounts with an agreement that is open, or was broken so lately that its step may be true.

    The number is the one to go on behind; None when there are no more.
    """
    since = at - timedelta(days=WITHIN_DAYS_MAX + 2)
    found = agreements.page(connection, broken_since=since, after=after, limit=CHUNK_ROWS)
    if not found:
        return None, []
    ids = sorted({each.account_id for each in found})
    accounts = deployment.book.read(book, ids)
    of: dict[str, list[Agreement]] = {}
    for each in agreements.of_accounts(connection, ids):
        of.setdefault(each.account_id, []).append(each)
    agreeing = []
    for key in ids:
        account = accounts[key][0] if len(accounts.get(key, ())) == 1 else None
        policy = policy_for(deployment.policies, account) if account is not None else None
        if account is not None and policy is not None:
            agreeing.append(_Agreeing(account, policy, agreed_on(of[key], account, policy, at)))
    return found[-1].agreement_id, agreeing


def _ends(agreeing: Sequence[_Agreeing]) -> list[End]:
    return [
        End(each.agreement.agreement_id, each.standing.state, each.standing.why)
        for one in agreeing
        for each in one.agreed
        if each.agreement.state is AgreementState.OPEN and each.standing.state is not AgreementState.OPEN
    ]


def _rows(agreeing: Sequence[_Agreeing], at: datetime) -> Iterator[dict[str, Any]]:
    for one in agreeing:
        account, policy = one.account, one.policy
        want = deserved(one.agreed, account, policy, at)
        if want is None or account.settled:
            continue
        if want.due_date == account.due_date and policy.step(want.step.key) is not None:
            continue  # the policy's own step of the book's own cycle: planned by the statement over the book
        seen = seen_as_agreed(account, one.agreed, want.due_date)
        yield planned_rows.row_of(
            account_id=seen.account_id,
            customer_id=seen.customer_id,
            due_date=want.due_date,
            policy=policy.name,
            step=want.step.key,
            leg=want.step.leg,
            not_before=at,
            expires_at=policy.closes_at(want.step, want.due_date),
            at=at,
        )
