"""`reminder suppress`: numbers and customers that are never contacted."""

from __future__ import annotations

import click

from reminder.cli.frame import Frame, dry_run_option, json_option, limit_option, pass_frame, who_option

__all__ = ["suppress"]

CHANNELS = ("*", "sms")

_number = click.argument("number", required=False)
_customer = click.option("--customer", "customer_id", metavar="ID", help="A customer instead of a number.")


@click.group()
def suppress() -> None:
    """Never contact a number or a customer."""


@suppress.command()
@_number
@_customer
@click.option("--channel", type=click.Choice(CHANNELS), default="*", show_default=True, help="On which channel.")
@click.option("--source", required=True, help="How it came to be known, such as: said STOP on the phone.")
@who_option
@dry_run_option
@pass_frame
def add(
    frame: Frame, number: str | None, customer_id: str | None, channel: str, source: str, who: str, dry_run: bool
) -> None:
    """Never contact NUMBER, or a customer, from now on.

    \b
    Examples:
      reminder suppress add +8613800138000 --source "said STOP on the phone"
      reminder suppress add --customer C-77 --channel sms --source "letter of 3 May"
    """
    from reminder.store import suppressions

    e164 = _parsed(frame, number)
    with frame.writing(dry_run=dry_run) as connection:
        entry = suppressions.add(
            connection,
            number=e164,
            customer_id=customer_id,
            channel=channel,
            source=source,
            who=who,
            at=frame.now(),
        )
    verb = "would be" if dry_run else "is"
    click.echo(f"Suppression {entry}: {_whom(e164, customer_id)} {verb} suppressed on {_spelt(channel)}.")


@suppress.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that were removed.")
@limit_option(100)
@json_option
@pass_frame
def list_(frame: Frame, everything: bool, limit: int, as_json: bool) -> None:
    """List suppressions, the newest first; numbers are masked.

    \b
    Example:
      reminder suppress list
    """
    from dataclasses import replace

    from reminder.cli.output import emit_json, instant, table
    from reminder.domain.phone import mask_phone
    from reminder.store import suppressions

    with frame.database(read_only=True) as engine, engine.connect() as connection:
        found = suppressions.listing(connection, active_only=not everything, limit=limit)
    masked = [replace(each, number=mask_phone(each.number) if each.number else None) for each in found]
    if as_json:
        emit_json(masked)
        return
    zone = frame.installation.settings.schedule.timezone
    rows = [
        (
            each.suppression_id,
            each.number or f"customer {each.customer_id}",
            _spelt(each.channel),
            instant(each.created_at, zone),
            each.who,
            each.source,
        )
        for each in masked
    ]
    table(("suppression", "whom", "channel", "since", "who", "source"), rows, right=("suppression",))


@suppress.command()
@_number
@_customer
@click.option("--channel", type=click.Choice(CHANNELS), help="Only on this channel; left out: all of them.")
@who_option
@dry_run_option
@pass_frame
def remove(
    frame: Frame, number: str | None, customer_id: str | None, channel: str | None, who: str, dry_run: bool
) -> None:
    """Allow contact with NUMBER, or a customer, again. That needs their consent.

    \b
    Example:
      reminder suppress remove +8613800138000
    """
    from reminder.errors import StoreError
    from reminder.store import suppressions

    e164 = _parsed(frame, number)
    whom = _whom(e164, customer_id)
    with frame.writing(dry_run=dry_run) as connection:
        removed = suppressions.remove(
            connection, number=e164, customer_id=customer_id, channel=channel, who=who, at=frame.now()
        )
        if not removed:
            raise StoreError(f"expected a suppression of {whom}, found none: see `reminder suppress list`")
    click.echo(f"{whom} {'could' if dry_run else 'may'} be contacted again.")


def _parsed(frame: Frame, number: str | None) -> str | None:
    """Return the number as E.164, read in the region of the settings; raise PhoneError where it takes no texts."""
    from reminder.domain.phone import parse_phone

    return None if number is None else parse_phone(number, frame.installation.settings.default_region).e164


def _whom(e164: str | None, customer_id: str | None) -> str:
    from reminder.domain.phone import mask_phone

    return mask_phone(e164) if e164 else f"customer {customer_id}"


def _spelt(channel: str) -> str:
    return "every channel" if channel == "*" else channel
