"""Pauses: runs that a guard stopped, until their cause is gone or a person lets them go on (law 15).

There is one row per guard and day. All processes see it, and none sends while one is open. When one about a clock ends,
the clock is right again, and what it left in our tables is put right with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.exc import IntegrityError

from reminder.domain.guard import Finding, GuardName
from reminder.domain.record import Actor, Entry, Kind
from reminder.errors import DataError
from reminder.store import ahead, record
from reminder.store.rows import cut, insert_one, require_fit
from reminder.store.schema import pause

__all__ = ["Pause", "approve", "by_id", "lift", "open_pauses", "stop"]


@dataclass(frozen=True, slots=True)
class Pause:
    """A stopped run: which guard stopped it, for which day, why, since when (UTC), and which process says so."""

    pause_id: int
    guard: GuardName
    day: date
    reason: str
    figures: dict[str, Any]
    owner: str
    since: datetime


def stop(connection: Connection, finding: Finding, *, day: date, owner: str, at: datetime) -> Pause:
    """Pause the run for what a guard found on a day; return the pause, which may be there already.

    A pause that was lifted is in force again, with what is found now. An approved one stays approved: the day passes.
    """
    found = _of_day(connection, finding.guard, day)
    if found is None:
        values = {"guard": finding.guard, "day": day, "owner": owner, "since": at, "figures": dict(finding.figures)}
        try:
            with connection.begin_nested():
                pause_id = insert_one(connection, pause, cut(pause, values | {"reason": finding.reason}))
                record.append(connection, [_stopped(pause_id, finding, day, owner)], at=at)
        except IntegrityError:  # another process found the same in this moment
            pass
    elif found.lifted_at is not None:
        again = cut(pause, {"reason": finding.reason, "owner": owner})
        stopped = connection.execute(
            update(pause)
            .where(pause.c.pause_id == found.pause_id, pause.c.lifted_at.is_not(None))
            .values(**again, figures=dict(finding.figures), since=at, lifted_at=None)
        )
        if stopped.rowcount == 1:
            record.append(connection, [_stopped(found.pause_id, finding, day, owner)], at=at)
    row = _of_day(connection, finding.guard, day)
    assert row is not None  # noqa: S101 - it was written, by us or by another
    return _to_pause(row)


def _stopped(pause_id: int, finding: Finding, day: date, owner: str) -> Entry:
    data = {"guard": finding.guard, "day": day, "reason": finding.reason, "figures": dict(finding.figures)}
    return Entry(Kind.PAUSE, Actor.PROCESS, owner, subject=str(pause_id), was="", became="stopped", data=data)


def lift(connection: Connection, pause_id: int, *, owner: str, at: datetime) -> bool:
    """End a pause whose cause is gone, as `owner` found; return False when it was not open any more."""
    opened = (pause.c.pause_id == pause_id, pause.c.lifted_at.is_(None), pause.c.approved_at.is_(None))
    if connection.execute(update(pause).where(*opened).values(lifted_at=at)).rowcount != 1:
        return False
    data = _put_right(connection, pause_id, at)
    entry = Entry(Kind.PAUSE, Actor.PROCESS, owner, subject=str(pause_id), was="stopped", became="lifted", data=data)
    record.append(connection, [entry], at=at)
    return True


def approve(connection: Connection, pause_id: int, *, who: str, reason: str, at: datetime) -> bool:
    """Let a paused run go on for its day; return False when there is no open pause of this id.

    Raises DataError when no reason is given, or a text is too long.
    """
    if not reason.strip():
        raise DataError("expected a reason why the run may go on, found none: say it, somebody will ask")
    values = {"approved_by": who, "approval": reason}
    require_fit(pause, values)
    opened = (pause.c.pause_id == pause_id, pause.c.lifted_at.is_(None), pause.c.approved_at.is_(None))
    if connection.execute(update(pause).where(*opened).values(**values, approved_at=at)).rowcount != 1:
        return False
    entry = Entry(
        Kind.APPROVAL, Actor.OPERATOR, who, subject=str(pause_id), was="stopped", became="approved",
        data={"of": "pause"} | _put_right(connection, pause_id, at), private={"reason": reason},
    )  # fmt: skip
    record.append(connection, [entry], at=at)
    return True


def _put_right(connection: Connection, pause_id: int, at: datetime) -> dict[str, int]:
    """Put right what a clock left, if the pause was about one; return what is to be told of it."""
    guard = connection.scalar(select(pause.c.guard).where(pause.c.pause_id == pause_id))
    freed = ahead.put_right(connection, at=at) if guard in (GuardName.CLOCK_JUMP, GuardName.CLOCK_BEHIND) else 0
    return {"reminders_put_right": freed} if freed else {}


def open_pauses(connection: Connection) -> list[Pause]:
    """Return the pauses that are neither lifted nor approved, oldest first."""
    query = select(pause).where(pause.c.lifted_at.is_(None), pause.c.approved_at.is_(None)).order_by(pause.c.pause_id)
    return [_to_pause(row) for row in connection.execute(query)]


def by_id(connection: Connection, pause_id: int) -> Row[Any] | None:
    """Return one row, whatever became of it, or None."""
    return connection.execute(select(pause).where(pause.c.pause_id == pause_id)).one_or_none()


def _of_day(connection: Connection, guard: GuardName, day: date) -> Row[Any] | None:
    return connection.execute(select(pause).where(pause.c.guard == guard, pause.c.day == day)).one_or_none()


def _to_pause(row: Row[Any]) -> Pause:
    names: Sequence[str] = ("pause_id", "day", "reason", "figures", "owner", "since")
    return Pause(guard=GuardName(row.guard), **{name: getattr(row, name) for name in names})
