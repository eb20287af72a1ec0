"""`reminder policy diff`: an edit on today's book, before it is in force."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reminder.cli.frame import Frame, at_option, json_option, parse_at, pass_frame

if TYPE_CHECKING:
    from datetime import datetime

    from reminder.pipeline.deployment import Deployment
    from reminder.pipeline.differ import Difference
    from reminder.pipeline.simulate import Sums

__all__ = ["diff"]

LINES_SHOWN = 20
_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
_SIGNS = {"added": "+", "removed": "-", "moved": "~", "reworded": "~"}


@click.command()
@click.option(
    "--with", "draft", type=_FOLDER, help="Folder of an edited reminder.yaml: what would change if it were in force."
)
@click.option(
    "--against", "in_force", type=_FOLDER, help="Folder of the reminder.yaml in force, where --config has the edit."
)
@at_option
@click.option(
    "--days", type=click.IntRange(0, 366), default=0, show_default=True, help="Compare so many days to come as well."
)
@click.option("--limit", type=click.IntRange(0, 1_000_000), help=f"Most of each kind to list. Default: {LINES_SHOWN}.")
@json_option
@pass_frame
def diff(
    frame: Frame, draft: Path | None, in_force: Path | None, at: str | None, days: int, limit: int | None, as_json: bool
) -> None:
    """Show what an edit would change on today's book, before it is in force.

    Edit a copy and name it by --with; or edit in place, and name what was by --against.

    + would be texted and is not, - is and would not be, ~ is texted for another step or in other words. Both are asked
    of this deployment's database and book, and nothing is written. A step that is renamed is sent again: it says to how
    many. With --days both are simulated, and texts and cost compared.

    \b
    Examples:
      mkdir draft && cp -r config templates draft
      reminder policy diff --with draft/config --days 30
      git worktree add /tmp/in-force main
      reminder policy diff --against /tmp/in-force/config
    """
    from reminder.app import redeployed
    from reminder.cli.output import emit_json
    from reminder.pipeline.differ import compare

    instant = parse_at(at, frame.installation)
    most = limit if limit is not None or as_json else LINES_SHOWN
    other = _other(draft, in_force)
    with frame.deployment(read_only=True) as here:
        # The key of check codes is the deployment's: a copy of the files has none, and would change every text.
        there = replace(redeployed(here, frame.installation, other.installation), check_key=here.check_key)
        if draft is not None:
            other.tell_problems()
        before, after = (here, there) if draft is not None else (there, here)
        found = compare(before, after, instant, limit=most)
        frame.start_logs("error")  # the days to come are made up, and so is what their plans would warn of
        totals = [_total(frame, each, instant, days) for each in (before, after)] if days else []
    if as_json:
        emit_json({"difference": found, "days": days, "totals": totals})
    else:
        _show(found, days, totals)


def _other(draft: Path | None, in_force: Path | None) -> Frame:
    """Return the frame of the folder that is compared with; raise click.UsageError unless there is one."""
    match draft, in_force:
        case (Path() as folder, None) | (None, Path() as folder):
            return Frame(folder)
    raise click.UsageError("expected one folder to compare with: --with a draft, or --against what is in force")


def _total(frame: Frame, deployment: Deployment, instant: datetime, days: int) -> Sums:
    from reminder.cli.simulate import summed
    from reminder.pipeline.simulate import Schedule, simulate

    settings = frame.installation.settings.schedule
    schedule = Schedule(settings.timezone, settings.plan_at)
    return summed([day.total for day in simulate(deployment, schedule, instant, days)])


def _show(found: Difference, days: int, totals: list[Sums]) -> None:
    from reminder.cli.output import clean, table
    from reminder.cli.simulate import costs

    counts = [f"{_SIGNS[change]} {number} {change}" for change, number in sorted(found.changes.items())]
    click.echo(", ".join(counts) if counts else "Nobody's text changes.")
    for sign, name, steps in (("+", "new", found.new_steps), ("-", "gone", found.gone_steps)):
        if steps:
            click.echo(f"{sign} steps that are {name}: {clean(', '.join(steps))}")
    if found.again:
        click.echo(f"{found.again} of these texts go out under a step id that is new: a renamed step is sent again.")
    if found.lines:
        rows = [
            (_SIGNS[line.change], line.account_id, line.before, line.after, line.change.value) for line in found.lines
        ]
        table(("", "account", "before", "after", "change"), rows)
    if totals:
        rows_of_days = [
            (name, sums.texts, sums.segments, costs(sums.cost))
            for name, sums in zip(("before", "after"), totals, strict=True)
        ]
        table(("", "texts", "segments", "cost"), rows_of_days, right=("texts", "segments"), title=f"\n{days} days")
