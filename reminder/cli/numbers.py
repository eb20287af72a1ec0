"""`reminder numbers`: numbers that are not tried any more."""

from __future__ import annotations

import click

from reminder.cli.frame import Frame, dry_run_option, json_option, limit_option, pass_frame, who_option
from reminder.cli.whom import parsed

__all__ = ["numbers"]

_number = click.argument("number")


@click.group()
def numbers() -> None:
    """Look at numbers that can't be reached or are somebody else's."""


@numbers.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that were cleared.")
@limit_option(100)
@json_option
@pass_frame
def list_(frame: Frame, everything: bool, limit: int, as_json: bool) -> None:
    """List numbers that are not tried any more, the last marked first; they are masked.

    A code is the provider's, or wrong_person where the owner said so. A customer whose number changes in the book is
    texted at the new one.

    \b
    Example:
      reminder numbers list
    """
    from dataclasses import replace

    from reminder.cli.output import emit_json, instant, table
    from reminder.domain.phone import mask_phone
    from reminder.store import numbers as store

    with frame.database(read_only=True) as engine, engine.connect() as connection:
        found = store.listing(connection, active_only=not everything, limit=limit)
    masked = [replace(each, number=mask_phone(each.number)) for each in found]
    if as_json:
        emit_json(masked)
        return
    zone = frame.installation.settings.schedule.timezone
    rows = [
        (
            each.number,
            each.code,
            each.gateway,
            instant(each.marked_at, zone),
            f"{instant(each.cleared_at, zone)} by {each.cleared_by}: {each.cleared_because}" if each.cleared_at else "",
        )
        for each in masked
    ]
    table(("number", "code", "told by", "since", "cleared"), rows)


@numbers.command()
@_number
@who_option
@dry_run_option
@pass_frame
def mark(frame: Frame, number: str, who: str, dry_run: bool) -> None:
    """Never try NUMBER again: its owner says, by phone or letter, that it is not our customer's.

    \b
    Example:
      reminder numbers mark +8613800138000
    """
    from reminder.domain.phone import mask_phone
    from reminder.domain.record import Actor
    from reminder.store import numbers as store

    e164 = str(parsed(frame, number))
    with frame.writing(dry_run=dry_run) as connection:
        store.mark_bad(connection, e164, gateway=who, code=store.WRONG_PERSON, at=frame.now(), actor=Actor.OPERATOR)
    click.echo(f"{mask_phone(e164)} {'would' if dry_run else 'will'} not be tried again.")


@numbers.command()
@_number
@click.option("--reason", required=True, help="How it is known to be the customer's, and to work.")
@who_option
@dry_run_option
@pass_frame
def clear(frame: Frame, number: str, reason: str, who: str, dry_run: bool) -> None:
    """Try NUMBER again. The mark stays on record, with your name and reason.

    \b
    Example:
      reminder numbers clear +8613800138000 --reason "the customer called from it"
    """
    from reminder.domain.phone import mask_phone
    from reminder.errors import StoreError
    from reminder.store import numbers as store

    e164 = str(parsed(frame, number))
    with frame.writing(dry_run=dry_run) as connection:
        if not store.clear(connection, e164, who=who, reason=reason, at=frame.now()):
            raise StoreError(f"expected a mark on {mask_phone(e164)}, found none: see `reminder numbers list`")
    click.echo(f"{mask_phone(e164)} {'would' if dry_run else 'will'} be tried again.")
