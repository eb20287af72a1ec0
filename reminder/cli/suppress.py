"""`reminder suppress`: numbers, customers and debts about which nobody is contacted."""

from __future__ import annotations

from pathlib import Path

import click

from reminder.cli.frame import Frame, dry_run_option, json_option, limit_option, pass_frame, who_option
from reminder.cli.whom import (
    CHANNELS,
    Whom,
    defaults_of,
    file_argument,
    masked,
    spelt_channel,
    tell_list,
    whom_options,
)

__all__ = ["suppress"]


@click.group()
def suppress() -> None:
    """Never contact a number or a customer."""


@suppress.command()
@whom_options
@click.option("--channel", type=click.Choice(CHANNELS), default="*", show_default=True, help="On which channel.")
@click.option("--source", required=True, help="How it came to be known, such as: said STOP on the phone.")
@who_option
@dry_run_option
@pass_frame
def add(
    frame: Frame,
    whom: Whom,
    channel: str,
    source: str,
    who: str,
    dry_run: bool,
) -> None:
    """Never contact NUMBER, a customer, or anybody about one account, from now on.

    \b
    Examples:
      reminder suppress add +8613800138000 --source "said STOP on the phone"
      reminder suppress add --customer C-77 --channel sms --source "letter of 3 May"
      reminder suppress add --account LN-1001 --source "wants letters about this one"
    """
    from reminder.store import suppressions

    with frame.writing(dry_run=dry_run) as connection:
        entry = suppressions.add(
            connection,
            number=whom.number,
            customer_id=whom.customer_id,
            account_id=whom.account_id,
            channel=channel,
            source=source,
            who=who,
            at=frame.now(),
        )
    verb = "would be" if dry_run else "is"
    click.echo(f"Suppression {entry}: {whom} {verb} suppressed on {spelt_channel(channel)}.")


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
    from reminder.cli.output import emit_json, instant, table
    from reminder.store import suppressions

    with frame.database(read_only=True) as engine, engine.connect() as connection:
        found = suppressions.listing(connection, active_only=not everything, limit=limit)
    if as_json:
        emit_json([masked(each) for each in found])
        return
    zone = frame.installation.settings.schedule.timezone
    rows = [
        (
            each.suppression_id,
            str(Whom(each.number, each.customer_id, each.account_id)),
            spelt_channel(each.channel),
            instant(each.created_at, zone),
            each.who,
            each.source,
        )
        for each in found
    ]
    table(("suppression", "whom", "channel", "since", "who", "source"), rows, right=("suppression",))


@suppress.command()
@whom_options
@click.option("--channel", type=click.Choice(CHANNELS), help="Only on this channel; left out: all of them.")
@click.option("--reason", required=True, help="How it is known that contact is welcome again.")
@who_option
@dry_run_option
@pass_frame
def remove(
    frame: Frame,
    whom: Whom,
    channel: str | None,
    reason: str,
    who: str,
    dry_run: bool,
) -> None:
    """Allow contact with NUMBER, a customer, or about an account, again. That needs their word.

    Who said STOP at the provider itself must take it back there too: until then it refuses our texts, and the
    suppression comes back with the first refusal.

    \b
    Example:
      reminder suppress remove +8613800138000 --reason "asked for texts again, call of 9 May"
    """
    from reminder.errors import StoreError
    from reminder.store import suppressions

    with frame.writing(dry_run=dry_run) as connection:
        removed = suppressions.remove(
            connection,
            number=whom.number,
            customer_id=whom.customer_id,
            account_id=whom.account_id,
            channel=channel,
            who=who,
            reason=reason,
            at=frame.now(),
        )
        if not removed:
            raise StoreError(f"expected a suppression of {whom}, found none: see `reminder suppress list`")
    click.echo(f"{whom} {'could' if dry_run else 'may'} be contacted again.")


@suppress.command("import")
@file_argument
@click.option("--source", required=True, help="How it came to be known, for rows that don't say.")
@who_option
@dry_run_option
@json_option
@pass_frame
def import_(frame: Frame, file: Path, source: str, who: str, dry_run: bool, as_json: bool) -> None:
    """Import suppressions from a CSV file: an export of ours, another system's list, a provider's.

    Columns: number, customer_id or account_id (one in each row), channel (*), source, who, created_at. Rows that are
    wrong are listed and the rest goes in; the exit code is 1 then. Importing it again changes nothing, but whoever is
    in it is suppressed, also after contact was allowed again.

    A provider keeps a list of its own of who said STOP. With --who NAME, the name of its gateway, the entries are
    what that gateway told us: a START through it lifts them.

    \b
    Examples:
      reminder suppress import old-system.csv --source "list of the old system" --dry-run
      reminder suppress import opt-outs.csv --source "Twilio, export of May" --who twilio
    """
    from reminder.pipeline.lists import import_suppressions

    with frame.writing(dry_run=dry_run) as connection:
        report = import_suppressions(connection, file, defaults_of(frame, source, who))
    tell_list(report, dry_run=dry_run, as_json=as_json)


@suppress.command()
@click.option("--format", "form", type=click.Choice(["csv", "json"]), default="csv", show_default=True, help="As what.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="A new file. Default: stdout.")
@click.option("--full-numbers", is_flag=True, help="Numbers in full, into a file that only you can read.")
@pass_frame
def export(frame: Frame, form: str, output: Path | None, full_numbers: bool) -> None:
    """Export the suppressions in force, oldest first, as `suppress import` reads them.

    Numbers are masked unless --full-numbers is given, which needs --output; a masked list can't be imported. In CSV a
    cell that a spreadsheet would take for a formula begins with an apostrophe, numbers too; JSON is for programs.

    \b
    Examples:
      reminder suppress export
      reminder suppress export --full-numbers --output suppressions.csv
    """
    from reminder.cli.exporting import new_file, written
    from reminder.pipeline.lists import SUPPRESSION_COLUMNS
    from reminder.store import suppressions

    if full_numbers and output is None:
        raise click.UsageError("expected --output beside --full-numbers: full numbers don't belong on a screen")
    with frame.database(read_only=True) as engine, engine.connect() as connection:
        found = suppressions.in_force(connection)
    shown = found if full_numbers else [masked(each) for each in found]
    text = written(SUPPRESSION_COLUMNS, shown, form)
    if output is None:
        click.echo(text, nl=False)
        return
    new_file(output, text)
    click.echo(f"{len(found)} suppressions written.", err=True)
    if full_numbers:
        message = "Warning: it holds full numbers. Keep it where only those can read it who must, and delete it then."
        click.secho(message, fg="yellow", err=True)
