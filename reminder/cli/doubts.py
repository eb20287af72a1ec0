"""`reminder outbox doubts`: what is known of texts whose answer was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from reminder.cli.frame import Frame, json_option, limit_option, pass_frame

if TYPE_CHECKING:
    from sqlalchemy import Row

__all__ = ["doubts"]


@click.command()
@limit_option(50)
@json_option
@pass_frame
def doubts(frame: Frame, limit: int, as_json: bool) -> None:
    """List texts whose answer was lost, the oldest first.

    Each is asked for at its provider until that says what became of it. What it can't say is for you: look there by
    number and time, then say it with `reminder outbox resolve`.

    \b
    Example:
      reminder outbox doubts
    """
    from reminder.cli.output import clean, emit_json, instant
    from reminder.store.doubts import listing

    with frame.database(read_only=True) as engine, engine.connect() as connection:
        found = [_data(row) for row in listing(connection, limit=limit)]
    if as_json:
        emit_json(found)
        return
    zone = frame.installation.settings.schedule.timezone
    for one in found:
        click.secho(f"reminder {one['reminder_id']}", bold=True, nl=False)
        more = one["reminders"] - 1
        click.echo(f" and {more} more in the same text" if more else "")
        _show("sent", f"{instant(one['started_at'], zone)} by {clean(one['gateway'])} to {one['to']}")
        _show("why", clean(one["why"]))
        _show("asked", f"{one['asks']} times" + (f": {clean(one['note'])}" if one["note"] else ""))
        _show("asked next", "soon" if one["ask_at"] is None else instant(one["ask_at"], zone))
        _show("reference", clean(one["reference"]))
        _show("text", clean(one["text"].replace("\n", " / ")))
    click.echo(f"{len(found)} in doubt." if found else "Nothing is in doubt.")


def _show(name: str, value: str) -> None:
    click.echo(f"  {name:<11} {value}")


def _data(row: Row[Any]) -> dict[str, Any]:
    from reminder.domain.phone import mask_phone

    names = ("reminder_id", "reminders", "reference", "gateway", "customer_id", "policy", "started_at", "ask_at")
    return {name: getattr(row, name) for name in names} | {
        "to": mask_phone(row.number),
        "why": row.detail or "",
        "asks": row.asks or 0,
        "note": row.note or "",
        "text": row.body,
    }
