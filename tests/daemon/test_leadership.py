"""Leadership: one daemon leads, the next follows when it ends, hangs or is frozen, and the former does no harm."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text
from structlog.testing import capture_logs

from reminder.config.settings_model import ScheduleSettings
from reminder.daemon.leadership import HUNG_SECONDS, RENEWALS, Leadership
from reminder.daemon.ticks import LEAD_SECONDS, Schedule, TickReport, tick
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.plan import PlanReport, plan
from reminder.store import leases
from reminder.store.leases import LEADER, LEASE_SECONDS_MAX, Mandate
from reminder.store.schema import lease, outbox, plan_run
from support.deployments import add_accounts, row
from support.leading import lead

Opener = Callable[[datetime], Deployment]


def _events(logs: Iterable[Mapping[str, Any]]) -> list[Any]:
    return [each["event"] for each in logs]


def _end_the_lease(engine: Engine) -> None:
    """Let the lease have ended, as when its holder has said nothing for long."""
    with engine.begin() as connection:
        connection.execute(lease.update().values(until=datetime.fromisoformat("2001-01-01T00:00:00+00:00")))


def test_the_numbers_fit() -> None:
    """Two words may be lost, and no lease that a person may ask for is longer than others believe."""
    assert RENEWALS > 3
    longest = next(each.le for each in ScheduleSettings.model_fields["lead_seconds"].metadata if hasattr(each, "le"))
    assert longest == LEASE_SECONDS_MAX < HUNG_SECONDS
    assert ScheduleSettings().lead_seconds == LEAD_SECONDS


def test_the_first_leads_and_its_end_hands_over(engine: Engine) -> None:
    """A clean stop gives the lead back; the other daemon has it with its next look, and both say so."""
    one, two = (Leadership(engine, owner, lead_seconds=LEAD_SECONDS) for owner in ("one", "two"))
    with capture_logs() as logs:
        one.look()
        two.look()
        assert (one.mandate, two.mandate) == (Mandate(LEADER, "one", 1), None)
        one.end()
        two.look()

    assert (one.mandate, two.mandate) == (None, Mandate(LEADER, "two", 2))
    assert _events(logs) == ["reminder.daemon.leads", "reminder.daemon.leads_no_more", "reminder.daemon.leads"]


def test_one_that_says_nothing_is_followed_and_finds_that_out(engine: Engine) -> None:
    """Frozen for longer than its lease, a leader hears with its next look that another one leads."""
    one, two = (Leadership(engine, owner, lead_seconds=LEAD_SECONDS) for owner in ("one", "two"))
    one.look()
    _end_the_lease(engine)
    two.look()

    with capture_logs() as logs:
        one.look()

    assert (one.mandate, two.mandate) == (None, Mandate(LEADER, "two", 2))
    assert _events(logs) == ["reminder.daemon.deposed"]


def test_a_mandate_is_not_shown_for_longer_than_it_lasts(sqlite_engine: Engine) -> None:
    """A leader that can't reach the database stops taking itself for one before another may be."""
    seconds = [0.0]
    one = Leadership(sqlite_engine, "one", lead_seconds=LEAD_SECONDS, elapsed=lambda: seconds[0])
    one.look()
    seconds[0] = LEAD_SECONDS - 0.1
    assert one.mandate is not None
    seconds[0] = LEAD_SECONDS
    assert one.mandate is None


def test_a_database_that_is_away_ends_no_thread(sqlite_engine: Engine) -> None:
    """What the database raises is left to the next look, and ending is clean even then."""
    one = Leadership(sqlite_engine, "one", lead_seconds=LEAD_SECONDS)
    one.begin()
    with sqlite_engine.begin() as connection:
        connection.execute(text("ALTER TABLE lease RENAME TO away"))
    one.look()
    one.look()
    with sqlite_engine.begin() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO lease"))
    one.look()
    assert one.mandate == Mandate(LEADER, "one", 1)
    with sqlite_engine.begin() as connection:
        connection.execute(text("DROP TABLE lease"))
    one.end()
    assert one.mandate is None


def test_a_leader_that_hangs_lets_go_and_leads_again_when_it_lives(engine: Engine) -> None:
    """A process whose work shows no sign of life keeps no lead, though its thread still looks."""
    seconds = [0.0]
    one = Leadership(engine, "one", lead_seconds=LEAD_SECONDS, elapsed=lambda: seconds[0])
    one.look()
    seconds[0] = HUNG_SECONDS + 1
    one.look()
    assert one.mandate is None
    one.look()
    assert one.mandate is None

    one.alive()
    one.look()

    assert one.mandate == Mandate(LEADER, "one", 2)


def test_a_thread_keeps_the_lead_while_the_work_is_long(sqlite_engine: Engine) -> None:
    """A plan or a batch that takes longer than the lease holds no renewal up."""
    one = Leadership(sqlite_engine, "one", lead_seconds=1)
    one.begin()
    renewed = threading.Event()
    first = _until(sqlite_engine)
    try:
        for _ in range(600):
            if _until(sqlite_engine) > first:
                renewed.set()
                break
            threading.Event().wait(0.02)
    finally:
        one.end()
    assert renewed.is_set()


def _until(engine: Engine) -> datetime:
    with engine.connect() as connection:
        held = leases.current(connection, LEADER)
    assert held is not None
    return held.until


def _tick(deployment: Deployment, schedule: Schedule, mandate: Mandate | None) -> TickReport:
    return asyncio.run(tick(deployment, schedule, stopping=lambda: False, mandate=mandate))


def _count(deployment: Deployment, table: object) -> int:
    with deployment.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0  # type: ignore[arg-type]


def test_a_follower_plans_nothing_and_sends_what_is_there(
    config: Path, open_at: Opener, noon: datetime, schedule: Schedule
) -> None:
    """Slots are the leader's; texts are everybody's."""
    add_accounts(config, row("A"))
    deployment = open_at(noon)
    leader, follower = (replace(deployment, owner=owner) for owner in ("leader", "follower"))

    idle = _tick(follower, schedule, None)
    plan(leader, noon)
    busy = _tick(follower, schedule, None)

    assert (idle.slots, idle.planned, idle.dispatch.claimed) == ((), 0, 0)
    assert (busy.slots, busy.dispatch.texts) == ((), 1)
    assert _count(deployment, plan_run) == 0


@pytest.mark.parametrize("where", ["take", "plan", "finish"])
def test_a_leader_that_was_frozen_plans_nothing(
    config: Path, open_at: Opener, noon: datetime, schedule: Schedule, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """The fence: deposed before it takes its slots, while it plans, or before it says that it has, it writes nothing.

    Its successor plans the same slots, and each reminder is there once.
    """
    add_accounts(config, row("A"), row("B", 5))
    deployment = open_at(noon)
    frozen, successor = (replace(deployment, owner=owner) for owner in ("frozen", "successor"))
    old = lead(frozen)
    new: list[Mandate] = []

    def freeze() -> None:
        """Come back when another process leads."""
        if not new:
            new.append(lead(successor))

    def slow_plan(*given: Any, **named: Any) -> PlanReport:
        """Plan, with the freeze before or after it."""
        if where == "plan":
            freeze()
        report = plan(*given, **named)
        freeze()
        return report

    if where == "take":
        freeze()
    monkeypatch.setattr("reminder.daemon.ticks.plan", slow_plan)
    with capture_logs() as logs:
        report = _tick(frozen, schedule, old)

    assert "reminder.daemon.fenced" in _events(logs)
    assert (report.slots, report.planned) == ((), 0)
    assert _count(deployment, outbox) == (2 if where == "finish" else 0)
    with deployment.engine.connect() as connection:
        assert connection.scalar(select(func.count()).where(plan_run.c.ended_at.is_not(None))) == 0

    after = _tick(successor, schedule, new[0])

    assert [slot.number for slot in after.slots] == [480, 660]
    assert _count(deployment, outbox) == 2
    assert _count(deployment, plan_run) == 2
