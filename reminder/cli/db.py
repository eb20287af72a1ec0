"""`reminder db`: our tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reminder.cli.db_keys import keys, new_key, rotate_key
from reminder.cli.frame import EXIT_FAILURE, Frame, dry_run_option, json_option, pass_frame, who_option

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["db", "note_shape"]


@click.group()
def db() -> None:
    """Make our tables, bring them to the newest shape, and seal what is personal in them."""


db.add_command(new_key)
db.add_command(rotate_key)
db.add_command(keys)


@db.command()
@who_option
@dry_run_option
@pass_frame
def upgrade(frame: Frame, who: str, dry_run: bool) -> None:
    """Make the tables, or bring them to the newest shape.

    Rows are kept. Safe to run at every start, also by several processes at once.

    \b
    Example:
      reminder db upgrade
    """
    from reminder.app import open_database
    from reminder.store.engine import shown
    from reminder.store.upgrade import schema_state
    from reminder.store.upgrade import upgrade as bring_to_head

    with open_database(frame.installation, any_key=True) as engine:
        state = schema_state(engine)
        place = shown(engine.url)
        if state.up_to_date:
            click.echo(f"{place} is of this release already: schema {state.head}.")
        elif dry_run:
            click.echo(f"{place} would go from schema {state.current or 'none'} to {state.head}.")
        else:
            head = bring_to_head(engine, note=lambda connection, before: note_shape(frame, connection, before, who))
            click.echo(f"{place} went from schema {state.current or 'none'} to {head}.")


def note_shape(frame: Frame, connection: Connection, before: str, who: str) -> None:
    """Write down that our tables went from one shape, or from none, to the newest, and by whom."""
    from reminder.domain.record import Actor, Entry, Kind
    from reminder.store.record import append
    from reminder.store.upgrade import HEAD

    append(connection, [Entry(Kind.SCHEMA, Actor.OPERATOR, who, was=before, became=HEAD)], at=frame.now())


@db.command()
@json_option
@pass_frame
def status(frame: Frame, as_json: bool) -> None:
    """Say which shape the tables have.

    Exit code 1 where it is not the one that this program works with.

    \b
    Example:
      reminder db status
    """
    from reminder.app import open_database
    from reminder.cli.output import emit_json
    from reminder.store.engine import shown
    from reminder.store.upgrade import schema_state

    with open_database(frame.installation, read_only=True, any_key=True) as engine:
        state = schema_state(engine)
        place = shown(engine.url)
    if as_json:
        emit_json({"database": place, "schema": state.current, "wanted": state.head, "current": state.up_to_date})
    elif state.up_to_date:
        click.echo(f"{place}: schema {state.current}, as it should be.")
    else:
        click.echo(f"{place}: schema {state.current or 'none'}, expected {state.head}: run `reminder db upgrade`.")
    if not state.up_to_date:
        click.get_current_context().exit(EXIT_FAILURE)
