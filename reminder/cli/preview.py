"""`reminder preview`: the dry run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reminder.cli.frame import Frame, at_option, json_option, parse_at, pass_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from reminder.cli.preview_view import Collected
    from reminder.pipeline.deployment import Deployment
    from reminder.pipeline.preview import Entry

__all__ = ["collect_preview", "preview"]

SHOWN_ON_SCREEN = 20
SHOWN_ON_PAGE = 1000


@click.command()
@at_option
@click.option("--account", metavar="ID", help="Only this account.")
@click.option("--policy", metavar="NAME", help="Only this policy.")
@click.option(
    "--limit",
    type=click.IntRange(0, 1_000_000),
    help=f"Most of each kind to list; totals count all. Default: {SHOWN_ON_SCREEN}, {SHOWN_ON_PAGE} on a page, "
    "and all with --json.",
)
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="Write one self-contained page instead.",
)
@json_option
@pass_frame
def preview(
    frame: Frame,
    at: str | None,
    account: str | None,
    policy: str | None,
    limit: int | None,
    page: Path | None,
    as_json: bool,
) -> None:
    """Show what would be sent, and why the others stay silent.

    A run at the same instant sends exactly this. Nothing is sent and nothing is written.

    \b
    Examples:
      reminder preview
      reminder preview --at 2026-07-28T10:00 --policy consumer-loan
      reminder preview --html preview.html
    """
    from reminder.cli.output import emit_json
    from reminder.cli.preview_view import as_data, show
    from reminder.pipeline.holidays import unofficial_holidays

    if page is not None and as_json:
        raise click.UsageError("expected --html or --json, found both: give one of them")
    instant = parse_at(at, frame.installation)
    most = limit if limit is not None or as_json else (SHOWN_ON_PAGE if page else SHOWN_ON_SCREEN)

    def wanted(entry: Entry) -> bool:
        return (account is None or account in entry.accounts) and (policy is None or policy == entry.policy)

    with frame.deployment(read_only=True) as deployment:
        collected = collect_preview(deployment, instant, limit=most, wanted=wanted)
        collected.warnings = tuple(map(str, unofficial_holidays(deployment.policies, instant)))
    for warning in collected.warnings:
        click.secho(f"warning: {warning}", fg="yellow", err=True)
    if as_json:
        emit_json(as_data(collected))
    elif page is not None:
        _write_page(frame, collected, page)
    else:
        show(collected, frame.installation.settings.schedule.timezone)


def collect_preview(
    deployment: Deployment, at: datetime, *, limit: int | None, wanted: Callable[[Entry], bool] = lambda _: True
) -> Collected:
    """Return the preview at the instant `at`, with at most `limit` entries of each kind; long ones show progress."""
    from reminder.cli.output import progress
    from reminder.cli.preview_view import collect
    from reminder.pipeline import preview as pipeline
    from reminder.pipeline.facts import reading
    from reminder.pipeline.plan import count_settled

    with reading(deployment) as (_, book):
        settled = count_settled(deployment, book, at)
    with progress("Deciding") as advance:

        def counted() -> Iterator[Entry]:
            for entry in pipeline.preview(deployment, at):
                advance(1)
                yield entry

        return collect(counted(), at, limit=limit, settled=settled, wanted=wanted)


def _write_page(frame: Frame, collected: Collected, page: Path) -> None:
    from reminder.cli.preview_page import render_page
    from reminder.errors import DataError

    settings = frame.installation.settings
    lender = settings.lender.name.get("en") or next(iter(settings.lender.name.values()))
    text = render_page(collected, lender=lender, zone=settings.schedule.timezone)
    try:
        page.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"expected to write {page}, found: {error.strerror}; choose another place") from error
    click.echo(f"Wrote {page}. It shows texts: give it only to those who may read them.")
