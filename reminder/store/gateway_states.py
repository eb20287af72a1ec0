"""Gateways that can't send as things stand: a wrong password, no credit, a provider's outage. All processes see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select

from reminder.domain.record import Actor, Entry, Kind
from reminder.store import record
from reminder.store.rows import cut, upsert
from reminder.store.schema import gateway_state

__all__ = ["GatewayPause", "pause", "paused", "resume"]


@dataclass(frozen=True, slots=True)
class GatewayPause:
    """A gateway that nothing is sent through before `until` (UTC), and why."""

    gateway: str
    until: datetime
    reason: str
    since: datetime


def pause(connection: Connection, gateway: str, *, until: datetime, reason: str, at: datetime) -> None:
    """Send nothing through a gateway before `until` (UTC).

    A pause that lasts longer already stays as it is, reason and all: what a person paused for a day, the next failing
    call does not shorten to minutes. To shorten a pause, `resume` first.
    """
    values = cut(gateway_state, {"gateway": gateway, "paused_until": until, "reason": reason, "changed_at": at})
    longer = gateway_state.c.paused_until >= until
    before = connection.scalar(select(gateway_state.c.paused_until).where(gateway_state.c.gateway == gateway))
    if before is None or before <= at:  # a pause that is only lengthened, as by each text of a batch, is told once
        entry = Entry(
            Kind.GATEWAY, Actor.PROCESS, gateway, subject=gateway, was="", became="paused",
            data={"until": until}, private={"reason": values["reason"]},
        )  # fmt: skip
        record.append(connection, [entry], at=at)
    upsert(connection, gateway_state, values, keep_if=longer, decisive="paused_until")


def resume(connection: Connection, gateway: str) -> bool:
    """Send through a gateway again; return False when it had no pause."""
    return connection.execute(delete(gateway_state).where(gateway_state.c.gateway == gateway)).rowcount == 1


def paused(connection: Connection, at: datetime) -> dict[str, GatewayPause]:
    """Return the gateways that are paused at the instant `at` (UTC), by name."""
    found = connection.execute(_PAUSED, {"at": at})
    return {
        row.gateway: GatewayPause(gateway=row.gateway, until=row.paused_until, reason=row.reason, since=row.changed_at)
        for row in found
    }


_PAUSED = select(gateway_state).where(gateway_state.c.paused_until > bindparam("at"))
