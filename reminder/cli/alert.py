"""`reminder alert`: who is woken when something is wrong."""

from __future__ import annotations

import click

from reminder.cli.frame import EXIT_FAILURE, Frame, dry_run_option, json_option, pass_frame

__all__ = ["alert"]

TEST_TITLE = "A test of the alerts of the reminders"
TEST_BODY = "If you read this, alerts reach you. Nothing is wrong."


@click.group()
def alert() -> None:
    """See what operators are told of, and try whether it reaches them.

    The daemon tells the addresses under `alerts` in reminder.yaml what `reminder doctor` would find wrong and what
    waits for a person: once when it begins, again every `repeat_hours` while it lasts, and when it is over.

    \b
    Example:
      reminder alert test
    """


@alert.command()
@dry_run_option
@json_option
@pass_frame
def test(frame: Frame, dry_run: bool, as_json: bool) -> None:
    """Send a test message to every address of the settings, and say which of them took it.

    Addresses are shown by their beginning only, for the rest of them is secret. Exit code 1 unless all took it.

    \b
    Example:
      reminder alert test
    """
    import asyncio
    from dataclasses import asdict

    from reminder.cli.output import emit_json, table
    from reminder.errors import DataError
    from reminder.pipeline.notify import tell

    urls = frame.installation.settings.alerts.urls
    if not urls:
        raise DataError("expected addresses under `alerts: {urls: …}` in reminder.yaml, found none: nobody is woken")
    if dry_run:
        services = ", ".join(url.partition("://")[0] for url in urls)
        click.echo(f"Would tell {len(urls)}: {services}")
        return
    deliveries = asyncio.run(tell(urls, TEST_TITLE, TEST_BODY))
    if as_json:
        emit_json([asdict(delivery) for delivery in deliveries])
    else:
        rows = [(each.service, "taken" if each.delivered else "not taken", each.reason) for each in deliveries]
        table(("service", "test", "reason"), rows)
    if not all(delivery.delivered for delivery in deliveries):
        click.get_current_context().exit(EXIT_FAILURE)


@alert.command("list")
@json_option
@pass_frame
def list_(frame: Frame, as_json: bool) -> None:
    """List what operators are being told of, the oldest first.

    \b
    Example:
      reminder alert list
    """
    from reminder.cli.output import emit_json, instant, table
    from reminder.domain.trouble import CODES, Kind
    from reminder.store import alerts

    with frame.database(read_only=True) as engine, engine.connect() as connection:
        found = alerts.listing(connection)
    if as_json:
        emit_json([{"code": CODES[Kind(row.kind)], **row._asdict()} for row in found])
        return
    zone = frame.installation.settings.schedule.timezone
    rows = [
        (CODES[Kind(row.kind)], instant(row.since, zone), instant(row.told_at, zone) or "not yet", row.found)
        for row in found
    ]
    table(("code", "since", "told", "what"), rows)
