"""One tick: slots are planned once, caught up, given back when a plan fails; reminders go out when their time comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError
from structlog.testing import capture_logs

from reminder.daemon.ticks import Schedule, TickReport, tick
from reminder.domain.slots import SCHEDULE
from reminder.pipeline.deployment import Deployment
from reminder.store import outbox, plan_runs
from reminder.store.schema import plan_run
from support.deployments import add_accounts, row
from support.leading import lead

Opener = Callable[[datetime], Deployment]


def _tick(deployment: Deployment, schedule: Schedule, stopping: Callable[[], bool] = lambda: False) -> TickReport:
    return asyncio.run(tick(deployment, schedule, stopping=stopping, mandate=lead(deployment)))


def _runs(deployment: Deployment) -> list[Any]:
    with deployment.engine.connect() as connection:
        return list(connection.execute(select(plan_run).order_by(plan_run.c.slot_date, plan_run.c.slot_no)))


def _states(deployment: Deployment) -> dict[str, int]:
    with deployment.engine.connect() as connection:
        return {state.value: count for state, count in outbox.counts_by_state(connection).items() if count}


def test_a_slot_is_planned_once_and_what_it_planned_is_sent(
    config: Path, open_at: Opener, noon: datetime, schedule: Schedule
) -> None:
    """Law 2: the first tick after a slot plans and sends; every later one finds nothing to do."""
    add_accounts(config, row("A"), row("B", 5))
    deployment = open_at(noon)

    first, second = _tick(deployment, schedule), _tick(deployment, schedule)

    assert (first.planned, first.dispatch.texts) == (2, 2)
    assert (second.slots, second.planned, second.dispatch.claimed) == ((), 0, 0)
    assert _states(deployment) == {"sent": 2}


def test_missed_slots_are_caught_up_by_one_plan(
    config: Path, open_at: Opener, noon: datetime, schedule: Schedule
) -> None:
    """Law 6: after downtime all missed slots count as planned, and each account still gets one text."""
    add_accounts(config, row("A"))
    deployment = open_at(noon)

    report = _tick(deployment, schedule)

    assert [slot.number for slot in report.slots] == [480, 660]
    assert [(run.slot_no, run.planned) for run in _runs(deployment)] == [(480, 0), (660, 1)]
    assert report.dispatch.texts == 1


def test_a_slot_missed_for_too_long_is_left_alone(
    config: Path, open_at: Opener, noon: datetime, schedule: Schedule
) -> None:
    """Law 6: a daemon that comes back after `catch_up_hours` waits for the next slot."""
    add_accounts(config, row("A"))
    deployment = open_at(noon.replace(hour=18))

    report = _tick(deployment, schedule)

    assert (report.slots, report.planned) == ((), 0)
    assert _states(deployment) == {}


def test_two_daemons_plan_a_slot_once(config: Path, open_at: Opener, noon: datetime, schedule: Schedule) -> None:
    """Law 2: of two daemons that see the same slot one plans it, and the customer gets one text."""
    add_accounts(config, row("A"))
    one, two = (replace(open_at(noon), owner=owner) for owner in ("one", "two"))

    reports = [_tick(one, schedule), _tick(two, schedule)]

    assert [report.planned for report in reports] == [1, 0]
    assert sum(report.dispatch.texts for report in reports) == 1


def test_a_failing_plan_gives_its_slot_back(config: Path, open_at: Opener, noon: datetime, schedule: Schedule) -> None:
    """Law 4: a plan that fails loses nothing; the next tick plans the same slot."""
    add_accounts(config, row("A"))
    deployment = open_at(noon)
    _rename(deployment, "account", "away")
    with pytest.raises(DatabaseError):
        _tick(deployment, schedule)
    assert _runs(deployment) == []

    _rename(deployment, "away", "account")
    assert _tick(deployment, schedule).planned == 1


def _rename(deployment: Deployment, table: str, name: str) -> None:
    with deployment.engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE {table} RENAME TO {name}"))


def test_a_slot_of_a_dead_daemon_is_planned_after_all(
    config: Path, open_at: Opener, noon: datetime, schedule: Schedule
) -> None:
    """Law 4: who leads next takes over at once what a daemon that died had begun to plan, and says so."""
    add_accounts(config, row("A"))
    deployment = open_at(noon)
    _begin(deployment, noon.date(), 480, noon - timedelta(seconds=1))

    with capture_logs() as logs:
        report = _tick(deployment, schedule)

    assert [slot.number for slot in report.slots] == [480, 660]
    assert report.planned == 1
    assert [each["runs"] for each in logs if each["event"] == "reminder.daemon.plan_given_up"] == [1]


def _begin(deployment: Deployment, day: date, number: int, at: datetime) -> None:
    with deployment.engine.begin() as connection:
        plan_runs.begin(connection, schedule=SCHEDULE, slot_date=day, slot_no=number, owner="dead", at=at)


def test_a_stop_during_a_plan_leaves_the_slot_to_the_next_daemon(
    config: Path, open_at: Opener, noon: datetime, schedule: Schedule
) -> None:
    """Stopping ends a plan between two steps; the slot is not taken for done, and nothing is sent any more."""
    add_accounts(config, row("A"))
    deployment = open_at(noon)

    stopped = _tick(deployment, schedule, stopping=lambda: True)
    assert (stopped.slots, stopped.dispatch.claimed) == ((), 0)
    assert _runs(deployment) == []

    assert _tick(deployment, schedule).dispatch.texts == 1


def test_what_waits_is_sent_between_slots(config: Path, open_at: Opener, noon: datetime, schedule: Schedule) -> None:
    """A reminder that was put off goes out when its time comes, not only when a slot does."""
    add_accounts(config, row("A"))
    deployment = open_at(noon)
    with deployment.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO hold (kind, account_id, reason, who, starts_at, until) "
                "VALUES ('promise', 'A', 'pays today', 'ana', :starts, :until)"
            ),
            {"starts": "2020-01-01 00:00:00.000000", "until": f"{noon + timedelta(minutes=10):%Y-%m-%d %H:%M:%S.%f}"},
        )
    assert _tick(deployment, schedule).dispatch.texts == 0

    later = open_at(noon + timedelta(minutes=31))
    report = _tick(later, schedule)

    assert (report.planned, report.dispatch.texts) == (0, 1)
