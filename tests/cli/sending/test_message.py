"""`reminder message`: the hotline can tell our texts from a fraudster's."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from support.deployments import add_accounts, row

Run = Callable[..., Result]
NUMBER = "+12125550123"


@pytest.fixture
def code(reminder: Run, config: Path) -> str:
    """The check code of a text that was sent to one customer."""
    add_accounts(config, row("A"))
    found = re.search(r"Verify: (\w+)\. We never ask for a PIN\.", reminder("run").stdout)
    assert found is not None
    return found[1]


def test_a_text_of_ours_is_known(reminder: Run, code: str) -> None:
    """The hotline learns when it was sent, for what, and to whom, masked (law 13)."""
    result = reminder("message", "verify", code.lower())

    assert result.exit_code == 0
    assert result.stdout.startswith("Ours.")
    assert "+121****0123" in result.stdout
    assert NUMBER not in result.stdout


def test_preview_shows_the_code_that_the_run_sends(reminder: Run, config: Path) -> None:
    """Law 1: same accounts, same bytes, the code among them."""
    add_accounts(config, row("A"))

    shown = json.loads(reminder("preview", "--json").stdout)
    sent = reminder("run").stdout

    code = re.search(r"Verify: (\w+)", sent)
    assert code is not None
    assert code[1] in json.dumps(shown)


@pytest.mark.parametrize(("number", "status", "said"), [
    (NUMBER, 0, "Ours."),
    ("+1 (212) 555-0123", 0, "Ours."),
    ("+12125550199", 1, "sent to another number"),
])  # fmt: skip
def test_the_callers_number_is_compared(reminder: Run, code: str, number: str, status: int, said: str) -> None:
    """A code that was copied out of somebody else's text is not taken for the caller's."""
    result = reminder("message", "verify", code, "--number", number)

    assert result.exit_code == status
    assert said in result.stdout


def test_an_unknown_code_is_a_warning_of_fraud(reminder: Run, code: str) -> None:
    """A code that no text ever carried ends with 1 and says what to tell the caller."""
    result = reminder("message", "verify", "22222222")

    assert result.exit_code == 1
    assert "Warn the caller of fraud" in result.stdout


def test_a_slip_is_called_a_slip(reminder: Run, code: str) -> None:
    """Nobody is told of fraud for a misread character."""
    wrong = ("2" if code[0] != "2" else "3") + code[1:]

    result = reminder("message", "verify", wrong)

    assert result.exit_code == 2
    assert "There is a slip" in result.stdout


def test_codes_outlive_their_key(reminder: Run, config: Path, code: str) -> None:
    """What was sent under an old key is still known: a code is looked up, not worked out again."""
    (config.parent / "check.key").unlink()
    assert reminder("message", "new-key").exit_code == 0

    assert reminder("message", "verify", code).exit_code == 0


def test_programs_get_json(reminder: Run, code: str) -> None:
    """A call centre's own screen can ask."""
    told = json.loads(reminder("message", "verify", code, "--json").stdout)

    assert (told["verdict"], told["code"]) == ("ours", code)
    assert [each["to"] for each in told["texts"]] == ["+121****0123"]


def test_without_a_key_texts_carry_no_code(reminder: Run, config: Path) -> None:
    """Defaults work untouched: a deployment without a key sends its texts, and the doctor says what is missing."""
    (config.parent / "check.key").unlink()
    add_accounts(config, row("A"))

    sent = reminder("run").stdout

    assert "Anhe Credit" in sent
    assert "Verify:" not in sent
    assert "RM-W004" in reminder("doctor", "--no-book").stdout


def test_a_key_is_not_replaced(reminder: Run) -> None:
    """A second `new-key` is an error, and says what to do."""
    reminder("message", "new-key")

    result = reminder("message", "new-key")

    assert result.exit_code == 3
    assert "move it away first" in result.stderr


def test_a_broken_key_stops_nobody(reminder: Run, config: Path) -> None:
    """Law 9: a key that can't be used is said at its place; texts go out without a code."""
    (config.parent / "check.key").write_text("short")
    add_accounts(config, row("A"))

    result = reminder("run")

    assert "check.key:1:1: expected a key of at least 32 characters" in result.stderr
    assert "Anhe Credit" in result.stdout
