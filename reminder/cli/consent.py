"""`reminder consent`: who has agreed to be contacted, and how we know."""

from __future__ import annotations

from pathlib import Path

import click

from reminder.cli.frame import Frame, dry_run_option, json_option, limit_option, parse_at, pass_frame, who_option
from reminder.cli.whom import (
    CHANNELS,
    Whom,
    customer_option,
    defaults_of,
    file_argument,
    masked,
    number_argument,
    parsed,
    spelt_channel,
    tell_list,
    whom_options,
)

__all__ = ["consent"]


@click.group()
def consent() -> None:
    """Keep who has agreed to be contacted, and who took it back."""


@consent.command()
@whom_options
@click.option("--channel", type=click.Choice(CHANNELS), default="sms", show_default=True, help="To be contacted how.")
@click.option("--source", required=True, help="How it was given, such as: loan contract, web form, phone call.")
@click.option("--proof", required=True, help="Its words, or where the document or recording lies.")
@click.option("--given-at", metavar="INSTANT", help="When it was given. Default: now.")
@who_option
@dry_run_option
@json_option
@pass_frame
def add(
    frame: Frame,
    whom: Whom,
    channel: str,
    source: str,
    proof: str,
    given_at: str | None,
    who: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Keep that a customer, or the owner of NUMBER, has agreed to be contacted.

    With both it is this customer at this number: another number needs another consent. Without --account it is for
    every debt.

    \b
    Examples:
      reminder consent add --customer C-77 --source "loan contract" --proof "contract 2026-118, page 4"
      reminder consent add +12125550123 --source "web form" --proof "form 9912" --given-at 2026-05-03T10:00
    """
    from reminder.cli.output import emit_json
    from reminder.domain.consent import Consent
    from reminder.store import consents

    entry = Consent(
        source=source, proof=proof, given_at=parse_at(given_at, frame.installation), channel=channel,
        number=whom.number, customer_id=whom.customer_id, account_id=whom.account_id, who=who,
    )  # fmt: skip
    with frame.writing(dry_run=dry_run) as connection:
        key = consents.add(connection, entry, at=frame.now())
    if as_json:
        emit_json({"consent_id": key, "new": key is not None})
        return
    if key is None:
        click.echo(f"That {whom} agreed to {spelt_channel(channel)} is on record already.")
    else:
        click.echo(f"Consent {key}: that {whom} agreed to {spelt_channel(channel)} {_is(dry_run)} on record.")


@consent.command("list")
@number_argument
@customer_option
@click.option("--all", "everything", is_flag=True, help="Also those that were withdrawn.")
@limit_option(100)
@json_option
@pass_frame
def list_(
    frame: Frame, number: str | None, customer_id: str | None, everything: bool, limit: int, as_json: bool
) -> None:
    """List consents, the newest first, of everybody or of one customer or NUMBER; numbers are masked.

    \b
    Examples:
      reminder consent list
      reminder consent list --customer C-77 --all
    """
    from reminder.cli.output import emit_json, instant, table
    from reminder.store import consents

    e164 = parsed(frame, number)
    with frame.database(read_only=True) as engine, engine.connect() as connection:
        found = consents.listing(
            connection, active_only=not everything, limit=limit, number=e164, customer_id=customer_id
        )
    if as_json:
        emit_json([masked(each) for each in found])
        return
    zone = frame.installation.settings.schedule.timezone
    rows = [
        (
            each.consent_id,
            str(Whom(each.number, each.customer_id, each.account_id)),
            spelt_channel(each.channel),
            instant(each.given_at, zone),
            each.source,
            each.proof,
            f"{instant(each.withdrawn_at, zone)}: {each.withdrawn_because}" if each.withdrawn_at else "",
        )
        for each in found
    ]
    table(("consent", "whose", "to", "given", "source", "proof", "withdrawn"), rows, right=("consent",))


@consent.command()
@whom_options
@click.option("--channel", type=click.Choice(CHANNELS), help="Only for this channel; left out: for all of them.")
@click.option("--reason", required=True, help="How it was withdrawn, such as: letter of 3 May.")
@who_option
@dry_run_option
@pass_frame
def withdraw(
    frame: Frame,
    whom: Whom,
    channel: str | None,
    reason: str,
    who: str,
    dry_run: bool,
) -> None:
    """End what a customer, or the owner of NUMBER, has agreed to. It stays on record, with its end.

    Where no rule wants consent, this alone stops no text: see `reminder suppress add`.

    \b
    Example:
      reminder consent withdraw --customer C-77 --reason "letter of 3 May"
    """
    from reminder.errors import StoreError
    from reminder.store import consents

    with frame.writing(dry_run=dry_run) as connection:
        ended = consents.withdraw(
            connection, who=who, reason=reason, at=frame.now(), channel=channel, number=whom.number,
            customer_id=whom.customer_id, account_id=whom.account_id,
        )  # fmt: skip
        if not ended:
            raise StoreError(f"expected a consent of {whom} in force, found none: see `reminder consent list`")
    click.echo(f"{ended} consent{'s' if ended > 1 else ''} of {whom} {_is(dry_run)} withdrawn.")


@consent.command("import")
@file_argument
@click.option("--source", default="", help="How they were given, for rows that don't say.")
@who_option
@dry_run_option
@json_option
@pass_frame
def import_(frame: Frame, file: Path, source: str, who: str, dry_run: bool, as_json: bool) -> None:
    """Import consents from a CSV file. Importing it again changes nothing.

    Columns: customer_id, number (one of them, or both), account_id, channel (sms), source, proof, given_at (an instant
    with its zone). Rows that are wrong, or that were withdrawn since, are listed and the rest goes in; the exit code is
    1 then.

    \b
    Examples:
      reminder consent import consents.csv --dry-run
      reminder consent import consents.csv --source "core banking, export of May"
    """
    from reminder.pipeline.lists import import_consents

    with frame.writing(dry_run=dry_run) as connection:
        report = import_consents(connection, file, defaults_of(frame, source, who))
    tell_list(report, dry_run=dry_run, as_json=as_json)


def _is(dry_run: bool) -> str:
    return "would be" if dry_run else "is"
