"""What commands about people share: whom they are about, on which channel, and what a list from a file came to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reminder.cli.frame import EXIT_FAILURE, Frame

if TYPE_CHECKING:
    from reminder.domain.consent import Consent
    from reminder.domain.hold import Suppression
    from reminder.pipeline.lists import Defaults, ListReport

__all__ = [
    "CHANNELS", "Whom", "customer_option", "defaults_of", "file_argument", "masked", "number_argument", "parsed",
    "spelt_channel", "tell_list", "whom_options",
]  # fmt: skip

CHANNELS = ("*", "sms")

Listed = TypeVar("Listed", "Consent", "Suppression")

number_argument = click.argument("number", required=False)
customer_option = click.option("--customer", "customer_id", metavar="ID", help="A customer.")
_account_option = click.option("--account", "account_id", metavar="ID", help="An account: this debt only.")
file_argument = click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))


@dataclass(frozen=True, slots=True)
class Whom:
    """Whom or what an entry is about: a number (E.164), a customer, an account, or what they have in common."""

    number: str | None
    customer_id: str | None
    account_id: str | None = None

    def __str__(self) -> str:
        """Return it in words, the number masked: `customer C-77 at +86138****8000`."""
        from reminder.domain.phone import mask_phone

        customer = f"customer {self.customer_id}" if self.customer_id else ""
        people = " at ".join(filter(None, (customer, mask_phone(self.number) if self.number else "")))
        debt = f"account {self.account_id}" if self.account_id else ""
        return f"{people} ({debt})" if people and debt else people or debt or "nobody"


def whom_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add NUMBER, `--customer` and `--account`, which arrive together as `whom`, a Whom."""

    @number_argument
    @customer_option
    @_account_option
    @wraps(command)
    def about(*args: object, number: str | None, customer_id: str | None, account_id: str | None, **given: Any) -> None:  # noqa: ANN401 - of the command
        frame = click.get_current_context().ensure_object(Frame)
        command(*args, whom=Whom(parsed(frame, number), customer_id, account_id), **given)

    return about


def parsed(frame: Frame, number: str | None) -> str | None:
    """Return the number as E.164, read in the region of the settings; raise PhoneError where it takes no texts."""
    from reminder.domain.phone import parse_phone

    return None if number is None else parse_phone(number, frame.installation.settings.default_region).e164


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
