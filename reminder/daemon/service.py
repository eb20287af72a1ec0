"""The service: one event loop, one APScheduler job that ticks, and a clean end when the process is asked to stop.

APScheduler only keeps the beat, in memory. It is given one job that never runs twice at once, whose missed beats melt
into one, and which is never skipped for being late; what is due is decided by the tick from our tables.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from reminder.app import monotonic_usec, now, steady
from reminder.daemon.company import Companion, accompanied, endpoints, signs
from reminder.daemon.herald import alerts
from reminder.daemon.leadership import Leadership
from reminder.daemon.reload import InForce, Live
from reminder.daemon.start import first_there
from reminder.daemon.supervisor import Supervisor
from reminder.daemon.ticks import Schedule, TickReport, tick
from reminder.domain.guard import ClockWatch
from reminder.domain.slots import next_slot
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.housekeeping import Keeper
from reminder.pipeline.recollection import Recollection
from reminder.store.engine import UnreachableError

__all__ = ["DRAIN_SECONDS", "serve", "serve_until_signalled"]

DRAIN_SECONDS = 25.0
"""How long the batch under way may take after a stop was asked for, in seconds: systemd and Kubernetes wait longer."""

BEAT = "tick"
"""The name of the one job that APScheduler has."""

log = structlog.get_logger("reminder.daemon")


async def serve_until_signalled(opened: Callable[[], AbstractContextManager[Live]], supervisor: Supervisor) -> None:
    """Serve until SIGTERM or SIGINT; read the files anew at SIGHUP; keep the service manager informed.

    The first signal to stop lets the batch under way end, a second one does not wait for it. What `opened` lends is
    waited for while a database can't be reached.
    """
    stop, cut, lives = asyncio.Event(), asyncio.Event(), list[Live]()

    def on_signal(name: str) -> None:
        log.info("reminder.daemon.stopping", signal=name, again=stop.is_set())
        (cut if stop.is_set() else stop).set()

    def on_hangup() -> None:
        for live in lives:  # none while the database is waited for: the files are read when it is there
            supervisor.reloading(monotonic_usec())
            live.ask()

    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, on_signal, number.name)
    loop.add_signal_handler(signal.SIGHUP, on_hangup)
    try:
        with ExitStack() as stack:
            live = await first_there(lambda: stack.enter_context(opened()), stop=stop, supervisor=supervisor)
            if live is None:
                log.info("reminder.daemon.stopped")
                return
            live.answered = supervisor.ready
            lives.append(live)
            await serve(live, stop=stop, cut=cut, supervisor=supervisor, company=_company(live))
    finally:
        for number in (*signals, signal.SIGHUP):
            loop.remove_signal_handler(number)


def _company(live: Live) -> dict[str, Companion]:
    """Return what is kept beside the ticks of a real daemon."""
    company = {"signs": signs(lambda: live.deployment, live.deployment.clock())}
    company["alerts"] = alerts(live)
    if live.installation.settings.web.in_daemon:
        company["endpoints"] = endpoints(live)
    return company


async def serve(
    in_force: InForce,
    *,
    stop: asyncio.Event,
    cut: asyncio.Event,
    supervisor: Supervisor,
    drain_seconds: float = DRAIN_SECONDS,
    company: Mapping[str, Companion] = MappingProxyType({}),
) -> None:
    """Tick until `stop` is set; then let the batch under way end, for `drain_seconds` at most or until `cut` is set.

    A tick that fails is logged and the next one tries again. What a cut leaves under way becomes `in_doubt`, and no
    text of it is sent again on a guess (law 3). `company` is kept beside the ticks, and leaves before gateways close.
    """
    idle = asyncio.Event()
    idle.set()
    deployment = in_force.deployment
    leadership = Leadership(deployment.engine, deployment.owner, lead_seconds=in_force.schedule.lead_seconds)
    _announce(deployment, in_force.schedule)
    await asyncio.to_thread(leadership.begin)
    scheduler = _scheduler(_beat(in_force, stop.is_set, idle, supervisor, leadership), in_force.schedule)
    scheduler.start()
    supervisor.ready()
    beside = [asyncio.create_task(each) for each in (in_force.watch(), _keep_beat(scheduler, in_force.schedule))]
    try:
        async with accompanied(company, stop):
            await stop.wait()
            supervisor.stopping()
            scheduler.pause()
            if not await _drained(idle, cut, drain_seconds):
                log.warning("reminder.daemon.cut", drain_seconds=drain_seconds, hint="the batch under way is in doubt")
    finally:
        scheduler.shutdown(wait=False)
        for each in beside:
            each.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        await asyncio.to_thread(leadership.end)
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
        id=BEAT,
        max_instances=1,
        coalesce=True,
        misfire_grace_time=None,
        next_run_time=now(),  # the scheduler's own clock is the machine's
    )
    return scheduler


async def _keep_beat(scheduler: AsyncIOScheduler, schedule: Schedule) -> None:
    """See that the next beat is as near as it should be: after a clock was put back it would come a day later."""
    apart = schedule.every
    while True:
        await asyncio.sleep(apart.total_seconds())
        beat = scheduler.get_job(BEAT)
        if beat is not None and beat.next_run_time is not None and beat.next_run_time - now() > 2 * apart:
            beat.modify(next_run_time=now())


def _beat(
    in_force: InForce,
    stopping: Callable[[], bool],
    idle: asyncio.Event,
    supervisor: Supervisor,
    leadership: Leadership,
) -> Callable[[], object]:
    watch, keeper, recollection = ClockWatch(), Keeper(), Recollection()
    vitals = in_force.deployment.vitals

    def drift(at: datetime) -> timedelta:
        return watch.drift(at, steady())

    def alive() -> None:
        supervisor.alive()
        leadership.alive()

    def leave_off() -> bool:
        alive()  # asked before every batch: a long tick is no silent one
        at = in_force.deployment.clock()
        vitals.alive(at)
        # A backlog may take an hour: where the clock jumps in it, the next tick's guard is asked first.
        return stopping() or in_force.leave_off() or watch.strays(at, steady())

    async def beat() -> None:
        idle.clear()
        try:
            async with in_force.busy:
                keeper.begin(in_force.deployment)
                report = await tick(
                    in_force.deployment,
                    in_force.schedule,
                    stopping=leave_off,
                    mandate=leadership.mandate,
                    drift=drift,
                    recollection=recollection,
                )
            if not report.pauses:
                watch.trust()
            vitals.ticked(in_force.deployment.clock(), failed=False)
            supervisor.status(_working(in_force, report))
            if leadership.mandate:
                await asyncio.to_thread(keeper.keep, in_force.deployment, stopping=stopping)
        except asyncio.CancelledError:
            return  # cut off at the end: `serve` says so
        except UnreachableError as error:
            recollection.doubt()  # what comes back may be a backup
            log.error("reminder.daemon.database_away", problem=str(error), hint="each tick tries again")
            vitals.ticked(now(), failed=True)
            supervisor.status("The database can't be reached: see the log")
        except (Exception, SystemExit):  # APScheduler would swallow a library's wish to exit, and say nothing
            log.exception("reminder.daemon.tick_failed", hint="the next tick tries again")
            vitals.ticked(now(), failed=True)
            supervisor.status("The last tick failed: see the log")
        finally:
            alive()
            idle.set()

    return beat


def _working(in_force: InForce, report: TickReport) -> str:
    if report.pauses:
        return f"Nothing is sent: guard {report.pauses[0].guard} paused it; see `reminder status`"
    schedule = in_force.schedule
    upcoming = next_slot(schedule.timezone, schedule.plan_at, in_force.deployment.clock())
    return f"Sending what comes due; plans next at {upcoming.at:%Y-%m-%dT%H:%MZ}"


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
