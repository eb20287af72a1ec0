"""A backlog costs time and no memory: dispatch holds one batch, however many reminders wait behind it."""

from __future__ import annotations

import asyncio
import tracemalloc
from datetime import date
from pathlib import Path

from reminder.domain.message import Message, Outcome
from reminder.pipeline.dispatch import dispatch
from reminder.pipeline.plan import plan
from reminder.store.engine import open_engine
from reminder.store.schema import metadata
from support.recorder import Recorder
from support.worlds import World, account_row, policy

BACKLOGS = (200, 2_000)


class Forgetful(Recorder):
    """A provider that keeps nothing, so that what grows is the program's."""

    async def send(self, message: Message) -> Outcome:
        """Take it, and forget it."""
        outcome = await super().send(message)
        self.taken.clear()
        return outcome


def peak_bytes(folder: Path, waiting: int, due: date) -> int:
    """Return the most memory that Python had in use while a backlog of so many reminders was sent."""
    engine = open_engine(f"sqlite:///{folder}/{waiting}.db")
    metadata.create_all(engine)
    world = World(engine, policies=(policy(),), recorder=Forgetful(), batch_rows=100)
    world.add_accounts(*(account_row(f"L{number}", due) for number in range(waiting)))
    deployment = world.deployment()
    assert plan(deployment, world.at).planned == waiting
    tracemalloc.start()
    report = asyncio.run(dispatch(deployment))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    engine.dispose()
    assert report.texts == waiting
    return peak


def test_a_backlog_does_not_grow_memory(tmp_path: Path, due: date) -> None:
    """Law 12: ten times the backlog, the same peak, give or take a fifth."""
    peak_bytes(tmp_path, 100, due)  # what is remembered for ever, such as compiled statements, is made here

    small, large = (peak_bytes(tmp_path, waiting, due) for waiting in BACKLOGS)

    assert large < 1.2 * small
