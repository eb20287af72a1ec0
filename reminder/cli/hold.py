"""`reminder hold`: dated pauses."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reminder.cli.frame import Frame, dry_run_option, json_option, limit_option, parse_at, pass_frame, who_option
from reminder.cli.whom import file_argument, tell_list
from reminder.domain.hold import RESUME_HOURS_MAX, HoldKind

if TYPE_CHECKING:
    from reminder.domain.hold import Hold
    from reminder.domain.profile import HoldTerm
    from reminder.domain.selector import Selector

__all__ = ["hold"]

RESUME_HOURS = 24
"""Over how many hours a selection comes back after its end, unless somebody says otherwise."""


@click.group()
def hold() -> None:
    """Pause an account, a customer or a selection of accounts, with a reason and an end."""


@hold.command()
@click.option("--account", "account_id", metavar="ID", help="The account to pause.")
@click.option("--customer", "customer_id", metavar="ID", help="Or the customer, with all accounts.")
@click.option("--where", metavar="CONDITIONS", help="Or all accounts of a selection, written as in `applies_to`.")
@click.option("--kind", type=click.Choice([kind.value for kind in HoldKind]), help="Why. Needed without --term.")
@click.option("--term", metavar="PROFILE/TERM", help="Kind and end as a law has them; see `profile show`.")
@click.option("--reason", required=True, help="Why, in words: somebody will ask.")
@click.option("--until", metavar="INSTANT", help="When it ends: a day (its first minute) or an instant.")
@click.option("--days", type=click.IntRange(1, 3650), help="Or: after how many days it ends.")
@click.option(
    "--resume-over",
    "resume_hours",
    type=click.IntRange(0, RESUME_HOURS_MAX),
    help=f"With --where: hours over which its accounts come back.  [default: {RESUME_HOURS}]",
)
@who_option
@dry_run_option
@json_option
@pass_frame
def add(
    frame: Frame,
    account_id: str | None,
    customer_id: str | None,
    where: str | None,
    kind: str | None,
    term: str | None,
    reason: str,
    until: str | None,
    days: int | None,
    resume_hours: int | None,
    who: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Pause reminders, until a day or until released.

    Without --until, --days or --term it lasts until `hold release`. Kinds that mean "never contact this person"
    (deceased, insolvent, represented, moratorium, wrong_person, minor, fraud_victim) take a customer. A day is read in
    the zone of the schedule.

    A selection is standing: it holds whatever account is in it when a text would be sent, also one that came into it
    later. After its end its accounts come back one by one, so that nobody is flooded.

    \b
    Examples:
      reminder hold add --account LN-1001 --kind dispute --reason "says it was paid in cash" --days 30
      reminder hold add --customer C-77 --kind deceased --reason "death certificate received"
      reminder hold add --where "region: Sichuan" --kind hardship --reason "earthquake of 3 May" --days 30
      reminder hold add --account LN-1001 --term uk-conc/breathing-space --reason "notice of 3 May"
    """
    from reminder.cli.output import clean, emit_json, instant
    from reminder.store import holds

    law = _law(frame, term) if term is not None else None
    if (law is None) == (kind is None):
        raise click.UsageError("expected --kind or --term; give one of the two")
    at = frame.now()
    ends = _ends(frame, at, until, days, law)
    selector = _selector(where) if where is not None else None
    if selector is None and resume_hours is not None:
        raise click.UsageError("expected --resume-over with --where only: one customer comes back at once")
    with frame.writing(dry_run=dry_run) as connection:
        hold_id = holds.add(
            connection,
            kind=law.kind if law is not None else HoldKind(kind or ""),
            reason=f"{reason} ({term}: {law.source})" if law is not None else reason,
            who=who,
            at=at,
            until=ends,
            account_id=account_id,
            customer_id=customer_id,
            selector=selector,
            resume_hours=0 if selector is None else RESUME_HOURS if resume_hours is None else resume_hours,
        )
    if account_id is not None:
        _warn_of_stranger(frame, account_id)
    if as_json:
        emit_json({"hold_id": hold_id, "until": ends})
        return
    whom = f"account {account_id}" if account_id else f"customer {customer_id}" if customer_id else f"where {selector}"
    end = f"until {instant(ends, frame.installation.settings.schedule.timezone)}" if ends else "until released"
    click.echo(clean(f"Hold {hold_id}: {whom} {'would be' if dry_run else 'is'} paused {end}."))


def _law(frame: Frame, term: str) -> HoldTerm:
    from reminder.config.wording import nearest

    profiles = frame.installation.profiles.profiles.values()
    known = {f"{profile.name}/{each.name}": each for profile in profiles for each in profile.holds}
    if term not in known:
        raise click.BadParameter(
            f"expected a term of a profile, found {term!r}{nearest(term, known)}; there are {', '.join(sorted(known))}",
            param_hint="--term",
        )
    return known[term]


def _ends(frame: Frame, at: datetime, until: str | None, days: int | None, law: HoldTerm | None) -> datetime | None:
    """Return when a hold ends; a term of the law can't be shortened, and its days are whole ones after the first."""
    if until is not None and days is not None:
        raise click.UsageError("expected --until or --days, found both; give one")
    ends = at + timedelta(days=days) if days else _end(frame, until)
    if law is None or law.days is None:
        return ends
    from zoneinfo import ZoneInfo

    from reminder.pipeline.act_lists import end_of

    zone = frame.installation.settings.schedule.timezone
    least = end_of(at.astimezone(ZoneInfo(zone)).date() + timedelta(days=law.days + 1), zone)
    if ends is not None and ends < least:
        raise click.UsageError(f"expected an end not before {least:%Y-%m-%d}, found {ends:%Y-%m-%d}: {law.source}")
    return ends or least


def _selector(where: str) -> Selector:
    from reminder.config.policy_selector import selector_in

    return selector_in(where, "--where")


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


@hold.command("import")
@file_argument
@who_option
@dry_run_option
@json_option
@pass_frame
def import_(frame: Frame, file: Path, who: str, dry_run: bool, as_json: bool) -> None:
    """Put the holds of a CSV file in force.

    Columns: account_id or customer_id, kind, reason, and until (a day) or days, or neither. Rows that are wrong are
    listed and the rest goes in; the exit code is 1 then. Importing the file again changes nothing.

    \b
    Example:
      reminder hold import disputes.csv --dry-run
    """
    from reminder.cli.agreeing import rules_of
    from reminder.pipeline.act_lists import import_holds

    with frame.writing(dry_run=dry_run) as connection:
        report = import_holds(connection, file, rules_of(frame, who))
    tell_list(report, dry_run=dry_run, as_json=as_json)


@hold.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that have ended.")
@click.option("--resuming", metavar="DAY", help="What ends on a day, or `tomorrow`, and what is deserved then.")
@limit_option(100)
@json_option
@pass_frame
def list_(frame: Frame, everything: bool, resuming: str | None, limit: int, as_json: bool) -> None:
    """List holds, the newest first; without --all only those in force.

    With --resuming: holds that end by themselves on that day, and what each of their accounts would get then, by the
    book as it is now.

    \b
    Examples:
      reminder hold list
      reminder hold list --resuming tomorrow
    """
    from reminder.cli.output import emit_json, instant, table
    from reminder.store import holds

    if resuming is not None:
        from reminder.cli.resuming import show_resuming

        show_resuming(frame, resuming, limit=limit, as_json=as_json)
        return
    with frame.database(read_only=True) as engine, engine.connect() as connection:
        found = holds.listing(connection, at=frame.now(), active_only=not everything, limit=limit)
    if as_json:
        emit_json([_data(each) for each in found])
        return
    zone = frame.installation.settings.schedule.timezone
    rows = [
        (
            each.hold_id,
            each.whom,
            each.kind,
            instant(each.starts_at, zone),
            instant(each.until, zone) or "until released",
            each.who,
            each.reason,
        )
        for each in found
    ]
    table(("hold", "whom", "kind", "since", "until", "who", "reason"), rows, right=("hold",))


def _data(each: Hold) -> dict[str, object]:
    return {
        "kind": each.kind, "reason": each.reason, "starts_at": each.starts_at, "until": each.until,
        "hold_id": each.hold_id, "account_id": each.account_id, "customer_id": each.customer_id, "who": each.who,
        "where": str(each.selector) if each.selector is not None else None, "resume_hours": each.resume_hours,
    }  # fmt: skip


@hold.command()
@click.argument("hold_id", type=click.IntRange(min=1), metavar="ID")
@click.option("--reason", default="", help="Why. Needed for kinds that mean never to contact this person.")
@who_option
@dry_run_option
@pass_frame
def release(frame: Frame, hold_id: int, reason: str, who: str, dry_run: bool) -> None:
    """End a hold now; what is still true of its reminders goes out.

    \b
    Examples:
      reminder hold release 12
      reminder hold release 13 --reason "mixed up with her father; ID seen at the branch"
    """
    from reminder.errors import StoreError
    from reminder.store import holds

    with frame.writing(dry_run=dry_run) as connection:
        if not holds.release(connection, hold_id, who=who, at=frame.now(), reason=reason):
            raise StoreError(f"expected a hold {hold_id} in force, found none: see `reminder hold list`")
    click.echo(f"Hold {hold_id} {'would be' if dry_run else 'is'} released.")
