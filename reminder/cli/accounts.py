"""`reminder accounts`: import accounts from a file, and look at them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reminder.cli.frame import EXIT_FAILURE, Frame, dry_run_option, json_option, limit_option, pass_frame, who_option

if TYPE_CHECKING:
    from reminder.book.importer import ImportReport
    from reminder.domain.account import Account

__all__ = ["accounts", "import_file", "tell_import"]


@click.group()
def accounts() -> None:
    """Import accounts from a file, and look at them.

    \b
    Examples:
      reminder accounts import accounts.csv
      reminder accounts show LN-20260728
    """


@accounts.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@who_option
@dry_run_option
@json_option
@pass_frame
@click.pass_context
def import_(ctx: click.Context, frame: Frame, file: Path, who: str, dry_run: bool, as_json: bool) -> None:
    """Import a CSV file into our own table of accounts.

    Columns are known by their names: account_id, customer_id, due_date (2026-07-28), amount_due (in major units) and
    currency are needed; name, phone, language, timezone, product, closed and never_contact (deceased, insolvent,
    represented, moratorium, wrong_person, minor, fraud_victim: on each account of the customer) are known; any other is
    an attribute. Accounts that are there are brought up to date. Rows that are wrong are listed and the rest goes in;
    the exit code is 1 then.

    \b
    Examples:
      reminder accounts import accounts.csv --dry-run
      reminder accounts import accounts.csv
    """
    from reminder.cli.output import emit_json

    report = import_file(frame, file, dry_run=dry_run)
    if not dry_run:
        _record(frame, file, report, who)
    if as_json:
        emit_json(report)
    else:
        tell_import(report, dry_run=dry_run)
    ctx.exit(EXIT_FAILURE if report.refused else 0)


def _record(frame: Frame, file: Path, report: ImportReport, who: str) -> None:
    """Write down that a file was imported, and what became of its rows; the accounts are the lender's own data."""
    from reminder.domain.record import Actor, Entry, Kind
    from reminder.store.record import append

    counts = {name: getattr(report, name) for name in ("read", "added", "changed", "unchanged", "refused")}
    entry = Entry(Kind.IMPORT, Actor.OPERATOR, who, subject="accounts", data={"file": file.name} | counts)
    with frame.writing(dry_run=False) as connection:
        append(connection, [entry], at=frame.now())


def import_file(frame: Frame, file: Path, *, dry_run: bool = False) -> ImportReport:
    """Import a file into the deployment's own table; raise DataError where the book is the lender's own table."""
    from reminder.book.importer import import_accounts
    from reminder.cli.output import progress
    from reminder.errors import DataError
    from reminder.store.schema import account

    settings = frame.installation.settings
    if settings.book is not None:
        raise DataError("expected no `book` in reminder.yaml, found one: accounts are read from it, not imported")
    with frame.database() as engine, progress("Importing") as advance:
        done = 0

        def on_progress(read: int, _share: float) -> None:
            nonlocal done
            advance(read - done)
            done = read

        return import_accounts(
            engine,
            account,
            file,
            at=frame.now(),
            region=settings.default_region,
            on_progress=on_progress,
            dry_run=dry_run,
        )


def tell_import(report: ImportReport, *, dry_run: bool = False) -> None:
    """Print what became of the rows: problems and notes on stderr, counts on stdout."""
    from reminder.cli.output import emit_problems

    emit_problems(report.problems)
    if report.more:
        click.secho(f"and {report.more} more", fg="red", err=True)
    emit_problems(report.notes)
    if report.more_notes:
        click.secho(f"and {report.more_notes} more notes", fg="yellow", err=True)
    click.echo(
        f"{report.read} rows {'would be ' if dry_run else ''}read: {report.added} added, {report.changed} changed, "
        f"{report.unchanged} unchanged, {report.refused} refused"
    )


@accounts.command("list")
@click.option("--customer", metavar="ID", help="Only this customer's.")
@click.option("--owed", is_flag=True, help="Only those that owe something.")
@click.option("--after", metavar="ID", help="Begin after this account: the last one of the page before.")
@limit_option(50)
@json_option
@pass_frame
def list_(frame: Frame, customer: str | None, owed: bool, after: str | None, limit: int, as_json: bool) -> None:
    """List accounts of the book, in order of their keys.

    \b
    Examples:
      reminder accounts list --owed --limit 20
      reminder accounts list --customer C1001 --json
    """
    from reminder.cli.output import emit_json, table
    from reminder.pipeline.facts import reading

    with frame.deployment(read_only=True) as deployment, reading(deployment) as (_, book):
        found = deployment.book.listing(book, limit=limit, after=after, owed_only=owed, customer_id=customer)
    if as_json:
        emit_json([_data(account) for account in found])
        return
    columns = ("account", "customer", "due", "amount", "product", "zone", "phone")
    rows = (
        (each.account_id, each.customer_id, each.due_date, _owed(each), each.product, each.timezone, _masked(each))
        for each in found
    )
    table(columns, rows, right=("amount",))
    if len(found) >= limit:
        from reminder.cli.output import clean

        click.echo(clean(f"More may follow: --after {found[-1].account_id}"))


@accounts.command()
@click.argument("account")
@json_option
@pass_frame
def show(frame: Frame, account: str, as_json: bool) -> None:
    """Show one account as the book has it, and what can't be read of it.

    \b
    Example:
      reminder accounts show LN-20260728
    """
    from reminder.cli.output import clean, emit_json
    from reminder.errors import DataError
    from reminder.pipeline.facts import reading

    with frame.deployment(read_only=True) as deployment, reading(deployment) as (_, book):
        found = deployment.book.read(book, [account]).get(account, [])
    if not found:
        raise DataError(f"expected an account of the book, found none called {account!r}: check its key")
    if as_json:
        emit_json([_data(each) for each in found])
        return
    for each in found:
        for name, value in _data(each).items():
            if name not in ("attributes", "problems"):
                click.echo(f"{name:<12} {clean(value)}".rstrip())
        for name, value in each.attributes.items():
            click.echo(clean(f"  {name}: {value}"))
        for problem in each.problems:
            click.secho(clean(problem), fg="yellow")


def _owed(account: Account) -> str:
    amount = "?" if account.amount_due is None else str(account.amount_due)
    return f"{amount} (closed)" if account.closed else amount


def _masked(account: Account) -> str:
    from reminder.domain.phone import mask_phone

    return mask_phone(account.phone) if account.phone else ""


def _data(account: Account) -> dict[str, object]:
    return {
        "account_id": account.account_id,
        "customer_id": account.customer_id,
        "name": account.name,
        "phone": _masked(account) or None,
        "due_date": account.due_date,
        "amount_due": account.amount_due.amount if account.amount_due else None,
        "currency": account.amount_due.currency if account.amount_due else None,
        "language": account.language,
        "timezone": account.timezone,
        "product": account.product,
        "closed": account.closed,
        "never_contact": account.never_contact or None,
        "loaded_at": account.loaded_at,
        "attributes": dict(account.attributes),
        "problems": list(account.problems),
    }
