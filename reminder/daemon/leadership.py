"""Leadership: of several daemons on one database one leads, and another takes over when it ends, dies or hangs.

The leader plans the slots and lifts pauses. All of them send, ask for doubts and stop runs: claims and compare-and-swap
keep those apart, and a leader's death must hold nobody's texts up. The lease is an economy; what keeps a leader that
was frozen from doing harm is that its writes are confirmed (`store.leases`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Lock, Thread

import structlog
from sqlalchemy import Connection, Engine

from reminder.app import now
from reminder.store import leases
from reminder.store.clock import common_instant
from reminder.store.deadlocks import in_transaction
from reminder.store.leases import LEADER, Mandate

__all__ = ["HUNG_SECONDS", "RENEWALS", "Leadership"]

RENEWALS = 4
"""How often a leader says within the time of its lease that it is there: two words may be lost and it still leads."""

HUNG_SECONDS = 900.0
"""After how many seconds without a sign of life from its work a process lets go of the lead."""

log = structlog.get_logger("reminder.daemon")


@dataclass(frozen=True, slots=True)
class _Held:
    """A mandate, and when it was last renewed by a count of seconds that nobody can set."""

    mandate: Mandate
    renewed: float


class Leadership:
    """What this process is among the daemons. A thread keeps it so: no long plan or batch holds it up.

    `lead_seconds` is how long a leader that says nothing is taken for one; so long may slots wait when it dies.
    """

    def __init__(
        self,
        engine: Engine,
        owner: str,
        *,
        lead_seconds: int,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine, self._owner = engine, owner
        self._lead_seconds = lead_seconds
        self._elapsed = elapsed
        self._held: _Held | None = None
        self._lived = elapsed()
        self._looking = Lock()
        self._ended = Event()
        self._thread = Thread(target=self._keep, name="leadership", daemon=True)

    @property
    def mandate(self) -> Mandate | None:
        """What this process may show as the leader, or None: another one leads, or the database was not heard of.

        That it is None in time spares work; that a former leader does no harm rests on `leases.confirm` alone.
        """
        held = self._held
        return held.mandate if held and self._elapsed() - held.renewed < self._lead_seconds else None

    def begin(self) -> None:
        """Take the lead if nobody has it, and keep looking after that."""
        self.look()
        self._thread.start()

    def alive(self) -> None:
        """Hear that the work of this process goes on."""
        self._lived = self._elapsed()

    def end(self) -> None:
        """Look no more, and give the lead back, so that another process need not wait for its end."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(timeout=self._lead_seconds)
        with self._looking:
            self._let_go()

    def look(self) -> None:
        """Renew what is held, or take what nobody holds. What the database raises is left to the next look."""
        with self._looking:
            try:
                if self._elapsed() - self._lived > HUNG_SECONDS:
                    self._let_go()
                elif self._held is None:
                    self._take()
                else:
                    self._renew(self._held.mandate)
            except Exception as error:  # noqa: BLE001 - the tick says what is wrong; here the lead just ends by itself
                log.debug("reminder.daemon.lease_failed", problem=type(error).__name__)

    def _keep(self) -> None:
        while not self._ended.wait(self._lead_seconds / RENEWALS):
            self.look()

    def _take(self) -> None:
        began = self._elapsed()

        def take(connection: Connection) -> Mandate | None:
            at = common_instant(connection, now())
            return leases.take(connection, LEADER, owner=self._owner, at=at, seconds=self._lead_seconds)

        mandate = in_transaction(self._engine, take)
        if mandate is not None:
            self._held = _Held(mandate, began)
            log.info("reminder.daemon.leads", epoch=mandate.epoch)

    def _renew(self, mandate: Mandate) -> None:
        # Counted from before the database was asked: it may have been slow, and others count from when it wrote.
        began = self._elapsed()

        def renew(connection: Connection) -> bool:
            return leases.renew(connection, mandate, at=common_instant(connection, now()), seconds=self._lead_seconds)

        if in_transaction(self._engine, renew):
            self._held = _Held(mandate, began)
            return
        self._held = None
        log.warning(
            "reminder.daemon.deposed", epoch=mandate.epoch, hint="it was frozen or cut off; another process leads"
        )

    def _let_go(self) -> None:
        if self._held is None:
            return
        mandate, self._held = self._held.mandate, None
        try:
            with self._engine.begin() as connection:
                leases.release(connection, mandate, at=common_instant(connection, now()))
        except Exception:  # noqa: BLE001 - it ends by itself where the database is away
            return
        log.info("reminder.daemon.leads_no_more", epoch=mandate.epoch)
