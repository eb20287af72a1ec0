"""How a database means to answer what it is asked, just as the program asks it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event

__all__ = ["plans"]


@contextmanager
def plans(connection: Connection) -> Iterator[list[str]]:
    """Collect the plan of each statement that is executed meanwhile, made with its own parameters.

    PostgreSQL is told that reading a table whole is dear, for the tables of tests are so small that it would.
    """
    explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    found: list[str] = []

    def ask(_connection: object, cursor: Any, sql: str, parameters: Any, *_: object) -> None:
        beside = cursor.connection.cursor()
        beside.execute(explain + sql, parameters)
        found.append("\n".join(map(str, beside.fetchall())))
        beside.close()

    event.listen(connection, "before_cursor_execute", ask)
    try:
        yield found
    finally:
        event.remove(connection, "before_cursor_execute", ask)
