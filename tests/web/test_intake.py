"""The intake of receipts: together where they come together, answered only when committed, none harmed by another."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from reminder.domain.receipt import Progress, Receipt
from reminder.web.intake import CALLS_MAX, Intake

PATIENCE = 5.0


class Database:
    """Stands for the transaction: keeps what was committed, and can be held up or refuse a receipt."""

    def __init__(self) -> None:
        self.committed: list[list[str]] = []
        self.tries = 0
        self.begun = threading.Event()
        self.held = threading.Event()
        self.held.set()
        self.held_for = ""

    def take(self, gateway: str, receipts: Sequence[Receipt]) -> None:
        """Commit receipts, when nothing holds one of them; raise what their names ask for."""
        names = [f"{gateway} {receipt.provider_id}" for receipt in receipts]
        self.tries += 1
        self.begun.set()
        if any(self.held_for in name for name in names):
            assert self.held.wait(PATIENCE)
        if any("bad" in name for name in names):
            raise ValueError("a row that no table takes")
        if any("away" in name for name in names):
            raise OperationalError("", {}, Exception("the database is away"))
        self.committed.append(names)


def named(name: str) -> list[Receipt]:
    """Return the receipts of a call."""
    return [Receipt(name, "delivered", Progress.ARRIVED)]


async def _begun(database: Database) -> None:
    assert await asyncio.to_thread(database.begun.wait, PATIENCE)


def test_nobody_is_answered_before_the_commit_and_who_waits_goes_together() -> None:
    """Nothing may be lost that was answered: a call returns after its commit, and those behind it share the next."""
    database = Database()
    database.held.clear()

    async def calls() -> None:
        intake = Intake(database.take)
        first = asyncio.create_task(intake("g", named("0")))
        await _begun(database)
        rest = [asyncio.create_task(intake("g", named(str(i)))) for i in range(1, 4)]
        await asyncio.sleep(0.05)
        assert not any(task.done() for task in (first, *rest))
        database.held.set()
        await asyncio.gather(first, *rest)
        assert database.committed == [["g 0"], ["g 1", "g 2", "g 3"]]

    asyncio.run(calls())


def test_a_transaction_is_bounded_and_of_one_gateway() -> None:
    """What one transaction locks, others wait for: so many calls and no more, and providers apart."""
    database = Database()

    async def calls() -> None:
        intake = Intake(database.take)
        gateways = ["g"] * (CALLS_MAX + 5) + ["h"] * 3
        await asyncio.gather(*(intake(gateway, named(str(i))) for i, gateway in enumerate(gateways)))

    asyncio.run(calls())
    assert sorted(map(len, database.committed)) == [3, 5, CALLS_MAX]
    assert all(len({name[0] for name in names}) == 1 for names in database.committed)


def test_one_bad_receipt_harms_no_other() -> None:
    """Law 9: where a batch can't be written, each call's receipts are written alone, and one sender is told to wait."""
    database = Database()

    async def calls() -> list[Any]:
        intake = Intake(database.take)
        names = ("a", "bad", "b")
        return await asyncio.gather(*(intake("g", named(name)) for name in names), return_exceptions=True)

    answers = asyncio.run(calls())
    assert [type(answer) for answer in answers] == [type(None), ValueError, type(None)]
    assert database.committed == [["g a"], ["g b"]]


def test_a_database_that_is_away_is_asked_once_for_all() -> None:
    """Each try takes until its time is out: all callers are told to come again by the first."""
    database = Database()

    async def calls() -> list[Any]:
        intake = Intake(database.take)
        names = ("away", "a", "b")
        return await asyncio.gather(*(intake("g", named(name)) for name in names), return_exceptions=True)

    assert [type(answer) for answer in asyncio.run(calls())] == [OperationalError] * 3
    assert (database.tries, database.committed) == (1, [])


def test_a_row_that_somebody_holds_does_not_stop_the_others() -> None:
    """A transaction that waits for a lock keeps those behind it waiting for a second, not until the lock is gone."""
    database = Database()
    database.held.clear()
    database.held_for = "locked"

    async def calls() -> None:
        intake = Intake(database.take)
        held = asyncio.create_task(intake("g", named("locked")))
        await _begun(database)
        await asyncio.wait_for(intake("g", named("free")), PATIENCE)
        assert not held.done()
        database.held.set()
        await held

    asyncio.run(calls())
    assert database.committed == [["g free"], ["g locked"]]


def test_a_caller_who_went_away_stops_nobody() -> None:
    """His receipts are written all the same; whoever came with him is answered."""
    database = Database()
    database.held.clear()

    async def calls() -> None:
        intake = Intake(database.take)
        first = asyncio.create_task(intake("g", named("0")))
        await _begun(database)
        gone, stays = (asyncio.create_task(intake("g", named(name))) for name in ("gone", "stays"))
        await asyncio.sleep(0)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        database.held.set()
        await asyncio.gather(first, stays)

    asyncio.run(calls())
    assert database.committed == [["g 0"], ["g gone", "g stays"]]
