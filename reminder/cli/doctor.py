"""`reminder doctor`: is everything that sending depends on as it should be?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reminder.cli.frame import EXIT_FAILURE, Frame, json_option, pass_frame

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Engine

    from reminder.installation import Installation
    from reminder.pipeline.diagnosis import Diagnosis, Finding
    from reminder.store.gateway_states import GatewayPause

__all__ = ["doctor"]


@click.command()
@click.option("--no-book", is_flag=True, help="Leave the book unread: it takes longest.")
@click.option(
    "--sample", type=click.IntRange(1, 1_000_000), default=200, show_default=True, help="Phone numbers to look at."
)
@json_option
@pass_frame
@click.pass_context
def doctor(ctx: click.Context, frame: Frame, no_book: bool, sample: int, as_json: bool) -> None:
    """Look at everything that sending depends on, and say what is wrong and what to do.

    Files, calendars of holidays, the database, its schema and its clock, gateways, the book, the outbox (open + final
    = planned, texts without record, leases, doubts, what waits) and the plans. Changes nothing. Reads the book and the
    outbox once from end to end. What can't be looked at because something else is broken is named.

    Every finding has a code: RM-E… is an error, RM-W… a warning. The exit code is 1 where there is an error.

    \b
    Examples:
      reminder doctor
      reminder doctor --no-book --json
    """
    from reminder.cli.output import emit_json
    from reminder.pipeline.diagnosis import Diagnosis

    found, at = Diagnosis(), frame.now()
    installation = _installation(frame, found)
    if installation is not None:
        _look(frame, installation, found, at, sample=None if no_book else sample)
    if as_json:
        emit_json(_data(found, at))
    else:
        _show(found)
    ctx.exit(0 if found.well else EXIT_FAILURE)


def _installation(frame: Frame, found: Diagnosis) -> Installation | None:
    """Return what the files say, or None where the settings can't be used; either way the files were looked at."""
    from reminder.errors import ConfigError
    from reminder.pipeline.check import check_installation, uses_check_codes
    from reminder.pipeline.doctor import look_at_check_codes, look_at_files

    try:
        installation = frame.installation
    except ConfigError as error:
        found.add("files", look_at_files(error.problems))
        return None
    found.add("files", look_at_files(check_installation(frame.files)))
    has_key, used = installation.check_key is not None, uses_check_codes(installation.catalogue)
    found.add("files", look_at_check_codes(has_key, used))
    return installation


def _look(frame: Frame, installation: Installation, found: Diagnosis, at: datetime, *, sample: int | None) -> None:
    from reminder.app import open_database
    from reminder.errors import ConfigError, StoreError
    from reminder.pipeline.doctor import look_at_calendars, look_at_files, look_at_schema, unreachable
    from reminder.store.upgrade import schema_state

    frame.start_logs()
    looked = False
    found.add("calendars", look_at_calendars(installation.policies.policies, at))
    try:
        with open_database(installation, read_only=True, any_key=True) as engine:
            state = schema_state(engine)
            found.add("database")
            found.add("schema", look_at_schema(state))
            _look_at_clock(frame, engine, found)
            if state.up_to_date and _has_its_keys(engine, found):
                looked = True
                _look_at_tables(installation, engine, found, at)
    except ConfigError as error:
        found.add("files", look_at_files(error.problems))
    except StoreError as error:
        found.add("database", unreachable(str(error)))
    else:
        if looked and sample is not None:
            _look_at_book(installation, found, at, sample)


def _has_its_keys(engine: Engine, found: Diagnosis) -> bool:
    """Return whether what is sealed can be read; nothing else of the tables can be looked at where it can't."""
    from reminder.pipeline.doctor import look_at_keys
    from reminder.store.rekeying import amiss, standing
    from reminder.store.sealed import keyring_of

    with engine.connect() as connection:
        wrong = amiss(standing(connection), keyring_of(engine.dialect))
    found.add("schema", look_at_keys(wrong))
    return not wrong


def _look_at_clock(frame: Frame, engine: Engine, found: Diagnosis) -> None:
    from reminder.pipeline.doctor import look_at_clock
    from reminder.store.clock import database_now

    with engine.connect() as connection:
        before = frame.now()
        theirs = database_now(connection)
        found.add("clock", look_at_clock(theirs, before, frame.now()))


def _look_at_tables(installation: Installation, engine: Engine, found: Diagnosis, at: datetime) -> None:
    from reminder.pipeline.doctor import (
        look_at_daemons,
        look_at_leader,
        look_at_outbox,
        look_at_plans,
        look_at_watch,
    )
    from reminder.pipeline.troubles import Calendar
    from reminder.store import gateway_states, leases
    from reminder.store.clock import common_instant

    with engine.connect() as connection:
        _look_at_gateways(installation, found, gateway_states.paused(connection, at))
        lease_seconds = installation.settings.dispatch.lease_seconds
        found.add("outbox", look_at_outbox(connection, at, lease_seconds=lease_seconds))
        leader = look_at_leader(leases.current(connection, leases.LEADER), common_instant(connection, at))
        found.add("plans", [*look_at_plans(connection, at), *leader, *look_at_daemons(connection, at)])
        schedule = installation.settings.schedule
        found.add("plans", look_at_watch(connection, Calendar(schedule.timezone, schedule.plan_at), at))


def _look_at_gateways(installation: Installation, found: Diagnosis, paused: dict[str, GatewayPause]) -> None:
    from reminder.app import gateways_of
    from reminder.errors import ConfigError
    from reminder.pipeline.doctor import look_at_files, look_at_gateways

    try:
        built, absent = gateways_of(installation)
    except ConfigError as error:
        found.add("files", look_at_files(error.problems))
        return
    found.add("gateways", look_at_gateways(installation.policies.policies, built, absent, paused))


def _look_at_book(installation: Installation, found: Diagnosis, at: datetime, sample: int) -> None:
    from reminder.app import open_deployment
    from reminder.book.check import check_book
    from reminder.book.findings import BookError
    from reminder.errors import ConfigError, StoreError
    from reminder.pipeline.doctor import book_unreachable, look_at_book

    try:
        with open_deployment(installation, read_only=True) as deployment:
            book = deployment.book
            report = check_book(book.engine, book, at=at, sample=sample, region=deployment.region)
    except BookError as error:
        found.add("book", look_at_book(error.findings))
    except StoreError as error:  # the book may live in another database than the outbox
        found.add("book", book_unreachable(str(error)))
    except ConfigError:
        return  # of the gateways, and told already: the book can't be opened without them
    else:
        found.add("book", look_at_book(report.findings))


def _show(found: Diagnosis) -> None:
    from reminder.cli.output import clean
    from reminder.pipeline.diagnosis import CODES

    parts = {finding.part for finding in found.findings}
    for part in found.looked_at:
        if part not in parts:
            click.echo(f"{'ok':<8} {part}")
    for finding in found.findings:
        colour = "red" if finding.is_error else "yellow"
        click.secho(f"{finding.code:<8} {finding.part}: {CODES[finding.code]}", fg=colour)
        for word, said in (
            ("expected", finding.expected),
            ("found", finding.found_with_examples),
            ("do", finding.hint),
        ):
            click.echo(f"{'':<8} {word:<8} {clean(said)}")
    if found.not_looked_at:
        click.echo(f"Not looked at: {', '.join(found.not_looked_at)}.")
    errors = sum(finding.is_error for finding in found.findings)
    click.echo(f"{errors} errors, {len(found.findings) - errors} warnings.")


def _data(found: Diagnosis, at: datetime) -> dict[str, object]:
    return {
        "at": at,
        "well": found.well,
        "looked_at": found.looked_at,
        "not_looked_at": found.not_looked_at,
        "findings": [_finding_data(finding) for finding in found.findings],
    }


def _finding_data(finding: Finding) -> dict[str, object]:
    from reminder.pipeline.diagnosis import CODES

    return {
        "code": finding.code, "severity": "error" if finding.is_error else "warning", "part": finding.part,
        "says": CODES[finding.code], "expected": finding.expected, "found": finding.found, "hint": finding.hint,
        "count": finding.count, "examples": finding.examples,
    }  # fmt: skip
