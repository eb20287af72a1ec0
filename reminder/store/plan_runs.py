"""Which slots of the schedule have been planned: the only memory the scheduler has.

A slot is (schedule, local date, number within the day) and unique in the database, so however many daemons see that it
is due, one plans it. A run that began and never finished is given up after a while and begun again: to plan twice
writes nothing twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update
from sqlalchemy.exc import IntegrityError

from reminder.store.rows import insert_one
from reminder.store.schema import plan_run

__all__ = ["abandon", "begin", "done_since", "finish", "give_up", "latest"]


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


def abandon(connection: Connection, *, at: datetime, older_than_seconds: int) -> int:
    """Give up runs that began longer ago than this and have not finished, so that their slots are planned after all.

    Returns how many there were.
    """
    given_up = plan_run.c.started_at <= at - timedelta(seconds=older_than_seconds)
    return connection.execute(delete(plan_run).where(plan_run.c.ended_at.is_(None), given_up)).rowcount


def done_since(connection: Connection, schedule: str, since_date: date) -> set[tuple[date, int]]:
    """Return the slots (local date, number) of a schedule, from this date on, whose runs have finished."""
    query = select(plan_run.c.slot_date, plan_run.c.slot_no).where(
        plan_run.c.schedule == schedule, plan_run.c.slot_date >= since_date, plan_run.c.ended_at.is_not(None)
    )
    return {(row.slot_date, row.slot_no) for row in connection.execute(query)}


def latest(connection: Connection, *, limit: int) -> Sequence[Row[Any]]:
    """Return the newest runs, at most `limit`: schedule, slot_date, slot_no, owner, started_at, ended_at, planned."""
    return connection.execute(select(plan_run).order_by(plan_run.c.plan_run_id.desc()).limit(limit)).all()
