"""Law 15, Abnormal stops: a run unlike any other sends nothing, says why, and goes on when a person says so."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import MetaData
from structlog.testing import capture_logs

from reminder.book.book import Book
from reminder.book.mapping import own_book
from reminder.domain.guard import GuardLimits, GuardName, day_span, same_weekdays
from reminder.domain.lifecycle import State
from reminder.pipeline.guard import stand_guard
from reminder.pipeline.run import RunReport, run_pass
from reminder.store import guards, leases
from reminder.store.guards import Pause
from reminder.store.leases import LeaseLostError
from reminder.store.schema import account
from support.leading import lead
from support.outbox_rows import write_attempt
from support.worlds import World, account_row, policy, step

SMALL = GuardLimits(volume_factor=4, volume_min=10, timezone="Asia/Shanghai")
JUMP = timedelta(days=1)


def _custom(world: World, *counts: int) -> None:
    """Let so many texts have been sent on the same weekdays before, the last one first."""
    today = world.at.astimezone().date()
    with world.engine.begin() as connection:
        for day, count in zip(same_weekdays(today), counts, strict=False):
            start, _ = day_span(day, SMALL.timezone)
            for number in range(count):
                write_attempt(connection, f"{day}-{number}", started_at=start + timedelta(hours=9))


def _owing(world: World, how_many: int, due: date, **given: Any) -> None:
    world.add_accounts(
        *(account_row(f"a{number:03}", due, phone=f"138{number:08}", **given) for number in range(how_many))
    )


def _pass(world: World, **changes: Any) -> RunReport:
    return asyncio.run(run_pass(replace(world.deployment(), **({"guards": SMALL} | changes))))


def _stand(world: World, *, drift: timedelta = timedelta(), **changes: Any) -> tuple[Pause, ...]:
    return stand_guard(replace(world.deployment(), **({"guards": SMALL} | changes)), world.at, drift=drift)


def _approve(world: World, pause: Pause) -> None:
    with world.engine.begin() as connection:
        assert guards.approve(connection, pause.pause_id, who="ann", reason="expected", at=world.at)


def _open(world: World) -> list[Pause]:
    with world.engine.connect() as connection:
        return guards.open_pauses(connection)


def test_a_usual_day_is_not_stopped(world: World, due: date) -> None:
    """Up to the factor times the usual, everything goes out."""
    _custom(world, 10, 10, 10)
    _owing(world, 40, due)

    report = _pass(world)

    assert (report.pauses, report.dispatch.texts) == ((), 40)


def test_a_flood_is_planned_and_not_sent(real_world: World, due: date) -> None:
    """Law 15: one more than the factor times the usual, and nobody gets a text; nothing that was planned is lost."""
    _custom(real_world, 10, 10, 10)
    _owing(real_world, 41, due)

    with capture_logs() as logs:
        report = _pass(real_world)

    (pause,) = report.pauses
    assert pause.guard is GuardName.VOLUME
    assert pause.figures == {"sent": 0, "expected": 41, "usual": 10, "most": 40}
    assert (report.plan.planned, report.dispatch.claimed, real_world.recorder.calls) == (41, 0, 0)
    assert {row.state for row in real_world.rows()} == {State.PLANNED}
    said = [each for each in logs if each["event"] == "reminder.run.paused"]
    assert [(each["log_level"], each["guard"], each["pause"]) for each in said] == [("error", "volume", pause.pause_id)]


def test_an_approved_flood_goes_out_that_day_and_asks_again_the_next(world: World, due: date) -> None:
    """A person's word counts for the day it was given for."""
    _custom(world, 10, 10, 10)
    _owing(world, 60, due, timezone="UTC")
    (pause,) = _pass(world).pauses
    _approve(world, pause)

    assert _pass(world).dispatch.texts == 60

    world.later(weeks=1)
    _owing_more(world, 60, world.at.date())
    assert [each.guard for each in _pass(world).pauses] == [GuardName.VOLUME]


def _owing_more(world: World, how_many: int, due: date) -> None:
    world.add_accounts(*(account_row(f"b{number:03}", due, phone=f"139{number:08}") for number in range(how_many)))


def test_a_flood_is_said_once(world: World, due: date) -> None:
    """Every tick stands guard again; one pause is one pause, and one line in the log."""
    _custom(world, 10, 10, 10)
    _owing(world, 41, due)
    with capture_logs() as logs:
        first, second = _pass(world), _pass(world)

    assert first.pauses == second.pauses
    assert len([each for each in logs if each["event"] == "reminder.run.paused"]) == 1


def test_what_would_stay_silent_is_no_flood(world: World, due: date) -> None:
    """Law 1: the guard asks the same decision as the run, so a policy for a few among many due stays quiet."""
    world.policies = (policy(steps=(step("due", 0, 3, when="not account.autopay"),)),)
    _custom(world, 10, 10, 10)
    _owing(world, 100, due, attributes={"autopay": "true"})
    world.change_account("a001", attributes={"autopay": "false"})

    report = _pass(world)

    assert (report.pauses, report.dispatch.claimed, report.dispatch.texts) == ((), 100, 1)


def test_a_flood_that_shrinks_to_a_usual_day_goes_on_by_itself(world: World, due: date) -> None:
    """A slip in the policy that is taken back needs no approval: the pause is lifted, and that is said."""
    _custom(world, 10, 10, 10)
    _owing(world, 100, due, product="card")
    world.change_account("a001", product="loan")
    assert _pass(world).pauses
    world.policies = (policy(steps=(step("due", 0, 3, when="account.product == 'loan'"),)),)

    with capture_logs() as logs:
        report = _pass(world)

    assert (report.pauses, report.dispatch.texts, _open(world)) == ((), 1, [])
    assert "reminder.run.resumed" in [each["event"] for each in logs]


def test_the_first_weeks_are_not_stopped(world: World, due: date) -> None:
    """Without three such days before there is no usual volume to compare with."""
    _custom(world, 1, 1)
    _owing(world, 300, due)
    assert _pass(world).dispatch.texts == 300


@pytest.mark.parametrize(
    ("stale", "stops"), [pytest.param(20, False, id="half"), pytest.param(21, True, id="more-than-half")]
)
def test_a_book_that_was_not_refreshed_stops_the_run(world: World, due: date, stale: int, stops: bool) -> None:
    """Laws 6 and 15: where most due accounts are stale, the fresh ones are not trusted either."""
    _owing(world, 40, due, loaded_at=world.at)
    for number in range(stale):
        world.change_account(f"a{number:03}", loaded_at=world.at - timedelta(days=3))
    mapping = replace(own_book(account), fresh_column="loaded_at", fresh_max_age=timedelta(hours=26))
    world.book = Book(world.engine, mapping, same_database=True)

    report = _pass(world)

    assert [pause.guard for pause in report.pauses] == [GuardName.STALE_BOOK] * stops
    assert report.dispatch.texts == (0 if stops else 20)


def test_a_refreshed_book_lets_the_run_go_on(world: World, due: date) -> None:
    """A stale book needs no approval once it is refreshed."""
    _owing(world, 40, due, loaded_at=world.at - timedelta(days=3))
    mapping = replace(own_book(account), fresh_column="loaded_at", fresh_max_age=timedelta(hours=26))
    world.book = Book(world.engine, mapping, same_database=True)
    assert _pass(world).pauses
    for number in range(40):
        world.change_account(f"a{number:03}", loaded_at=world.at)

    assert _pass(world).dispatch.texts == 40


def test_a_clock_behind_our_records_stops_until_it_is_right(world: World, due: date) -> None:
    """Law 15: yesterday's date after today's sending would remind everybody of what is over."""
    _owing(world, 2, due)
    _pass(world)
    world.add_accounts(account_row("late", due - timedelta(days=2)))
    world.later(days=-1)
    assert [pause.guard for pause in _pass(world).pauses] == [GuardName.CLOCK_BEHIND]
    world.later(days=1)

    report = _pass(world)

    assert (report.pauses, _open(world)) == ((), [])
    assert "late" in {row.account_id for row in world.rows() if row.state == State.SENT}


def test_a_jump_stops_also_when_nothing_is_due(world: World) -> None:
    """Law 15: the jump is judged when it happens, not when its first victim is due."""
    assert [pause.guard for pause in _stand(world, drift=JUMP)] == [GuardName.CLOCK_JUMP]
    assert [pause.guard for pause in _stand(world, drift=JUMP)] == [GuardName.CLOCK_JUMP]


def test_a_jump_that_is_undone_ends_for_the_process_that_saw_it(world: World) -> None:
    """Only whoever's clock it was can tell that it is right again."""
    assert _stand(world, drift=JUMP)
    assert _stand(world, owner="another:2")
    assert _stand(world) == ()


def test_a_jump_into_the_future_is_over_once_the_clock_is_right(world: World) -> None:
    """A daemon that was started again after its clock was put right is not held by a pause of a day to come."""
    right = world.at
    world.at = right + JUMP
    assert _stand(world, drift=JUMP)
    world.at = right
    assert _stand(world, owner="follower:3")
    again = replace(world.deployment(), owner="started-again:3")
    assert stand_guard(again, world.at, mandate=lead(again)) == ()


def test_a_leader_that_was_frozen_lifts_nothing(real_world: World, due: date) -> None:
    """Law 15: what a process that leads no more believes to be over stays paused, until the one that leads says so."""
    _custom(real_world, 10, 10, 10)
    _owing(real_world, 41, due)
    real_world.plan()
    frozen = replace(real_world.deployment(), owner="frozen:1", guards=SMALL)
    old = lead(frozen)
    assert stand_guard(frozen, real_world.at, mandate=old)
    successor = replace(frozen, owner="successor:2")
    new = lead(successor)
    usual = replace(SMALL, volume_min=1000)

    with pytest.raises(LeaseLostError, match="nothing was written"):
        stand_guard(replace(frozen, guards=usual), real_world.at, mandate=old)
    assert _open(real_world)
    assert stand_guard(replace(successor, guards=usual), real_world.at, mandate=new) == ()


def test_a_pass_beside_a_daemon_lifts_nothing(world: World, due: date) -> None:
    """Law 15: where a daemon leads, `reminder run` leaves the lifting to it; where none does, it leads for a moment."""
    _custom(world, 10, 10, 10)
    _owing(world, 41, due)
    assert _pass(world).pauses
    usual = replace(SMALL, volume_min=1000)
    daemon = lead(replace(world.deployment(), owner="daemon:7"))
    assert _pass(world, guards=usual).pauses

    with world.engine.begin() as connection:
        assert leases.release(connection, daemon, at=world.at)
    report = _pass(world, guards=usual)

    assert (report.pauses, report.dispatch.texts) == ((), 41)


def test_an_approved_jump_is_no_pause(world: World) -> None:
    """A clock that was wrong before and is right now is approved once for the day."""
    (pause,) = _stand(world, drift=JUMP)
    _approve(world, pause)
    assert _stand(world, drift=JUMP) == ()


def test_two_guards_make_two_pauses(world: World, due: date) -> None:
    """Each cause is told and approved for itself; while one is open, nothing is sent."""
    _custom(world, 10, 10, 10)
    _owing(world, 41, due)
    world.plan()
    pauses = _stand(world, drift=JUMP)
    assert {pause.guard for pause in pauses} == {GuardName.VOLUME, GuardName.CLOCK_JUMP}
    _approve(world, next(pause for pause in pauses if pause.guard is GuardName.VOLUME))
    assert [pause.guard for pause in _stand(world, drift=JUMP)] == [GuardName.CLOCK_JUMP]


def test_a_large_run_is_judged_by_a_sample(world: World, due: date, monkeypatch: pytest.MonkeyPatch) -> None:
    """Law 12: what the guard looks at is bounded, and the estimate holds for policies planned one after another."""
    monkeypatch.setattr("reminder.pipeline.guard.SAMPLE_ROWS", 20)
    _custom(world, 10, 10, 10)
    rows: list[Mapping[str, Any]] = [
        account_row(f"a{number:03}", due, phone=f"138{number:08}", attributes={"autopay": str(number % 200 >= 50)})
        for number in range(200)
    ]
    world.policies = (policy(steps=(step("due", 0, 3, when="account.autopay == 'False'"),)),)
    world.add_accounts(*rows)

    (pause,) = _pass(world).pauses

    assert 40 <= pause.figures["expected"] <= 60


def test_a_run_that_finds_nothing_due_asks_nothing(world: World) -> None:
    """A quiet tick costs two short looks at our tables and none at the book, whatever the past was."""
    _custom(world, 10, 10, 10)
    unreadable = replace(own_book(account.to_metadata(MetaData(), name="nowhere")), fresh_max_age=timedelta(hours=1))
    assert _stand(world, book=Book(world.engine, unreadable, same_database=True)) == ()
