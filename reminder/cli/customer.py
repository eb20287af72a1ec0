"""`reminder customer`: what we hold about a person."""

from __future__ import annotations

import click

from reminder.cli.frame import Frame, dry_run_option, json_option, pass_frame, who_option

__all__ = ["customer"]


@click.group()
def customer() -> None:
    """Remove what we hold about a person."""


@customer.command()
@click.argument("customer_id", metavar="CUSTOMER")
@who_option
@dry_run_option
@json_option
@pass_frame
def erase(frame: Frame, customer_id: str, who: str, dry_run: bool, as_json: bool) -> None:
    """Remove numbers, names, texts and people's words about CUSTOMER, for good.

    Their planned reminders are cancelled. Keys and states stay, and so does the proof: `audit verify` is as
    green as before. A STOP of theirs still protects them, by a keyed hash of the number, and holds keep their kind.
    A book of your own is not ours to change: while it has the customer, reminders are planned again.

    \b
    Examples:
      reminder customer erase C-77 --dry-run
      reminder customer erase C-77
    """
    from reminder.cli.output import clean, emit_json
    from reminder.store.erasure import erase as remove

    settings = frame.installation.settings
    with frame.writing(dry_run=dry_run) as connection:
        done = remove(connection, customer_id, who=who, region=settings.default_region, at=frame.now())
    if as_json:
        emit_json({"customer": customer_id, "rows": done})
        return
    for name, count in done.items():
        click.echo(f"  {name.replace('_', ' '):<16} {count:>6}")
    click.echo(f"Customer {clean(customer_id)} {'would be' if dry_run else 'is'} erased.")
    if settings.book is not None:
        click.secho("Your book may still have them: take them out there, or hold them.", fg="yellow", err=True)
