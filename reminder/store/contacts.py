"""Contacts as caps count them: what was made with whom, and the locks under which one more is added (law 10).

Customers are locked first, then what else a cap counts by, each in one order everywhere: so two processes can't wait
for each other in a circle.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from sqlalchemy import ColumnElement, Connection, Insert, Select, Table, and_, exists, false, or_, select
from sqlalchemy.dialects import mysql, postgresql, sqlite

from reminder.bulk import ManyRows, inserts
from reminder.domain.caps import Aim, Cap, CapScope, Contact, Counts, Key, horizon
from reminder.domain.lifecycle import State
from reminder.store.rows import among, chunks
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
            for query in _queries(connection, scope, values_chunk, ask, at - ask.reach):
                for key, _reference, *told in connection.execute(query):
                    found[scope, key].append(_contact(*told))
    return found


def _queries(
    connection: Connection, scope: CapScope, values: Sequence[str], ask: Ask, since: datetime
) -> Iterator[Select[Any]]:
    column = {
        CapScope.CUSTOMER: attempt.c.customer_id,
        CapScope.NUMBER: attempt.c.number,
        CapScope.ACCOUNT: attempt.c.account_id,
        CapScope.CLAIM: attempt.c.claim_id,
    }[scope]
    counts = or_(attempt.c.counted, attempt.c.outcome == "refused") if ask.refused else attempt.c.counted
    told = (
        attempt.c.reference,
        attempt.c.started_at,
        attempt.c.counted,
        _lost() if ask.lost else false(),
        attempt.c.template,
        attempt.c.channel,
        attempt.c.notice,
    )
    made = and_(counts, attempt.c.started_at >= since)
    yield select(column, *told).where(among(connection, column, values), made)
    if scope in (CapScope.ACCOUNT, CapScope.CLAIM):
        other = attempt_account.c[column.name]
        listed = attempt_account.join(attempt, attempt.c.reference == attempt_account.c.reference)
        # Two accounts of one debt in one text are one contact with that debt.
        once = other != column
        yield select(other, *told).select_from(listed).where(among(connection, other, values), once, made).distinct()


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
    _MAKE[name][table.name].write(connection, [(key,) for key in keys])
    if name == "sqlite":
        return  # the transaction is the only writer already (BEGIN IMMEDIATE); rows are made for a later move
    connection.execute(select(column).where(among(connection, column, keys)).order_by(column).with_for_update()).all()


def _making(table: Table) -> Iterator[tuple[str, Insert]]:
    """Yield, for each database, the statement that makes rows which are not there."""
    (column,) = table.primary_key
    yield "postgresql", postgresql.insert(table).on_conflict_do_nothing()
    yield "sqlite", sqlite.insert(table).on_conflict_do_nothing()
    yield "mysql", mysql.insert(table).on_duplicate_key_update({column.name: column})


_MAKE: dict[str, dict[str, ManyRows]] = defaultdict(dict)
for _table in (customer_lock, cap_lock):
    for _name, _statement in _making(_table):
        _MAKE[_name][_table.name] = inserts(_statement, [column.name for column in _table.primary_key])
