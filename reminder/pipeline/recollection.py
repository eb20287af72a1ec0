"""Recollection: do providers know texts of ours that we don't? Then our tables have forgotten them (law 15).

A database that was restored from a backup plans again what it had sent since, in good faith. What it lacks stands in
the providers' lists: texts from our sender, newer than the newest on record, to our own customers.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from reminder.domain.doubt import CannotTell, Sent
from reminder.domain.guard import Finding, GuardName, judge_memory
from reminder.gateways.asking import CanList, can_list
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.facts import gather, reading
from reminder.store import guards, recollection, volumes

__all__ = ["ASK_AGAIN", "LOOK_BACK", "SAMPLE_ROWS", "Recollection"]

ASK_AGAIN = timedelta(hours=1)
"""How long what providers said is believed, unless something gives reason to doubt it."""

LOOK_BACK = timedelta(days=7)
"""How far back providers are asked where nothing was ever sent, as our tables have it."""

SAMPLE_ROWS = 500
"""How many of the due reminders are looked at for numbers that were never texted before."""

log = structlog.get_logger("reminder.guard")


class Recollection:
    """When this process last asked: it does before its first dispatch, and where there is reason to ask again."""

    def __init__(self) -> None:
        self._asked_at: datetime | None = None

    def doubt(self) -> None:
        """Ask again before the next dispatch."""
        self._asked_at = None

    async def ask(self, deployment: Deployment, at: datetime) -> Finding | None:
        """Return what was forgotten, if anything was and something is due at the instant `at` (UTC).

        Providers that don't answer, or can't tell, are asked again later: whoever can't list can't send either.
        """
        believed = self._asked_at is not None and abs(at - self._asked_at) < ASK_AGAIN
        if believed or not deployment.guards.unknown_texts:
            return None
        with deployment.engine.connect() as connection:
            if not volumes.due_count(connection, at):
                return None
            if any(pause.guard is GuardName.OUTBOX_BEHIND for pause in guards.open_pauses(connection)):
                return None  # it is known, and waits for a person
        self._asked_at = at
        for name, gateway in sorted(deployment.gateways.items()):
            if can_list(gateway) and (finding := await _judged(deployment, name, gateway, at)) is not None:
                self.doubt()
                return finding
        return None


async def _judged(deployment: Deployment, name: str, gateway: CanList, at: datetime) -> Finding | None:
    with deployment.engine.connect() as connection:
        since = recollection.known_until(connection, name) or at - LOOK_BACK
    try:
        told = await gateway.sent_since(since)
    except Exception as error:
        log.exception("reminder.gateway.error", gateway=name)
        told = CannotTell(f"{name} failed to list: {type(error).__name__}")
    if isinstance(told, CannotTell):
        log.warning("reminder.guard.unasked", gateway=name, reason=told.reason)
        return None
    unknown = _to_customers(deployment, name, told, at)
    return judge_memory(name, unknown, since, deployment.guards)


def _to_customers(deployment: Deployment, gateway: str, sent: Sequence[Sent], at: datetime) -> int:
    """Return how many texts that nothing here explains went to numbers that we have texted, or are about to text."""
    with deployment.engine.connect() as connection:
        unknown = recollection.unexplained(connection, gateway, sent)
        ours = recollection.texted_before(connection, [each.number for each in unknown]) if unknown else set()
    if unknown:
        ours |= _numbers_due(deployment, at)
    return sum(each.number in ours for each in unknown)


def _numbers_due(deployment: Deployment, at: datetime) -> set[str]:
    """Return the numbers (E.164) of some of the reminders that are due, taken evenly from all of them."""
    with reading(deployment) as (connection, book):
        due = volumes.due_count(connection, at)
        reminders = volumes.due_sample(connection, at, due=due, limit=SAMPLE_ROWS)
        cases = gather(connection, book, deployment, reminders, at)
    return {case.phone.e164 for case in cases if case.phone}
