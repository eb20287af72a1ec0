"""Cells of lists that people open: data, whatever they say (law 11)."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reminder.book.csv_cells import armoured, bared

FORMULAS = ["=cmd|'/C calc'!A0", "+1+1", "-2", "@SUM(1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠A1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_spreadsheet_runs_what_somebody_typed(text: str) -> None:
    """Law 11: what would be a formula begins with the apostrophe that spreadsheets themselves put before text."""
    assert armoured(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "STOP", "letter of 3 May", "退订", "a=b", "1+1", " =1"])
def test_what_is_no_formula_stays_as_it_is(text: str) -> None:
    """Nothing is changed that needs no change."""
    assert armoured(text) == text


@given(st.text())
@example("'")
@example("''")
@example("'=1")
@example("'hello'")
def test_a_text_comes_back_as_it_was(text: str) -> None:
    """Armour goes on and comes off: no text is lost, whatever it is, also one that begins with an apostrophe."""
    assert bared(armoured(text)) == text


@given(st.text())
def test_no_cell_begins_like_a_formula(text: str) -> None:
    """Law 11, of every text there is."""
    assert armoured(text)[:1] not in set("=+-@\t\r\n＝＋－＠")
