"""Planning: write one reminder for everybody who is inside a step's window and has none yet for it.

One statement per policy where the book is in the outbox's database; elsewhere keys are streamed in bounded
chunks. Nothing is decided here: what is planned is asked again, with live data, when it is sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Connection, Row, and_, false, func, not_, or_, select

from reminder.domain.policy import Policy
from reminder.domain.reminder import Reminder
from reminder.domain.window import opening
from reminder.domain.zones import known_zone
from reminder.pipeline.agreements import plan_agreed, rows_wanted
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.holidays import unofficial_holidays
from reminder.pipeline.telling import plan_entry
from reminder.store import leases, planned_rows, planning, record
from reminder.store.deadlocks import in_transaction
from reminder.store.leases import Mandate
from reminder.store.planned_rows import DueKey
from reminder.store.planning import DueAccounts, PolicyPlan, StepDays

__all__ = ["PlanReport", "StepCount", "count_settled", "imagine", "plan"]

CHUNK_ROWS = 5_000
"""How many keys of a book in another database are in memory, and looked up in the outbox, at once."""

REMINDER_FIELDS = ("account_id", "customer_id", "due_date", "policy", "step", "leg", "not_before", "expires_at")
"""What a plan says of a reminder, in the order in which `Reminder` has it."""

log = structlog.get_logger("reminder.plan")

MANY_ROWS = 1_000
"""After how many new rows the database is told that the outbox has grown."""


@dataclass(frozen=True, slots=True)
class StepCount:
    """How many reminders one step of one policy got."""

    policy: str
    step: str
    planned: int


@dataclass(frozen=True, slots=True)
class PlanReport:
    """What a plan wrote, step by step; steps that got nothing are left out."""

    at: datetime
    steps: tuple[StepCount, ...]

    @property
    def planned(self) -> int:
        """How many reminders are new."""
        return sum(step.planned for step in self.steps)


def plan(
    deployment: Deployment,
    at: datetime,
    *,
    on_step: Callable[[StepCount], None] = lambda _: None,
    mandate: Mandate | None = None,
) -> PlanReport:
    """Plan every step of every policy at the instant `at`, then what was agreed; each policy is committed by itself.

    Doing it twice, or in two processes at once, adds nothing. `on_step` hears of each step when its policy is done.
    With a `mandate` every commit is the leader's, and LeaseLostError is raised where another process leads by then.
    """
    for unofficial in unofficial_holidays(deployment.policies, at):
        log.warning("reminder.plan.holidays", calendar=unofficial.calendar, until=f"{unofficial.until}")
    counts = []
    with deployment.book.engine.connect() as book:
        scopes = list(_scopes(deployment, book, at))
    for scope in scopes:
        for count in _plan_policy(deployment, scope, at, mandate):
            on_step(count)
            if count.planned:
                counts.append(count)
    counts += [StepCount(*step, planned) for step, planned in sorted(plan_agreed(deployment, at, mandate).items())]
    report = PlanReport(at, tuple(counts))
    if report.planned >= MANY_ROWS:
        in_transaction(deployment.engine, planning.refresh_statistics)
    return report


@dataclass(frozen=True, slots=True)
class _Scope:
    """A policy as one plan sees it: whose accounts it takes, and when contact may begin where they live.

    `belongs` is the condition that an account is owed and is this policy's. `opens_at` maps a zone of the book to the
    opening of the contact window there, where it isn't open at the instant of planning.
    """

    policy: Policy
    belongs: ColumnElement[bool]
    opens_at: Mapping[str, datetime]


def _scopes(deployment: Deployment, connection: Connection, at: datetime) -> Iterator[_Scope]:
    """Yield the policies that have steps; an account is for the first whose selector it meets."""
    book = deployment.book
    earlier: list[ColumnElement[bool]] = []
    for policy in deployment.policies:
        matching = book.matching(policy.selector)
        if policy.steps:
            yield _Scope(policy, and_(book.owed(), matching, *earlier), _opens_at(deployment, connection, policy, at))
        earlier.append(not_(matching))


def _plan_policy(deployment: Deployment, scope: _Scope, at: datetime, mandate: Mandate | None) -> list[StepCount]:
    policy_plan = _policy_plan(scope, at)
    if not deployment.book.same_database:
        return _counted(scope.policy, _plan_streamed(deployment, scope, policy_plan, mandate))

    def write(connection: Connection) -> Counter[str]:
        planning.distrust_statistics(connection)
        planned = planning.insert_planned(connection, _due(deployment, scope, policy_plan), policy_plan)
        _tell(connection, deployment.owner, policy_plan, planned)
        leases.confirm(connection, mandate)
        return planned

    # One commit for all steps: a commit waits for the disk, and a policy that is half planned helps nobody.
    return _counted(scope.policy, in_transaction(deployment.engine, write))


def _tell(connection: Connection, owner: str, policy_plan: PolicyPlan, planned: Counter[str]) -> None:
    """Write down how many reminders are new, in one entry; each is told by itself when it is decided about."""
    steps = {step.step: planned[step.step] for step in policy_plan.steps if planned[step.step]}
    if steps:
        record.append(connection, [plan_entry(policy_plan.policy, steps, who=owner)], at=policy_plan.at)


def _counted(policy: Policy, planned: Counter[str]) -> list[StepCount]:
    return [StepCount(policy.name, step.key, planned[step.key]) for step in policy.steps]


def _plan_streamed(
    deployment: Deployment, scope: _Scope, policy_plan: PolicyPlan, mandate: Mandate | None
) -> Counter[str]:
    planned: Counter[str] = Counter()
    with deployment.book.engine.connect() as book:
        for keys in _keys(deployment, book, _due(deployment, scope, policy_plan)):
            planned += in_transaction(
                deployment.engine, partial(_write_new, deployment.owner, policy_plan, keys, mandate)
            )
    return planned


def _write_new(
    owner: str, policy_plan: PolicyPlan, keys: Sequence[DueKey], mandate: Mandate | None, connection: Connection
) -> Counter[str]:
    planned = planned_rows.insert_keys(connection, policy_plan, keys)
    _tell(connection, owner, policy_plan, planned)
    leases.confirm(connection, mandate)
    return planned


def _policy_plan(scope: _Scope, at: datetime) -> PolicyPlan:
    policy = scope.policy
    first, last = _due_dates(policy, at)
    days = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
    runs = groupby(days, key=lambda day: policy.step_on(policy.dpd(day, at)))
    steps = tuple(
        StepDays(step.key, step.leg, {day: policy.closes_at(step, day) for day in run})
        for step, run in runs
        if step is not None
    )
    return PolicyPlan(policy.name, steps, scope.opens_at, at)


def _due_dates(policy: Policy, at: datetime) -> tuple[date, date]:
    """Return the first and the last due date for which some step is true at the instant `at`."""
    today = policy.today(at)
    latest = max(step.closes for step in policy.steps)
    return today - timedelta(days=latest), today - timedelta(days=min(step.opens for step in policy.steps))


def _opens_at(deployment: Deployment, connection: Connection, policy: Policy, at: datetime) -> dict[str, datetime]:
    """Return when contact may begin in each known zone of the policy's due accounts, where it may not at once."""
    zones = deployment.book.zones(connection, *_due_dates(policy, at))
    opens = {}
    for zone in zones:
        known = known_zone(zone)
        span = opening(policy.lasting_layers, frozenset({known}), at) if known else None
        if zone is not None and span is not None and span.start > at:
            opens[zone] = span.start
    return opens


def _due(deployment: Deployment, scope: _Scope, policy_plan: PolicyPlan) -> DueAccounts:
    book = deployment.book
    spans = [book.due_between(first, last) for first, last in _spans(policy_plan.steps)]
    return DueAccounts(
        selectable=book.selectable,
        account_id=book.columns.account_id,
        customer_id=book.columns.customer_id,
        due_date=book.columns.due_date,
        timezone=book.columns.timezone,
        condition=and_(or_(*spans), scope.belongs),
    )


def _spans(steps: Sequence[StepDays]) -> list[tuple[date, date]]:
    """Return the due dates of all steps as few spans of days, from the first to the last of each."""
    spans: list[tuple[date, date]] = []
    for step in steps:
        if spans and step.first - spans[-1][1] == timedelta(days=1):
            spans[-1] = spans[-1][0], step.last
        else:
            spans.append((step.first, step.last))
    return spans


def _keys(deployment: Deployment, book: Connection, due: DueAccounts) -> Iterator[Sequence[Row[Any]]]:
    """Yield who is in the step's window, from a book in another database, in bounded chunks."""
    columns = (
        due.account_id.label("account_id"),
        due.customer_id.label("customer_id"),
        due.due_date.label("due_date"),
        due.timezone.label("timezone"),
    )
    return deployment.book.stream_due(book, due.condition, columns, CHUNK_ROWS)


def imagine(deployment: Deployment, connection: Connection, book: Connection, at: datetime) -> Iterator[Reminder]:
    """Yield the reminders that `plan` would write at the instant `at`, by the same query; writes nothing.

    They have no id yet (0). `book` is the same connection as `connection` where the database is the same.
    """
    for scope in _scopes(deployment, book, at):
        policy_plan = _policy_plan(scope, at)
        due = _due(deployment, scope, policy_plan)
        if deployment.book.same_database:
            query = planning.due_select(due, policy_plan)
            wanted = query.with_only_columns(*(query.selected_columns[name] for name in REMINDER_FIELDS))
            yield from _reminders(connection.execute(wanted))
            continue
        for keys in _keys(deployment, book, due):
            rows = planned_rows.not_in_outbox(connection, [planned_rows.planned_row(policy_plan, key) for key in keys])
            yield from _reminders([row[name] for name in REMINDER_FIELDS] for row in rows)
    yield from _reminders(
        [row[name] for name in REMINDER_FIELDS] for row in rows_wanted(deployment, connection, book, at)
    )


def count_settled(deployment: Deployment, connection: Connection, at: datetime) -> int:
    """Return how many accounts would be inside some step's days at the instant `at` if they were not paid or closed."""
    book = deployment.book
    inside = [
        and_(book.matching(policy.selector), book.due_between(*_due_dates(policy, at)))
        for policy in deployment.policies
        if policy.steps
    ]
    query = select(func.count()).select_from(book.selectable)
    return connection.scalar(query.where(not_(book.owed()), or_(false(), *inside))) or 0


def _reminders(rows: Iterable[Sequence[Any]]) -> Iterator[Reminder]:
    """Return rows of REMINDER_FIELDS as reminders; a key that the book has twice is one, as it is in the outbox."""
    seen: set[tuple[str, date]] = set()
    for row in rows:
        reminder = Reminder(*row)
        key = (reminder.account_id, reminder.due_date)
        if key not in seen:
            seen.add(key)
            yield reminder
