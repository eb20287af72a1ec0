"""`reminder inbound`: what customers wrote, and what was done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from reminder.cli.frame import Frame, dry_run_option, json_option, limit_option, pass_frame, who_option

if TYPE_CHECKING:
    from sqlalchemy import Row

__all__ = ["inbound"]


@click.group()
def inbound() -> None:
    """Look at what customers wrote, and mark it as dealt with."""


@inbound.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that nobody needs to look at any more.")
@limit_option(50)
@json_option
@pass_frame
def list_(frame: Frame, everything: bool, limit: int, as_json: bool) -> None:
    """List customers' texts that wait for a person, the oldest first; numbers are masked, texts left out.

    \b
    Example:
      reminder inbound list
    """
    from reminder.cli.output import emit_json, instant, table
    from reminder.store import inbound as store

    with frame.database(read_only=True) as engine, engine.connect() as connection:
        found = store.listing(connection, waiting_only=not everything, limit=limit)
    if as_json:
        emit_json([_data(row) for row in found])
        return
    zone = frame.installation.settings.schedule.timezone
    columns = ("id", "received", "gateway", "from", "customer", "meaning", "done at once", "waits")
    rows = (
        (data["inbound_id"], instant(row.received_at, zone), row.gateway, data["number"], row.customer_id, row.meaning,
         row.acted, "yes" if row.waits else "")
        for row, data in ((row, _data(row)) for row in found)
    )  # fmt: skip
    table(columns, rows, right=("id",))
    if not found:
        click.echo("Nothing waits for a person." if not everything else "No customer has written.")


@inbound.command()
@click.argument("text", type=int)
@json_option
@pass_frame
def show(frame: Frame, text: int, as_json: bool) -> None:
    """Show one text of a customer, with its words.

    \b
    Example:
      reminder inbound show 12
    """
    from reminder.cli.output import clean, emit_json
    from reminder.store import inbound as store

    with frame.database(read_only=True) as engine, engine.connect() as connection:
        row = store.by_id(connection, text)
    if row is None:
        raise _none_called(text)
    if as_json:
        emit_json(_data(row) | {"body": row.body})
        return
    for name, value in _data(row).items():
        click.echo(f"{name.replace('_', ' '):<16} {clean(value)}".rstrip())
    for line in row.body.split("\n"):
        click.echo(f"    {clean(line)}")


@inbound.command()
@click.argument("text", type=int)
@click.option("--note", required=True, help="What was done. Kept with the text.")
@who_option
@dry_run_option
@pass_frame
def done(frame: Frame, text: int, note: str, who: str, dry_run: bool) -> None:
    """Mark a customer's text as dealt with. Holds that it opened stay: see `reminder hold list`.

    \b
    Example:
      reminder inbound done 12 --note "payment found, hold released"
    """
    from reminder.errors import StoreError
    from reminder.store import inbound as store

    with frame.writing(dry_run=dry_run) as connection:
        if store.by_id(connection, text) is None:
            raise _none_called(text)
        if not store.close(connection, text, who=who, note=note, at=frame.now()):
            raise StoreError(f"expected a text that waits for a person, found {text}, which does not: nothing to do")
    click.echo(f"{text} {'would be' if dry_run else 'is'} dealt with.")


def _none_called(text: int) -> Exception:
    from reminder.errors import StoreError

    return StoreError(f"expected a text of a customer, found none with id {text}: see `reminder inbound list --all`")


def _data(row: Row[Any]) -> dict[str, object]:
    from reminder.domain.phone import mask_phone

    names = (
        "inbound_id", "received_at", "gateway", "number", "addressee", "customer_id", "meaning", "acted", "waits",
        "reply_outcome", "done_at", "done_by", "note",
    )  # fmt: skip
    data = {name: getattr(row, name) for name in names}
    return data | {name: mask_phone(str(data[name])) for name in ("number", "addressee")}
