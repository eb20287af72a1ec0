"""Reading the record: entries with their personal parts, by whom or what they are about."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, or_, select

from reminder.bulk import among
from reminder.domain.record import Kind, Sealable
from reminder.store.schema import account, outbox, record, record_leaf, record_private
from reminder.store.sealing import sealable

__all__ = ["Filters", "Recorded", "about_numbers", "accounts_of", "by_id", "listing", "of_customer"]


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry, its personal part with the salt where that is still there, and where it is sealed, if it is."""

    entry: Sealable
    salt: str | None
    content: str | None
    block_no: int | None
    position: int | None

    @property
    def data(self) -> dict[str, Any]:
        """Return what the entry says beside its keys."""
        found: dict[str, Any] = json.loads(self.entry.data)
        return found

    @property
    def private(self) -> dict[str, Any] | None:
        """Return the personal part, or None where there was none or it is gone."""
        return json.loads(self.content) if self.content is not None else None


@dataclass(frozen=True, slots=True)
class Filters:
    """Which entries are wanted; what is None or empty bounds nothing. `since` is included, `until` is not (UTC)."""

    customer_id: str | None = None
    account_id: str | None = None
    kinds: tuple[Kind, ...] = ()
    who: str | None = None
    reference: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def listing(connection: Connection, filters: Filters, *, limit: int) -> list[Recorded]:
    """Return the newest entries that pass the filters, at most `limit`."""
    query = _query().where(*_conditions(filters)).order_by(record.c.entry_id.desc()).limit(limit)
    return [_to_recorded(row) for row in connection.execute(query)]


def by_id(connection: Connection, entry_id: int) -> Recorded | None:
    """Return one entry, or None."""
    row = connection.execute(_query().where(record.c.entry_id == entry_id)).one_or_none()
    return _to_recorded(row) if row is not None else None


def of_customer(
    connection: Connection, customer_id: str, account_ids: Sequence[str], entry_ids: Sequence[int] = ()
) -> Iterator[Recorded]:
    """Yield all that is on record about a customer and these accounts, and these entries, in the order of the acts."""
    theirs: ColumnElement[bool] = record.c.customer_id == customer_id
    if account_ids:
        theirs = or_(theirs, among(record.c.account_id, account_ids))
    if entry_ids:
        theirs = or_(theirs, among(record.c.entry_id, entry_ids))
    query = _query().where(theirs).order_by(record.c.entry_id)
    for row in connection.execute(query, execution_options={"yield_per": 1_000}):
        yield _to_recorded(row)


def about_numbers(connection: Connection, numbers: Sequence[str]) -> list[int]:
    """Return the entries about these numbers that name no customer: a STOP from a number, a number that is dead."""
    query = (
        select(record.c.entry_id, record_private.c.content)
        .join(record_private, record_private.c.commitment == record.c.commitment)
        .where(record.c.customer_id.is_(None))
        .order_by(record.c.entry_id)
    )
    wanted, rows = set(numbers), connection.execute(query, execution_options={"yield_per": 1_000})
    return [row.entry_id for row in rows if json.loads(row.content).get("number") in wanted]


def accounts_of(connection: Connection, customer_id: str) -> list[str]:
    """Return every account that our tables have known as this customer's."""
    queries = (
        select(outbox.c.account_id).where(outbox.c.customer_id == customer_id),
        select(account.c.account_id).where(account.c.customer_id == customer_id),
        select(record.c.account_id).where(record.c.customer_id == customer_id, record.c.account_id.is_not(None)),
    )
    return sorted({found for query in queries for found in connection.scalars(query.distinct())})


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [
        record.c[name] == value
        for name in ("customer_id", "account_id", "who", "reference")
        if (value := getattr(filters, name)) is not None
    ]
    if filters.kinds:
        found.append(record.c.kind.in_([kind.value for kind in filters.kinds]))
    if filters.since is not None:
        found.append(record.c.happened_at >= filters.since)
    if filters.until is not None:
        found.append(record.c.happened_at < filters.until)
    return found


def _query() -> Select[Any]:
    return (
        select(
            record, record_private.c.salt, record_private.c.content, record_leaf.c.block_no, record_leaf.c.position
        )
        .outerjoin(record_private, record_private.c.commitment == record.c.commitment)
        .outerjoin(record_leaf, record_leaf.c.entry_id == record.c.entry_id)
    )  # fmt: skip


def _to_recorded(row: Row[Any]) -> Recorded:
    return Recorded(sealable(row), row.salt, row.content, row.block_no, row.position)
