"""A call that begins late is not made: others have taken its process for dead (laws 2 and 3)."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest

from reminder.domain.message import Message, Outcome
from reminder.pipeline.dispatch import dispatch
from support.recorder import Recorder
from support.worlds import World, account_row


class Slow(Recorder):
    """A gateway during each of whose calls time passes; it also keeps what it was told of the lease."""

    def __init__(self, world: World, seconds: float) -> None:
        super().__init__()
        self.world = world
        self.seconds = seconds
        self.told: list[float] = []

    async def send(self, message: Message) -> Outcome:
        """Take the message, and let the time pass."""
        self.told.append(message.begin_within_seconds)
        outcome = await super().send(message)
        self.world.later(seconds=self.seconds)
        return outcome


def slow(world: World, due: date, *, seconds: float, accounts: int) -> Slow:
    """Let a slow gateway take a batch of so many texts; the lease of the worlds is 60 s."""
    gateway = Slow(world, seconds)
    world.recorder = gateway
    world.add_accounts(*(account_row(f"A{number}", due, phone=f"138{number:08}") for number in range(accounts)))
    world.plan()
    return gateway


def test_no_call_begins_after_its_lease(world: World, due: date) -> None:
    """Law 3: what can't begin within the lease is planned again and burns nothing; the next runs send it, once."""
    gateway = slow(world, due, seconds=30, accounts=5)

    def one_batch() -> bool:
        return bool(gateway.calls)

    asyncio.run(dispatch(world.deployment(), stopping=one_batch))

    assert len(gateway.taken) == 2
    assert sorted(row.state for row in world.rows()) == ["planned"] * 3 + ["sent"] * 2
    assert {row.attempts for row in world.rows()} == {0}
    for _ in range(2):
        world.later(seconds=1)
        world.dispatch()
    assert len({message.to for message in gateway.taken}) == len(gateway.taken) == 5
    assert {row.state for row in world.rows()} == {"sent"}


def test_a_gateway_is_told_how_much_is_left(world: World, due: date) -> None:
    """A gateway that queues calls of its own knows from when on it must not begin them."""
    gateway = slow(world, due, seconds=25, accounts=3)
    asyncio.run(dispatch(world.deployment()))
    assert [round(left) for left in gateway.told] == [60, 35, 10]


@pytest.mark.parametrize("back", [timedelta(hours=1), timedelta(days=1)], ids=str)
def test_a_clock_that_is_put_back_makes_no_lease_longer(world: World, due: date, back: timedelta) -> None:
    """Law 3: a lease has a length by the monotonic clock too, so a stepped clock adds nothing to it."""
    gateway = slow(world, due, seconds=-back.total_seconds(), accounts=2)
    asyncio.run(dispatch(world.deployment()))
    assert max(gateway.told) <= 60
