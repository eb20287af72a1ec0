"""Dispatch: send what is deserved now, batch by batch, until nothing is left whose time has come.

For each batch: claim → gather facts → compose → admit → reserve (commit) → call the gateways (no transaction open) →
record (commit). While the calls of one batch are in flight the next one is made ready as far as `reserve`, and the
answers of the one before are recorded: calls and the database wait for each other only where there is nothing else to
do (`under_way`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from reminder.domain.reminder import Reminder
from reminder.pipeline.admission import Queue, admit
from reminder.pipeline.call import Batch, Lease
from reminder.pipeline.compose import Outcome, by_customer, compose
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.facts import gather, paused_gateways, reading
from reminder.pipeline.made import Made
from reminder.pipeline.settle import settle
from reminder.pipeline.tally import DispatchReport
from reminder.pipeline.under_way import UnderWay
from reminder.store import outbox, unanswered
from reminder.store.deadlocks import in_transaction

__all__ = ["SLOT_WAIT_SECONDS", "dispatch"]

SLOT_WAIT_SECONDS = 0.25
"""How long to wait before looking for texts whose slot has come, in seconds."""

log = structlog.get_logger("reminder.dispatch")


async def dispatch(
    deployment: Deployment,
    *,
    stopping: Callable[[], bool] = lambda: False,
    on_batch: Callable[[DispatchReport], None] = lambda _: None,
    patience_seconds: float = 0.0,
) -> DispatchReport:
    """Send all reminders whose time has come; return what became of them.

    Ends when nothing is left to claim or, after the batches under way, when `stopping` says so. `on_batch` hears of
    every batch. Calls whose process died are taken into `in_doubt` first. Texts that must wait for their gateway's
    next slots are waited for, `patience_seconds` in all; the others go out with a later dispatch. Raises what the
    database, the book or `on_batch` raises, once the other batches' answers are recorded.
    """
    queue, elapsed = Queue(), asyncio.get_running_loop().time
    async with UnderWay(deployment, on_batch) as under_way:
        await under_way.aside(lambda: _doubt_the_lost(deployment))
        while not stopping():
            batch = await under_way.aside(lambda: _prepared(deployment, queue, elapsed))
            if batch.report.claimed:
                under_way.begin(batch)
                await under_way.has_room()
            elif under_way:
                await under_way.one_ends()  # what it puts back may be claimed at once
            elif patience_seconds > 0 and queue.waits(deployment.clock()):
                await asyncio.sleep(SLOT_WAIT_SECONDS)
                patience_seconds -= SLOT_WAIT_SECONDS
            else:
                break
    return under_way.report


def _doubt_the_lost(deployment: Deployment) -> None:
    at = deployment.clock()
    lost = in_transaction(
        deployment.engine, lambda connection: unanswered.lose_expired(connection, owner=deployment.owner, at=at)
    )
    if lost:
        log.warning("reminder.dispatch.in_doubt", texts=lost, hint="see `reminder outbox doubts`")


def _prepared(deployment: Deployment, queue: Queue, elapsed: Callable[[], float]) -> Batch:
    """Claim a batch and bring it to the point where its calls may be made: their intents are committed."""
    lease = Lease(deployment, elapsed)
    at, limits = lease.began_at, deployment.limits
    report = DispatchReport()
    claimed = in_transaction(
        deployment.engine,
        lambda connection: outbox.claim(
            connection, owner=deployment.owner, at=at, lease_seconds=limits.lease_seconds, limit=limits.batch_rows
        ),
    )
    report.claimed = len(claimed)
    if not claimed:
        return Batch((), lease, report)
    outcomes = admit(deployment, _composed(deployment, claimed, at), queue, at)
    return Batch(settle(deployment, outcomes, report, at), lease, report)


def _composed(deployment: Deployment, claimed: Sequence[Reminder], at: datetime) -> list[Outcome]:
    with reading(deployment) as (connection, book):
        cases = gather(connection, book, deployment, claimed, at)
        paused = paused_gateways(connection, at)
    made = Made(deployment.policies)
    return [outcome for group in by_customer(cases) for outcome in compose(deployment, group, paused, made, at)]
