"""Cells that a spreadsheet must not take for a formula (law 11): an apostrophe keeps them text, and is taken off again.

Spreadsheets run what begins like a formula, whoever wrote it: a reason of `=cmd()` would be code on the desk of whoever
opens the file. The apostrophe is what they themselves put before such a text.
"""

from __future__ import annotations

__all__ = ["armoured", "bared"]

_TELLING = frozenset("=+-@\t\r\n'＝＋－＠")
"""First characters of what spreadsheets take for a formula, their full-width twins, and the apostrophe itself."""


def armoured(text: str) -> str:
    """Return the text as a cell that is data in every spreadsheet; `bared` gives back the text."""
    return f"'{text}" if text[:1] in _TELLING else text


def bared(cell: str) -> str:
    """Return the text of a cell without its armour; a cell that has none is its own text."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in _TELLING else cell
