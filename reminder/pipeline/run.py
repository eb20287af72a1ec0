"""One pass: plan, then dispatch. What cron calls, what the daemon does at its slots, and what the demo shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reminder.pipeline.deployment import Deployment
from reminder.pipeline.dispatch import dispatch
from reminder.pipeline.guard import stand_guard
from reminder.pipeline.plan import PlanReport, StepCount, plan
from reminder.pipeline.reconcile import reconcile
from reminder.pipeline.tally import DispatchReport
from reminder.store.guards import Pause

__all__ = ["SLOTS_SECONDS", "RunReport", "run_pass"]

SLOTS_SECONDS = 600.0
"""How long one pass waits for slots of gateways that have a rate, in seconds: nobody may be there to send the rest."""


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
    planned = plan(deployment, deployment.clock(), on_step=on_step)
    try:
        await reconcile(deployment, stopping=stopping)
        pauses = stand_guard(deployment, deployment.clock())
        sent = DispatchReport()
        if not pauses:
            sent = await dispatch(deployment, stopping=stopping, on_batch=on_batch, patience_seconds=SLOTS_SECONDS)
    finally:
        for gateway in deployment.gateways.values():
            await gateway.close()
    return RunReport(planned, sent, pauses)
