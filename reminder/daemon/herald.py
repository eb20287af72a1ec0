"""The herald: looks for troubles beside the ticks, and has operators told.

What was told stands in the database, so that two daemons tell once. Where the database itself is away, a daemon goes by
its own memory: then each of them tells, which is better than none.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import structlog

from reminder.daemon.company import Companion, rest
from reminder.daemon.reload import Live
from reminder.pipeline.alerting import claim_tellings, lost_database, message, tell_all
from reminder.pipeline.notify import tell
from reminder.pipeline.troubles import TICK_PATIENCE, Calendar

__all__ = ["LOOK_SECONDS", "Herald", "alerts"]

LOOK_SECONDS = 30.0
"""How often it is looked for troubles, in seconds."""

log = structlog.get_logger("reminder.alert")


def alerts(live: Live) -> Companion:
    """Return what looks for troubles beside the ticks."""
    herald = Herald(live)

    async def look(stop: asyncio.Event) -> None:
        while not stop.is_set():
            await herald.look()
            await rest(stop, LOOK_SECONDS)

    return look


class Herald:
    """Tells what is wrong to the addresses of the settings in force, where there are any."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._told_away_at: datetime | None = None

    async def look(self) -> None:
        """Look once; tell what is to be told now. Raises nothing for a database that is away."""
        settings, deployment = self._live.installation.settings, self._live.deployment
        if not settings.alerts.urls:
            return
        calendar = Calendar(settings.schedule.timezone, settings.schedule.plan_at)
        repeat = timedelta(hours=settings.alerts.repeat_hours)
        try:
            tellings = await asyncio.to_thread(claim_tellings, deployment, calendar, settings.alerts.on)
            if tellings:
                await tell_all(deployment, tellings, settings.alerts.urls, self._sender, repeat=repeat)
        except Exception as error:  # noqa: BLE001 - a database that is away is what must be told
            log.warning("reminder.alert.blind", error=type(error).__name__)
            await self._tell_away(deployment.clock(), repeat)
        else:
            self._told_away_at = None

    async def _tell_away(self, at: datetime, repeat: timedelta) -> None:
        """Tell that this daemon can't work, from memory; once, and again while it lasts."""
        failing_since = self._live.deployment.vitals.ticks.failing_since
        if failing_since is None or at - failing_since < TICK_PATIENCE:
            return
        if self._told_away_at is not None and at - self._told_away_at < repeat:
            return
        deliveries = await tell(
            self._live.installation.settings.alerts.urls, *message([lost_database(failing_since)], self._sender)
        )
        if any(delivery.delivered for delivery in deliveries):
            self._told_away_at = at

    @property
    def _sender(self) -> str:
        names = self._live.installation.lender.name
        return names.get("") or next(iter(names.values()))
