"""Promises and repayment plans in the database.

One act, one function: `add`, `cancel`, and `end` for what the book has shown. An account has one open agreement at
most, which the database sees to. Nothing is ever deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Row, bindparam, or_, select, update
from sqlalchemy.exc import IntegrityError

from reminder.bulk import among
from reminder.domain.agreement import Agreement, AgreementKind, AgreementState, Part
from reminder.domain.money import Money
from reminder.domain.record import Actor, Entry, Kind
from reminder.errors import DataError, StoreError
from reminder.store import record
from reminder.store.rows import chunks, cut, insert_one, require_fit
from reminder.store.schema import agreement

__all__ = ["End", "add", "cancel", "end", "find", "listing", "of_accounts", "page"]

BOOK = "the book"
"""Who is on record for an end that the book has shown."""


@dataclass(frozen=True, slots=True)
class End:
    """An open agreement that the book has shown to be kept or broken, and why."""

    agreement_id: int
    state: AgreementState
    why: str


def add(connection: Connection, made: Agreement) -> int:
    """Write an agreement that `require_sound` has passed; return its number.

    Raises DataError where the account has an open one already, or a text is too long.
    """
    values = {
        "kind": made.kind.value,
        "account_id": made.account_id,
        "customer_id": made.customer_id,
        "open_account_id": made.account_id,
        "due_date": made.due_date,
        "currency": made.owed.currency,
        "owed": made.owed.minor,
        "parts": [[part.day.isoformat(), part.amount.minor] for part in made.parts],
        "grace_days": made.grace_days,
        "tolerance_percent": made.tolerance_percent,
        "state": AgreementState.OPEN.value,
        "note": made.note,
        "who": made.who,
        "made_at": made.made_at,
    }
    require_fit(agreement, values)
    try:
        with connection.begin_nested():
            number = insert_one(connection, agreement, values)
    except IntegrityError:
        open_one = select(agreement).where(agreement.c.open_account_id == made.account_id)
        there = connection.execute(open_one).one_or_none()
        if there is None:
            raise
        name = f"{there.kind} {there.agreement_id}"
        raise DataError(
            f"expected an account without an open promise or plan, found {name} on {made.account_id}: cancel it first"
        ) from None
    act = _act(
        replace(made, agreement_id=number), Actor.OPERATOR, made.who, was="", became=AgreementState.OPEN,
        data={"owed": made.owed.amount, "currency": made.owed.currency, "parts": values["parts"]}, words=made.note,
    )  # fmt: skip
    record.append(connection, [act], at=made.made_at)
    return number


def _act(
    what: Agreement,
    actor: Actor,
    who: str,
    *,
    was: str,
    became: AgreementState,
    data: Mapping[str, object] = MappingProxyType({}),
    words: str = "",
) -> Entry:
    """Return the act for the record; what people said is private."""
    kind = Kind.PROMISE if what.kind is AgreementKind.PROMISE else Kind.REPAYMENT_PLAN
    return Entry(
        kind, actor, who, subject=str(what.agreement_id), account_id=what.account_id, customer_id=what.customer_id,
        was=was, became=became.value, data=data, private={"reason": words} if words else {},
    )  # fmt: skip


def cancel(
    connection: Connection, agreement_id: int, *, kind: AgreementKind, why: str, who: str, at: datetime
) -> Agreement:
    """Take an open agreement of a kind back; return it as it was. Raises StoreError where there is none that is open.

    Raises DataError where nobody says why, or in too many words.
    """
    if not why.strip():
        raise DataError(f"expected a reason for cancelling the {kind}, found none: say why, somebody will ask")
    require_fit(agreement, {"ended_by": who, "ended_why": why})
    found = find(connection, agreement_id, kind)
    if found is None or not _end(connection, agreement_id, AgreementState.CANCELLED, why=why, who=who, at=at):
        state = f"one that is {found.state}" if found else "none"
        raise StoreError(f"expected an open {kind} {agreement_id}, found {state}: see `reminder {kind} list --all`")
    act = _act(found, Actor.OPERATOR, who, was=found.state, became=AgreementState.CANCELLED, words=why)
    record.append(connection, [act], at=at)
    return found


def end(connection: Connection, ends: Iterable[End], *, at: datetime) -> list[End]:
    """Write down what the book has shown; return those that were still open, and so are ended by this."""
    ended = [each for each in ends if _end(connection, each.agreement_id, each.state, why=each.why, who=BOOK, at=at)]
    known = [(find(connection, each.agreement_id), each) for each in ended]
    acts = [
        _act(what, Actor.PROCESS, BOOK, was=AgreementState.OPEN, became=each.state, data={"why": each.why})
        for what, each in known
        if what is not None
    ]
    record.append(connection, acts, at=at)
    return ended


def _end(connection: Connection, agreement_id: int, state: AgreementState, *, why: str, who: str, at: datetime) -> bool:
    values = cut(agreement, {"ended_by": who, "ended_why": why})
    ended = connection.execute(
        update(agreement)
        .where(agreement.c.agreement_id == agreement_id, agreement.c.state == AgreementState.OPEN)
        .values(state=state.value, open_account_id=None, ended_at=at, **values)
    )
    return ended.rowcount == 1


def of_accounts(connection: Connection, account_ids: Sequence[str]) -> list[Agreement]:
    """Return every agreement of these accounts, whatever has become of it, oldest first."""
    rows: list[Row[Any]] = []
    for chunk in chunks(account_ids):
        rows += connection.execute(_OF_ACCOUNTS, {"ids": chunk})
    return sorted(map(_to_agreement, rows), key=lambda found: found.agreement_id)


_OF_ACCOUNTS = select(agreement).where(among(agreement.c.account_id, bindparam("ids")))


def page(
    connection: Connection, *, broken_since: datetime | None = None, after: int = 0, limit: int
) -> list[Agreement]:
    """Return open agreements in order of their numbers, at most `limit`, with higher ones than `after`.

    With `broken_since` also those that were found to be broken since that instant (UTC).
    """
    wanted = agreement.c.state == AgreementState.OPEN
    if broken_since is not None:
        broken = agreement.c.state == AgreementState.BROKEN
        wanted = or_(wanted, broken & (agreement.c.ended_at >= broken_since))
    query = select(agreement).where(wanted, agreement.c.agreement_id > after)
    rows = connection.execute(query.order_by(agreement.c.agreement_id).limit(limit))
    return [_to_agreement(row) for row in rows]


def find(connection: Connection, agreement_id: int, kind: AgreementKind | None = None) -> Agreement | None:
    """Return one agreement, of this kind where one is given, or None."""
    row = connection.execute(select(agreement).where(agreement.c.agreement_id == agreement_id)).one_or_none()
    return None if row is None or kind not in (None, row.kind) else _to_agreement(row)


def listing(
    connection: Connection, *, kind: AgreementKind, open_only: bool, account_id: str | None = None, limit: int
) -> list[Agreement]:
    """Return the newest agreements of a kind, at most `limit`; with `open_only` those that have not ended."""
    query = select(agreement).where(agreement.c.kind == kind).order_by(agreement.c.agreement_id.desc()).limit(limit)
    if open_only:
        query = query.where(agreement.c.state == AgreementState.OPEN)
    if account_id is not None:
        query = query.where(agreement.c.account_id == account_id)
    return [_to_agreement(row) for row in connection.execute(query)]


def _to_agreement(row: Row[Any]) -> Agreement:
    return Agreement(
        kind=AgreementKind(row.kind),
        account_id=row.account_id,
        customer_id=row.customer_id,
        due_date=row.due_date,
        owed=Money(row.owed, row.currency),
        parts=tuple(Part(date.fromisoformat(day), Money(minor, row.currency)) for day, minor in row.parts),
        made_at=row.made_at,
        grace_days=row.grace_days,
        tolerance_percent=row.tolerance_percent,
        state=AgreementState(row.state),
        note=row.note,
        who=row.who,
        ended_at=row.ended_at,
        ended_why=row.ended_why,
        agreement_id=row.agreement_id,
    )
