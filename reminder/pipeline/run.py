"""One pass: plan, then dispatch. What cron calls, what the daemon does at its slots, and what the demo shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection

from reminder.pipeline.deployment import Deployment
from reminder.pipeline.dispatch import dispatch
from reminder.pipeline.guard import stand_guard
from reminder.pipeline.housekeeping import note_versions, seal
from reminder.pipeline.plan import PlanReport, StepCount, plan
from reminder.pipeline.recollection import Recollection
from reminder.pipeline.reconcile import reconcile
from reminder.pipeline.tally import DispatchReport
from reminder.store import leases
from reminder.store.clock import common_instant
from reminder.store.deadlocks import in_transaction
from reminder.store.guards import Pause
from reminder.store.leases import Mandate

__all__ = ["LEAD_SECONDS", "SLOTS_SECONDS", "RunReport", "run_pass"]

SLOTS_SECONDS = 600.0
"""How long one pass waits for slots of gateways that have a rate, in seconds: nobody may be there to send the rest."""


LEAD_SECONDS = 60
"""For how long a pass leads while it stands guard, in seconds, where no daemon does."""


@dataclass(frozen=True, slots=True)
class RunReport:
    """What one pass planned and what became of everything whose time had come: nothing, where guards paused it."""

    plan: PlanReport
    dispatch: DispatchReport
    pauses: tuple[Pause, ...] = ()


async def run_pass(
    deployment: Deployment,
    *,
    stopping: Callable[[], bool] = lambda: False,
    on_step: Callable[[StepCount], None] = lambda _: None,
    on_batch: Callable[[DispatchReport], None] = lambda _: None,
) -> RunReport:
    """Plan at this instant, ask about doubts, send everything whose time has come; close the gateways when done.

    Nothing is sent while a guard pauses the run (law 15); it is planned all the same.
    """
    note_versions(deployment, deployment.clock())
    planned = plan(deployment, deployment.clock(), on_step=on_step)
    try:
        await reconcile(deployment, stopping=stopping)
        memory = await Recollection().ask(deployment, deployment.clock())
        with _leading(deployment) as mandate:
            pauses = stand_guard(deployment, deployment.clock(), mandate=mandate, memory=memory)
        sent = DispatchReport()
        if not pauses:
            sent = await dispatch(deployment, stopping=stopping, on_batch=on_batch, patience_seconds=SLOTS_SECONDS)
    finally:
        for gateway in deployment.gateways.values():
            await gateway.close()
    seal(deployment, stopping=stopping)
    return RunReport(planned, sent, pauses)


@contextmanager
def _leading(deployment: Deployment) -> Iterator[Mandate | None]:
    """Lend the leader's mandate for a moment, so that pauses are lifted without a daemon too; None where one leads."""

    def take(connection: Connection) -> Mandate | None:
        at = common_instant(connection, deployment.clock())
        return leases.take(connection, leases.LEADER, owner=deployment.owner, at=at, seconds=LEAD_SECONDS)

    mandate = in_transaction(deployment.engine, take)
    try:
        yield mandate
    finally:
        if mandate is not None:
            in_transaction(
                deployment.engine,
                lambda connection: leases.release(
                    connection, mandate, at=common_instant(connection, deployment.clock())
                ),
            )
