"""A clock that was a day ahead and is right again: what it wrote holds no text for a day, and sends none twice."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from reminder.config.settings_model import DispatchSettings
from reminder.domain.guard import GuardName
from reminder.domain.verdict import Reason
from reminder.pipeline.guard import stand_guard
from reminder.pipeline.reconcile import reconcile
from reminder.store import ahead, gateway_states, guards
from reminder.store.guards import Pause
from reminder.store.schema import attempt, doubt, outbox, record
from support.provider import Provider
from support.worlds import World, account_row

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def early(real_world: World, due: date) -> World:
    """Lend a world, on each of the three databases, whose clock is a day ahead, with one account due by any clock."""
    real_world.add_accounts(account_row("A", due))
    real_world.plan()
    real_world.at += DAY
    return real_world


def _clock_is_mended(world: World) -> None:
    """Put the clock right; let a person see what the guard says, and approve it."""
    world.at -= DAY
    (pause,) = _pauses(world)
    assert pause.guard is GuardName.CLOCK_BEHIND
    with world.engine.begin() as connection:
        assert guards.approve(connection, pause.pause_id, who="ann", reason="the clock is right", at=world.at)
    assert _pauses(world) == ()


def _pauses(world: World) -> tuple[Pause, ...]:
    return stand_guard(world.deployment(), world.at)


def _only(world: World, table: Any) -> Any:
    with world.engine.connect() as connection:
        return connection.execute(select(table)).one()


def test_a_try_again_does_not_wait_for_a_day(early: World) -> None:
    """Law 6: a text that was refused for a minute by a clock ahead goes out when the clock is right, not tomorrow."""
    early.recorder.answer_with("retry", "accept")
    early.dispatch()
    early.at -= DAY
    assert early.dispatch().claimed == 0  # it would wait for a day
    early.at += DAY

    _clock_is_mended(early)

    assert early.dispatch().texts == 1
    with early.engine.connect() as connection:
        told = connection.scalars(select(record.c.data).where(record.c.kind == "approval")).one()
    assert '"reminders_put_right":1' in told.replace(" ", "")


def test_it_is_decided_anew(early: World) -> None:
    """Law 5: what is asked again is asked everything again: a hold of today stops it."""
    early.recorder.answer_with("retry", "accept")
    early.dispatch()
    _clock_is_mended(early)
    early.hold(account_id="A")

    assert early.dispatch().reasons[Reason.HOLD] == 1
    assert early.recorder.taken == []


def test_what_waits_by_a_right_clock_goes_on_waiting(early: World) -> None:
    """Only what the wrong clock has written is asked again: a wait that was noted before it stays as it is."""
    early.at -= DAY
    early.recorder.answer_with("retry", "accept")
    early.dispatch()
    waits = _only(early, outbox).not_before
    early.at += DAY
    with early.engine.begin() as connection:
        connection.execute(update(attempt).values(started_at=early.at))

    _clock_is_mended(early)

    assert _only(early, outbox).not_before == waits


def test_a_gateway_is_not_paused_for_a_day(early: World) -> None:
    """A pause of a quarter of an hour that was written a day ahead ends when the clock is right."""
    early.recorder.answer_with("configuration", "accept")
    early.dispatch()
    _clock_is_mended(early)

    with early.engine.connect() as connection:
        assert gateway_states.paused(connection, early.at) == {}
    assert early.dispatch().texts == 1


def test_a_lease_of_the_dead_ends_within_the_hour(early: World) -> None:
    """Law 4: a process that claimed by a clock ahead, and died, keeps its claims for an hour more and not for a day."""
    with early.engine.begin() as connection:
        connection.execute(update(outbox).values(lease_owner="dead:1", lease_until=early.at + 2 * MINUTE))
    early.at -= DAY
    with early.engine.begin() as connection:
        ahead.put_right(connection, at=early.at)
    assert early.dispatch().claimed == 0

    early.later(hours=1)
    assert early.dispatch().texts == 1


def test_no_lease_lasts_longer_than_is_believed() -> None:
    """The settings allow no lease which would be cut as one of a wrong clock."""
    longest = DispatchSettings.model_fields["lease_seconds"].metadata
    assert ahead.LEASE_SECONDS_MAX in {getattr(each, "le", None) for each in longest}


@pytest.mark.parametrize("moment", ["found later", "asked by the wrong clock", "died in the call"])
def test_a_lost_answer_of_a_clock_ahead_is_a_persons(early: World, moment: str) -> None:
    """Law 3: since when is a provider to be asked for a text that was sent "tomorrow"? It is not sent on a guess.

    Asked since tomorrow, it would say that it has no such text, though it has.
    """
    wrong = [DAY]
    provider = early.recorder = Provider(lambda: early.at - wrong[0], script=("lost after taking it",))
    early.dispatch()
    if moment == "asked by the wrong clock":
        asyncio.run(reconcile(early.deployment()))
    if moment == "died in the call":
        with early.engine.begin() as connection:
            connection.execute(update(outbox).values(state="sending", lease_until=early.at + 2 * MINUTE))
            connection.execute(update(attempt).values(outcome="", ended_at=None))
    wrong[0] = timedelta()
    _clock_is_mended(early)

    for _ in range(48):
        early.later(hours=1)
        assert set(asyncio.run(reconcile(early.deployment())).found) <= {"wait"}
        early.dispatch()

    assert (_only(early, outbox).state, len(provider.taken)) == ("in_doubt", 1)
    assert "clock that was ahead" in _only(early, doubt).note
