"""One tick: plan the slots that have come and that nobody has planned, then send everything whose time has come.

When is state, not timers: a tick compares the schedule with what our tables say was planned. Catching up after
downtime, nights when clocks change, and several daemons on one database all follow from that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

import structlog

from reminder.daemon.slots import Slot, due_slots
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.dispatch import dispatch
from reminder.pipeline.guard import stand_guard
from reminder.pipeline.plan import PlanReport, StepCount, plan
from reminder.pipeline.reconcile import reconcile
from reminder.pipeline.tally import DispatchReport
from reminder.store import plan_runs
from reminder.store.guards import Pause

__all__ = ["PLAN_GIVEN_UP_SECONDS", "SCHEDULE", "SLOTS_SECONDS", "Schedule", "TickReport", "tick"]

SCHEDULE = "plan"
"""The name under which slots of `schedule.plan_at` are kept."""

SLOTS_SECONDS = 20.0
"""How long one tick waits for slots of gateways that have a rate, in seconds: planning and doubts wait meanwhile."""

PLAN_GIVEN_UP_SECONDS = 900
"""After how many seconds a plan that began and has not ended is taken for dead. Planning twice writes nothing twice."""

log = structlog.get_logger("reminder.daemon")


@dataclass(frozen=True, slots=True)
class Schedule:
    """When the daemon plans: at `plan_at` on the clock of `timezone`, up to `late` after it; it looks every `every`."""

    timezone: str
    plan_at: tuple[time, ...]
    every: timedelta
    late: timedelta


@dataclass(frozen=True, slots=True)
class TickReport:
    """What one tick did: the slots that it planned, how many reminders are new, and what was sent, or why nothing."""

    slots: tuple[Slot, ...]
    planned: int
    dispatch: DispatchReport
    pauses: tuple[Pause, ...] = ()


class _StopAskedError(Exception):
    """The daemon is to end: the plan under way leaves off after its step, and its slots are planned by the next one."""


async def tick(
    deployment: Deployment,
    schedule: Schedule,
    *,
    stopping: Callable[[], bool],
    drift: Callable[[datetime], timedelta] = lambda _: timedelta(),
) -> TickReport:
    """Do what is due now; return what that was. Ends early, between two steps or two batches, when `stopping` says so.

    Plans, and sends unless a guard pauses the run (law 15). `drift` tells by how much the clock was put forward.
    Raises whatever the database or the book raises; what was committed before stays, and the next tick goes on there.
    """
    slots, planned = await _plan_due(deployment, schedule, stopping)
    await reconcile(deployment, stopping=stopping)
    at = deployment.clock()
    pauses = stand_guard(deployment, at, drift=drift(at))
    sent = DispatchReport()
    if not pauses:
        sent = await dispatch(deployment, stopping=stopping, patience_seconds=SLOTS_SECONDS)
    if sent.claimed:
        log.info("reminder.daemon.dispatched", claimed=sent.claimed, texts=sent.texts, segments=sent.segments)
    return TickReport(tuple(slots), planned, sent, pauses)


async def _plan_due(deployment: Deployment, schedule: Schedule, stopping: Callable[[], bool]) -> tuple[list[Slot], int]:
    at = deployment.clock()
    taken = _take(deployment, schedule, at)
    if not taken:
        return [], 0
    slots = [slot for slot, _ in taken]
    runs = [run for _, run in taken]
    try:
        # In a thread of its own, so that signals are heard while a large book is planned.
        report = await asyncio.to_thread(_plan, deployment, at, stopping)
    except _StopAskedError:
        _give_up(deployment, runs)
        return [], 0
    except Exception:
        _give_up(deployment, runs)
        raise
    _finish(deployment, runs, report)
    for slot in slots:
        log.info("reminder.daemon.planned", slot=f"{slot.day} {_wall(slot)}", planned=report.planned)
    return slots, report.planned


def _take(deployment: Deployment, schedule: Schedule, at: datetime) -> list[tuple[Slot, int]]:
    """Return the slots that are due, each with the id of its run: they are ours now, and committed as such."""
    oldest = (at - schedule.late).date() - timedelta(days=2)
    with deployment.engine.begin() as connection:
        given_up = plan_runs.abandon(connection, at=at, older_than_seconds=PLAN_GIVEN_UP_SECONDS)
        done = plan_runs.done_since(connection, SCHEDULE, oldest)
        due = due_slots(schedule.timezone, schedule.plan_at, at, late=schedule.late, done=done)
        runs = [
            plan_runs.begin(
                connection, schedule=SCHEDULE, slot_date=slot.day, slot_no=slot.number, owner=deployment.owner, at=at
            )
            for slot in due
        ]
    if given_up:
        log.warning("reminder.daemon.plan_given_up", runs=given_up, hint="a process ended while it planned")
    return [(slot, run) for slot, run in zip(due, runs, strict=True) if run is not None]


def _plan(deployment: Deployment, at: datetime, stopping: Callable[[], bool]) -> PlanReport:
    def stop_if_asked(_: StepCount) -> None:
        if stopping():
            raise _StopAskedError

    return plan(deployment, at, on_step=stop_if_asked)


def _finish(deployment: Deployment, runs: Sequence[int], report: PlanReport) -> None:
    """Keep that the runs are done; one plan served them all, so the last one carries its count."""
    ended = deployment.clock()
    with deployment.engine.begin() as connection:
        for run in runs:
            planned = report.planned if run == runs[-1] else 0
            plan_runs.finish(connection, run, owner=deployment.owner, planned=planned, at=ended)


def _give_up(deployment: Deployment, runs: Sequence[int]) -> None:
    """Let go of slots whose plan did not end, so that the next tick takes them again at once."""
    with deployment.engine.begin() as connection:
        for run in runs:
            plan_runs.give_up(connection, run, owner=deployment.owner)


def _wall(slot: Slot) -> str:
    return f"{slot.number // 60:02}:{slot.number % 60:02}"
