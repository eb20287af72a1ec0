"""`reminder run`: one pass, for cron and for people who want to look."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import nullcontext, redirect_stdout
from typing import TYPE_CHECKING, Any

import click

from reminder.cli.frame import EXIT_FAILURE, Frame, dry_run_option, json_option, pass_frame, who_option

if TYPE_CHECKING:
    from sqlalchemy import Row

    from reminder.pipeline.deployment import Deployment
    from reminder.pipeline.run import RunReport

__all__ = ["approve", "run", "run_once", "show_report"]


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def run(ctx: click.Context, as_json: bool) -> None:
    """Plan and send once, now.

    Everything whose time has come is sent; `reminder preview` is the dry run. Can be run by cron instead of the
    daemon, and beside it. The first Ctrl-C lets the batch under way end.

    A run that is not like any other (many times the usual number of texts, a book that looks stale, a clock that is
    wrong) sends nothing, says why and ends with 1. Look, and then let it go on with `reminder run approve`.

    \b
    Examples:
      reminder run
      reminder run approve 3 --reason "first day of the new product"
    """
    if ctx.invoked_subcommand is None:
        _run(ctx.ensure_object(Frame), as_json)


def _run(frame: Frame, as_json: bool) -> None:
    from reminder.cli.output import emit_json

    with frame.deployment() as deployment:
        # The console prints texts; with --json they go where they don't get between a program and its data.
        with redirect_stdout(sys.stderr) if as_json else nullcontext():
            report = run_once(deployment)
        if as_json:
            emit_json(_data(report))
        else:
            show_report(deployment, report)
    if report.pauses:
        raise click.exceptions.Exit(EXIT_FAILURE)


@run.command()
@click.argument("pause_id", metavar="ID", type=int)
@click.option("--reason", required=True, help="Why it may go on, in words: somebody will ask.")
@who_option
@dry_run_option
@json_option
@pass_frame
def approve(frame: Frame, pause_id: int, reason: str, who: str, dry_run: bool, as_json: bool) -> None:
    """Let a paused run go on, for the day it is about.

    `reminder status` lists the pauses with their ID. The daemon goes on with its next look; without one, start
    `reminder run` again.

    \b
    Example:
      reminder run approve 3 --reason "first day of the new product"
    """
    from reminder.cli.output import emit_json
    from reminder.errors import StoreError
    from reminder.store import guards

    with frame.writing(dry_run=dry_run) as connection:
        if not guards.approve(connection, pause_id, who=who, reason=reason, at=frame.now()):
            raise StoreError(_not_open(guards.by_id(connection, pause_id), pause_id))
        approved = guards.by_id(connection, pause_id)
    assert approved is not None  # noqa: S101 - it was just written
    if as_json:
        emit_json({"pause_id": pause_id, "guard": approved.guard, "day": approved.day, "approved_by": who})
        return
    may = "might go on" if dry_run else "may go on"
    click.echo(f"Pause {pause_id} ({approved.guard}): sending {may} on {approved.day}.")


def _not_open(row: Row[Any] | None, pause_id: int) -> str:
    if row is None:
        return f"expected the ID of a pause, found none with {pause_id}: `reminder status` lists them"
    if row.approved_at is not None:
        return f"expected an open pause, found that {row.approved_by} approved {pause_id} already"
    return f"expected an open pause, found that the cause of {pause_id} is gone: nothing holds the run any more"


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
    for pause in report.pauses:
        click.secho(f"Paused, nothing was sent: {pause.reason}", fg="red", err=True)
        click.secho(f"Look at it, then: reminder run approve {pause.pause_id} --reason …", fg="red", err=True)
    if not report.plan.planned and not sent.claimed and not report.pauses:
        click.echo("  Nothing is left to send now.")
    if sent.states[State.PRINTED]:
        click.secho(
            f"{sent.states[State.PRINTED]} were only printed: the console stood in, and no customer was told. "
            "Why: `reminder gateway list`. Plan them again: `reminder outbox requeue --printed`",
            fg="yellow",
        )
    if sent.states[State.IN_DOUBT]:
        click.secho(f"{sent.states[State.IN_DOUBT]} are in doubt: see `reminder outbox doubts`", fg="red")
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
        "pauses": report.pauses,
    }
