"""One tick: plan the slots that have come and that nobody has planned, then send everything whose time has come.

Of several daemons the one that leads plans; all of them ask for doubts, stand guard and send.

When is state, not timers: a tick compares the schedule with what our tables say was planned. Catching up after
downtime, nights when clocks change, and several daemons on one database all follow from that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

import structlog
from sqlalchemy import Connection

from reminder.domain.guard import Finding, GuardName, judge_jump
from reminder.domain.slots import SCHEDULE, Slot, due_slots
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.dispatch import dispatch
from reminder.pipeline.guard import stand_guard
from reminder.pipeline.plan import PlanReport, StepCount, plan
from reminder.pipeline.recollection import Recollection
from reminder.pipeline.reconcile import reconcile
from reminder.pipeline.tally import DispatchReport
from reminder.store import leases, plan_runs
from reminder.store.deadlocks import in_transaction
from reminder.store.guards import Pause
from reminder.store.leases import LeaseLostError, Mandate

__all__ = ["LEAD_SECONDS", "SLOTS_SECONDS", "Schedule", "TickReport", "tick"]

SLOTS_SECONDS = 20.0
"""How long one tick waits for slots of gateways that have a rate, in seconds: planning and doubts wait meanwhile."""

LEAD_SECONDS = 15
"""How long a leader of the daemons that says nothing is taken for one, in seconds, where the settings say nothing."""

log = structlog.get_logger("reminder.daemon")


@dataclass(frozen=True, slots=True)
class Schedule:
    """When the daemon plans: at `plan_at` on the clock of `timezone`, up to `late` after it; it looks every `every`.

    A leader that has said nothing for `lead_seconds` is followed by another.
    """

    timezone: str
    plan_at: tuple[time, ...]
    every: timedelta
    late: timedelta
    lead_seconds: int = LEAD_SECONDS


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
    mandate: Mandate | None,
    drift: Callable[[datetime], timedelta] = lambda _: timedelta(),
    recollection: Recollection | None = None,
) -> TickReport:
    """Do what is due now; return what that was. Ends early, between two steps or two batches, when `stopping` says so.

    Plans where it leads, under its `mandate`, and sends unless a guard pauses the run (law 15). `drift` tells by how
    much the clock was put forward; `recollection` asks providers what we may have forgotten.
    Raises whatever the database or the book raises; what was committed before stays, and the next tick goes on there.
    While the clock is not believed nothing is done by it: slots planned by a clock a day ahead would be missing when
    their day comes, and doubts would be asked for before their provider has settled.
    """
    at = deployment.clock()
    if judge_jump(drift(at)) is not None:
        pauses = _stand_guard(deployment, at, drift(at), mandate, None)
        if any(pause.guard is GuardName.CLOCK_JUMP for pause in pauses):
            return TickReport((), 0, DispatchReport(), pauses)
    slots, planned = await _plan_due(deployment, schedule, stopping, mandate) if mandate else ([], 0)
    await reconcile(deployment, stopping=stopping)
    at = deployment.clock()
    if recollection and slots:
        recollection.doubt()
    memory = await recollection.ask(deployment, at) if recollection else None
    pauses = _stand_guard(deployment, at, drift(at), mandate, memory)
    sent = DispatchReport()
    if not pauses:
        sent = await dispatch(deployment, stopping=stopping, patience_seconds=SLOTS_SECONDS)
    if sent.claimed:
        log.info("reminder.daemon.dispatched", claimed=sent.claimed, texts=sent.texts, segments=sent.segments)
    return TickReport(tuple(slots), planned, sent, pauses)


def _stand_guard(
    deployment: Deployment, at: datetime, drift: timedelta, mandate: Mandate | None, memory: Finding | None
) -> tuple[Pause, ...]:
    try:
        return stand_guard(deployment, at, drift=drift, mandate=mandate, memory=memory)
    except LeaseLostError as error:
        _tell_fenced(error)
        return stand_guard(deployment, at, drift=drift, memory=memory)


async def _plan_due(
    deployment: Deployment, schedule: Schedule, stopping: Callable[[], bool], mandate: Mandate
) -> tuple[list[Slot], int]:
    """Plan the slots that are due; return them, and how many reminders are new.

    Where another process leads by now, it plans them: what this one has not committed is undone.
    """
    try:
        return await _planned(deployment, schedule, stopping, mandate)
    except LeaseLostError as error:
        _tell_fenced(error)
        return [], 0


async def _planned(
    deployment: Deployment, schedule: Schedule, stopping: Callable[[], bool], mandate: Mandate
) -> tuple[list[Slot], int]:
    at = deployment.clock()
    taken = _take(deployment, schedule, at, mandate)
    if not taken:
        return [], 0
    slots = [slot for slot, _ in taken]
    runs = [run for _, run in taken]
    try:
        # In a thread of its own, so that signals are heard while a large book is planned.
        report = await asyncio.to_thread(_plan, deployment, at, stopping, mandate)
    except _StopAskedError:
        _give_up(deployment, runs)
        return [], 0
    except Exception:
        _give_up(deployment, runs)
        raise
    _finish(deployment, runs, report, mandate)
    for slot in slots:
        log.info("reminder.daemon.planned", slot=f"{slot.day} {_wall(slot)}", planned=report.planned)
    return slots, report.planned


def _take(deployment: Deployment, schedule: Schedule, at: datetime, mandate: Mandate) -> list[tuple[Slot, int]]:
    """Return the slots that are due, each with the id of its run: they are ours now, and committed as such."""
    oldest = (at - schedule.late).date() - timedelta(days=2)

    def write(connection: Connection) -> tuple[int, list[tuple[Slot, int | None]]]:
        given_up = plan_runs.abandon(connection)
        done = plan_runs.done_since(connection, SCHEDULE, oldest)
        due = due_slots(schedule.timezone, schedule.plan_at, at, late=schedule.late, done=done)
        runs = [
            plan_runs.begin(
                connection, schedule=SCHEDULE, slot_date=slot.day, slot_no=slot.number, owner=deployment.owner, at=at
            )
            for slot in due
        ]
        if due or given_up:
            leases.confirm(connection, mandate)
        return given_up, list(zip(due, runs, strict=True))

    given_up, taken = in_transaction(deployment.engine, write)
    if given_up:
        log.warning("reminder.daemon.plan_given_up", runs=given_up, hint="a process ended while it planned")
    return [(slot, run) for slot, run in taken if run is not None]


def _plan(deployment: Deployment, at: datetime, stopping: Callable[[], bool], mandate: Mandate) -> PlanReport:
    def stop_if_asked(_: StepCount) -> None:
        if stopping():
            raise _StopAskedError

    return plan(deployment, at, on_step=stop_if_asked, mandate=mandate)


def _finish(deployment: Deployment, runs: Sequence[int], report: PlanReport, mandate: Mandate) -> None:
    """Keep that the runs are done; one plan served them all, so the last one carries its count."""
    ended = deployment.clock()

    def write(connection: Connection) -> None:
        for run in runs:
            planned = report.planned if run == runs[-1] else 0
            plan_runs.finish(connection, run, owner=deployment.owner, planned=planned, at=ended)
        leases.confirm(connection, mandate)

    in_transaction(deployment.engine, write)


def _give_up(deployment: Deployment, runs: Sequence[int]) -> None:
    """Let go of slots whose plan did not end, so that the next tick takes them again at once.

    No mandate is needed: a run of another process is none of these, and one that was taken over is gone.
    """

    def write(connection: Connection) -> None:
        for run in runs:
            plan_runs.give_up(connection, run, owner=deployment.owner)

    in_transaction(deployment.engine, write)


def _tell_fenced(error: LeaseLostError) -> None:
    log.warning(
        "reminder.daemon.fenced",
        problem=str(error),
        hint="this process was frozen or cut off; the one that leads goes on",
    )


def _wall(slot: Slot) -> str:
    return f"{slot.number // 60:02}:{slot.number % 60:02}"
