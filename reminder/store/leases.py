"""Leases: what only one process at a time may do, and the number that tells its holders apart.

A lease ends by itself unless it is renewed, so a holder that dies, hangs or is cut off is followed by another. Each new
holder gets a higher epoch. A holder that was frozen still believes that it is one; so whatever only the holder may
write is confirmed in its own transaction, last, with the lease's row locked until the commit. Where the epoch has
moved on by then, all of it is undone: no clock is asked, and no freeze between a look and a write does harm.

Instants here are those of `store.clock.common_instant`, which no machine's own clock can bend.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, or_, select, update

from reminder.errors import StoreError
from reminder.store.rows import upsert
from reminder.store.schema import lease

__all__ = [
    "LEADER",
    "LEASE_SECONDS_MAX",
    "Lease",
    "LeaseLostError",
    "Mandate",
    "confirm",
    "current",
    "release",
    "renew",
    "take",
]

LEADER = "leader"
"""The lease of the process that plans the slots of the schedule and lifts pauses."""

LEASE_SECONDS_MAX = 300
"""The longest that a lease is taken for. One that seems to last longer was written before a clock was put back."""


class LeaseLostError(StoreError):
    """Another process has taken the lease meanwhile; what was to be written under it was not."""


@dataclass(frozen=True, slots=True)
class Mandate:
    """What a holder shows for its writes: the lease, itself, and its epoch."""

    name: str
    owner: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease as it stands: its last holder, empty where it was given back, since when and until when (UTC)."""

    owner: str
    epoch: int
    since: datetime
    until: datetime

    def holds(self, at: datetime) -> bool:
        """Return whether somebody has it at the instant `at`."""
        return bool(self.owner) and self.until > at


def take(connection: Connection, name: str, *, owner: str, at: datetime, seconds: int) -> Mandate | None:
    """Take a lease that nobody holds, for `seconds` from `at` on; return None where somebody does.

    Raises ValueError for more seconds than LEASE_SECONDS_MAX.
    """
    if seconds > LEASE_SECONDS_MAX:
        raise ValueError(f"expected at most {LEASE_SECONDS_MAX} seconds, found {seconds}")
    if current(connection, name) is None:
        first = {"name": name, "owner": "", "epoch": 0, "since": at, "until": at}
        upsert(connection, lease, first, keep_if=lease.c.name == name, decisive="")
    too_far = at + timedelta(seconds=LEASE_SECONDS_MAX)
    free = (lease.c.name == name, or_(lease.c.until <= at, lease.c.until > too_far))
    values = {"owner": owner, "epoch": lease.c.epoch + 1, "since": at, "until": at + timedelta(seconds=seconds)}
    if connection.execute(update(lease).where(*free).values(values)).rowcount != 1:
        return None
    return Mandate(name, owner, int(connection.scalar(select(lease.c.epoch).where(lease.c.name == name)) or 0))


def renew(connection: Connection, mandate: Mandate, *, at: datetime, seconds: int) -> bool:
    """Keep a lease for `seconds` more; return False where another process has taken it.

    One that has ended and that nobody took is still its last holder's.
    """
    until = at + timedelta(seconds=seconds)
    return connection.execute(update(lease).where(*_is(mandate)).values(until=until)).rowcount == 1


def release(connection: Connection, mandate: Mandate, *, at: datetime) -> bool:
    """Give a lease back, so that the next one need not wait for its end; return False where it was lost already."""
    return connection.execute(update(lease).where(*_is(mandate)).values(owner="", until=at)).rowcount == 1


def confirm(connection: Connection, mandate: Mandate | None) -> None:
    """Make sure that what this transaction has written is still the holder's to write; to be asked last.

    Raises LeaseLostError where it is not. The lease's row stays locked until the commit, so that nobody can take it in
    between. None is a person's own command, which is asked for no mandate.
    """
    if mandate is None:
        return
    held = select(lease.c.epoch).where(*_is(mandate)).with_for_update()
    if connection.scalar(held) is None:
        raise LeaseLostError(
            f"expected to hold the lease {mandate.name!r} with epoch {mandate.epoch}, found that another process has "
            "taken it: nothing was written"
        )


def current(connection: Connection, name: str) -> Lease | None:
    """Return a lease as it stands, or None where nobody ever had it."""
    row = connection.execute(select(lease).where(lease.c.name == name)).one_or_none()
    return None if row is None else Lease(row.owner, row.epoch, row.since, row.until)


def _is(mandate: Mandate) -> tuple[ColumnElement[bool], ...]:
    """Return the guard of a holder's write: the lease is still this owner's, in this epoch."""
    return lease.c.name == mandate.name, lease.c.owner == mandate.owner, lease.c.epoch == mandate.epoch
