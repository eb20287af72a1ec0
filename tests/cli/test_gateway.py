"""`reminder gateway`: which ways out there are, and whether they work."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result

from reminder.cli.gateway import _spelt as spelt
from reminder.domain.message import Accepted, Outcome, Refusal, Refused, Unknown
from reminder.gateways.console import ConsoleGateway
from reminder.store import gateway_states
from reminder.store.engine import open_engine

Run = Callable[..., Result]
Edit = Callable[..., Path]
NUMBER = "13800138000"


def _states(reminder: Run) -> dict[str, str]:
    found = json.loads(reminder("gateway", "list", "--json").stdout)
    return {each["gateway"]: each["state"] for each in found["gateways"]}


def test_gateways_are_listed_with_what_they_lack(reminder: Run) -> None:
    """An unconfigured gateway names every variable that is missing; the types that can be had follow."""
    shown = reminder("gateway", "list").stdout

    assert _states(reminder) == {"console": "ready", "twilio": "not configured"}
    assert "TWILIO_ACCOUNT_SID" in shown
    assert "reminder-dispatcher" in shown


def test_a_paused_gateway_says_until_when_and_why(reminder: Run, folder: Path) -> None:
    """What the provider said when it was paused is what the operator needs."""
    engine = open_engine(f"sqlite:///{folder / 'reminder.db'}")
    with engine.begin() as connection:
        until, at = datetime(2099, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
        gateway_states.pause(connection, "console", until=until, reason="no credit", at=at)
    engine.dispose()

    assert _states(reminder)["console"] == "paused"
    assert "until 2099-01-01 08:00 Asia/Shanghai: no credit" in reminder("gateway", "list").stdout


def test_without_a_database_the_list_is_still_shown(reminder: Run, folder: Path) -> None:
    """Whoever sets up gateways first is not sent away."""
    (folder / "reminder.db").unlink()

    assert _states(reminder)["console"] == "ready"


def test_wrong_options_harm_only_their_own_gateway(reminder: Run, edit: Edit) -> None:
    """Law 9: the one with a wrong key is named with file and line; the other is ready."""
    path = edit("config/reminder.yaml", "  console: {}", "  console: {show_number: true}")

    assert _states(reminder) == {"console": "wrong", "twilio": "not configured"}
    assert f"{path}:" in reminder("gateway", "list").stdout


def test_a_test_text_is_sent_and_answered(reminder: Run) -> None:
    """The gateway's own answer is shown; the number is masked (law 13)."""
    result = reminder("gateway", "test", "console", "--to", NUMBER, "--text", "ping {{ 7*7 }}")

    assert result.exit_code == 0
    assert "ping {{ 7*7 }}" in result.stdout
    assert "console: taken, as " in result.stdout
    assert NUMBER not in result.output


def test_a_dry_test_sends_nothing(reminder: Run) -> None:
    """--dry-run says what would be sent, and where."""
    result = reminder("gateway", "test", "console", "--to", NUMBER, "--dry-run")

    assert result.stdout.startswith("console is ready; would send to +86138****8000: ")
    assert "taken" not in result.stdout


@pytest.mark.parametrize(
    ("args", "said"),
    [
        pytest.param(["twilio", "--to", NUMBER], "is not configured", id="not configured"),
        pytest.param(["conzole", "--to", NUMBER], "did you mean `console`?", id="no such gateway"),
        pytest.param(["console", "--to", "12"], "expected a number", id="no number"),
    ],
)
def test_a_test_that_cannot_be_sent_says_why(reminder: Run, args: list[str], said: str) -> None:
    """Exit code 1, in words."""
    result = reminder("gateway", "test", *args)

    assert result.exit_code == 1
    assert said in result.stderr


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        pytest.param(Accepted("SM1"), "taken, as SM1", id="taken"),
        pytest.param(
            Refused(Refusal.NUMBER, "21211", "no such number"), "refused (number): 21211 no such number", id="no"
        ),
        pytest.param(Unknown("timed out"), "nobody can tell whether it was taken: timed out", id="lost"),
    ],
)
def test_each_answer_has_its_words(outcome: Outcome, words: str) -> None:
    """A lost answer is never called a refusal (law 3)."""
    assert spelt(outcome) == words


def test_a_test_that_is_refused_fails(reminder: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1 unless the gateway takes it, so that a script can rely on it."""

    async def refuse(*_: object) -> Outcome:
        return Refused(Refusal.CONFIGURATION, "20003", "wrong password")

    monkeypatch.setattr(ConsoleGateway, "send", refuse)
    result = reminder("gateway", "test", "console", "--to", NUMBER)

    assert result.exit_code == 1
    assert result.stdout == "console: refused (configuration): 20003 wrong password\n"
