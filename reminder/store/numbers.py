"""Numbers that can't be reached, or are said to be somebody else's. A customer's new number is another number.

A mark is on the number, whoever is booked under it, and no time wears it off. When it is taken back, the row stays and
says by whom and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, bindparam, select, update

from reminder.bulk import among
from reminder.domain.record import Actor, Entry, Kind
from reminder.errors import DataError
from reminder.store import pseudonyms, record
from reminder.store.rows import chunks, cut, require_fit, upsert
from reminder.store.schema import bad_number

__all__ = ["WRONG_PERSON", "BadNumber", "bad_among", "clear", "listing", "mark_bad"]

WRONG_PERSON = "wrong_person"
"""The code of a number whose owner says that it is not our customer's. Only a person takes that back."""


@dataclass(frozen=True, slots=True)
class BadNumber:
    """A number (E.164) that is not tried, since when (UTC), by whose word and with which code; or that was cleared."""

    number: str
    gateway: str
    code: str
    marked_at: datetime
    cleared_at: datetime | None = None
    cleared_by: str | None = None
    cleared_because: str | None = None


def mark_bad(
    connection: Connection, number: str, *, gateway: str, code: str, at: datetime, actor: Actor = Actor.PROVIDER
) -> None:
    """Keep that a gateway refused this number (E.164) for good, with its code; the latest word counts.

    What its owner has said outlasts what gateways say: a text that arrives later would take back theirs.
    """
    known = select(bad_number.c.code).where(bad_number.c.number == number, _in_force()).with_for_update()
    if connection.scalar(known) == WRONG_PERSON:
        return
    told = cut(bad_number, {"gateway": gateway, "code": code})
    nobody = {"cleared_at": None, "cleared_by": None, "cleared_because": None}
    upsert(connection, bad_number, {"number": number, **told, "marked_at": at, **nobody})
    entry = Entry(
        Kind.NUMBER, actor, gateway, was="", became="bad", data={"code": told["code"]},
        private={"number": number},
    )  # fmt: skip
    record.append(connection, [entry], at=at)


def bad_among(connection: Connection, numbers: Sequence[str]) -> dict[str, str]:
    """Return those of these numbers that can't be reached, each with the provider's code."""
    found: dict[str, str] = {}
    names = {alias: number for number, alias in pseudonyms.of(connection, numbers).items()}
    for chunk in chunks([*numbers, *names]):
        marked = connection.execute(_BAD_AMONG, {"numbers": chunk})
        found |= {names.get(row.number, row.number): row.code for row in marked}
    return found


def listing(connection: Connection, *, active_only: bool, limit: int) -> list[BadNumber]:
    """Return the numbers marked last, at most `limit`; with `active_only` those that are not tried now."""
    query = select(bad_number).order_by(bad_number.c.marked_at.desc(), bad_number.c.number).limit(limit)
    if active_only:
        query = query.where(_in_force())
    return [BadNumber(**row) for row in connection.execute(query).mappings()]


def clear(
    connection: Connection, number: str, *, who: str, reason: str, at: datetime, actor: Actor = Actor.OPERATOR
) -> bool:
    """Try this number again from now on; return False when it is not marked. Raises DataError without a reason."""
    if not reason.strip():
        raise DataError("expected a reason for trying the number again, found none: say how it is known to work")
    signed = {"cleared_by": who, "cleared_because": reason.strip()}
    require_fit(bad_number, signed)
    cleared = connection.execute(
        update(bad_number).where(bad_number.c.number == number, _in_force()).values(cleared_at=at, **signed)
    )
    if cleared.rowcount != 1:
        return False
    private = {"number": number, "reason": signed["cleared_because"]}
    record.append(connection, [Entry(Kind.NUMBER, actor, who, was="bad", became="tried", private=private)], at=at)
    return True


def _in_force() -> ColumnElement[bool]:
    """Return the condition that nobody has taken the mark back."""
    return bad_number.c.cleared_at.is_(None)


_BAD_AMONG = select(bad_number.c.number, bad_number.c.code).where(
    among(bad_number.c.number, bindparam("numbers")), _in_force()
)
