"""`reminder sms`: what a text costs."""

from __future__ import annotations

import sys
import unicodedata
from typing import TYPE_CHECKING

import click

from reminder.cli.frame import json_option

if TYPE_CHECKING:
    from reminder.domain.segments import Segmentation

__all__ = ["sms"]

FORCING_SHOWN_MAX = 8
"""How many of the characters that force UCS-2 are named; a Chinese text has nothing else."""


@click.group()
def sms() -> None:
    """Count the segments of a text."""


@sms.command()
@click.argument("text")
@click.option("--cn", is_flag=True, help="Count as mainland China's gateways do: every character is one.")
@json_option
def count(text: str, cn: bool, as_json: bool) -> None:
    """Count the segments of TEXT; `-` reads it from standard input.

    A text in GSM-7 holds 160 units, or 153 in each of several segments; one character outside of it makes that 70, or
    67. Such characters are listed.

    \b
    Examples:
      reminder sms count "Your payment of USD 120.00 is due tomorrow."
      reminder sms count --cn "您的还款日是明天。"
    """
    from reminder.cli.output import emit_json
    from reminder.domain.segments import Counting, forcing, segment, smooth

    if text == "-":
        text = sys.stdin.read().rstrip("\r\n")
    counting = Counting.CN if cn else Counting.GSM
    plain = smooth(text)
    as_is, smoothed = segment(text, counting), segment(plain, counting)
    odd, left = ((), ()) if cn else (forcing(text), forcing(plain))
    if as_json:
        emit_json({"as_is": _report(as_is, odd), "smoothed": _report(smoothed, left)})
        return
    click.echo(_line(as_is))
    for character in odd[:FORCING_SHOWN_MAX]:
        click.echo(f"  not in GSM-7: {_named(character)}")
    if len(odd) > FORCING_SHOWN_MAX:
        click.echo(f"  and {len(odd) - FORCING_SHOWN_MAX} more characters that are not in GSM-7")
    if (smoothed, left) != (as_is, odd):
        click.echo(f"As this program sends it, with plain quotes, dashes and spaces: {_line(smoothed)}")


def _line(packed: Segmentation) -> str:
    units = "1 unit" if packed.units == 1 else f"{packed.units} units"
    segments = "1 segment" if packed.segments == 1 else f"{packed.segments} segments"
    return f"{segments}: {units} of {packed.encoding}"


def _report(packed: Segmentation, odd: tuple[str, ...]) -> dict[str, object]:
    return {
        "encoding": packed.encoding,
        "units": packed.units,
        "segments": packed.segments,
        "forcing": list(odd),
    }


def _named(character: str) -> str:
    shown = character if character.isprintable() else "\ufffd"
    return f"{shown} U+{ord(character):04X} {unicodedata.name(character, 'without a name').lower()}"
