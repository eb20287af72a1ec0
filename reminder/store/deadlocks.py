"""Deadlocks: a database that breaks one undoes a whole transaction, and expects to be asked again.

MariaDB locks every row that a statement reads on its way, so that two claims which want different rows can still wait
for each other. Nothing was written then; doing the same again is the cure that its manual names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

__all__ = ["TRIES_MAX", "in_transaction"]

TRIES_MAX = 8
"""How often a transaction is begun before its deadlock is somebody else's business."""

_MARIADB_DEADLOCK = 1213
_POSTGRESQL_DEADLOCK = "40P01"

T = TypeVar("T")


def in_transaction(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Return what `work` returns, done in a transaction of its own; done again where the database broke a deadlock.

    `work` must have no effect but on the database. Raises what it raises, and the deadlock of the last try.
    """
    for _ in range(TRIES_MAX - 1):
        try:
            with engine.begin() as connection:
                return work(connection)
        except OperationalError as error:
            if not _is_deadlock(error):
                raise
    with engine.begin() as connection:
        return work(connection)


def _is_deadlock(error: OperationalError) -> bool:
    original = error.orig
    if getattr(original, "sqlstate", None) == _POSTGRESQL_DEADLOCK:
        return True
    return bool(original and original.args and original.args[0] == _MARIADB_DEADLOCK)
