"""Transactions that run beside others are done again where the database broke a deadlock: no room forgets that."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUSY = sorted(path for room in ("pipeline", "daemon") for path in (ROOT / "reminder" / room).glob("*.py"))
BY_THEMSELVES = {
    "agreements.py": 1,  # a plan that fails is planned again by the next tick
    "alerting.py": 1,  # who has told an alert holds its rows, and nobody else writes them
    "company.py": 3,  # one row of its own, that no other process writes, and those of daemons that are gone
    "housekeeping.py": 1,  # versions, noted before a tick; the next tick tries again
    "leadership.py": 1,  # giving the lead back: it ends by itself
    "reload.py": 3,  # one row of its own, that no other process writes
}
"""File -> how many of its transactions may begin without `in_transaction`, and why."""


@pytest.mark.parametrize("path", BUSY, ids=lambda path: path.name)
def test_transactions_outlive_a_deadlock(path: Path) -> None:
    """Law 4: a daemon's work is not lost because MariaDB undid it in favour of another process's."""
    begun = re.findall(r"\bengine\.begin\(\)", path.read_text(encoding="utf-8"))

    assert len(begun) <= BY_THEMSELVES.get(path.name, 0), f"{path}: use reminder.store.deadlocks.in_transaction"


def test_the_exceptions_are_needed() -> None:
    """A file that needs no exception any more is not excepted."""
    names = {path.name: path.read_text(encoding="utf-8").count("engine.begin()") for path in BUSY}

    assert {name: names[name] for name in BY_THEMSELVES} == BY_THEMSELVES
