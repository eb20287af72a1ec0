"""Numbers that can't be reached, as providers have told us. Another number for the same customer is another number."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select

from reminder.store.rows import among, chunks, cut, upsert
from reminder.store.schema import bad_number

__all__ = ["bad_among", "clear", "mark_bad"]


def mark_bad(connection: Connection, number: str, *, gateway: str, code: str, at: datetime) -> None:
    """Keep that a gateway refused this number (E.164) for good, with its code; the latest word counts."""
    told = cut(bad_number, {"gateway": gateway, "code": code})
    upsert(connection, bad_number, {"number": number, **told, "marked_at": at})


def bad_among(connection: Connection, numbers: Sequence[str]) -> dict[str, str]:
    """Return those of these numbers that can't be reached, each with the provider's code."""
    found: dict[str, str] = {}
    for chunk in chunks(numbers):
        query = select(bad_number.c.number, bad_number.c.code).where(among(connection, bad_number.c.number, chunk))
        found |= {row.number: row.code for row in connection.execute(query)}
    return found


def clear(connection: Connection, number: str) -> bool:
    """Try this number again from now on; return False when nobody had marked it."""
    return connection.execute(delete(bad_number).where(bad_number.c.number == number)).rowcount == 1
