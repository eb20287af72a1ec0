"""How fast gateways are used, and which do not answer: kept in the database, so that all processes share it.

Each function locks the gateway's row until the end of the transaction, which is to be a short one.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, or_, select, update

from reminder.bulk import among
from reminder.domain.breaker import Breaker
from reminder.domain.rate import Grant, Rate, grant
from reminder.store.rows import upsert
from reminder.store.schema import breaker, rate

__all__ = ["ailing", "keep_breaker", "lock_breaker", "take"]


def take(connection: Connection, gateway: str, limit: Rate, wanted: int, *, at: datetime) -> Grant:
    """Take up to `wanted` slots of a gateway; return what was granted. Slots that are not used are not given back."""
    row = _locked(connection, rate, {"key": gateway, "tat": 0.0})
    granted = grant(limit, row.tat, at.timestamp(), wanted)
    connection.execute(update(rate).where(rate.c.key == gateway).values(tat=granted.tat))
    return granted


def ailing(connection: Connection, gateways: Collection[str]) -> set[str]:
    """Return which of these gateways did not answer when they were last called; locks nothing."""
    return set(connection.scalars(_AILING, {"gateways": sorted(gateways)}))


_AILING = select(breaker.c.gateway).where(
    among(breaker.c.gateway, bindparam("gateways")), or_(breaker.c.trips > 0, breaker.c.failures > 0)
)


def lock_breaker(connection: Connection, gateway: str) -> Breaker:
    """Return a gateway's breaker, which nobody else changes until the transaction ends."""
    row = _locked(connection, breaker, {"gateway": gateway, "failures": 0, "trips": 0})
    return Breaker(row.failures, row.failing_since, row.trips, row.probe_until)


def keep_breaker(connection: Connection, gateway: str, state: Breaker) -> None:
    """Write down what became of a locked breaker."""
    connection.execute(
        update(breaker)
        .where(breaker.c.gateway == gateway)
        .values(
            failures=state.failures, failing_since=state.failing_since, trips=state.trips,
            probe_until=state.probe_until,
        )
    )  # fmt: skip


def _locked(connection: Connection, table: Table, first: dict[str, Any]) -> Row[Any]:
    """Lock the row of this key, written as `first` where there is none yet; return it as it is."""
    (key,) = table.primary_key
    upsert(connection, table, first, keep_if=key == first[key.name], decisive="")
    return connection.execute(select(table).where(key == first[key.name])).one()
