"""`reminder status` shows daemons that run elsewhere: which one leads, and what stops them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result

from reminder.app import now, open_database
from reminder.domain.guard import Finding, GuardName
from reminder.installation import read_installation
from reminder.store import guards, leases, refusals

Run = Callable[..., Result]
FLOOD = Finding(GuardName.VOLUME, "900 texts are many times the usual", {"expected": 900})
PROBLEM = "config/policies/loan.yaml:6:1: unknown key 'stps'"


@pytest.fixture
def stopped(config: Path) -> Path:
    """A deployment whose daemon found a flood, and a wrong file."""
    at = now()
    with open_database(read_installation(config, {})) as engine, engine.begin() as connection:
        guards.stop(connection, FLOOD, day=at.date(), owner="vm:1", at=at)
        refusals.write(connection, "vm:1", problems=[PROBLEM], at=at)
    return config


@pytest.mark.usefixtures("stopped")
def test_a_pause_is_shown_with_its_cure(reminder: Run) -> None:
    """Law 15: whoever wonders why nothing is sent reads the reason, and what to type."""
    said = reminder("status").stdout
    assert "900 texts are many times the usual" in said
    assert "reminder run approve 1 --reason" in said

    assert reminder("run", "approve", "1", "--reason", "known").exit_code == 0
    assert "Nothing is sent" not in reminder("status").stdout


@pytest.mark.usefixtures("stopped")
def test_refused_files_are_shown_with_their_place(reminder: Run) -> None:
    """Law 9: another process says which daemon goes on with older files, since when, and where the error is."""
    said = reminder("status").stdout
    assert "The daemon vm:1 goes on with its files of before" in said
    assert PROBLEM in said


@pytest.mark.usefixtures("stopped")
def test_programs_get_both(reminder: Run) -> None:
    """--json has the pauses with their figures, and the refusals with their problems."""
    told = json.loads(reminder("status", "--json").stdout)
    assert [(each["guard"], each["figures"]) for each in told["pauses"]] == [("volume", {"expected": 900})]
    assert [(each["owner"], each["problems"]) for each in told["refusals"]] == [("vm:1", [PROBLEM])]


def test_the_leader_is_named(config: Path, reminder: Run) -> None:
    """Whoever looks sees which daemon leads, that one died, or that none is there; programs see its epoch."""
    assert "no daemon leads" in reminder("status").stdout
    assert json.loads(reminder("status", "--json").stdout)["leader"] is None
    with open_database(read_installation(config, {})) as engine:
        with engine.begin() as connection:
            mandate = leases.take(connection, leases.LEADER, owner="vm:1:0a", at=now(), seconds=60)
        assert mandate is not None
        assert "vm:1:0a since" in reminder("status").stdout
        told = json.loads(reminder("status", "--json").stdout)["leader"]
        assert (told["leads"], told["owner"], told["epoch"]) == (True, "vm:1:0a", 1)

        with engine.begin() as connection:
            leases.renew(connection, mandate, at=now() - timedelta(hours=1), seconds=60)
        assert "none: the last was vm:1:0a" in reminder("status").stdout
        assert "RM-W062" in reminder("doctor", "--no-book").stdout
