"""Planning: who is inside which step's days, as one statement, and one outbox row each.

The same SELECT serves the plan, which inserts what it finds, and the preview, which only reads it (law 1). It costs
what is due, not what is in the book: one index range of due dates, and an anti-join on the outbox's unique key
(law 12). Where the book is in another database, its keys are streamed (`reminder.store.planned_rows`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Insert,
    Select,
    case,
    exists,
    func,
    insert,
    literal,
    select,
    text,
)
from sqlalchemy.exc import IntegrityError

from reminder.dialects import insert_new
from reminder.domain.lifecycle import State
from reminder.store.schema import outbox
from reminder.store.types import UtcDateTime

__all__ = [
    "DueAccounts",
    "PolicyPlan",
    "StepDays",
    "distrust_statistics",
    "due_select",
    "insert_planned",
    "refresh_statistics",
]

INSTANT = UtcDateTime()
KEY = ("account_id", "due_date", "step", "leg")
"""What is unique in the outbox."""

COUNTED = {"preserve_rowcount": True}
"""Keep how many rows an insert wrote, which is not kept by itself."""

STATISTICS_ROWS_MIN = 10_000
"""How many rows of the outbox PostgreSQL must know of for its statistics to be believed."""


@dataclass(frozen=True, slots=True)
class DueAccounts:
    """Where in the book to look: its columns, and the condition that an account is due now, owed, and this policy's."""

    selectable: FromClause
    account_id: ColumnElement[str]
    customer_id: ColumnElement[str]
    due_date: ColumnElement[date]
    timezone: ColumnElement[str | None]
    condition: ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class StepDays:
    """Due dates in a row for which one step is true.

    `expires_at` maps each of them, from the first to the last, to the instant (UTC) at which the step stops being true.
    """

    step: str
    leg: str
    expires_at: Mapping[date, datetime]

    @property
    def first(self) -> date:
        """The first of the due dates."""
        return min(self.expires_at)

    @property
    def last(self) -> date:
        """The last of the due dates."""
        return max(self.expires_at)


@dataclass(frozen=True)
class PolicyPlan:
    """The steps of one policy at one instant, in order of their due dates: no date is in two of them.

    `opens_at` maps a time zone of the book to the opening of the contact window there; accounts of other zones wait
    until `at`, the instant of planning, and are decided then. So do steps that send nothing.
    """

    policy: str
    steps: tuple[StepDays, ...]
    opens_at: Mapping[str, datetime]
    at: datetime

    @cached_property
    def _by_day(self) -> dict[date, StepDays]:
        return {day: step for step in self.steps for day in step.expires_at}

    def on(self, due_date: date) -> StepDays:
        """Return the step of an account that is due on this date."""
        return self._by_day[due_date]

    def not_before(self, due_date: date, timezone: str | None) -> datetime:
        """Return when a reminder for an account due then, in this zone, may first be sent."""
        opens = self.opens_at.get(timezone) if timezone is not None else None
        return opens if opens is not None and self.on(due_date).leg == "sms" else self.at


def due_select(due: DueAccounts, plan: PolicyPlan) -> Select[Any]:
    """Return the query for the outbox rows that accounts deserve by this policy and do not have yet."""
    return (
        select(
            due.account_id.label("account_id"),
            due.customer_id.label("customer_id"),
            due.due_date.label("due_date"),
            literal(plan.policy).label("policy"),
            _step(due, plan).label("step"),
            _leg(due, plan).label("leg"),
            literal(State.PLANNED.value).label("state"),
            _by_step(due, plan, lambda step: _by_zone(due, plan, step)).label("not_before"),
            _by_step(due, plan, lambda step: _by_date(due, step)).label("expires_at"),
            literal(plan.at, INSTANT).label("planned_at"),
            literal(plan.at, INSTANT).label("changed_at"),
        )
        .select_from(due.selectable)
        .where(due.condition, ~_already(due, plan))
    )


def _already(due: DueAccounts, plan: PolicyPlan) -> ColumnElement[bool]:
    return exists().where(
        outbox.c.account_id == due.account_id,
        outbox.c.due_date == due.due_date,
        outbox.c.step == _step(due, plan),
        outbox.c.leg == _leg(due, plan),
    )


def _step(due: DueAccounts, plan: PolicyPlan) -> ColumnElement[str]:
    return _by_step(due, plan, lambda step: literal(step.step))


def _leg(due: DueAccounts, plan: PolicyPlan) -> ColumnElement[str]:
    legs = {step.leg for step in plan.steps}
    return literal(legs.pop()) if len(legs) == 1 else _by_step(due, plan, lambda step: literal(step.leg))


def _by_step(due: DueAccounts, plan: PolicyPlan, value: Callable[[StepDays], ColumnElement[Any]]) -> ColumnElement[Any]:
    """Return what a value is for the step that an account is in, found by the last due date of each."""
    *before, latest = plan.steps
    if not before:
        return value(latest)
    return case(*((due.due_date <= step.last, value(step)) for step in before), else_=value(latest))


def _by_zone(due: DueAccounts, plan: PolicyPlan, step: StepDays) -> ColumnElement[Any]:
    if step.leg != "sms" or not plan.opens_at:
        return literal(plan.at, INSTANT)
    branches = {zone: literal(opens, INSTANT) for zone, opens in plan.opens_at.items()}
    return case(branches, value=due.timezone, else_=literal(plan.at, INSTANT))


def _by_date(due: DueAccounts, step: StepDays) -> ColumnElement[Any]:
    branches = {day: literal(expires, INSTANT) for day, expires in step.expires_at.items()}
    return case(branches, value=due.due_date, else_=literal(step.expires_at[step.last], INSTANT))


def insert_planned(connection: Connection, due: DueAccounts, plan: PolicyPlan) -> Counter[str]:
    """Write an outbox row for everybody whom a step of the policy is due; return how many each step got.

    Another process planning the same at the same time, or a book with the same key twice, adds nothing (law 2). Looking
    out for such keys costs PostgreSQL a third more: it does so only where it has met one.
    """
    query = due_select(due, plan)
    if connection.dialect.name == "postgresql":
        try:
            with connection.begin_nested():
                return _inserted(connection, insert(outbox), query)
        except IntegrityError:
            return _inserted(connection, insert_new(connection.dialect.name, outbox, KEY), query)
    statement = insert_new(connection.dialect.name, outbox, KEY).from_select(_names(query), query)
    newest = connection.scalar(select(func.max(outbox.c.reminder_id))) or 0
    if not connection.execute(statement, execution_options=COUNTED).rowcount:
        return Counter()
    ours = (outbox.c.reminder_id > newest, outbox.c.policy == plan.policy, outbox.c.planned_at == plan.at)
    counted = select(outbox.c.step, func.count()).where(*ours).group_by(outbox.c.step)
    return _counted(connection, counted)


def _inserted(connection: Connection, into: Insert, query: Select[Any]) -> Counter[str]:
    new = into.from_select(_names(query), query).returning(outbox.c.step).cte("new")
    return _counted(connection, select(new.c.step, func.count()).group_by(new.c.step))


def _counted(connection: Connection, query: Select[Any]) -> Counter[str]:
    return Counter(dict(connection.execute(query).all()))


def _names(query: Select[Any]) -> list[str]:
    return [column.name for column in query.selected_columns]


def distrust_statistics(connection: Connection) -> None:
    """Keep PostgreSQL, until this transaction ends, from reading the outbox once for each account.

    That is what it may do where it takes the outbox for empty: because it was when somebody last looked, or because
    nobody has. A small outbox is read whole as quickly as by its index.
    """
    if connection.dialect.name == "postgresql":
        known = text(
            "SELECT set_config('enable_nestloop', 'off', true) FROM pg_class "
            "WHERE oid = CAST(:name AS regclass) AND reltuples < :rows"
        )
        connection.execute(known, {"name": outbox.name, "rows": STATISTICS_ROWS_MIN})


def refresh_statistics(connection: Connection) -> None:
    """Let PostgreSQL know that the outbox has grown, until its own housekeeping notices and looks closer.

    It knows nothing of the new rows else, and finds those to be sent by guess. The other databases need no telling.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL default_statistics_target = 10")  # a tenth of the rows looked at
        connection.exec_driver_sql(f"ANALYZE {outbox.name}")
