"""Runs of the schedule: each slot is planned by one process, and planned after all when that one died."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from reminder.store import plan_runs

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
TODAY = date(2026, 3, 1)
SLOT: dict[str, Any] = {"schedule": "daily", "slot_date": TODAY, "slot_no": 0}


def test_slot_is_taken_once(engine: Engine) -> None:
    """Law 2: of all who see that a slot is due one gets it; None is a normal answer for the rest."""
    with engine.begin() as connection:
        assert plan_runs.begin(connection, **SLOT, owner="one", at=AT) is not None
        assert plan_runs.begin(connection, **SLOT, owner="two", at=AT) is None
        assert plan_runs.begin(connection, **SLOT, owner="one", at=AT) is None


@pytest.mark.parametrize(
    "other",
    [{"slot_no": 1}, {"slot_date": TODAY + timedelta(days=1)}, {"schedule": "weekly"}],
    ids=["number", "date", "schedule"],
)
def test_other_slots_are_free(engine: Engine, other: dict[str, Any]) -> None:
    """Taking one slot takes neither the next one nor another schedule's."""
    with engine.begin() as connection:
        plan_runs.begin(connection, **SLOT, owner="one", at=AT)

        assert plan_runs.begin(connection, **(SLOT | other), owner="two", at=AT) is not None


def test_slot_is_taken_once_by_many_at_the_same_time(engine: Engine) -> None:
    """Law 2: eight processes that ask in the same instant get one run between them, and no error."""

    def take(number: int) -> int | None:
        """Take the slot in a transaction of its own."""
        with engine.begin() as connection:
            return plan_runs.begin(connection, **SLOT, owner=f"p-{number}", at=AT)

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(take, range(8)))

    assert len([run for run in taken if run is not None]) == 1


def test_losing_a_slot_leaves_the_transaction_usable(engine: Engine) -> None:
    """Whoever loses the race for one slot goes on to the next; PostgreSQL would refuse all after a bare error."""
    second_slot = SLOT | {"slot_no": 1}

    def lose_one_and_take_another() -> tuple[int | None, int | None]:
        """Ask for the contested slot, and in the same transaction for another one."""
        with engine.begin() as connection:
            lost = plan_runs.begin(connection, **SLOT, owner="two", at=AT)
            return lost, plan_runs.begin(connection, **second_slot, owner="two", at=AT)

    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as connection:
            plan_runs.begin(connection, **SLOT, owner="one", at=AT)
            loser = pool.submit(lose_one_and_take_another)
            wait([loser], timeout=0.5)  # long enough to have looked, and to be waiting for the commit below
        lost, taken = loser.result(timeout=20)

    assert lost is None
    assert taken is not None


def test_finished_slots_are_done(engine: Engine) -> None:
    """Only what has finished counts as done, from the date asked for, for the schedule asked for."""
    with engine.begin() as connection:
        for slot in (SLOT, SLOT | {"slot_no": 1}, SLOT | {"slot_date": TODAY - timedelta(days=1)}):
            run = plan_runs.begin(connection, **slot, owner="one", at=AT)
            assert run is not None
            assert plan_runs.finish(connection, run, owner="one", planned=5, at=AT) is True
        plan_runs.begin(connection, **(SLOT | {"slot_no": 2}), owner="one", at=AT)

        assert plan_runs.done_since(connection, "daily", TODAY) == {(TODAY, 0), (TODAY, 1)}
        assert plan_runs.done_since(connection, "weekly", TODAY) == set()


def test_dead_run_is_given_up_and_begun_again(engine: Engine) -> None:
    """Law 4: a daemon killed while planning leaves no hole; its slot is planned by the next one that leads."""
    with engine.begin() as connection:
        dead = plan_runs.begin(connection, **SLOT, owner="dead", at=AT)

        assert dead is not None
        assert plan_runs.abandon(connection) == 1
        assert plan_runs.begin(connection, **SLOT, owner="next", at=AT + timedelta(seconds=15)) is not None


def test_finished_run_is_never_given_up(engine: Engine) -> None:
    """However old, what has been planned stays planned."""
    with engine.begin() as connection:
        run = plan_runs.begin(connection, **SLOT, owner="one", at=AT)
        assert run is not None
        plan_runs.finish(connection, run, owner="one", planned=0, at=AT)

        assert plan_runs.abandon(connection) == 0
        assert plan_runs.done_since(connection, "daily", TODAY) == {(TODAY, 0)}


def test_given_up_run_cannot_finish(engine: Engine) -> None:
    """A planner thought dead that wakes up can't call its successor's run done, even if that got the same number."""
    with engine.begin() as connection:
        slow = plan_runs.begin(connection, **SLOT, owner="slow", at=AT)
        assert slow is not None
        plan_runs.abandon(connection)
        plan_runs.begin(connection, **SLOT, owner="next", at=AT + timedelta(hours=1))

        assert plan_runs.finish(connection, slow, owner="slow", planned=5, at=AT) is False
        assert plan_runs.done_since(connection, "daily", TODAY) == set()


def test_run_finishes_once(engine: Engine) -> None:
    """A second finish says False and leaves the first one's count."""
    with engine.begin() as connection:
        run = plan_runs.begin(connection, **SLOT, owner="one", at=AT)
        assert run is not None

        assert plan_runs.finish(connection, run, owner="one", planned=5, at=AT) is True
        assert plan_runs.finish(connection, run, owner="one", planned=9, at=AT) is False


def test_own_unfinished_run_can_be_let_go(engine: Engine) -> None:
    """A plan that failed gives its slot back at once: the next look takes it, and nothing waits for a timeout."""
    with engine.begin() as connection:
        run = plan_runs.begin(connection, **SLOT, owner="one", at=AT)
        assert run is not None

        assert plan_runs.give_up(connection, run, owner="one")
        assert plan_runs.begin(connection, **SLOT, owner="two", at=AT) is not None


def test_run_of_another_or_finished_one_is_kept(engine: Engine) -> None:
    """Nobody lets go of somebody else's slot, nor of one that is done: it would be planned a second time."""
    with engine.begin() as connection:
        run = plan_runs.begin(connection, **SLOT, owner="one", at=AT)
        assert run is not None
        assert not plan_runs.give_up(connection, run, owner="two")
        plan_runs.finish(connection, run, owner="one", planned=3, at=AT)

        assert not plan_runs.give_up(connection, run, owner="one")
        assert plan_runs.done_since(connection, "daily", TODAY) == {(TODAY, 0)}


def test_latest_runs_come_first(engine: Engine) -> None:
    """`status` shows the newest runs, as many as it asks for."""
    with engine.begin() as connection:
        for number in range(4):
            plan_runs.begin(connection, **(SLOT | {"slot_no": number}), owner="one", at=AT)

        assert [row.slot_no for row in plan_runs.latest(connection, limit=2)] == [3, 2]
