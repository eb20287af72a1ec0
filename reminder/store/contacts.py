"""Contacts as caps count them: what was made with whom, and the locks under which one more is added (law 10).

Customers are locked first, then what else a cap counts by, each in one order everywhere: so two processes can't wait
for each other in a circle.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from hashlib import blake2b
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    bindparam,
    exists,
    false,
    or_,
    select,
)

from reminder.bulk import ManyRows, among, inserts
from reminder.dialects import insert_new
from reminder.domain.caps import Aim, Cap, CapScope, Contact, Counts, Key, horizon
from reminder.domain.lifecycle import State
from reminder.store.rows import chunks
from reminder.store.schema import attempt, attempt_account, cap_lock, customer_lock, outbox

__all__ = ["Ask", "contacts", "lock"]


@dataclass(frozen=True, slots=True)
class Ask:
    """What must be known of past contacts to judge some caps: by which scopes, how far back, and how closely.

    `refused` says that refused calls count somewhere, and `lost` that receipts decide somewhere.
    """

    scopes: frozenset[CapScope]
    reach: timedelta
    refused: bool
    lost: bool

    @classmethod
    def of(cls, caps: Iterable[Cap]) -> Ask:
        """Return what these caps ask; contacts of customers are always looked up."""
        asked = tuple(caps)
        scopes = {CapScope.NUMBER if cap.scope is CapScope.NUMBER_AND_TEMPLATE else cap.scope for cap in asked}
        return cls(
            scopes=frozenset(scopes | {CapScope.CUSTOMER}),
            reach=horizon(asked),
            refused=any(cap.counts is Counts.ATTEMPTS for cap in asked),
            lost=any(cap.counts is Counts.DELIVERED for cap in asked),
        )


def contacts(connection: Connection, ask: Ask, keys: Iterable[Key], *, at: datetime) -> dict[Key, list[Contact]]:
    """Return the contacts made, or that may have been made, with each of these, as far back from `at` as is asked.

    Keys of scopes that no cap asks about are passed over.
    """
    wanted: dict[CapScope, set[str]] = {scope: set() for scope in ask.scopes}
    for scope, value in keys:
        if scope in wanted:
            wanted[scope].add(value)
    found: dict[Key, list[Contact]] = defaultdict(list)
    for scope, values in wanted.items():
        for values_chunk in chunks(sorted(values)):
            for query in _queries(scope, refused=ask.refused, lost=ask.lost):
                for key, _reference, *told in connection.execute(
                    query, {"keys": values_chunk, "since": at - ask.reach}
                ):
                    found[scope, key].append(_contact(*told))
    return found


@cache
def _queries(scope: CapScope, *, refused: bool, lost: bool) -> tuple[Select[Any], ...]:
    """Return the questions after contacts with some `keys` of a scope since an instant."""
    column = {
        CapScope.CUSTOMER: attempt.c.customer_id,
        CapScope.NUMBER: attempt.c.number,
        CapScope.ACCOUNT: attempt.c.account_id,
        CapScope.CLAIM: attempt.c.claim_id,
    }[scope]
    counts = or_(attempt.c.counted, attempt.c.outcome == "refused") if refused else attempt.c.counted
    told = (
        attempt.c.reference,
        attempt.c.started_at,
        attempt.c.counted,
        _lost() if lost else false(),
        attempt.c.template,
        attempt.c.channel,
        attempt.c.notice,
    )
    keys: BindParameter[Any] = bindparam("keys")
    made = and_(counts, attempt.c.started_at >= bindparam("since"))
    first = select(column, *told).where(among(column, keys), made)
    if scope not in (CapScope.ACCOUNT, CapScope.CLAIM):
        return (first,)
    other = attempt_account.c[column.name]
    listed = attempt_account.join(attempt, attempt.c.reference == attempt_account.c.reference)
    # Two accounts of one debt in one text are one contact with that debt.
    once = other != column
    return first, select(other, *told).select_from(listed).where(among(other, keys), once, made).distinct()


def _lost() -> ColumnElement[bool]:
    """Return whether a receipt says that the text did not arrive."""
    return exists().where(outbox.c.reference == attempt.c.reference, outbox.c.state == State.UNDELIVERED)


def _contact(at: datetime, counted: bool, lost: bool, template: str, channel: str, notice: bool) -> Contact:
    reached = Counts.ACCEPTED if lost else Counts.DELIVERED
    return Contact(at, reached if counted else Counts.ATTEMPTS, template, channel, notice)


def lock(connection: Connection, aims: Iterable[tuple[Aim, Sequence[Cap]]]) -> None:
    """Lock whatever these texts' caps count by, until the transaction ends; their customers always."""
    customers: set[str] = set()
    others: set[int] = set()
    for aim, caps in aims:
        customers.add(aim.customer_id)
        others.update(
            _hash(key) for scope in {cap.scope for cap in caps} - {CapScope.CUSTOMER} for key in aim.keys(scope)
        )
    _lock_rows(connection, customer_lock, sorted(customers))
    _lock_rows(connection, cap_lock, sorted(others))


def _hash(key: Key) -> int:
    """Return a number for a key: what is locked needs no name, and the table keeps no numbers of people."""
    digest = blake2b(f"{key[0]}\0{key[1]}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def _lock_rows(connection: Connection, table: Table, keys: Sequence[object]) -> None:
    """Lock the rows of these keys, in their order, making those that are not there."""
    if not keys:
        return
    (column,) = table.primary_key
    name = connection.dialect.name
    _making(name, table).write(connection, [(key,) for key in keys])
    if name == "sqlite":
        return  # the transaction is the only writer already (BEGIN IMMEDIATE); rows are made for a later move
    connection.execute(select(column).where(among(column, keys)).order_by(column).with_for_update()).all()


@cache
def _making(dialect: str, table: Table) -> ManyRows:
    """Return the writing of rows that are not there."""
    key = [column.name for column in table.primary_key]
    return inserts(insert_new(dialect, table, key), key)
