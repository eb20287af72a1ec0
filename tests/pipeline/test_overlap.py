"""Batches that overlap: the next one is made ready while calls are in flight, and no law is the weaker for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from reminder.domain.caps import Cap, CapPeriod, CapScope
from reminder.domain.lifecycle import State
from reminder.domain.message import Message, Outcome
from reminder.pipeline import dispatch as dispatch_module
from reminder.pipeline.aside import Aside
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.dispatch import dispatch
from reminder.pipeline.facts import gather
from reminder.pipeline.under_way import BATCHES_MAX
from reminder.store.schema import outbox
from support.recorder import Recorder
from support.worlds import World, account_row, policy

PATIENCE_SECONDS = 60
"""After so long a thing that is waited for has not happened."""

Do = Callable[[Message], Awaitable[None]]


class Acting(Recorder):
    """A gateway that does something during a call before it answers."""

    def __init__(self, during: Do) -> None:
        super().__init__()
        self.during = during

    async def send(self, message: Message) -> Outcome:
        """Do it, then answer as the script says."""
        await asyncio.wait_for(self.during(message), PATIENCE_SECONDS)
        return await super().send(message)


async def come_true(condition: Callable[[], bool]) -> None:
    """Wait until something is so; the gateway's patience ends it."""
    while not condition():  # noqa: ASYNC110 - a database, or a thread, tells nobody of it
        await asyncio.sleep(0.01)


def planned(world: World, due: date, accounts: int, *, batch_rows: int, during: Do, **changes: Any) -> Acting:
    """Plan a text for each of so many accounts, in batches of so many, through a gateway that does this."""
    world.recorder = gateway = Acting(during)
    world.batch_rows = batch_rows
    numbered = (account_row(f"A{each}", due, **({"phone": f"138{each:08}"} | changes)) for each in range(accounts))
    world.add_accounts(*numbered)
    world.plan()
    return gateway


def with_places(world: World, in_flight: int) -> Deployment:
    """Return the deployment with so many places in flight."""
    deployment = world.deployment()
    return replace(deployment, limits=replace(deployment.limits, in_flight=in_flight))


def leased(world: World) -> int:
    """Return how many reminders are in some batch's hands."""
    return sum(row.lease_owner is not None for row in world.rows())


def state_of(world: World, account_id: str) -> str:
    """Return the state of an account's reminder."""
    with world.engine.connect() as connection:
        return str(connection.scalar(select(outbox.c.state).where(outbox.c.account_id == account_id)))


def test_the_next_batch_is_called_while_one_is_in_flight(real_world: World, due: date) -> None:
    """Dispatch doesn't wait for the slowest of a batch: the first two calls are answered when a third has begun."""
    begun: list[str] = []

    async def until_the_next_batch(message: Message) -> None:
        begun.append(message.reference)
        await come_true(lambda: len(begun) > 2)

    gateway = planned(real_world, due, 4, batch_rows=2, during=until_the_next_batch)
    report = real_world.dispatch()

    assert (report.texts, report.claimed, len(gateway.taken)) == (4, 4, 4)
    assert {row.state for row in real_world.rows()} == {"sent"}


def test_few_batches_are_under_way(real_world: World, due: date) -> None:
    """What is in doubt after a crash is bounded: however slow calls are, no third batch is claimed beside two."""
    rows, seen = 2, list[int]()

    async def look(_message: Message) -> None:
        for _ in range(10):
            seen.append(leased(real_world))
            await asyncio.sleep(0.01)

    planned(real_world, due, 12, batch_rows=rows, during=look)
    assert real_world.dispatch().texts == 12
    assert max(seen) == rows * BATCHES_MAX == 4


def test_no_text_is_decided_long_before_its_turn(real_world: World, due: date) -> None:
    """Law 5: the next batch is read and decided when half of the calls before it have begun, and not earlier."""
    seen: list[int] = []

    async def look(_message: Message) -> None:
        for _ in range(5):
            await asyncio.sleep(0.01)
        seen.append(leased(real_world))

    planned(real_world, due, 16, batch_rows=8, during=look)
    report = asyncio.run(dispatch(with_places(real_world, 1)))

    assert report.texts == 16
    assert seen[:3] == [8, 8, 8]
    assert max(seen) == 16


def test_what_is_in_flight_counts_for_the_next_batch(real_world: World, due: date) -> None:
    """Law 10: a text that has no answer yet leaves no room under the cap to the batch beside it."""
    cap = Cap(1, CapPeriod.DAY, scope=CapScope.NUMBER)

    async def until_the_other_is_put_back(_: Message) -> None:
        await come_true(lambda: any(row.reason.startswith("cap: ") for row in real_world.rows()))

    real_world.policies = (policy(caps=(cap,)),)
    during = until_the_other_is_put_back
    gateway = planned(real_world, due, 2, batch_rows=1, during=during, phone="13800138000")
    report = real_world.dispatch()

    assert (report.texts, len(gateway.taken)) == (1, 1)
    assert sorted(row.state for row in real_world.rows()) == ["planned", "sent"]


def test_an_error_leaves_no_answer_unrecorded(real_world: World, due: date, monkeypatch: pytest.MonkeyPatch) -> None:
    """Law 4: where a batch can't be made ready, the answers of the one in flight are recorded before it is raised."""
    failed, batches = threading.Event(), list[int]()

    def fail_at_the_second(*given: Any) -> Any:
        batches.append(1)
        if len(batches) < 2:
            return gather(*given)
        failed.set()
        raise RuntimeError("the book is gone")

    async def until_it_failed(_: Message) -> None:
        await come_true(failed.is_set)

    monkeypatch.setattr(dispatch_module, "gather", fail_at_the_second)
    planned(real_world, due, 2, batch_rows=1, during=until_it_failed)
    with pytest.raises(RuntimeError, match="the book is gone"):
        real_world.dispatch()

    assert sorted(row.state for row in real_world.rows()) == ["planned", "sent"]


def test_a_report_that_fails_leaves_no_answer_unrecorded(real_world: World, due: date) -> None:
    """Law 4: whoever listens to the batches may fail; the one beside is recorded all the same, and it is raised."""
    begun: list[str] = []

    async def until_both_have_begun(message: Message) -> None:
        begun.append(message.reference)
        await come_true(lambda: len(begun) > 1)

    def fail(_: object) -> None:
        raise RuntimeError("nobody listens")

    planned(real_world, due, 3, batch_rows=1, during=until_both_have_begun)
    with pytest.raises(RuntimeError, match="nobody listens"):
        asyncio.run(dispatch(real_world.deployment(), on_batch=fail))

    assert "sending" not in {row.state for row in real_world.rows()}
    assert sum(row.state == State.SENT for row in real_world.rows()) == len(begun)


def test_stopping_waits_for_all_that_is_under_way(real_world: World, due: date) -> None:
    """A clean stop ends the batches that have begun, claims no other, and leaves nothing in anybody's hands."""
    begun, heard = list[str](), list[int]()

    async def until_both_have_begun(message: Message) -> None:
        begun.append(message.reference)
        await come_true(lambda: len(begun) > 1)

    planned(real_world, due, 4, batch_rows=1, during=until_both_have_begun)
    report = asyncio.run(
        dispatch(
            real_world.deployment(),
            stopping=lambda: len(begun) > 1,
            on_batch=lambda batch: heard.append(batch.texts),
        )
    )

    assert (report.texts, heard) == (2, [1, 1])
    assert sorted(row.state for row in real_world.rows()) == ["planned", "planned", "sent", "sent"]
    assert leased(real_world) == 0


def test_a_cut_waits_for_nobody(real_world: World, due: date) -> None:
    """Law 3: who is cancelled ends at once; the calls in flight are nobody's guess, they stay as they were reserved."""
    begun: list[str] = []

    async def answer_late(message: Message) -> None:
        begun.append(message.reference)
        await asyncio.sleep(PATIENCE_SECONDS)

    planned(real_world, due, 2, batch_rows=1, during=answer_late)

    async def cut() -> None:
        dispatching = asyncio.create_task(dispatch(real_world.deployment()))
        await asyncio.wait_for(come_true(lambda: len(begun) == 2), PATIENCE_SECONDS)
        dispatching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(dispatching, PATIENCE_SECONDS / 2)

    asyncio.run(cut())
    assert {row.state for row in real_world.rows()} == {"sending"}


@pytest.mark.parametrize(
    ("word", "texts"), [pytest.param("configuration", 1, id="it can't send"), pytest.param("accept", 2, id="it can")]
)
def test_a_refusal_holds_back_the_batch_beside_it(real_world: World, due: date, word: str, texts: int) -> None:
    """A gateway that turns out unable gets no call of the batch that was made ready meanwhile; no attempt is burnt."""

    async def until_the_next_is_reserved(_: Message) -> None:
        await come_true(lambda: state_of(real_world, "A1") != State.PLANNED)

    gateway = planned(real_world, due, 2, batch_rows=1, during=until_the_next_is_reserved)
    gateway.answer_with(word)
    asyncio.run(dispatch(with_places(real_world, 1)))

    assert gateway.calls == texts
    assert {row.attempts for row in real_world.rows()} == {0}
    assert {row.state for row in real_world.rows()} == ({"sent"} if texts == 2 else {"planned"})


def test_the_loop_goes_on_while_a_database_stalls() -> None:
    """Law 3: a database that is locked or away must not use up the patience of calls that have been answered."""
    released = threading.Event()

    async def play() -> bool:
        aside = Aside()
        working = asyncio.create_task(aside(lambda: released.wait(PATIENCE_SECONDS)))
        await asyncio.sleep(0)
        released.set()  # by the loop, which would stand still until then otherwise
        done = await working
        aside.close()
        return done

    assert asyncio.run(play())


def test_database_work_is_done_one_after_another() -> None:
    """Law 10: what a batch reserves is committed before the next one is claimed; no two pieces run at once."""
    running, most, done = list[int](), list[int](), list[int]()

    def work(number: int) -> None:
        running.append(number)
        most.append(len(running))
        threading.Event().wait(0.01)
        running.remove(number)
        done.append(number)

    async def play() -> None:
        aside = Aside()
        await asyncio.gather(*(aside(lambda number=number: work(number)) for number in range(5)))  # type: ignore[misc]
        aside.close()

    asyncio.run(play())
    assert (max(most), done) == (1, [0, 1, 2, 3, 4])
