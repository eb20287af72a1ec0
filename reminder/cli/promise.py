"""`reminder promise`: what customers promise to pay, and by when."""

from __future__ import annotations

from pathlib import Path

import click

from reminder.cli.agreeing import add_commands
from reminder.cli.frame import Frame, dry_run_option, json_option, pass_frame, who_option
from reminder.cli.whom import file_argument, tell_list

__all__ = ["promise"]


@click.group()
def promise() -> None:
    """Keep what customers promise to pay, and by when.

    While a promise is open its account is left alone. The book says whether it is kept; one that is broken has a step
    of its own, `broken_promise` of the policy.
    """


@promise.command()
@click.argument("account")
@click.option("--amount", help="How much, in major units. Default: all that is owed.")
@click.option("--by", "day", required=True, metavar="DAY", help="The last day, such as 2026-12-01.")
@click.option("--grace", "grace_days", type=click.IntRange(0, 30), help="Days for booking. Default: the settings'.")
@click.option("--note", default="", help="What was said.")
@who_option
@dry_run_option
@json_option
@pass_frame
def add(
    frame: Frame,
    account: str,
    amount: str | None,
    day: str,
    grace_days: int | None,
    note: str,
    who: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Write down that ACCOUNT is promised to be paid by a day, whose end is in the zone of its policy.

    \b
    Examples:
      reminder promise add LN-1001 --by 2026-12-01
      reminder promise add LN-1001 --amount 500 --by 2026-12-01 --note "on the phone, wages on the 30th"
    """
    from reminder.cli.agreeing import amount_of, day_of, make
    from reminder.domain.agreement import AgreementKind, Part
    from reminder.domain.money import Money

    by, wanted = day_of(day), amount_of(amount) if amount is not None else None
    make(
        frame,
        AgreementKind.PROMISE,
        account,
        lambda owed: [Part(by, owed if wanted is None else Money.of(wanted, owed.currency))],
        grace_days=grace_days,
        note=note,
        who=who,
        dry_run=dry_run,
        as_json=as_json,
    )


@promise.command("import")
@file_argument
@who_option
@dry_run_option
@json_option
@pass_frame
def import_(frame: Frame, file: Path, who: str, dry_run: bool, as_json: bool) -> None:
    """Write down the promises of a CSV file, such as a day's calls.

    Columns: account_id, by (a day), amount (all that is owed, where it is empty), note. Rows that are wrong are listed
    and the rest goes in; the exit code is 1 then. Importing the file again changes nothing.

    \b
    Example:
      reminder promise import calls-of-may-3.csv --dry-run
    """
    from reminder.cli.agreeing import rules_of
    from reminder.pipeline.act_lists import import_promises

    with frame.deployment() as deployment, frame.writing(dry_run=dry_run) as connection:
        if deployment.book.same_database:
            report = import_promises(deployment, connection, connection, file, rules_of(frame, who))
        else:
            with deployment.book.engine.connect() as book:
                report = import_promises(deployment, connection, book, file, rules_of(frame, who))
    tell_list(report, dry_run=dry_run, as_json=as_json)


add_commands(promise, cancelled="its account is reminded again, and nothing is broken")
