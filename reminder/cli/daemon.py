"""`reminder daemon`: the process that plans and sends on schedule."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from reminder.cli.frame import Frame, pass_frame

if TYPE_CHECKING:
    from reminder.config.settings import Settings
    from reminder.daemon.ticks import Schedule

__all__ = ["daemon", "schedule_of"]


@click.command()
@pass_frame
def daemon(frame: Frame) -> None:
    """Plan and send on schedule until told to stop.

    Plans at the times under `schedule` in reminder.yaml, catches up slots that were missed, and sends all day as the
    time of each reminder comes. Several may run on one database. It reads policies and templates when it starts: start
    it again after an edit. SIGTERM or Ctrl-C let the batch under way end; a second one does not wait for it.

    \b
    Example:
      reminder daemon
    """
    from reminder.daemon.service import serve_until_signalled

    settings = frame.installation.settings
    with frame.deployment() as deployment:
        frame.start_logs(settings.logs.level)
        asyncio.run(serve_until_signalled(deployment, schedule_of(settings)))


def schedule_of(settings: Settings) -> Schedule:
    """Return what the settings say about when to plan and how often to look."""
    from reminder.daemon.ticks import Schedule

    schedule = settings.schedule
    return Schedule(
        timezone=schedule.timezone,
        plan_at=schedule.plan_at,
        every=timedelta(seconds=schedule.tick_seconds),
        late=timedelta(hours=schedule.catch_up_hours),
    )
