"""Planning: who is inside which step's days, as one statement, and one outbox row each.

The same SELECT serves the plan, which inserts what it finds, and the preview, which only reads it (law 1). It costs
what is due, not what is in the book: one index range of due dates, and an anti-join on the outbox's unique key
(law 12). Where the book is in another database, its keys are streamed through here in bounded chunks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, case, exists, literal, select
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.sql.dml import Insert

from reminder.bulk import insert_columns
from reminder.domain.lifecycle import State
from reminder.store.rows import among, chunks
from reminder.store.schema import outbox
from reminder.store.types import UtcDateTime

__all__ = [
    "DueAccounts",
    "DueKey",
    "StepPlan",
    "due_select",
    "insert_keys",
    "insert_planned",
    "insert_rows",
    "not_in_outbox",
    "not_planned",
    "planned_row",
    "refresh_statistics",
    "row_of",
]

INSTANT = UtcDateTime()
COUNTED = {"preserve_rowcount": True}
"""Keep how many rows an insert wrote, which is not kept by itself."""

KEY = ("account_id", "due_date", "step", "leg")


DueKey = Sequence[Any]
"""Account, customer, due date and time zone of an account that is due, as a book in another database gives them."""


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
class StepPlan:
    """One step of one policy at one instant: the due dates inside its window, and what follows from each.

    `expires_at` maps every due date from `first_due` to `last_due` to the instant (UTC) at which the step stops being
    true for it. `opens_at` maps a time zone of the book to the opening of the contact window there; accounts of other
    zones wait until `at`, the instant of planning, and are decided then.
    """

    policy: str
    step: str
    leg: str
    first_due: date
    last_due: date
    expires_at: Mapping[date, datetime]
    opens_at: Mapping[str, datetime]
    at: datetime

    def expires(self, due_date: date) -> datetime:
        """Return when the step stops being true for an account due on this date."""
        return self.expires_at[due_date]

    def not_before(self, timezone: str | None) -> datetime:
        """Return when a reminder for an account in this zone may first be sent."""
        return self.opens_at.get(timezone, self.at) if timezone is not None else self.at


def due_select(due: DueAccounts, plan: StepPlan) -> Select[Any]:
    """Return the query for the outbox rows that this step deserves and does not have yet."""
    return (
        select(
            due.account_id.label("account_id"),
            due.customer_id.label("customer_id"),
            due.due_date.label("due_date"),
            literal(plan.policy).label("policy"),
            literal(plan.step).label("step"),
            literal(plan.leg).label("leg"),
            literal(State.PLANNED.value).label("state"),
            _by_zone(due, plan).label("not_before"),
            _by_date(due, plan).label("expires_at"),
            literal(plan.at, INSTANT).label("planned_at"),
            literal(plan.at, INSTANT).label("changed_at"),
        )
        .select_from(due.selectable)
        .where(due.condition, ~_already(due, plan))
    )


def _already(due: DueAccounts, plan: StepPlan) -> ColumnElement[bool]:
    return exists().where(
        outbox.c.account_id == due.account_id,
        outbox.c.due_date == due.due_date,
        outbox.c.step == plan.step,
        outbox.c.leg == plan.leg,
    )


def _by_zone(due: DueAccounts, plan: StepPlan) -> ColumnElement[Any]:
    if not plan.opens_at:
        return literal(plan.at, INSTANT)
    branches = {zone: literal(opens, INSTANT) for zone, opens in plan.opens_at.items()}
    return case(branches, value=due.timezone, else_=literal(plan.at, INSTANT))


def _by_date(due: DueAccounts, plan: StepPlan) -> ColumnElement[Any]:
    branches = {day: literal(expires, INSTANT) for day, expires in plan.expires_at.items()}
    return case(branches, value=due.due_date, else_=literal(plan.expires_at[plan.last_due], INSTANT))


def insert_planned(connection: Connection, due: DueAccounts, plan: StepPlan) -> int:
    """Write an outbox row for everybody whom this step is due; return how many were new.

    Another process planning the same at the same time, or a book with the same key twice, adds nothing (law 2).
    """
    query = due_select(due, plan)
    names = [column.name for column in query.selected_columns]
    statement = _insert_new(connection).from_select(names, query)
    return connection.execute(statement, execution_options=COUNTED).rowcount


def insert_keys(connection: Connection, plan: StepPlan, keys: Sequence[DueKey]) -> int:
    """Write an outbox row for each of these keys of a book in another database; return how many were new."""
    if connection.dialect.name not in ("postgresql", "sqlite"):
        # MariaDB counts rows that it passes over as well: those that are there are left out beforehand.
        new = not_planned(connection, plan, [(key[0], key[2]) for key in keys])
        keys = list({(key[0], key[2]): key for key in keys if (key[0], key[2]) in new}.values())
    if not keys:
        return 0
    accounts, customers, days, zones = zip(*keys, strict=True)
    columns = {"account_id": accounts, "customer_id": customers, "due_date": days}
    columns["not_before"] = tuple(map(plan.not_before, zones))
    columns["expires_at"] = tuple(map(plan.expires, days))
    given: dict[str, Any] = {"policy": plan.policy, "step": plan.step, "leg": plan.leg, "state": State.PLANNED.value}
    given |= {"planned_at": plan.at, "changed_at": plan.at}
    return insert_columns(connection, _insert_new(connection), columns, given)


def insert_rows(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
    """Write these outbox rows (of `row_of`) where they are not there yet; return how many were new."""
    columns = {name: [row[name] for row in rows] for name in rows[0]} if rows else {}
    return insert_columns(connection, _insert_new(connection), columns, {})


def refresh_statistics(connection: Connection) -> None:
    """Let PostgreSQL know that the outbox has grown.

    Until its own housekeeping notices, it takes the outbox for as empty as it was, and answers the anti-join of the
    next plan by a scan of the outbox for each account. The other databases need no telling.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"ANALYZE {outbox.name}")


def planned_row(
    plan: StepPlan, *, account_id: str, customer_id: str, due_date: date, timezone: str | None
) -> dict[str, Any]:
    """Return the outbox row for one account of a book in another database."""
    return row_of(
        account_id=account_id,
        customer_id=customer_id,
        due_date=due_date,
        policy=plan.policy,
        step=plan.step,
        leg=plan.leg,
        not_before=plan.not_before(timezone),
        expires_at=plan.expires(due_date),
        at=plan.at,
    )


def row_of(
    *,
    account_id: str,
    customer_id: str,
    due_date: date,
    policy: str,
    step: str,
    leg: str,
    not_before: datetime,
    expires_at: datetime,
    at: datetime,
) -> dict[str, Any]:
    """Return an outbox row that is planned at `at`; all instants are UTC."""
    return {
        "account_id": account_id,
        "customer_id": customer_id,
        "due_date": due_date,
        "policy": policy,
        "step": step,
        "leg": leg,
        "state": State.PLANNED.value,
        "not_before": not_before,
        "expires_at": expires_at,
        "planned_at": at,
        "changed_at": at,
    }


def not_in_outbox(connection: Connection, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return those rows (of `row_of`) whose key the outbox does not have yet."""
    known: set[tuple[Any, ...]] = set()
    for chunk in chunks([row["account_id"] for row in rows]):
        query = select(*(outbox.c[name] for name in KEY)).where(among(connection, outbox.c.account_id, chunk))
        known.update(map(tuple, connection.execute(query)))
    return [row for row in rows if tuple(row[name] for name in KEY) not in known]


def not_planned(connection: Connection, plan: StepPlan, keys: Sequence[tuple[str, date]]) -> set[tuple[str, date]]:
    """Return those (account, due date) pairs that have no row for this step yet."""
    new = set(keys)
    for chunk in chunks([account_id for account_id, _ in keys]):
        query = select(outbox.c.account_id, outbox.c.due_date).where(
            among(connection, outbox.c.account_id, chunk),
            outbox.c.due_date.between(plan.first_due, plan.last_due),
            outbox.c.step == plan.step,
            outbox.c.leg == plan.leg,
        )
        new.difference_update(map(tuple, connection.execute(query)))
    return new


def _insert_new(connection: Connection) -> Insert:
    """Return an insert into the outbox that passes over keys already there, in this database's words."""
    dialect = connection.dialect.name
    if dialect == "postgresql":
        return postgresql.insert(outbox).on_conflict_do_nothing(index_elements=KEY)
    if dialect == "sqlite":
        return sqlite.insert(outbox).on_conflict_do_nothing(index_elements=KEY)
    # Not INSERT IGNORE: that would also swallow texts too long and dates out of range.
    return mysql.insert(outbox).on_duplicate_key_update(reminder_id=outbox.c.reminder_id)
