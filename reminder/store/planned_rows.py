"""Rows of the outbox that are planned one by one: of a book in another database, and of what was agreed.

Keys are streamed through here in bounded chunks. What is in the outbox already is passed over, whoever wrote it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select

from reminder.bulk import ManyRows, among, inserts
from reminder.dialects import insert_new
from reminder.domain.lifecycle import State
from reminder.store.planning import KEY, PolicyPlan
from reminder.store.rows import chunks
from reminder.store.schema import outbox

__all__ = ["DueKey", "insert_keys", "insert_rows", "not_in_outbox", "planned_row", "row_of"]

DueKey = Sequence[Any]
"""Account, customer, due date and time zone of an account that is due, as a book in another database gives them."""


def insert_keys(connection: Connection, plan: PolicyPlan, keys: Sequence[DueKey]) -> Counter[str]:
    """Write an outbox row for each of these keys of a book in another database; return how many each step got."""
    by_step: dict[str, list[DueKey]] = {}
    for key in keys:
        by_step.setdefault(plan.on(key[2]).step, []).append(key)
    return Counter({step: _insert_of_step(connection, plan, some) for step, some in by_step.items()})


def _insert_of_step(connection: Connection, plan: PolicyPlan, keys: Sequence[DueKey]) -> int:
    if connection.dialect.name not in ("postgresql", "sqlite"):
        # MariaDB counts the rows that it passes over as well: what is there is left out beforehand.
        return insert_rows(connection, not_in_outbox(connection, [planned_row(plan, key) for key in keys]))
    step = plan.on(keys[0][2])
    rows = [
        (account_id, customer_id, due_date, plan.not_before(due_date, zone), step.expires_at[due_date])
        for account_id, customer_id, due_date, zone in keys
    ]
    given = {"policy": plan.policy, "step": step.step, "leg": step.leg, "state": State.PLANNED.value}
    given |= _made_at(plan.at)
    return _writing(connection, _OF_KEY, tuple(given)).write(connection, rows, **given)


_OF_KEY = ("account_id", "customer_id", "due_date", "not_before", "expires_at")

_WRITINGS: dict[tuple[str, tuple[str, ...]], ManyRows] = {}


def _writing(connection: Connection, each: tuple[str, ...], shared: tuple[str, ...] = ()) -> ManyRows:
    """Return the writing of rows with these columns, made once for each database."""
    key = (connection.dialect.name, each)
    if key not in _WRITINGS:
        _WRITINGS[key] = inserts(insert_new(connection.dialect.name, outbox, KEY), each, shared)
    return _WRITINGS[key]


def insert_rows(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
    """Write these outbox rows (of `row_of`) where they are not there yet; return how many were new."""
    if not rows:
        return 0
    return _writing(connection, tuple(rows[0])).write(connection, [tuple(row.values()) for row in rows])


def planned_row(plan: PolicyPlan, key: DueKey) -> dict[str, Any]:
    """Return the outbox row for one account of a book in another database."""
    account_id, customer_id, due_date, timezone = key
    step = plan.on(due_date)
    return row_of(
        account_id=account_id,
        customer_id=customer_id,
        due_date=due_date,
        policy=plan.policy,
        step=step.step,
        leg=step.leg,
        not_before=plan.not_before(due_date, timezone),
        expires_at=step.expires_at[due_date],
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
        **_made_at(at),
    }


def _made_at(at: datetime) -> dict[str, Any]:
    return {"planned_at": at, "changed_at": at}


def not_in_outbox(connection: Connection, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return those rows (of `row_of`) whose key the outbox does not have yet, each key once."""
    known: set[tuple[Any, ...]] = set()
    for chunk in chunks([row["account_id"] for row in rows]):
        query = select(*(outbox.c[name] for name in KEY)).where(among(outbox.c.account_id, chunk))
        known.update(map(tuple, connection.execute(query)))
    by_key = {tuple(row[name] for name in KEY): row for row in reversed(rows)}
    return [row for key, row in reversed(by_key.items()) if key not in known]
