"""`reminder db new-key`, `rotate-key` and `keys`: what numbers and texts are sealed with."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reminder.cli.frame import EXIT_FAILURE, Frame, dry_run_option, json_option, pass_frame, who_option

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Engine

__all__ = ["keys", "new_key", "rotate_key"]

SIGN_OF_LIFE = timedelta(minutes=5)
"""A daemon that was heard of within this time is taken to be at work; at work, it says so every few seconds."""

_TOLD_EVERY_ROWS = 10_000


@click.command("new-key")
@pass_frame
def new_key(frame: Frame) -> None:
    """Put a new key before those in the key file, or make the file.

    The file is `encryption_key_file` of the settings. Every machine of the deployment needs the same file, and nothing
    but `reminder db rotate-key` starts until the database is sealed with the new key. Keep a copy apart from the
    database's backups: without the key nobody can read numbers and texts. Older keys stay in the file; take them out
    when no backup that you keep needs them.

    \b
    Example:
      reminder db new-key
    """
    from reminder.config.encryption_key import add_encryption_key

    path = Path(_key_file(frame))
    count = add_encryption_key(path)
    click.echo(f"{path} has {count} {'key' if count == 1 else 'keys'} now: keep it secret, and out of version control.")
    click.echo("Where the database has tables already, stop what uses it and run `reminder db rotate-key`.")


@click.command("rotate-key")
@click.option("--off", is_flag=True, help="Write everything as plain text instead.")
@who_option
@dry_run_option
@pass_frame
def rotate_key(frame: Frame, off: bool, who: str, dry_run: bool) -> None:
    """Seal every number and text with the newest key.

    Rows that are plain, or sealed with an older key, are rewritten, a few hundred in a transaction. Stop daemons and
    `reminder web` before. If it is interrupted, the database stays closed to everything else until it was run again to
    its end. With `--off` everything is written as plain text; then take `encryption_key_file` out of the settings.

    What a server keeps of older rows (dead rows, logs, backups) is not rewritten.

    \b
    Examples:
      reminder db rotate-key --dry-run
      reminder db rotate-key
      reminder db rotate-key --off
    """
    from reminder.app import open_database
    from reminder.store import rekeying
    from reminder.store.upgrade import require_current

    _key_file(frame)
    with open_database(frame.installation, read_only=dry_run, any_key=True) as engine:
        require_current(engine)
        if dry_run:
            with engine.connect() as connection:
                _tell("would be rewritten", rekeying.count_left(connection, off=off))
            return
        _require_alone(engine, frame.now())
        with engine.connect() as connection:
            before = ",".join(rekeying.standing(connection))
        done = rekeying.rewrite(engine, off=off, tell=_progress)
        with engine.begin() as connection:
            _note(connection, before, who, frame.now())
    _tell("rewritten", done)


def _require_alone(engine: Engine, at: datetime) -> None:
    from reminder.errors import StoreError
    from reminder.store import daemons

    with engine.connect() as connection:
        working = [sign.owner for sign in daemons.listing(connection, at) if sign.seen_at > at - SIGN_OF_LIFE]
    if working:
        raise StoreError(
            f"expected no daemon at work, found {', '.join(working)}: stop it, and `reminder web` too, for it would go "
            "on to write with the older key; one that died counts as gone after five minutes"
        )


def _note(connection: Connection, before: str, who: str, at: datetime) -> None:
    from reminder.domain.record import Actor, Entry, Kind
    from reminder.store import record, rekeying

    now = ",".join(rekeying.standing(connection))
    if now != before:
        entry = Entry(Kind.KEY, Actor.OPERATOR, who, subject="encryption", was=before, became=now)
        record.append(connection, [entry], at=at)


def _progress(table: str, done: int) -> None:
    if done % _TOLD_EVERY_ROWS == 0:
        click.echo(f"{table}: {done:,} rows so far", err=True)


def _tell(what: str, counts: dict[str, int]) -> None:
    for table, count in counts.items():
        click.echo(f"{table}: {count:,} rows {what}.")
    if not counts:
        click.echo("Nothing is left to rewrite.")


def _key_file(frame: Frame) -> str:
    from reminder.errors import StoreError

    path = frame.installation.settings.encryption_key_file
    if path is None:
        raise StoreError(
            "expected `encryption_key_file` in the settings, found none: write the line there, then run "
            "`reminder db new-key`"
        )
    return path


@click.command()
@json_option
@pass_frame
def keys(frame: Frame, as_json: bool) -> None:
    """Say which keys the deployment has, and which the database is sealed with, by fingerprint.

    Exit code 1 where the two don't go together.

    \b
    Example:
      reminder db keys
    """
    from reminder.app import open_database
    from reminder.cli.output import emit_json
    from reminder.store import rekeying
    from reminder.store.sealed import keyring_of
    from reminder.store.upgrade import require_current

    with open_database(frame.installation, read_only=True, any_key=True) as engine:
        require_current(engine)
        keyring = keyring_of(engine.dialect)
        with engine.connect() as connection:
            found = rekeying.standing(connection)
    ours, wrong = keyring.fingerprints if keyring else (), rekeying.amiss(found, keyring)
    if as_json:
        emit_json({"keys": list(ours), "sealed_with": list(found), "problem": wrong or None})
    else:
        click.echo(f"keys: {', '.join(ours) or 'none'}")
        click.echo(f"sealed with: {', '.join(found)}")
        click.echo(wrong, nl=bool(wrong))
    if wrong:
        click.get_current_context().exit(EXIT_FAILURE)
