"""`reminder run`: one pass, for cron and for people who want to look."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import nullcontext, redirect_stdout
from typing import TYPE_CHECKING

import click

from reminder.cli.frame import Frame, json_option, pass_frame

if TYPE_CHECKING:
    from reminder.pipeline.deployment import Deployment
    from reminder.pipeline.run import RunReport

__all__ = ["run", "run_once", "show_report"]


@click.command()
@json_option
@pass_frame
def run(frame: Frame, as_json: bool) -> None:
    """Plan and send once, now.

    Everything whose time has come is sent; `reminder preview` is the dry run. Can be run by cron instead of the
    daemon, and beside it. The first Ctrl-C lets the batch under way end.

    \b
    Example:
      reminder run
    """
    from reminder.cli.output import emit_json

    with frame.deployment() as deployment:
        # The console prints texts; with --json they go where they don't get between a program and its data.
        with redirect_stdout(sys.stderr) if as_json else nullcontext():
            report = run_once(deployment)
        if as_json:
            emit_json(_data(report))
        else:
            show_report(deployment, report)


def run_once(deployment: Deployment) -> RunReport:
    """Walk one pass in an event loop of its own; SIGTERM and Ctrl-C end it after the batch under way."""
    from reminder.pipeline.run import run_pass

    async def walk() -> RunReport:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            _listen(loop, number, stop.set)
        return await run_pass(deployment, stopping=stop.is_set)

    return asyncio.run(walk())


def _listen(loop: asyncio.AbstractEventLoop, number: signal.Signals, callback: Callable[[], None]) -> None:
    """Have a signal call `callback`; where this is not the main thread, which alone hears signals, do nothing."""
    try:
        loop.add_signal_handler(number, callback)
    except (RuntimeError, ValueError):
        return


def show_report(deployment: Deployment, report: RunReport) -> None:
    """Print what a pass did: what is new, what became of it, and what needs a person."""
    from reminder.domain.lifecycle import State

    sent = report.dispatch
    click.secho(
        f"\nPlanned {report.plan.planned} reminders, handled {sent.claimed}, made {sent.texts} texts", bold=True
    )
    for state, count in sorted(sent.states.items()):
        click.echo(f"  {state.value.replace('_', ' '):<12} {count:>6}")
    for reason, count in sorted(sent.reasons.items()):
        if count:
            click.echo(f"  {'not now':<12} {count:>6}  {reason.value.replace('_', ' ')}")
    if not report.plan.planned and not sent.claimed:
        click.echo("  Nothing is left to send now.")
    if sent.states[State.PRINTED]:
        click.secho(
            f"{sent.states[State.PRINTED]} were only printed: the console stood in, and no customer was told. "
            "Why: `reminder gateway list`. Plan them again: `reminder outbox requeue --printed`",
            fg="yellow",
        )
    if sent.states[State.IN_DOUBT]:
        click.secho(
            f"{sent.states[State.IN_DOUBT]} are in doubt: see `reminder outbox list --state in_doubt`", fg="red"
        )
    for name, reason_absent in sorted(deployment.absent.items()):
        click.echo(f"  {name}: {reason_absent}", err=True)


def _data(report: RunReport) -> dict[str, object]:
    sent = report.dispatch
    return {
        "at": report.plan.at,
        "planned": report.plan.planned,
        "steps": [{"policy": each.policy, "step": each.step, "planned": each.planned} for each in report.plan.steps],
        "claimed": sent.claimed,
        "texts": sent.texts,
        "segments": sent.segments,
        "states": {state.value: count for state, count in sorted(sent.states.items())},
        "waiting": {reason.value: count for reason, count in sorted(sent.reasons.items()) if count},
    }
