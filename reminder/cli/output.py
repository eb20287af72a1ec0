"""What commands print: tables, JSON, progress, problems.

People at a terminal get colours and lines; a pipe or a file gets plain aligned text without either; programs ask for
`--json`. Whatever comes from the book is printed as data: no escape sequence, no markup, no line of its own (law 11).
"""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path, PurePath
from typing import TYPE_CHECKING
from unicodedata import category
from zoneinfo import ZoneInfo

import click

from reminder.errors import Problem

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["as_typed", "clean", "emit_json", "emit_problems", "instant", "progress", "table"]

PATIENCE_SECONDS = 2.0
"""Work that is done sooner shows no progress."""

_KEPT = "\u200d"  # joins the parts of an emoji
_HIDING = ("Cc", "Cf", "Cs", "Zl", "Zp")


def as_typed() -> str:
    """Return what to type for this program: its name where the shell finds that, else the path it was called by."""
    called = Path(sys.argv[0])
    return shlex.quote(str(called)) if called.name == "reminder" and not shutil.which("reminder") else "reminder"


def clean(value: object) -> str:
    """Return a value as text on one line that no terminal obeys; None is empty."""
    if value is None:
        return ""
    text = value.value if isinstance(value, Enum) else value
    return "".join(_shown(character) for character in str(text))


def _shown(character: str) -> str:
    if character in "\r\n\t":
        return " "
    return "\ufffd" if category(character) in _HIDING and character != _KEPT else character


def instant(at: datetime | None, zone: str = "UTC") -> str:
    """Return an instant as people read it in `zone`: `2026-07-28 10:00 Asia/Shanghai`; None is empty."""
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} {zone}" if at else ""


def table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Collection[str] = (), title: str = ""
) -> None:
    """Print rows under the names of their columns; the columns named in `right` are aligned to the right.

    Rows are held in memory, for widths depend on all of them: ask for a page, not for a book.
    """
    cells = [[clean(value) for value in row] for row in rows]
    if sys.stdout.isatty():
        _table_for_people(columns, cells, right, title)
        return
    if title:
        click.echo(title)
    for line in _aligned([list(columns), *cells], [name in right for name in columns]):
        click.echo(line)


def _table_for_people(columns: Sequence[str], cells: list[list[str]], right: Collection[str], title: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for name in columns:
        shown.add_column(Text(name), justify="right" if name in right else "left", overflow="fold")
    for row in cells:
        # As Text, for a plain string would be read as markup.
        shown.add_row(*(Text(cell) for cell in row))
    Console().print(shown)


def _aligned(rows: Sequence[Sequence[str]], right: Sequence[bool]) -> Iterator[str]:
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = [
            " " * (width - cell_len(cell)) + cell if to_the_right else cell + " " * (width - cell_len(cell))
            for cell, width, to_the_right in zip(row, widths, right, strict=True)
        ]
        yield "  ".join(padded).rstrip()


def emit_json(value: object) -> None:
    """Print a value as JSON: instants and dates as ISO 8601, amounts as text, keys in the order they are given."""
    text = json.dumps(_plain(value), ensure_ascii=False, indent=2)
    # Half of a surrogate pair has no UTF-8.
    click.echo(text.encode("utf-8", "replace").decode())


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal | PurePath):
        return str(value)
    return _plain_parts(value)


def _plain_parts(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(_plain(key)): _plain(each) for key, each in value.items()}
    if isinstance(value, Set):
        return sorted(_plain(each) for each in value)  # type: ignore[type-var]  # sets here hold names
    return [_plain(each) for each in value] if isinstance(value, Sequence) and not isinstance(value, str) else value


def emit_problems(problems: Iterable[Problem], *, err: bool = True) -> None:
    """Print every problem on a line of its own, `path:line:column: …`; errors first, then warnings."""
    for problem in sorted(problems, key=lambda each: each.warning):
        click.secho(clean(problem), fg="yellow" if problem.warning else "red", err=err)


@contextmanager
def progress(label: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Lend a function to be told how many more are done; after two seconds a terminal shows how far the work is.

    Nothing is shown where stderr is no terminal.
    """
    if not sys.stderr.isatty():
        yield lambda _more: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=_stderr(), transient=True)
    task, began = bar.add_task(label, total=total), time.monotonic()

    def advance(more: int) -> None:
        bar.advance(task, more)
        if not bar.live.is_started and time.monotonic() - began > PATIENCE_SECONDS:
            bar.start()

    try:
        yield advance
    finally:
        bar.stop()


def _stderr() -> Console:
    from rich.console import Console

    return Console(stderr=True)
