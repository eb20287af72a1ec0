"""What operators were told: a row for each trouble, so that several daemons tell once and a restart does not repeat it.

Whoever tells puts `try_at` off first, by compare-and-swap: if it dies while it tells, another one tells a little later.
An alert told twice does no harm; one that nobody told would.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from reminder.domain.trouble import Kind, Trouble
from reminder.store.rows import cut
from reminder.store.schema import alert

__all__ = ["CLAIM_SECONDS", "CLEAR_AFTER_SECONDS", "Telling", "claim", "forget", "listing", "note", "told", "untold"]

CLAIM_SECONDS = 180
"""How long one process has for telling before another one tells."""

CLEAR_AFTER_SECONDS = 120
"""For how long a trouble must not have been seen before it is over: what comes and goes is told once."""

RETRY_SECONDS_MIN = 120
RETRY_SECONDS_MAX = 3600


@dataclass(frozen=True, slots=True)
class Telling:
    """A trouble that this process is to tell now, or, where it is `over`, the end of one that was told."""

    key: str
    kind: str
    found: str
    hint: str
    since: datetime
    over: bool
    again: bool
    tries: int


def note(connection: Connection, troubles: Sequence[Trouble], at: datetime, *, kinds: Collection[Kind]) -> None:
    """Keep what is found to be wrong at the instant `at` (UTC); forget what is over before anybody was told of it.

    What is not of these kinds is not told of any more, nor that it is over.
    """
    _delete(connection, alert.c.kind.not_in(sorted(kinds)))
    for trouble in sorted(troubles, key=lambda each: each.key):
        values = {"found": trouble.found, "hint": trouble.hint, "seen_at": at}
        known = alert.c.alert_key == trouble.key
        if connection.execute(update(alert).where(known).values(cut(alert, values))).rowcount:
            continue
        first = {"alert_key": trouble.key, "kind": trouble.kind, "since": trouble.since, "try_at": at, "tries": 0}
        try:
            with connection.begin_nested():
                connection.execute(insert(alert).values(cut(alert, values | first)))
        except IntegrityError:
            continue  # another process found the same in this moment
    _delete(connection, and_(alert.c.told_at.is_(None), _is_over(at)))


def claim(connection: Connection, at: datetime) -> list[Telling]:
    """Return what is to be told at the instant `at` (UTC), the oldest first: no other process tells it meanwhile."""
    over = _is_over(at)
    due = select(alert, over.label("over")).where((alert.c.try_at <= at) | and_(over, alert.c.tries == 0))
    mine: list[Telling] = []
    for row in connection.execute(due.order_by(alert.c.since, alert.c.alert_key)).all():
        same = (alert.c.alert_key == row.alert_key, alert.c.try_at == row.try_at)
        later = at + timedelta(seconds=CLAIM_SECONDS)
        if connection.execute(update(alert).where(*same).values(try_at=later, tries=row.tries + 1)).rowcount:
            mine.append(_telling(row))
    return mine


def _telling(row: Row[tuple[object, ...]]) -> Telling:
    return Telling(
        row.alert_key, row.kind, row.found, row.hint, row.since, bool(row.over), row.told_at is not None, row.tries
    )


def told(connection: Connection, telling: Telling, *, at: datetime, again_at: datetime) -> None:
    """Keep that the operator was told; while it lasts, it is told again at `again_at` (UTC).

    What is over is forgotten.
    """
    if telling.over:
        forget(connection, telling.key)
        return
    values = {"told_at": at, "try_at": again_at, "tries": 0}
    connection.execute(update(alert).where(alert.c.alert_key == telling.key).values(values))


def untold(connection: Connection, telling: Telling, *, at: datetime) -> datetime:
    """Keep that telling failed; return when it is tried again (UTC)."""
    wait = min(RETRY_SECONDS_MIN * 2.0 ** min(telling.tries, 10), RETRY_SECONDS_MAX)
    again = at + timedelta(seconds=wait)
    connection.execute(update(alert).where(alert.c.alert_key == telling.key).values(try_at=again))
    return again


def forget(connection: Connection, key: str) -> None:
    """Forget a trouble."""
    connection.execute(delete(alert).where(alert.c.alert_key == key))


def listing(connection: Connection) -> Sequence[Row[tuple[object, ...]]]:
    """Return what operators are being told of, the oldest first."""
    return connection.execute(select(alert).order_by(alert.c.since, alert.c.alert_key)).all()


def _delete(connection: Connection, where: ColumnElement[bool]) -> None:
    """Delete by key, and only where there is something: MariaDB would lock the whole table each time."""
    for key in connection.scalars(select(alert.c.alert_key).where(where).order_by(alert.c.alert_key)).all():
        forget(connection, key)


def _is_over(at: datetime) -> ColumnElement[bool]:
    return alert.c.seen_at <= at - timedelta(seconds=CLEAR_AFTER_SECONDS)
