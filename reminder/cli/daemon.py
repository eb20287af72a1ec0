"""`reminder daemon`: the process that plans and sends on schedule."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from reminder.cli.frame import Frame, pass_frame

if TYPE_CHECKING:
    from reminder.daemon.reload import Live

__all__ = ["daemon"]


@click.command()
@pass_frame
def daemon(frame: Frame) -> None:
    """Plan and send on schedule until told to stop.

    Plans at the times under `schedule` in reminder.yaml, catches up slots that were missed, and sends all day as the
    time of each reminder comes. Several may run on one database. Edits of settings, policies and templates come into
    force within seconds (at once after SIGHUP) if all files are valid; else the last good ones stay, and log and
    `reminder status` say what is wrong. SIGTERM or Ctrl-C let the batch under way end; a second one does not wait.

    A database that can't be reached is waited for, at the start as well as later. Tables of another release end it.

    \b
    Example:
      reminder daemon
    """
    from reminder.daemon.service import serve_until_signalled
    from reminder.daemon.supervisor import Supervisor

    frame.start_logs(frame.installation.settings.logs.level)
    frame.tell_problems()
    asyncio.run(serve_until_signalled(lambda: _opened(frame), Supervisor(frame.environ)))


@contextmanager
def _opened(frame: Frame) -> Iterator[Live]:
    """Lend the deployment as its files say now: while a database was waited for, they may have been edited."""
    from reminder.app import open_deployment
    from reminder.daemon.reload import Live
    from reminder.installation import read_installation

    installation = read_installation(frame.folder, frame.environ)
    with open_deployment(installation) as deployment:
        # What is loaded by now stays: to look through it again and again costs some 50 µs a text.
        gc.freeze()
        yield Live(installation, deployment)
