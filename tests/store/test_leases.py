"""Leases: at most one holder an epoch, epochs that only grow, and no write of a holder that is over."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, func, select

from reminder.store import leases, plan_runs
from reminder.store.leases import LEADER, LEASE_SECONDS_MAX, LeaseLostError, Mandate
from reminder.store.schema import lease, plan_run
from support.processes import together

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
SECONDS = 15


def _take(engine: Engine, owner: str, at: datetime = AT) -> Mandate | None:
    with engine.begin() as connection:
        return leases.take(connection, LEADER, owner=owner, at=at, seconds=SECONDS)


def _after(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def test_it_is_taken_once(engine: Engine) -> None:
    """One process has it until it ends; another gets it then, with the next epoch."""
    first = _take(engine, "one")

    assert first == Mandate(LEADER, "one", 1)
    assert _take(engine, "two", _after(SECONDS - 1)) is None
    assert _take(engine, "two", _after(SECONDS)) == Mandate(LEADER, "two", 2)


def test_the_same_process_gets_a_new_epoch_too(engine: Engine) -> None:
    """What a process began under a lease that ended is not confirmed by its next one."""
    first = _take(engine, "one")
    again = _take(engine, "one", _after(SECONDS))

    assert first is not None
    assert again == Mandate(LEADER, "one", 2)
    with engine.begin() as connection, pytest.raises(LeaseLostError):
        leases.confirm(connection, first)


def test_renewal_keeps_it_and_a_loser_can_not_renew(engine: Engine) -> None:
    """A holder that says so in time keeps it; one that comes after its successor gets nothing back."""
    first = _take(engine, "one")
    assert first is not None
    with engine.begin() as connection:
        assert leases.renew(connection, first, at=_after(10), seconds=SECONDS)
    assert _take(engine, "two", _after(20)) is None
    second = _take(engine, "two", _after(25))
    assert second is not None

    with engine.begin() as connection:
        assert not leases.renew(connection, first, at=_after(26), seconds=SECONDS)
        assert leases.renew(connection, second, at=_after(26), seconds=SECONDS)


def test_a_late_renewal_of_what_nobody_took_counts(engine: Engine) -> None:
    """A holder that was slow and has no successor goes on in its epoch: nothing is lost by it."""
    first = _take(engine, "one")
    assert first is not None
    with engine.begin() as connection:
        assert leases.renew(connection, first, at=_after(100), seconds=SECONDS)
    assert _take(engine, "two", _after(101)) is None


def test_what_is_given_back_is_free_at_once(engine: Engine) -> None:
    """A clean stop hands over in the same moment; a loser gives nothing back."""
    first = _take(engine, "one")
    assert first is not None
    with engine.begin() as connection:
        assert leases.release(connection, first, at=_after(1))
        held = leases.current(connection, LEADER)
    assert held is not None
    assert (held.owner, held.holds(_after(1))) == ("", False)

    second = _take(engine, "two", _after(1))

    assert second == Mandate(LEADER, "two", 2)
    with engine.begin() as connection:
        assert not leases.release(connection, first, at=_after(2))
        now_held = leases.current(connection, LEADER)
    assert now_held is not None
    assert now_held.holds(_after(2))


def test_a_clock_put_back_holds_nothing_up(engine: Engine) -> None:
    """A lease that seems to last for a day was written before the clock was put right: it is free."""
    assert _take(engine, "dead", AT + timedelta(days=1))

    assert _take(engine, "one") == Mandate(LEADER, "one", 2)


def test_no_lease_is_longer_than_is_believed(engine: Engine) -> None:
    """Nobody takes a lease that others would take for a clock's mistake."""
    with engine.begin() as connection, pytest.raises(ValueError, match=str(LEASE_SECONDS_MAX)):
        leases.take(connection, LEADER, owner="one", at=AT, seconds=LEASE_SECONDS_MAX + 1)


def test_a_write_of_a_former_holder_is_undone(engine: Engine) -> None:
    """The fence: a transaction that is confirmed after another took the lease writes nothing at all."""
    first = _take(engine, "one")
    assert first is not None
    assert _take(engine, "two", _after(SECONDS))
    slot = {"schedule": "plan", "slot_date": AT.date(), "slot_no": 0}

    def write() -> None:
        """Write as the holder that this process believes to be."""
        with engine.begin() as connection:
            plan_runs.begin(connection, **slot, owner="one", at=AT)  # type: ignore[arg-type]
            leases.confirm(connection, first)

    with pytest.raises(LeaseLostError, match="expected to hold the lease 'leader' with epoch 1"):
        write()
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(plan_run)) == 0


def test_nobody_takes_it_between_a_confirmation_and_its_commit(engine: Engine) -> None:
    """The fence has no gap: whoever wants the lease waits for the commit of a write that was confirmed."""
    first = _take(engine, "one")
    assert first is not None
    order: list[str] = []

    def follow() -> None:
        """Take over as soon as may be."""
        assert _take(engine, "two", _after(SECONDS))
        order.append("taken")

    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as connection:
            leases.confirm(connection, first)
            follower = pool.submit(follow)
            with pytest.raises(TimeoutError):
                follower.result(timeout=0.5)
            order.append("committed")
        follower.result(timeout=20)
    assert order == ["committed", "taken"]


def test_a_person_needs_no_mandate(engine: Engine) -> None:
    """`reminder run` plans for itself, whoever leads: planning twice adds nothing."""
    with engine.begin() as connection:
        leases.confirm(connection, None)


acts = st.lists(
    st.tuples(
        st.sampled_from(["take", "renew", "release", "confirm"]),
        st.sampled_from(["a", "b", "c"]),
        st.integers(-20, 40),
    ),
    max_size=30,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts)
def test_whatever_they_do_one_holds_an_epoch_and_epochs_grow(engine: Engine, story: list[tuple[str, str, int]]) -> None:
    """In any order, at any instants, also backwards: an epoch is one process's, and only the newest is confirmed."""
    held: dict[str, Mandate] = {}
    given_out: list[Mandate] = []
    at = AT
    with engine.begin() as connection:
        connection.execute(delete(lease))
    for act, owner, seconds in story:
        at += timedelta(seconds=seconds)
        with engine.begin() as connection:
            if act == "take" and (taken := leases.take(connection, LEADER, owner=owner, at=at, seconds=SECONDS)):
                held[owner] = taken
                given_out.append(taken)
            elif act == "renew" and owner in held:
                assert leases.renew(connection, held[owner], at=at, seconds=SECONDS) == (held[owner] == given_out[-1])
            elif act == "release" and owner in held and leases.release(connection, held.pop(owner), at=at):
                given_out.append(Mandate(LEADER, "", given_out[-1].epoch))
            elif act == "confirm" and owner in held and held[owner] != given_out[-1]:
                with pytest.raises(LeaseLostError):
                    leases.confirm(connection, held[owner])
    epochs = [mandate.epoch for mandate in given_out if mandate.owner]
    assert epochs == list(range(1, len(epochs) + 1))


RACE = """
from reminder.store import leases
from reminder.store.clock import common_instant
from reminder.app import now
from reminder.store.deadlocks import in_transaction

def take(connection):
    return leases.take(connection, "leader", owner=name, at=common_instant(connection, now()), seconds=1)

wait_for_the_others()
import time
end = time.monotonic() + 4
while time.monotonic() < end:
    mandate = in_transaction(engine, take)
    if mandate:
        print(mandate.epoch)
        time.sleep(0.3)
        if mandate.epoch % 2:
            with engine.begin() as connection:
                leases.release(connection, mandate, at=common_instant(connection, now()))
    time.sleep(0.02)
"""


def test_processes_that_fight_for_it_never_share_an_epoch(database_url: str) -> None:
    """Three processes take, give back and let end for some seconds: each epoch is one's, and none is left out."""
    taken = [int(epoch) for epochs in together(RACE, database_url, processes=3) for epoch in epochs]

    assert len(taken) > 1
    assert sorted(taken) == list(range(1, len(taken) + 1))
