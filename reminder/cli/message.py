"""`reminder message`: is a text that a customer asks about one of ours?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reminder.cli.frame import EXIT_FAILURE, EXIT_USAGE, Frame, json_option, pass_frame

if TYPE_CHECKING:
    from sqlalchemy import Row

__all__ = ["message"]

TEXTS_SHOWN_MAX = 10
"""How many texts with one code are shown. More than one is the same text tried again, or one chance in billions."""


@click.group()
def message() -> None:
    """Tell whether a text that a customer asks about is ours."""


@message.command("new-key")
@pass_frame
def new_key(frame: Frame) -> None:
    """Make the key of check codes, where there is none yet.

    Every machine of the deployment needs the same file. Codes of an older key are still known: what was sent is kept
    with its code.

    \b
    Example:
      reminder message new-key
    """
    from reminder.config.check_key import write_check_key

    path = Path(frame.installation.settings.check_key_file)
    write_check_key(path)
    click.echo(f"Made {path}: keep it secret, and out of version control.")


@message.command()
@click.argument("code")
@click.option("--number", help="The caller's number: was the text sent there?")
@json_option
@pass_frame
@click.pass_context
def verify(ctx: click.Context, frame: Frame, code: str, number: str | None, as_json: bool) -> None:
    """Say which text carried CODE, for the hotline that a customer asks.

    A code proves that a text was made here. That it was made for the caller only `--number` tells: fraudsters can
    copy a code out of a text of their own. Numbers are masked, and the text itself isn't shown.

    Exit codes: 0 ours (and sent to NUMBER), 1 none of ours or sent to another number, 2 a slip in the code.

    \b
    Examples:
      reminder message verify K7QM4RXP
      reminder message verify "k7qm 4rxp" --number 13800138000
    """
    from reminder.cli.output import emit_json
    from reminder.domain.check_code import read_code
    from reminder.domain.phone import parse_phone
    from reminder.store.attempts import with_check_code

    read = read_code(code)
    caller = parse_phone(number, frame.installation.settings.default_region).e164 if number else None
    rows: list[Row[Any]] = []
    if read is not None:
        with frame.database(read_only=True) as engine, engine.connect() as connection:
            rows = list(with_check_code(connection, read, limit=TEXTS_SHOWN_MAX))
    theirs = [row for row in rows if caller is None or row.number == caller]
    verdict = "slip" if read is None else "none" if not rows else "ours" if theirs else "another_number"
    if as_json:
        emit_json({"verdict": verdict, "code": read, "texts": [_data(row) for row in theirs or rows]})
    else:
        _tell(frame, verdict, theirs or rows)
    ctx.exit({"slip": EXIT_USAGE, "ours": 0}.get(verdict, EXIT_FAILURE))


def _data(row: Row[Any]) -> dict[str, Any]:
    from reminder.domain.phone import mask_phone

    names = ("started_at", "policy", "template", "language", "gateway", "outcome", "customer_id", "reference")
    return {name: getattr(row, name) for name in names} | {"to": mask_phone(row.number)}


_SAID = {
    "slip": "There is a slip in this code: ask the caller to read it out again.",
    "none": "None of ours: no text has ever carried this code. Warn the caller of fraud.",
    "another_number": "Ours, but sent to another number: warn the caller that the code was copied.",
    "ours": "Ours.",
}


def _tell(frame: Frame, verdict: str, rows: list[Row[Any]]) -> None:
    from reminder.cli.output import clean, instant, table

    click.secho(_SAID[verdict], fg="green" if verdict == "ours" else "red", bold=True)
    if not rows:
        return
    zone = frame.installation.settings.schedule.timezone
    told = [_data(row) for row in rows]
    table(
        ("sent", "to", "policy", "template", "gateway", "answer"),
        [
            (instant(one["started_at"], zone), one["to"], one["policy"], clean(one["template"]), one["gateway"],
             one["outcome"] or "none yet")
            for one in told
        ],
    )  # fmt: skip
