"""`reminder retention`: what goes is shown beforehand, goes when asked, and nothing goes by default."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result

from reminder.app import now, open_database
from reminder.domain.lifecycle import State
from reminder.installation import read_installation
from support.outbox_rows import remind, write_attempt

Run = Callable[..., Result]
Edit = Callable[..., Path]
NUMBER = "+8613800138000"
COMMENT = "# retention: {texts: 1095d, replies: 1095d, receipts: 1095d, words: 1095d}"


@pytest.fixture
def texted(folder: Path) -> None:
    """A deployment that sent one text four years ago and one a year ago."""
    with open_database(read_installation(folder / "config", {})) as engine, engine.begin() as connection:
        for name, days in (("old", 1460), ("young", 365)):
            at = now() - timedelta(days=days)
            reference = write_attempt(connection, name, number=NUMBER, started_at=at)
            remind(connection, name, state=State.SENT.value, reference=reference, planned_at=at, changed_at=at)


@pytest.mark.usefixtures("texted")
def test_everything_is_kept_unless_told_otherwise(reminder: Run) -> None:
    """A deployment as `init` writes it forgets nothing by itself, and says so."""
    shown = json.loads(reminder("retention", "show", "--json").stdout)
    assert {each["what"]: each["days"] for each in shown} == dict.fromkeys(("texts", "replies", "receipts", "words"))
    ran = reminder("retention", "run")
    assert (ran.exit_code, ran.stdout) == (
        0, "Everything is kept for good: `retention` of config/reminder.yaml names no age.\n",
    )  # fmt: skip


@pytest.mark.usefixtures("texted")
def test_dry_run_names_what_a_run_then_takes(reminder: Run, edit: Edit) -> None:
    """Law 1 in small: shown, tried and done are one count; the act is on record with its person, and verifies."""
    edit("config/reminder.yaml", COMMENT, COMMENT.removeprefix("# "))
    assert "texts     1095 days  attempt 1" in reminder("retention", "show").stdout
    tried = json.loads(reminder("retention", "run", "--dry-run", "--json").stdout)
    done = reminder("retention", "run", "--who", "li.na")
    again = reminder("retention", "run")

    assert tried["rows"]["texts"] == {"attempt": 1, "outbox": 0, "record_private": 0}
    assert [line.split() for line in done.stdout.splitlines()] == [["what", "table", "rows"], ["texts", "attempt", "1"]]
    assert again.stdout == "Nothing is older than its age.\n"
    (entry,) = json.loads(reminder("audit", "list", "--by", "li.na", "--json").stdout)
    assert (entry["kind"], entry["actor"]) == ("retention", "operator")
    assert reminder("audit", "verify").exit_code == 0


@pytest.mark.usefixtures("texted")
def test_dry_run_changes_nothing(reminder: Run, edit: Edit) -> None:
    """Trying it says what would go, as a person reads it, and it is still there afterwards."""
    edit("config/reminder.yaml", COMMENT, COMMENT.removeprefix("# "))
    first, second = (reminder("retention", "run", "--dry-run") for _ in range(2))

    assert first.stdout == second.stdout
    assert "would go" in first.stdout
    assert "nothing was changed" in first.stderr


@pytest.mark.parametrize("section", ["{texts: 90d}", "{replies: 29d}", "{receipts: 1h}", "{words: 0d}", "{logs: 9d}"])
def test_ages_that_are_still_worked_with_are_refused(reminder: Run, edit: Edit, section: str) -> None:
    """Law 10: a cap may look back 366 days, so no setting takes the numbers that it counts; nor unknown ones."""
    edit("config/reminder.yaml", COMMENT, f"retention: {section}")
    result = reminder("retention", "show")

    assert result.exit_code == 3
    assert "reminder.yaml:" in result.stderr
