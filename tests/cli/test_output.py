"""What commands print: tables that hostile data can't break, JSON that programs can rely on."""

from __future__ import annotations

import io
import json
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from reminder.cli import output
from reminder.cli.output import as_typed, clean, emit_json, emit_problems, instant, progress, table
from reminder.errors import Problem


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Return that it is one."""
        return True


class Colour(StrEnum):
    """Something to print."""

    RED = "red"


@dataclass(frozen=True)
class Thing:
    """Something with parts."""

    when: datetime
    amount: Decimal


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param(None, "", id="nothing"),
        pytest.param(Colour.RED, "red", id="a word of ours"),
        pytest.param("a\nb\tc\r", "a b c ", id="line breaks"),
        pytest.param("\x1b[31mred", "\ufffd[31mred", id="escape sequence"),
        pytest.param("abc\u202edef", "abc\ufffddef", id="text turned around"),
        pytest.param("\ud800", "\ufffd", id="half a pair"),
        pytest.param("{{ 7*7 }} =cmd() [bold]x[/]", "{{ 7*7 }} =cmd() [bold]x[/]", id="code stays text"),
        pytest.param("👩\u200d💻", "👩\u200d💻", id="a joined emoji"),
    ],
)
def test_a_cell_is_text_on_one_line_that_no_terminal_obeys(value: object, shown: str) -> None:
    """Law 11: data is never code, wherever it is printed."""
    assert clean(value) == shown


@given(rows=st.lists(st.tuples(st.text(max_size=12), st.integers()), max_size=6))
def test_no_data_breaks_a_table(rows: list[tuple[str, int]]) -> None:
    """Law 11: one line a row, whatever the cells hold."""
    with pytest.MonkeyPatch.context() as patch:
        printed = io.StringIO()
        patch.setattr(sys, "stdout", printed)
        table(("name", "number"), rows, right=("number",))
        lines = printed.getvalue().split("\n")

    assert len(lines) == len(rows) + 2


def test_columns_are_aligned_by_what_is_seen(capsys: pytest.CaptureFixture[str]) -> None:
    """A Chinese character is two columns wide; numbers stand to the right."""
    table(("name", "n"), [("王小明", 5), ("Ann", 1234)], right=("n",), title="People")

    assert capsys.readouterr().out == "People\nname       n\n王小明     5\nAnn     1234\n"


def test_a_terminal_gets_lines_without_obeying_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    """Law 11: `[red]` in a name is printed, not obeyed; rows and heads are all there."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "100")
    table(("name", "n"), [("[red]Ann[/red] 王", 1)], right=("n",))

    assert "[red]Ann[/red] 王" in terminal.getvalue()
    assert "─" in terminal.getvalue()


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR keeps a terminal's table free of colours."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    table(("name",), [("Ann",)])

    assert "\x1b[3" not in terminal.getvalue()


def test_json_keeps_order_and_writes_values_plainly(capsys: pytest.CaptureFixture[str]) -> None:
    """Instants in UTC, amounts as text, sets sorted, Chinese as it is: stable for programs."""
    at = datetime(2026, 7, 28, 10, 0, tzinfo=timezone(timedelta(hours=8)))
    emit_json(
        {
            "z": Thing(at, Decimal("1.50")),
            "a": Colour.RED,
            "set": frozenset({"b", "a"}),
            "count": Counter({Colour.RED: 2}),
            "day": date(2026, 7, 28),
            "path": Path("x/y"),
            "list": (1, None, True),
            "name": "王",
        }
    )
    text = capsys.readouterr().out

    assert json.loads(text) == {
        "z": {"when": "2026-07-28T02:00:00Z", "amount": "1.50"},
        "a": "red",
        "set": ["a", "b"],
        "count": {"red": 2},
        "day": "2026-07-28",
        "path": "x/y",
        "list": [1, None, True],
        "name": "王",
    }
    assert list(json.loads(text))[:2] == ["z", "a"]
    assert "王" in text


def test_json_survives_half_a_pair(capsys: pytest.CaptureFixture[str]) -> None:
    """Law 9: one row that has no UTF-8 doesn't take the others with it."""
    emit_json(["\ud800", "b"])

    assert json.loads(capsys.readouterr().out) == ["?", "b"]


def test_an_instant_is_shown_with_its_zone() -> None:
    """No hour without its zone."""
    assert instant(datetime(2026, 7, 28, 2, 0, tzinfo=UTC), "Asia/Shanghai") == "2026-07-28 10:00 Asia/Shanghai"
    assert instant(None) == ""


def test_problems_are_lines_errors_first(capsys: pytest.CaptureFixture[str]) -> None:
    """`path:line:column: …`, one a line, so that editors can jump there."""
    emit_problems([Problem("a", 1, 1, "odd", warning=True), Problem("b", 2, 3, "wrong\nhere")])

    assert capsys.readouterr().err == "b:2:3: wrong here\na:1:1: warning: odd\n"


def test_progress_says_nothing_to_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """A log file is not filled with bars."""
    with progress("Importing") as advance:
        advance(5)

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("patience", "shown"), [pytest.param(-1.0, True, id="long work"), pytest.param(60.0, False, id="short work")]
)
def test_a_terminal_sees_progress_of_long_work_only(
    monkeypatch: pytest.MonkeyPatch, patience: float, shown: bool
) -> None:
    """After two seconds a person sees how far it is; before that nothing flickers."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(output, "PATIENCE_SECONDS", patience)
    with progress("Importing", total=10) as advance:
        advance(5)
        advance(5)

    assert ("Importing" in terminal.getvalue()) is shown


def test_widths_are_those_of_a_terminal() -> None:
    """What the table's alignment rests on: rich knows that Han is wide."""
    assert cell_len("王") == 2


@pytest.mark.parametrize(
    ("called", "found", "typed"),
    [
        pytest.param(".venv/bin/reminder", False, ".venv/bin/reminder", id="by its path"),
        pytest.param(".venv/bin/reminder", True, "reminder", id="in the path of the shell"),
        pytest.param("my apps/reminder", False, "'my apps/reminder'", id="with a space"),
        pytest.param("/somewhere/reminder/__main__.py", False, "reminder", id="as a module"),
    ],
)
def test_what_a_newcomer_is_told_to_type_works(
    called: str, found: bool, typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that the shell does not find is told by its path, so that it can be copied from the screen."""
    if found:
        (tmp_path / "reminder").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.argv", [called])

    assert as_typed() == typed
