"""`reminder book`: does the table that accounts are read from keep its side of the contract?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from reminder.cli.frame import EXIT_FAILURE, Frame, json_option, pass_frame

if TYPE_CHECKING:
    from reminder.book.findings import BookReport, Finding

__all__ = ["book"]

_COLOURS = {"error": "red", "warning": "yellow"}


@click.group()
def book() -> None:
    """Check the table that accounts are read from.

    \b
    Example:
      reminder book check
    """


@book.command()
@click.option(
    "--sample", type=click.IntRange(1, 1_000_000), default=1000, show_default=True, help="Phone numbers to look at."
)
@json_option
@pass_frame
@click.pass_context
def check(ctx: click.Context, frame: Frame, sample: int, as_json: bool) -> None:
    """Check that the book can be used, before the first run.

    Columns, types, empty values, keys that are there twice, zones and currencies nobody knows, numbers that can't be
    texted, and how fresh it is; with counts and examples. Reads all of it once. The exit code is 1 where something
    would stop reminders.

    \b
    Examples:
      reminder book check
      reminder book check --sample 10000 --json
    """
    from reminder.book.check import check_book
    from reminder.book.findings import BookError
    from reminder.cli.output import emit_json

    try:
        with frame.deployment(read_only=True) as deployment:
            report = check_book(
                deployment.book.engine, deployment.book, at=frame.now(), sample=sample, region=deployment.region
            )
    except BookError as error:
        if as_json:
            emit_json({"fit": False, "rows": None, "owed": None, "findings": error.findings})
        else:
            _show(error.findings)
        ctx.exit(EXIT_FAILURE)
    if as_json:
        emit_json({"fit": report.fit, "rows": report.rows, "owed": report.owed, "findings": report.findings})
    else:
        _show(report.findings)
        _conclude(report)
    ctx.exit(0 if report.fit else EXIT_FAILURE)


def _show(findings: Sequence[Finding]) -> None:
    from reminder.cli.output import clean

    for finding in findings:
        click.secho(clean(finding), fg=_COLOURS.get(finding.severity.value))


def _conclude(report: BookReport) -> None:
    click.echo(f"{report.rows} accounts, {report.owed} of them owe something")
    if not report.fit:
        click.secho("Correct what is marked as an error before the first run.", fg="red")
    elif not report.findings:
        click.echo("Nothing is wrong with the book.")
