"""Between the decision and the call: what another process did in that moment, and how long silences wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from reminder.domain import decide, gates
from reminder.domain.caps import Cap, CapPeriod
from reminder.domain.lifecycle import State
from reminder.domain.verdict import GateAnswer, Reason
from reminder.pipeline import keep
from reminder.pipeline.dispatch import dispatch
from reminder.store import attempts
from reminder.store.deadlocks import in_transaction
from reminder.store.schema import event, outbox
from support.outbox_rows import attempts_now, write_attempt
from support.worlds import DAYTIME, World, account_row, policy, step


def meanwhile(world: World, happens: Callable[[Any], object]) -> None:
    """Let something happen once, by another process, when everything is decided and nothing is reserved."""

    def numbers() -> Iterator[int]:
        with world.engine.begin() as connection:
            happens(connection)
        yield from range(1, 1000)

    world.numbers = numbers()


def only_row(world: World) -> Any:
    """Return the only row of the outbox."""
    (row,) = world.rows()
    return row


@pytest.fixture
def one(real_world: World, due: date) -> World:
    """Lend a world, on each of the three databases, in which one account is due today and planned."""
    real_world.add_accounts(account_row("A", due))
    real_world.plan()
    return real_world


@pytest.mark.parametrize(
    ("cap", "until"),
    [
        pytest.param(Cap(1, CapPeriod.DAY), datetime(2026, 11, 23, 16, tzinfo=UTC), id="until the cap frees"),
        pytest.param(
            Cap(1, CapPeriod.ROLLING, 30), datetime(2026, 11, 26, 16, tzinfo=UTC), id="but not beyond its own end"
        ),
    ],
)
def test_room_that_was_taken_meanwhile(one: World, cap: Cap, until: datetime) -> None:
    """Law 10: another process took the last room after this one decided: nothing is sent, and it says why it waits."""
    one.policies = (policy(caps=(cap,)),)
    meanwhile(one, lambda connection: write_attempt(connection, "x", customer_id="customer of A", started_at=one.at))
    report = one.dispatch()

    row = only_row(one)
    assert (one.recorder.calls, report.reasons[Reason.CAP]) == (0, 1)
    assert (row.state, row.not_before, row.lease_owner, row.reason) == (
        "planned",
        until,
        None,
        f"cap: {cap} is the most",
    )
    assert set(attempts_now(one.engine)) == {"x"}


def test_a_lease_that_passed_on_meanwhile(one: World) -> None:
    """Law 2: a reminder that another process claimed after this one decided is that one's to send."""
    meanwhile(one, lambda connection: connection.execute(update(outbox).values(lease_owner="other:1")))
    one.dispatch()

    assert (one.recorder.calls, only_row(one).lease_owner, attempts_now(one.engine)) == (0, "other:1", {})


def test_one_of_several_that_passed_on_meanwhile(one: World, due: date) -> None:
    """A text for two accounts, of which one was taken, is not sent; the other gets its own text at once."""
    one.policies = (policy(consolidated="consolidated"),)
    one.add_accounts(account_row("B", due, customer_id="customer of A"))
    one.plan()
    meanwhile(
        one,
        lambda connection: connection.execute(
            update(outbox).where(outbox.c.account_id == "A").values(state="cancelled", lease_owner=None)
        ),
    )
    one.dispatch()

    assert one.states() == {("A", "due"): "cancelled", ("B", "due"): "sent"}
    (message,) = one.recorder.taken
    assert "笔" not in message.body


def test_a_silence_is_asked_again_at_the_end_of_its_days(world: World, due: date) -> None:
    """Law 4: near its end a reminder is asked again exactly then, and ends with the reason that it waited for."""
    world.policies = (policy(steps=(step("due", 0, 0),)),)
    world.add_accounts(account_row("A", due))
    world.hold(account_id="A")
    world.at = datetime(2026, 11, 23, 15, 50, tzinfo=UTC)  # ten minutes to midnight in Shanghai
    world.run()
    assert only_row(world).not_before == datetime(2026, 11, 23, 16, tzinfo=UTC)

    world.later(minutes=10)
    world.dispatch()
    assert (only_row(world).state, only_row(world).reason.split(":")[0]) == ("cancelled", "hold")


def test_what_does_not_stand_is_asked_again_no_later_than_planned(world: World, due: date) -> None:
    """Law 4: an account that is gone from the book waits until its planned end, and no longer."""
    world.policies = (policy(steps=(step("due", 0, 0),)),)
    world.add_accounts(account_row("A", due))
    world.plan()
    world.remove_account("A")
    world.at = datetime(2026, 11, 23, 15, 50, tzinfo=UTC)
    world.dispatch()
    assert only_row(world).not_before == datetime(2026, 11, 23, 16, tzinfo=UTC)
    world.later(minutes=10)
    world.dispatch()
    assert (only_row(world).state, only_row(world).reason.split(":")[0]) == ("cancelled", "gone")


def test_a_hold_that_ends_is_noticed_soon(world: World, due: date) -> None:
    """A silence that can end is asked again after half an hour, not the next day."""
    world.add_accounts(account_row("A", due))
    world.hold(account_id="A")
    world.run()
    assert only_row(world).not_before == world.at + timedelta(minutes=30)


def _lets_pass(name: str) -> Callable[[Any], GateAnswer]:
    return lambda _: GateAnswer(name, "a faulty gate lets everything pass")


@pytest.mark.parametrize("capped", [False, True], ids=["hours", "room taken meanwhile"])
def test_a_pass_ends_though_a_gate_is_wrong(
    world: World, due: date, capped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Laws 6 and 9: were the days of a step never over for its gate, one pass would still ask each reminder once."""
    faulty = [replace(gate, ask=_lets_pass("expired")) if gate.name == "expired" else gate for gate in gates.CONTACT]
    monkeypatch.setattr(decide, "CONTACT", tuple(faulty))
    world.policies = (policy(**{"caps": (Cap(1, CapPeriod.ROLLING, 30),)} if capped else {"window": DAYTIME}),)
    world.add_accounts(account_row("A", due))
    world.plan()
    world.at = datetime(2027, 1, 1, 23, tzinfo=UTC)  # weeks after its end, at seven in the morning in Shanghai
    if capped:
        meanwhile(
            world, lambda connection: write_attempt(connection, "x", customer_id="customer of A", started_at=world.at)
        )
    batches = iter(range(5))
    report = asyncio.run(dispatch(world.deployment(), stopping=lambda: next(batches, None) is None))

    assert (report.claimed, world.recorder.calls) == (1, 0)
    assert world.at < only_row(world).not_before <= world.at + timedelta(minutes=1)


def _broken_at_the_end(monkeypatch: pytest.MonkeyPatch, place: Any, name: str, times: int, error: Exception) -> None:
    """Let a function of the store fail after its work, so many times."""
    real, left = getattr(place, name), [times]

    def failing(*given: Any, **named: Any) -> Any:
        """Do the work, and let the database undo it."""
        done = real(*given, **named)
        if left[0]:
            left[0] -= 1
            raise error
        return done

    monkeypatch.setattr(place, name, failing)


class _DeadlockError(Exception):
    """What PyMySQL raises when InnoDB has undone a transaction."""


DEADLOCK = OperationalError("UPDATE", {}, _DeadlockError(1213, "Deadlock found when trying to get lock"))
GONE = OperationalError("UPDATE", {}, _DeadlockError(2013, "Lost connection to server during query"))


def test_a_broken_deadlock_counts_nothing_twice(one: World, due: date, monkeypatch: pytest.MonkeyPatch) -> None:
    """Law 4: what is decided of a batch is written after all, once, and told once: texts, silences and hand-overs."""
    one.policies = (policy(steps=(step("due", 0, 3), step("late", 4, 30, to="collections"))),)
    one.add_accounts(account_row("B", due), account_row("C", due - timedelta(days=5)))
    one.hold(account_id="B")
    one.plan()
    _broken_at_the_end(monkeypatch, attempts, "reserve", 2, DEADLOCK)

    with capture_logs() as logs:
        report = one.dispatch()

    assert (one.recorder.calls, len(attempts_now(one.engine))) == (1, 1)
    assert (report.texts, report.states[State.SENT], report.states[State.HANDED_OVER]) == (1, 1, 1)
    assert report.reasons[Reason.HOLD] == 1
    assert [each["event"] for each in logs].count("reminder.hand_over") == 1
    with one.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(event)) == 1


def test_answers_wait_for_a_database_that_is_away(one: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Laws 3 and 4: a database that is started anew between call and record leaves nothing in doubt."""
    monkeypatch.setattr(keep, "RECORD_AGAIN_SECONDS", 0.01)
    _broken_at_the_end(monkeypatch, keep, "keep_pulse", 3, GONE)

    with capture_logs() as logs:
        report = one.dispatch()

    assert (report.texts, only_row(one).state, one.recorder.calls) == (1, "sent", 1)
    assert [each["answers"] for each in logs if each["event"] == "reminder.dispatch.answers_wait"] == [1]


def test_answers_that_were_kept_after_all_are_kept_once(one: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only the word of the commit was lost, recording again changes nothing: no attempt is burnt twice."""
    monkeypatch.setattr(keep, "RECORD_AGAIN_SECONDS", 0.01)
    one.recorder.answer_with("retry")
    real, lost = in_transaction, [True]

    def deaf(*given: Any) -> Any:
        """Commit, and lose the word of it."""
        done = real(*given)
        if lost.pop() if lost else False:
            raise GONE
        return done

    monkeypatch.setattr(keep, "in_transaction", deaf)
    one.dispatch()

    row = only_row(one)
    assert (row.state, row.attempts, one.recorder.calls) == ("planned", 1, 1)


def test_a_database_that_stays_away_is_told_of(world: World, due: date, monkeypatch: pytest.MonkeyPatch) -> None:
    """Law 3: after the time of a lease it is given up, loudly; the text is in doubt and not sent again on a guess."""
    monkeypatch.setattr(keep, "RECORD_AGAIN_SECONDS", 30.0)
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        """Let the time pass at once."""
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    _broken_at_the_end(monkeypatch, keep, "keep_pulse", 1000, GONE)
    world.add_accounts(account_row("A", due))
    world.plan()

    with pytest.raises(OperationalError, match="Lost connection"):
        world.dispatch()
    assert slept == [30.0]
    assert only_row(world).state == "sending"
