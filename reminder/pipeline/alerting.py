"""Alerts: a person is told of a trouble when it begins, while it lasts, and when it is over, by one process of all."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from reminder.domain.trouble import CODES, Kind
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.notify import Delivery, tell
from reminder.pipeline.troubles import Calendar, look_for_troubles
from reminder.store import alerts
from reminder.store.alerts import Telling
from reminder.store.deadlocks import in_transaction

__all__ = ["GIVEN_UP_TRIES", "claim_tellings", "lost_database", "message", "tell_all"]

GIVEN_UP_TRIES = 12
"""How often it is tried to tell that something is over; nobody waits for that for ever."""

log = structlog.get_logger("reminder.alert")


def claim_tellings(deployment: Deployment, calendar: Calendar, on: Collection[Kind]) -> list[Telling]:
    """Look for troubles of these kinds; return what is to be told now, and is left to this process for some minutes."""
    at = deployment.clock()

    def look(connection: Connection) -> list[Telling]:
        troubles = [trouble for trouble in look_for_troubles(connection, calendar, at) if trouble.kind in on]
        alerts.note(connection, troubles, at, kinds=on)
        return alerts.claim(connection, at)

    return in_transaction(deployment.engine, look)


def message(tellings: Sequence[Telling], sender: str) -> tuple[str, str]:
    """Return the title and the body for these tellings. They name no customer, no number and no text."""
    wrong = sum(not telling.over for telling in tellings)
    title = f"Reminders of {sender}: " + (f"{wrong} wrong" if wrong else "well again")
    return title, "\n\n".join(_told(telling) for telling in tellings)


def _told(telling: Telling) -> str:
    code = CODES[Kind(telling.kind)]
    if telling.over:
        return f"Over: {code} {telling.found}"
    again = "Still: " if telling.again else ""
    return f"{again}{code} {telling.found}\nSince {telling.since:%Y-%m-%d %H:%M} UTC. What to do: {telling.hint}"


async def tell_all(
    deployment: Deployment, tellings: Sequence[Telling], urls: Sequence[str], sender: str, *, repeat: timedelta
) -> list[Delivery]:
    """Tell all of it in one message, and keep whether that worked: one service that took it is enough.

    While a trouble lasts it is told again after `repeat`; what could not be told is tried again soon.
    """
    deliveries = await tell(urls, *message(tellings, sender))
    for delivery in deliveries:
        if not delivery.delivered:
            log.error("reminder.alert.failed", service=delivery.service, reason=delivery.reason)
    delivered = any(delivery.delivered for delivery in deliveries)
    if delivered:
        log.info("reminder.alert.told", codes=sorted({CODES[Kind(telling.kind)] for telling in tellings}))
    at = deployment.clock()
    with deployment.engine.begin() as connection:
        for telling in tellings:
            if delivered:
                alerts.told(connection, telling, at=at, again_at=at + repeat)
            elif telling.over and telling.tries >= GIVEN_UP_TRIES:
                alerts.forget(connection, telling.key)
            else:
                alerts.untold(connection, telling, at=at)
    return deliveries


def lost_database(failing_since: datetime) -> Telling:
    """Return that a daemon's ticks have failed since an instant (UTC), where the database can't be asked or told."""
    found = f"the ticks of a daemon have failed since {failing_since:%Y-%m-%dT%H:%MZ}, and the database does not answer"
    hint = "is the database there? Reminders wait, and go out when it is"
    return Telling(f"{Kind.TICKS}:away", Kind.TICKS, found, hint, failing_since, over=False, again=False, tries=0)
