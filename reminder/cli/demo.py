"""`reminder demo`: the whole way on made-up accounts, through the console."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reminder.cli.frame import Frame

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Engine

    from reminder.cli.demo_book import DemoBook
    from reminder.pipeline.deployment import Deployment

__all__ = ["ZONE", "DemoFrame", "demo", "furnish", "morning"]

ZONE = "Asia/Shanghai"
HOUR = 10
CSV_FILE = "accounts.csv"
WHO = "demo"
TEXTS_SHOWN = 2

_NEXT = (
    ("Edit a policy", "{demo}/config/policies/consumer-loan.yaml"),
    ("and see what is wrong", "{reminder} policy check"),
    ("and what it no longer does", "{reminder} policy test"),
    ("Look at tomorrow", "{reminder} preview --at {tomorrow}"),
    ("Show somebody", "{reminder} preview --html preview.html"),
    ("Ask why one is silent", "{reminder} explain {held}"),
    ("Start the daemon", "{reminder} daemon"),
    ("Run the demo again", "{program} demo {demo}   (nothing is left to send)"),
    ("Begin for real", "{program} init DIR, and there:"),
    ("Connect your own tables", "`book` in config/reminder.yaml, then: reminder book check"),
    ("Set up Twilio", "TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_FROM; then: reminder gateway test twilio --to …"),
)


class DemoFrame(Frame):
    """The frame of a demo. It sees no environment, so that no real database, book or gateway can be reached from it."""

    @property
    def environ(self) -> Mapping[str, str]:
        """Nothing."""
        return {}


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default="demo", metavar="[DIR]")
def demo(folder: Path) -> None:
    """Show the whole way on made-up accounts, through the console.

    Writes a deployment into DIR (default: demo) with a SQLite database and some three hundred made-up accounts around
    today, shows what would go out, sends it through the console, and shows what became of it. Nobody is texted. Run
    again, it finds nothing left to send.

    \b
    Examples:
      reminder demo
      reminder demo /tmp/trial
    """
    frame = DemoFrame(folder / "config")
    at = morning(frame.now())
    _title(f"It is {HOUR}:00 in {ZONE}, {at:%A %d %B %Y}: the demo always looks at that hour of today")
    furnish(frame, folder, at)
    with frame.deployment() as real:
        _walk(frame, replace(real, clock=lambda: at), at)
    _farewell(folder, at)


def morning(now: datetime) -> datetime:
    """Return the hour of the demo on the day that it is in ZONE at the instant `now`: the same all day long (UTC)."""
    from datetime import UTC
    from zoneinfo import ZoneInfo

    local = now.astimezone(ZoneInfo(ZONE))
    return local.replace(hour=HOUR, minute=0, second=0, microsecond=0).astimezone(UTC)


def furnish(frame: DemoFrame, folder: Path, at: datetime) -> None:
    """Write the deployment and its book, where they are not there yet."""
    from sqlalchemy import select

    from reminder.app import open_database
    from reminder.cli.db import note_shape
    from reminder.config.check_key import CHECK_KEY_FILE, write_check_key
    from reminder.config.scaffold import write_deployment
    from reminder.store.schema import account
    from reminder.store.upgrade import upgrade

    if not (folder / "config").exists():
        files = write_deployment(folder)
        write_check_key(folder / CHECK_KEY_FILE)
        click.echo(f"Wrote {len(files)} files of settings, policies and templates into {folder}")
    with open_database(frame.installation) as engine:
        upgrade(engine, note=lambda connection, before: note_shape(frame, connection, before, WHO))
        with engine.connect() as connection:
            filled = connection.scalar(select(account.c.account_id).limit(1)) is not None
        if filled:
            click.echo(f"The accounts in {folder} are kept as they are")
        else:
            _fill(frame, engine, folder, at)


def _fill(frame: DemoFrame, engine: Engine, folder: Path, at: datetime) -> None:
    from zoneinfo import ZoneInfo

    from reminder.cli.accounts import import_file, tell_import
    from reminder.cli.demo_book import make_book, write_csv

    book = make_book(at.astimezone(ZoneInfo(ZONE)).date())
    file = folder / CSV_FILE
    write_csv(book, file)
    # Before the accounts: once those are there, a demo that is run again takes it that all is.
    _pause(engine, book, at)
    _title(f"Importing {file}: three of its rows are wrong on purpose")
    tell_import(import_file(frame, file))


def _pause(engine: Engine, book: DemoBook, at: datetime) -> None:
    from datetime import timedelta

    from reminder.store import holds, suppressions

    with engine.begin() as connection:
        for hold in book.holds:
            until = at + timedelta(days=hold.days) if hold.days else None
            holds.add(
                connection, kind=hold.kind, reason=hold.reason, who=WHO, at=at, until=until, account_id=hold.account_id,
                customer_id=hold.customer_id,
            )  # fmt: skip
        for customer in book.suppressed:
            suppressions.add(connection, source="replied STOP", who=WHO, at=at, customer_id=customer)
    click.echo(f"Put {len(book.holds)} on hold and suppressed {len(book.suppressed)}")


def _walk(frame: DemoFrame, deployment: Deployment, at: datetime) -> None:
    from reminder.cli.preview import collect_preview
    from reminder.cli.preview_view import show
    from reminder.cli.run import run_once, show_report
    from reminder.pipeline.preview import Verb

    zone = frame.installation.settings.schedule.timezone
    _title("What would go out, and why the others stay silent (`reminder preview`)")
    collected = collect_preview(deployment, at, limit=None)
    del collected.entries[Verb.SEND][TEXTS_SHOWN:]
    show(collected, zone)
    _title("Sending through the console (`reminder run`)")
    report = run_once(deployment)
    show_report(replace(deployment, absent={}), report)


def _farewell(folder: Path, at: datetime) -> None:
    from datetime import timedelta
    from zoneinfo import ZoneInfo

    from reminder.cli.demo_book import make_book
    from reminder.cli.output import as_typed

    here, program = at.astimezone(ZoneInfo(ZONE)), as_typed()
    known = {
        "demo": shlex.quote(str(folder)),
        "program": program,
        "reminder": f"{program} --config {shlex.quote(str(folder / 'config'))}",
        "held": make_book(here.date()).holds[0].account_id,
        "tomorrow": f"{here + timedelta(days=1):%Y-%m-%dT%H:%M}",
    }
    _title("What next")
    for what, command in _NEXT:
        click.echo(f"  {what:<24} {command.format(**known)}")


def _title(text: str) -> None:
    click.secho(f"\n{text}", bold=True)
