"""Which slots of the schedule have been planned: the only memory the scheduler has.

A slot is (schedule, local date, number within the day) and unique in the database, so however many daemons see that it
is due, one plans it. A run that began and never finished is given up by the next who leads and begun again: to plan
twice writes nothing twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update
from sqlalchemy.exc import IntegrityError

from reminder.store.rows import insert_one
from reminder.store.schema import plan_run

__all__ = ["abandon", "begin", "done_since", "finish", "first_started", "give_up", "latest", "since"]


def begin(
    connection: Connection, *, schedule: str, slot_date: date, slot_no: int, owner: str, at: datetime
) -> int | None:
    """Take a slot to plan it; return the id of the run, or None when somebody else has it. Commit before planning."""
    slot = {"schedule": schedule, "slot_date": slot_date, "slot_no": slot_no}
    taken = select(plan_run.c.plan_run_id).filter_by(**slot)
    if connection.scalar(taken) is not None:  # spares the server's log a violated key at every tick
        return None
    try:
        with connection.begin_nested():
            return insert_one(connection, plan_run, slot | {"owner": owner, "started_at": at})
    except IntegrityError:
        return None


def finish(connection: Connection, plan_run_id: int, *, owner: str, planned: int, at: datetime) -> bool:
    """Keep that a run is done and how many reminders it planned; return False when it had been given up meanwhile."""
    mine = (plan_run.c.plan_run_id == plan_run_id, plan_run.c.owner == owner, plan_run.c.ended_at.is_(None))
    return connection.execute(update(plan_run).where(*mine).values(ended_at=at, planned=planned)).rowcount == 1


def give_up(connection: Connection, plan_run_id: int, *, owner: str) -> bool:
    """Let go of an unfinished run, so that its slot can be taken again at once; return False when it isn't ours."""
    mine = (plan_run.c.plan_run_id == plan_run_id, plan_run.c.owner == owner, plan_run.c.ended_at.is_(None))
    return connection.execute(delete(plan_run).where(*mine)).rowcount == 1


def abandon(connection: Connection) -> int:
    """Give up every run that has not finished, so that its slot is planned after all; return how many there were.

    Only for who leads, under its mandate and between two plans of its own: any run that is under way then is one of a
    process that leads no more, and that could not finish it either.
    """
    return connection.execute(delete(plan_run).where(plan_run.c.ended_at.is_(None))).rowcount


def done_since(connection: Connection, schedule: str, since_date: date) -> set[tuple[date, int]]:
    """Return the slots (local date, number) of a schedule, from this date on, whose runs have finished."""
    query = select(plan_run.c.slot_date, plan_run.c.slot_no).where(
        plan_run.c.schedule == schedule, plan_run.c.slot_date >= since_date, plan_run.c.ended_at.is_not(None)
    )
    return {(row.slot_date, row.slot_no) for row in connection.execute(query)}


def since(connection: Connection, schedule: str, since_date: date) -> dict[tuple[date, int], Row[Any]]:
    """Return the runs of a schedule from this date on, also those under way, by their slot (local date, number)."""
    query = select(plan_run).where(plan_run.c.schedule == schedule, plan_run.c.slot_date >= since_date)
    return {(row.slot_date, row.slot_no): row for row in connection.execute(query)}


def latest(connection: Connection, *, limit: int) -> Sequence[Row[Any]]:
    """Return the newest runs, at most `limit`: schedule, slot_date, slot_no, owner, started_at, ended_at, planned."""
    return connection.execute(select(plan_run).order_by(plan_run.c.plan_run_id.desc()).limit(limit)).all()


def first_started(connection: Connection) -> datetime | None:
    """Return when the first plan of any schedule began (UTC), as far as is kept."""
    return connection.scalar(select(plan_run.c.started_at).order_by(plan_run.c.plan_run_id).limit(1))
