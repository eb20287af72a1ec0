"""`reminder hold`: dated pauses."""

from __future__ import annotations

from datetime import datetime, timedelta

import click

from reminder.cli.frame import Frame, dry_run_option, json_option, limit_option, parse_at, pass_frame, who_option
from reminder.domain.hold import HoldKind

__all__ = ["hold"]


@click.group()
def hold() -> None:
    """Pause an account or a customer, with a reason and an end."""


@hold.command()
@click.option("--account", "account_id", metavar="ID", help="The account to pause.")
@click.option("--customer", "customer_id", metavar="ID", help="Or the customer, with all accounts.")
@click.option("--kind", type=click.Choice([kind.value for kind in HoldKind]), required=True, help="Why.")
@click.option("--reason", required=True, help="Why, in words: somebody will ask.")
@click.option("--until", metavar="INSTANT", help="When it ends: a day (its first minute) or an instant.")
@click.option("--days", type=click.IntRange(1, 3650), help="Or: after how many days it ends.")
@who_option
@dry_run_option
@json_option
@pass_frame
def add(
    frame: Frame,
    account_id: str | None,
    customer_id: str | None,
    kind: str,
    reason: str,
    until: str | None,
    days: int | None,
    who: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Pause reminders, until a day or until released.

    Without --until or --days it lasts until `hold release`. Kinds that mean "never contact this person" (deceased,
    insolvent, represented, wrong_person) take a customer. A day is read in the zone of the schedule.

    \b
    Examples:
      reminder hold add --account LN-1001 --kind dispute --reason "says it was paid in cash" --days 30
      reminder hold add --customer C-77 --kind deceased --reason "death certificate received"
    """
    from reminder.cli.output import emit_json, instant
    from reminder.store import holds

    if until is not None and days is not None:
        raise click.UsageError("expected --until or --days, found both; give one")
    at = frame.now()
    ends = at + timedelta(days=days) if days else _end(frame, until)
    with frame.writing(dry_run=dry_run) as connection:
        hold_id = holds.add(
            connection,
            kind=HoldKind(kind),
            reason=reason,
            who=who,
            at=at,
            until=ends,
            account_id=account_id,
            customer_id=customer_id,
        )
    if account_id is not None:
        _warn_of_stranger(frame, account_id)
    if as_json:
        emit_json({"hold_id": hold_id, "until": ends})
        return
    whom = f"account {account_id}" if account_id else f"customer {customer_id}"
    end = f"until {instant(ends, frame.installation.settings.schedule.timezone)}" if ends else "until released"
    click.echo(f"Hold {hold_id}: {whom} {'would be' if dry_run else 'is'} paused {end}.")


def _end(frame: Frame, until: str | None) -> datetime | None:
    if until is None:
        return None
    text = until.strip()
    return parse_at(f"{text}T00:00" if len(text) == len("2026-07-28") else text, frame.installation)


def _warn_of_stranger(frame: Frame, account_id: str) -> None:
    """Tell when the book has no such account now: a slip in the id would leave the one that is meant unprotected."""
    with frame.deployment(read_only=True) as deployment, deployment.book.engine.connect() as book:
        if not deployment.book.read(book, [account_id]).get(account_id):
            message = f"Warning: the book has no account {account_id!r} now. The hold waits for it; check the id."
            click.secho(message, fg="yellow", err=True)


@hold.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that have ended.")
@limit_option(100)
@json_option
@pass_frame
def list_(frame: Frame, everything: bool, limit: int, as_json: bool) -> None:
    """List holds, the newest first; without --all only those in force.

    \b
    Example:
      reminder hold list
    """
    from reminder.cli.output import emit_json, instant, table
    from reminder.store import holds

    with frame.database(read_only=True) as engine, engine.connect() as connection:
        found = holds.listing(connection, at=frame.now(), active_only=not everything, limit=limit)
    if as_json:
        emit_json(found)
        return
    zone = frame.installation.settings.schedule.timezone
    rows = [
        (
            each.hold_id,
            f"account {each.account_id}" if each.account_id else f"customer {each.customer_id}",
            each.kind,
            instant(each.starts_at, zone),
            instant(each.until, zone) or "until released",
            each.who,
            each.reason,
        )
        for each in found
    ]
    table(("hold", "whom", "kind", "since", "until", "who", "reason"), rows, right=("hold",))


@hold.command()
@click.argument("hold_id", type=click.IntRange(min=1), metavar="ID")
@who_option
@dry_run_option
@pass_frame
def release(frame: Frame, hold_id: int, who: str, dry_run: bool) -> None:
    """End a hold now; what is still true of its reminders goes out.

    \b
    Example:
      reminder hold release 12
    """
    from reminder.errors import StoreError
    from reminder.store import holds

    with frame.writing(dry_run=dry_run) as connection:
        if not holds.release(connection, hold_id, who=who, at=frame.now()):
            raise StoreError(f"expected a hold {hold_id} in force, found none: see `reminder hold list`")
    click.echo(f"Hold {hold_id} {'would be' if dry_run else 'is'} released.")
