"""Licences to be gone: which personal parts an erasure or a retention on record has removed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select

from reminder.bulk import among
from reminder.domain.record import Kind, iso
from reminder.store.rows import chunks
from reminder.store.schema import record

__all__ = ["Licences"]


class Licences:
    """What the record says of personal parts that were removed.

    An erasure is found by the customer or account that it is about; it covers what was written before it, and
    the entries that it names besides. A retention covers kinds up to an instant. The few retentions, and entries that
    erasures name, are held in memory.
    """

    def __init__(self, connection: Connection) -> None:
        self._before: dict[str, str] = {}
        self._named: set[int] = set()
        kinds = [Kind.ERASURE.value, Kind.RETENTION.value]
        query = select(record.c.kind, record.c.data).where(record.c.customer_id.is_(None), record.c.kind.in_(kinds))
        for row in connection.execute(query):
            self._read(row.kind, _parsed(row.data))

    def _read(self, kind: str, data: dict[str, Any]) -> None:
        if kind == Kind.ERASURE:
            self._named.update(data.get("entries", ()))
            return
        for each in data.get("kinds", ()):
            self._before[each] = max(self._before.get(each, ""), str(data.get("before", "")))

    def without(self, connection: Connection, gone: Sequence[Row[Any]]) -> Iterator[Row[Any]]:
        """Yield those of these entries, whose personal parts are gone, that nothing on record covers."""
        open_ = [
            row
            for row in gone
            if row.entry_id not in self._named and iso(row.happened_at) >= self._before.get(row.kind, "")
        ]
        customers = self._erased(connection, "customer_id", [row.customer_id for row in open_])
        accounts = self._erased(connection, "account_id", [row.account_id for row in open_])
        for row in open_:
            last = max(customers.get(row.customer_id, 0), accounts.get(row.account_id, 0))
            if last < row.entry_id:
                yield row

    def _erased(self, connection: Connection, key: str, values: Sequence[str | None]) -> dict[str | None, int]:
        """Return the number of the last erasure of each of these customers or accounts."""
        column, found = record.c[key], dict[str | None, int]()
        for chunk in chunks([value for value in values if value is not None]):
            query = select(column, func.max(record.c.entry_id)).where(
                among(column, chunk), record.c.kind == Kind.ERASURE.value
            )
            found.update((row[0], row[1]) for row in connection.execute(query.group_by(column)))
        return found


def _parsed(text: str) -> dict[str, Any]:
    """Return what an entry says; one that was tampered with licences nothing."""
    try:
        data = json.loads(text)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
