"""`reminder simulate`: days in a table and as data, and what is assumed said with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner, Result
from sqlalchemy import Connection, func, select

from reminder.cli import main
from reminder.store.schema import outbox
from support.deployments import add_accounts, row

Run = Callable[..., Result]


def test_it_tells_the_days_and_what_they_cost(config: Path, reminder: Run) -> None:
    """A policy author sees each day, where its texts come from, and why others stay silent."""
    add_accounts(config, row("A"), row("B", -20), row("C", 2, autopay="true"), row("D", 5, phone="+12125550124"))

    told = reminder("simulate", "--days", "25")

    assert told.exit_code == 0, told.output
    lines = told.stdout.splitlines()
    assert lines[0] == "UTC, nobody pays"
    assert sum(line.startswith("20") for line in lines) == 25
    assert any(line.startswith("loan/overdue") for line in lines)
    assert "Why silent" in told.stdout
    assert "when" in told.stdout
    assert "2125550124" not in told.output


def test_programs_get_the_same_days(config: Path, reminder: Run, connection: Connection) -> None:
    """`--json` has every day, sums that add up to it, and leaves no trace."""
    add_accounts(config, row("A"), row("B", -9))

    told = json.loads(reminder("simulate", "--days", "12", "--json", "--paying", "1", "--seed", "5").stdout)

    assert len(told["days"]) == 12
    assert told["total"]["texts"] == sum(day["total"]["texts"] for day in told["days"]) > 0
    assert sum(line["texts"] for line in told["by"]["tier"].values()) == told["total"]["texts"]
    assert connection.scalar(select(func.count()).select_from(outbox)) == 0


def test_its_first_pass_is_the_preview(config: Path, reminder: Run) -> None:
    """Law 1: a day with nothing but one pass left in it brings what `preview` says."""
    add_accounts(config, row("A"), row("B", 5), row("C", 2))
    at = f"{row('A')['due_date']}T23:50"

    preview = json.loads(reminder("preview", "--json", "--at", at).stdout)
    day = json.loads(reminder("simulate", "--json", "--days", "1", "--at", at).stdout)["days"][0]

    assert day["total"]["texts"] == preview["totals"]["texts"] == 3
    assert {key: sums["texts"] for key, sums in day["by"]["tier"].items()} == preview["totals"]["by"]["tier"]


def test_what_is_not_known_of_holidays_is_told_once(tmp_path: Path) -> None:
    """A simulation plans many times; what each of these plans would warn of is one sentence, and no line of a log."""
    run = CliRunner().invoke
    assert run(main, ["init", str(tmp_path / "shop")]).exit_code == 0

    told = run(
        main, ["--config", str(tmp_path / "shop" / "config"), "simulate", "--days", "20", "--at", "2093-12-20T10:00"]
    )

    assert told.exit_code == 0, told.output
    assert told.stderr.count("the official holidays of CN are known until") == 1
    assert "reminder.plan" not in told.stderr
