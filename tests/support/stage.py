"""A deployment at work on a stage: its processes, its provider, its people; what is left, what is wrong."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, func, or_, select

from reminder.domain.lifecycle import State
from reminder.store.schema import outbox
from support.checkers import all_complaints, over_caps, unconserved
from support.haste import Haste
from support.lending import CAP_A_DAY, People, Site
from support.nursery import Child, Nursery
from support.stormy import Provider

SETTLING_SECONDS_MAX = 240.0

SOON = timedelta(minutes=30)
"""What is due within this is waited for: it may come due while the processes are being stopped."""


@dataclass
class Stage:
    """What plays together in one test or one matrix."""

    clock: Haste
    site: Site
    engine: Engine
    people: People
    provider: Provider
    nursery: Nursery
    stopped: datetime | None = None
    """When its processes were asked to end, by its clock; None while one of them may be at work."""

    def start(self, name: str, *, die_at: Sequence[tuple[str, int]] = (), seed: int = 0) -> Child:
        """Start `reminder daemon` or `reminder web`."""
        self.stopped = None
        return self.nursery.start(self.clock, name, "--config", str(self.site.config), name, die_at=die_at, seed=seed)

    def left(self) -> list[str]:
        """Return what is left: accounts not planned, reminders due soon, under way or in doubt, receipts to come."""
        at = self.clock.now()
        due = or_(
            outbox.c.state.in_([State.SENDING, State.IN_DOUBT]),
            (outbox.c.state == State.PLANNED) & (outbox.c.not_before <= at + SOON),
        )
        with self.engine.connect() as connection:
            rows = connection.execute(select(outbox).where(due).order_by(outbox.c.reminder_id)).all()
            planned = connection.scalar(select(func.count()).select_from(outbox)) or 0
        telling = self.provider.receipts()["telling"]
        return [
            *([f"{planned} of {self.people.made} accounts are planned"] if planned != self.people.made else []),
            *(f"reminder {row.reminder_id} is {row.state}, due at {row.not_before} ({row.reason})" for row in rows),
            *([f"{telling} texts have receipts to come"] if telling else []),
        ]

    def settle(self, *children: Child, seconds: float = SETTLING_SECONDS_MAX) -> list[str]:
        """Wait until nothing is left to be done, for so long at most; return what is left then.

        Fails where one of the children ends meanwhile.
        """
        end = time.monotonic() + seconds
        while (left := self.left()) and time.monotonic() < end:
            self.nursery.listen(0.2)
            for child in children:
                assert child.status is None, f"{child.name} ended: {child.output.read_text('utf-8')[-4000:]}"
        return left

    def stop(self, *children: Child) -> None:
        """Ask these processes to end, and see that they do as they should."""
        self.stopped = self.clock.now()
        for child in children:
            status = self.nursery.end(child, signal.SIGTERM)
            assert status == 0, f"{child.name} ended with {status}: {child.output.read_text('utf-8')[-4000:]}"

    def complaints(self) -> list[str]:
        """Return what is wrong with what was sent and what is known of it.

        What came due while they ended on a busy machine is nobody's fault: the instant looked at is when they were
        asked to.
        """
        found, at = self.provider.accepted(), self.stopped or self.clock.now()
        return [
            *all_complaints(self.engine, found, at),
            *unconserved(self.engine, self.people.made),
            *over_caps(self.engine, found, most=CAP_A_DAY, day=lambda instant: instant.date()),
        ]


def told(*children: Child) -> Counter[str]:
    """Return how often each event stands in the logs of these processes."""
    return Counter(str(event["event"]) for child in children for event in child.events())
