"""What commands about people share: whom they are about, on which channel, and what a list from a file came to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from reminder.cli.frame import EXIT_FAILURE, Frame

if TYPE_CHECKING:
    from reminder.domain.consent import Consent
    from reminder.domain.hold import Suppression
    from reminder.pipeline.lists import Defaults, ListReport

__all__ = [
    "CHANNELS", "account_option", "customer_option", "defaults_of", "file_argument", "masked", "number_argument",
    "parsed", "spelt_channel", "spelt_whom", "tell_list",
]  # fmt: skip

CHANNELS = ("*", "sms")

Listed = TypeVar("Listed", "Consent", "Suppression")

number_argument = click.argument("number", required=False)
customer_option = click.option("--customer", "customer_id", metavar="ID", help="A customer.")
account_option = click.option("--account", "account_id", metavar="ID", help="An account: this debt only.")
file_argument = click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))


def parsed(frame: Frame, number: str | None) -> str | None:
    """Return the number as E.164, read in the region of the settings; raise PhoneError where it takes no texts."""
    from reminder.domain.phone import parse_phone

    return None if number is None else parse_phone(number, frame.installation.settings.default_region).e164


def spelt_whom(e164: str | None, customer_id: str | None, account_id: str | None = None) -> str:
    """Return whom or what it is about, the number masked: `customer C-77 at +86138****8000`."""
    from reminder.domain.phone import mask_phone

    people = " at ".join(
        filter(None, (f"customer {customer_id}" if customer_id else "", mask_phone(e164) if e164 else ""))
    )
    debt = f"account {account_id}" if account_id else ""
    return f"{people} ({debt})" if people and debt else people or debt or "nobody"


def spelt_channel(channel: str) -> str:
    """Return a channel in words."""
    return "every channel" if channel == "*" else channel


def masked(entry: Listed) -> Listed:
    """Return the entry with its number masked, for a screen."""
    from dataclasses import replace

    from reminder.domain.phone import mask_phone

    return replace(entry, number=mask_phone(entry.number) if entry.number else None)


def defaults_of(frame: Frame, source: str, who: str) -> Defaults:
    """Return what a row of a list has whose own cell is empty."""
    from reminder.pipeline.lists import Defaults

    return Defaults(source=source, who=who, region=frame.installation.settings.default_region, at=frame.now())


def tell_list(report: ListReport, *, dry_run: bool, as_json: bool) -> None:
    """Print what became of a list from a file, and end with exit code 1 where rows were refused."""
    from reminder.cli.output import emit_json, emit_problems

    if as_json:
        emit_json(report)
    else:
        emit_problems(report.problems)
        if report.more:
            click.secho(f"and {report.more} more", fg="red", err=True)
        click.echo(
            f"{report.read} rows {'would be ' if dry_run else ''}read: {report.added} new, {report.known} known, "
            f"{report.refused} refused"
        )
    if report.refused:
        click.get_current_context().exit(EXIT_FAILURE)
