"""`reminder daemon`: the process that plans and sends on schedule."""

from __future__ import annotations

import asyncio

import click

from reminder.cli.frame import Frame, pass_frame

__all__ = ["daemon"]


@click.command()
@pass_frame
def daemon(frame: Frame) -> None:
    """Plan and send on schedule until told to stop.

    Plans at the times under `schedule` in reminder.yaml, catches up slots that were missed, and sends all day as the
    time of each reminder comes. Several may run on one database. Edits of settings, policies and templates come into
    force within seconds (at once after SIGHUP) if all files are valid; else the last good ones stay, and log and
    `reminder status` say what is wrong. SIGTERM or Ctrl-C let the batch under way end; a second one does not wait.

    \b
    Example:
      reminder daemon
    """
    from reminder.daemon.reload import Live
    from reminder.daemon.service import serve_until_signalled
    from reminder.daemon.supervisor import Supervisor

    with frame.deployment() as deployment:
        frame.start_logs(frame.installation.settings.logs.level)
        asyncio.run(serve_until_signalled(Live(frame.installation, deployment), Supervisor(frame.environ)))
