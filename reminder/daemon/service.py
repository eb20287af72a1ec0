"""The service: one event loop, one APScheduler job that ticks, and a clean end when the process is asked to stop.

APScheduler only keeps the beat, in memory. It is given one job that never runs twice at once, whose missed beats melt
into one, and which is never skipped for being late; what is due is decided by the tick from our tables.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler  # type: ignore[import-untyped]  # it has no types
from apscheduler.triggers.interval import IntervalTrigger  # type: ignore[import-untyped]  # nor here

from reminder.app import now, steady
from reminder.daemon.reload import InForce, Live
from reminder.daemon.slots import next_slot
from reminder.daemon.supervisor import Supervisor
from reminder.daemon.ticks import Schedule, tick
from reminder.domain.guard import ClockWatch
from reminder.pipeline.deployment import Deployment

__all__ = ["DRAIN_SECONDS", "serve", "serve_until_signalled"]

DRAIN_SECONDS = 25.0
"""How long the batch under way may take after a stop was asked for, in seconds: systemd and Kubernetes wait longer."""

log = structlog.get_logger("reminder.daemon")


async def serve_until_signalled(live: Live, supervisor: Supervisor) -> None:
    """Serve until SIGTERM or SIGINT; read the files anew at SIGHUP; keep the service manager informed.

    The first signal to stop lets the batch under way end, a second one does not wait for it.
    """
    stop, cut = asyncio.Event(), asyncio.Event()

    def on_signal(name: str) -> None:
        log.info("reminder.daemon.stopping", signal=name, again=stop.is_set())
        (cut if stop.is_set() else stop).set()

    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, on_signal, number.name)
    loop.add_signal_handler(signal.SIGHUP, live.ask)
    try:
        await serve(live, stop=stop, cut=cut, supervisor=supervisor)
    finally:
        for number in (*signals, signal.SIGHUP):
            loop.remove_signal_handler(number)


async def serve(
    in_force: InForce,
    *,
    stop: asyncio.Event,
    cut: asyncio.Event,
    supervisor: Supervisor,
    drain_seconds: float = DRAIN_SECONDS,
) -> None:
    """Tick until `stop` is set; then let the batch under way end, for `drain_seconds` at most or until `cut` is set.

    A tick that fails is logged and the next one tries again. What a cut leaves under way becomes `in_doubt`, and no
    text of it is sent again on a guess (law 3).
    """
    idle = asyncio.Event()
    idle.set()
    scheduler = _scheduler(_beat(in_force, stop.is_set, idle, supervisor), in_force.schedule)
    scheduler.start()
    _announce(in_force.deployment, in_force.schedule)
    supervisor.ready()
    watching = asyncio.create_task(in_force.watch())
    try:
        await stop.wait()
        supervisor.stopping()
        scheduler.pause()
        if not await _drained(idle, cut, drain_seconds):
            log.warning("reminder.daemon.cut", drain_seconds=drain_seconds, hint="the batch under way is in doubt")
    finally:
        scheduler.shutdown(wait=False)
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        in_force.close()
        for gateway in in_force.deployment.gateways.values():
            await gateway.close()
    log.info("reminder.daemon.stopped")


def _scheduler(beat: Callable[[], object], schedule: Schedule) -> AsyncIOScheduler:
    # It would warn of every beat that falls into a long tick, and that is nothing to be warned of.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    scheduler = AsyncIOScheduler(timezone=UTC)
    scheduler.add_job(
        beat,
        IntervalTrigger(seconds=int(schedule.every.total_seconds()), timezone=UTC),
        id="tick",
        max_instances=1,
        coalesce=True,
        misfire_grace_time=None,
        next_run_time=now(),  # the scheduler's own clock is the machine's
    )
    return scheduler


def _beat(
    in_force: InForce, stopping: Callable[[], bool], idle: asyncio.Event, supervisor: Supervisor
) -> Callable[[], object]:
    watch = ClockWatch()

    def drift(at: datetime) -> timedelta:
        return watch.drift(at, steady())

    def leave_off() -> bool:
        supervisor.alive()  # asked before every batch: a long tick is no silent one
        return stopping() or in_force.leave_off()

    async def beat() -> None:
        idle.clear()
        try:
            async with in_force.busy:
                report = await tick(in_force.deployment, in_force.schedule, stopping=leave_off, drift=drift)
            if not report.pauses:
                watch.trust()
        except asyncio.CancelledError:
            return  # cut off at the end: `serve` says so
        except Exception:
            log.exception("reminder.daemon.tick_failed", hint="the next tick tries again")
        finally:
            supervisor.alive()
            idle.set()

    return beat


async def _drained(idle: asyncio.Event, cut: asyncio.Event, drain_seconds: float) -> bool:
    """Wait until the tick under way has ended, if one is; return whether it has."""
    waiting = {asyncio.ensure_future(idle.wait()), asyncio.ensure_future(cut.wait())}
    _, pending = await asyncio.wait(waiting, timeout=drain_seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    return idle.is_set()


def _announce(deployment: Deployment, schedule: Schedule) -> None:
    upcoming = next_slot(schedule.timezone, schedule.plan_at, deployment.clock())
    log.info(
        "reminder.daemon.started",
        owner=deployment.owner,
        policies=[policy.name for policy in deployment.policies],
        gateways=sorted(deployment.gateways),
        next_plan=f"{upcoming.at:%Y-%m-%dT%H:%MZ}",
        tick_seconds=int(schedule.every.total_seconds()),
    )
    for name, reason in sorted(deployment.absent.items()):
        log.warning("reminder.gateway.absent", gateway=name, reason=reason)
