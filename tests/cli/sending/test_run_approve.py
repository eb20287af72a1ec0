"""A run that pauses: what the operator sees, and how it goes on (law 15)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import insert

from reminder.app import now, open_database
from reminder.installation import read_installation
from reminder.store.schema import attempt
from support.deployments import add_accounts, row

Run = Callable[..., Result]


@pytest.fixture
def flood(config: Path) -> Path:
    """A deployment that has sent one text on each of these weekdays so far, and would send three today."""
    settings = config / "reminder.yaml"
    settings.write_text(settings.read_text(encoding="utf-8") + "guards: {volume_factor: 2, volume_min: 1}\n", "utf-8")
    add_accounts(config, *(row(f"A-{number}") for number in range(3)))
    with open_database(read_installation(config, {})) as engine, engine.begin() as connection:
        connection.execute(insert(attempt), [_sent(weeks) for weeks in range(1, 5)])
    return config


def _sent(weeks: int) -> dict[str, Any]:
    at = now() - timedelta(weeks=weeks)
    return {
        "reference": f"before-{weeks}", "gateway": "console", "customer_id": "X", "number": "+12125550123",
        "policy": "loan", "policy_version": "1", "template": "t", "language": "en", "body": "Hello", "segments": 1,
        "counted": True, "started_at": at, "ended_at": at, "valid_until": at, "outcome": "accepted",
    }  # fmt: skip


def test_a_paused_run_sends_nothing_and_fails(reminder: Run, flood: Path, rows: Callable[[Path], list[Any]]) -> None:
    """Cron tells somebody, because the exit code is 1; what was planned waits."""
    result = reminder("run")

    assert result.exit_code == 1
    assert "about 3 more would be" in result.stderr
    assert "reminder run approve 1 --reason" in result.stderr
    assert "Anhe Credit" not in result.stdout
    assert [each.state for each in rows(flood)] == ["planned"] * 3


def test_the_figures_are_there_for_programs(reminder: Run, flood: Path) -> None:
    """--json says which guard it was and what it counted."""
    result = reminder("run", "--json")

    (pause,) = json.loads(result.stdout)["pauses"]
    assert (pause["guard"], pause["pause_id"], pause["figures"]["most"]) == ("volume", 1, 2)
    assert (result.exit_code, flood.is_dir()) == (1, True)


@pytest.mark.usefixtures("flood")
def test_an_approved_run_goes_on(reminder: Run) -> None:
    """A person looked and said why: the rest of the day is sent."""
    reminder("run")
    approved = reminder("run", "approve", "1", "--reason", "new product")
    result = reminder("run")

    assert (approved.exit_code, result.exit_code) == (0, 0)
    assert approved.stdout.startswith("Pause 1 (volume): sending may go on on ")
    assert result.stdout.count("Anhe Credit: $120.50") == 3


@pytest.mark.usefixtures("flood")
def test_a_dry_run_approves_nothing(reminder: Run) -> None:
    """--dry-run says what would be, and the run stays paused."""
    reminder("run")
    tried = reminder("run", "approve", "1", "--reason", "x", "--dry-run", "--json")

    assert json.loads(tried.stdout)["guard"] == "volume"
    assert reminder("run").exit_code == 1


@pytest.mark.usefixtures("flood")
def test_what_can_not_be_approved_is_explained(reminder: Run) -> None:
    """A wrong number, a second approval, a missing reason: exit code and words, and nothing is changed."""
    assert "found none with 7" in reminder("run", "approve", "7", "--reason", "x").stderr
    reminder("run")
    assert reminder("run", "approve", "1").exit_code == 2
    assert "found none: say it" in reminder("run", "approve", "1", "--reason", " ").stderr
    assert reminder("run", "approve", "1", "--reason", "x", "--who", "bob").exit_code == 0
    again = reminder("run", "approve", "1", "--reason", "x")
    assert (again.exit_code, "bob approved 1 already" in again.stderr) == (1, True)


def test_a_pause_whose_cause_is_gone_needs_no_approval(reminder: Run, flood: Path) -> None:
    """Who approves too late is told that nothing holds the run any more."""
    reminder("run")
    add_accounts(flood, *(row(f"A-{number}", amount_due="0") for number in range(2)))
    assert reminder("run").exit_code == 0
    assert "cause of 1 is gone" in reminder("run", "approve", "1", "--reason", "x").stderr
