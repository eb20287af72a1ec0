"""Planning: write one reminder for everybody who is inside a step's window and has none yet for it.

One statement per policy and step where the book is in the outbox's database; elsewhere keys are streamed in bounded
chunks. Nothing is decided here: what is planned is asked again, with live data, when it is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Connection, Row, and_, false, func, not_, or_, select

from reminder.domain.policy import Policy, Step
from reminder.domain.record import Actor, Entry, Kind
from reminder.domain.reminder import Reminder
from reminder.domain.window import opening
from reminder.domain.zones import known_zone
from reminder.pipeline.agreements import plan_agreed, rows_wanted
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.holidays import unofficial_holidays
from reminder.store import leases, planning, record
from reminder.store.deadlocks import in_transaction
from reminder.store.leases import Mandate
from reminder.store.planning import DueAccounts, StepPlan

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
    plans = [_step_plan(scope, step, at) for step in scope.policy.steps]
    if not deployment.book.same_database:
        return [_counted(one, _plan_streamed(deployment, scope, one, mandate)) for one in plans]

    def write(connection: Connection) -> list[StepCount]:
        counts = [
            _counted(one, planning.insert_planned(connection, _due(deployment, scope, one), one)) for one in plans
        ]
        _tell(connection, deployment.owner, counts, plans[0].at)
        leases.confirm(connection, mandate)
        return counts

    # One commit for all steps: a commit waits for the disk, and a policy that is half planned helps nobody.
    return in_transaction(deployment.engine, write)


def _tell(connection: Connection, owner: str, counts: Sequence[StepCount], at: datetime) -> None:
    """Write down how many reminders are new, in one entry; each is told by itself when it is decided about."""
    steps = {count.step: count.planned for count in counts if count.planned}
    if steps:
        entry = Entry(Kind.PLAN, Actor.PROCESS, owner, subject=counts[0].policy, data={"steps": steps})
        record.append(connection, [entry], at=at)


def _counted(step_plan: StepPlan, planned: int) -> StepCount:
    return StepCount(step_plan.policy, step_plan.step, planned)


def _plan_streamed(deployment: Deployment, scope: _Scope, step_plan: StepPlan, mandate: Mandate | None) -> int:
    planned = 0
    with deployment.book.engine.connect() as book:
        for keys in _keys(deployment, book, _due(deployment, scope, step_plan)):
            planned += in_transaction(
                deployment.engine, partial(_write_new, deployment.owner, step_plan, keys, mandate)
            )
    return planned


def _write_new(
    owner: str, step_plan: StepPlan, keys: Sequence[Row[Any]], mandate: Mandate | None, connection: Connection
) -> int:
    written = planning.insert_keys(connection, step_plan, keys)
    _tell(connection, owner, [_counted(step_plan, written)], step_plan.at)
    leases.confirm(connection, mandate)
    return written


def _step_plan(scope: _Scope, step: Step, at: datetime) -> StepPlan:
    policy = scope.policy
    first, last = _due_dates(policy, [step], at)
    days = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
    return StepPlan(
        policy=policy.name,
        step=step.key,
        leg=step.leg,
        first_due=first,
        last_due=last,
        expires_at={day: policy.closes_at(step, day) for day in days},
        opens_at=scope.opens_at if step.leg == "sms" else {},
        at=at,
    )


def _due_dates(policy: Policy, steps: Sequence[Step], at: datetime) -> tuple[date, date]:
    """Return the first and the last due date for which one of the steps is true at the instant `at`."""
    today = policy.today(at)
    latest = max(step.closes for step in steps)
    return today - timedelta(days=latest), today - timedelta(days=min(step.opens for step in steps))


def _opens_at(deployment: Deployment, connection: Connection, policy: Policy, at: datetime) -> dict[str, datetime]:
    """Return when contact may begin in each known zone of the policy's due accounts, where it may not at once."""
    zones = deployment.book.zones(connection, *_due_dates(policy, policy.steps, at))
    opens = {}
    for zone in zones:
        known = known_zone(zone)
        span = opening(policy.lasting_layers, frozenset({known}), at) if known else None
        if zone is not None and span is not None and span.start > at:
            opens[zone] = span.start
    return opens


def _due(deployment: Deployment, scope: _Scope, step_plan: StepPlan) -> DueAccounts:
    book = deployment.book
    return DueAccounts(
        selectable=book.selectable,
        account_id=book.columns.account_id,
        customer_id=book.columns.customer_id,
        due_date=book.columns.due_date,
        timezone=book.columns.timezone,
        condition=and_(book.due_between(step_plan.first_due, step_plan.last_due), scope.belongs),
    )


def _keys(deployment: Deployment, book: Connection, due: DueAccounts) -> Iterator[Sequence[Row[Any]]]:
    """Yield who is in the step's window, from a book in another database, in bounded chunks."""
    columns = (
        due.account_id.label("account_id"),
        due.customer_id.label("customer_id"),
        due.due_date.label("due_date"),
        due.timezone.label("timezone"),
    )
    return deployment.book.stream_due(book, due.condition, columns, CHUNK_ROWS)


def _new_rows(connection: Connection, step_plan: StepPlan, keys: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    """Return the outbox rows for those keys of one chunk that have none yet for this step."""
    new = planning.not_planned(connection, step_plan, [(key.account_id, key.due_date) for key in keys])
    return [
        planning.planned_row(
            step_plan,
            account_id=key.account_id,
            customer_id=key.customer_id,
            due_date=key.due_date,
            timezone=key.timezone,
        )
        for key in keys
        if (key.account_id, key.due_date) in new
    ]


def imagine(deployment: Deployment, connection: Connection, book: Connection, at: datetime) -> Iterator[Reminder]:
    """Yield the reminders that `plan` would write at the instant `at`, by the same query; writes nothing.

    They have no id yet (0). `book` is the same connection as `connection` where the database is the same.
    """
    for scope in _scopes(deployment, book, at):
        for step in scope.policy.steps:
            step_plan = _step_plan(scope, step, at)
            due = _due(deployment, scope, step_plan)
            if deployment.book.same_database:
                query = planning.due_select(due, step_plan)
                wanted = query.with_only_columns(*(query.selected_columns[name] for name in REMINDER_FIELDS))
                yield from _reminders(connection.execute(wanted))
                continue
            for keys in _keys(deployment, book, due):
                rows = _new_rows(connection, step_plan, keys)
                yield from _reminders([row[name] for name in REMINDER_FIELDS] for row in rows)
    yield from _reminders(
        [row[name] for name in REMINDER_FIELDS] for row in rows_wanted(deployment, connection, book, at)
    )


def count_settled(deployment: Deployment, connection: Connection, at: datetime) -> int:
    """Return how many accounts would be inside some step's days at the instant `at` if they were not paid or closed."""
    book = deployment.book
    inside = [
        and_(book.matching(policy.selector), book.due_between(*_due_dates(policy, policy.steps, at)))
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
