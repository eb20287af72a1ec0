"""Planning: write one reminder for everybody who is inside a step's window and has none yet for it.

One statement per policy and step where the book is in the outbox's database; elsewhere keys are streamed in bounded
chunks. Nothing is decided here: what is planned is asked again, with live data, when it is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, not_

from reminder.domain.policy import Policy, Step
from reminder.domain.reminder import Reminder
from reminder.domain.window import opening
from reminder.domain.zones import known_zone
from reminder.pipeline.deployment import Deployment
from reminder.store import planning
from reminder.store.planning import DueAccounts, StepPlan

__all__ = ["PlanReport", "StepCount", "imagine", "plan"]

CHUNK_ROWS = 500
"""How many keys of a book in another database are in memory, and looked up in the outbox, at once."""

REMINDER_FIELDS = ("account_id", "customer_id", "due_date", "policy", "step", "leg", "not_before", "expires_at")


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


def plan(deployment: Deployment, at: datetime, *, on_step: Callable[[StepCount], None] = lambda _: None) -> PlanReport:
    """Plan every step of every policy at the instant `at`; each step is committed by itself.

    Doing it twice, or in two processes at once, adds nothing. `on_step` hears of each step when it is done.
    """
    counts = []
    for policy, step in _steps(deployment.policies):
        count = StepCount(policy.name, step.key, _plan_step(deployment, policy, step, at))
        on_step(count)
        if count.planned:
            counts.append(count)
    return PlanReport(at, tuple(counts))


def _steps(policies: Sequence[Policy]) -> Iterator[tuple[Policy, Step]]:
    return ((policy, step) for policy in policies for step in policy.steps)


def _plan_step(deployment: Deployment, policy: Policy, step: Step, at: datetime) -> int:
    if not deployment.book.same_database:
        return _plan_streamed(deployment, policy, step, at)
    with deployment.engine.begin() as connection:
        step_plan = _step_plan(deployment, connection, policy, step, at)
        return planning.insert_planned(connection, _due(deployment, policy, step_plan), step_plan)


def _plan_streamed(deployment: Deployment, policy: Policy, step: Step, at: datetime) -> int:
    with deployment.book.engine.connect() as book:
        step_plan = _step_plan(deployment, book, policy, step, at)
        planned = 0
        for keys in _keys(deployment, book, policy, step_plan):
            with deployment.engine.begin() as connection:
                planned += planning.insert_rows(connection, _new_rows(connection, step_plan, keys))
    return planned


def _step_plan(deployment: Deployment, book: Connection, policy: Policy, step: Step, at: datetime) -> StepPlan:
    today = policy.today(at)
    first, last = today - timedelta(days=step.closes), today - timedelta(days=step.opens)
    days = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
    return StepPlan(
        policy=policy.name,
        step=step.key,
        leg=step.leg,
        first_due=first,
        last_due=last,
        expires_at={day: policy.closes_at(step, day) for day in days},
        opens_at=_opens_at(policy, step, deployment.book.zones(book, first, last), at),
        at=at,
    )


def _opens_at(policy: Policy, step: Step, zones: Sequence[str | None], at: datetime) -> dict[str, datetime]:
    """Return the opening of the contact window in each known zone where it isn't open now."""
    if step.leg == "event":
        return {}
    opens = {}
    for zone in zones:
        known = known_zone(zone)
        span = opening(policy.windows, frozenset({known}), at) if known else None
        if zone is not None and span is not None and span.start > at:
            opens[zone] = span.start
    return opens


def _due(deployment: Deployment, policy: Policy, step_plan: StepPlan) -> DueAccounts:
    book = deployment.book
    return DueAccounts(
        selectable=book.selectable,
        account_id=book.columns.account_id,
        customer_id=book.columns.customer_id,
        due_date=book.columns.due_date,
        timezone=book.columns.timezone,
        condition=and_(
            book.due_between(step_plan.first_due, step_plan.last_due), book.owed(), *_belongs_to(deployment, policy)
        ),
    )


def _belongs_to(deployment: Deployment, policy: Policy) -> list[ColumnElement[bool]]:
    """Return the conditions that an account is this policy's: its selector, and none that comes before it."""
    earlier = deployment.policies[: deployment.policies.index(policy)]
    book = deployment.book
    return [book.matching(policy.selector), *(not_(book.matching(other.selector)) for other in earlier)]


def _keys(
    deployment: Deployment, book: Connection, policy: Policy, step_plan: StepPlan
) -> Iterator[Sequence[Row[Any]]]:
    """Yield who is in the step's window, from a book in another database, in bounded chunks."""
    due = _due(deployment, policy, step_plan)
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
    for policy, step in _steps(deployment.policies):
        step_plan = _step_plan(deployment, book, policy, step, at)
        if deployment.book.same_database:
            query = planning.due_select(_due(deployment, policy, step_plan), step_plan)
            yield from _reminders(connection.execute(query).mappings())
            continue
        for keys in _keys(deployment, book, policy, step_plan):
            yield from _reminders(_new_rows(connection, step_plan, keys))


def _reminders(rows: Iterable[Any]) -> Iterator[Reminder]:
    """Return the rows as reminders; a key that the book has twice is one reminder, as it is in the outbox."""
    seen: set[tuple[str, date]] = set()
    for row in rows:
        key = (row["account_id"], row["due_date"])
        if key not in seen:
            seen.add(key)
            yield Reminder(**{name: row[name] for name in REMINDER_FIELDS})
