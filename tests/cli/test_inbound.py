"""`reminder inbound`: what waits for a person is found, read and closed, and no list shows a number or a text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from reminder.app import now, open_database
from reminder.domain.receipt import Inbound, Meaning
from reminder.installation import read_installation
from reminder.store import inbound

Run = Callable[..., Result]
NUMBER = "+8613800138000"
TEXT = "I lost my job\x1b[31m, please call"


@pytest.fixture
def written(folder: Path) -> None:
    """A deployment to which one customer wrote twice: one text waits, one does not."""
    with open_database(read_installation(folder / "config", {})) as engine, engine.begin() as connection:
        for number, meaning in enumerate((Meaning.OTHER, Meaning.STOP)):
            text = Inbound(f"SM{number}", NUMBER, "+15017122661", TEXT)
            key = inbound.write(connection, "twilio", text, meaning=meaning, customer_id="C-1", at=now())
            inbound.settle(connection, key, acted="kept", waits=meaning is Meaning.OTHER)


@pytest.mark.usefixtures("written")
def test_what_waits_is_listed_without_number_or_words(reminder: Run) -> None:
    """Law 13: a list on a screen tells who waits, not what they wrote."""
    listed = reminder("inbound", "list")

    assert listed.exit_code == 0
    assert "+86138****8000" in listed.stdout
    assert NUMBER not in listed.stdout
    assert "lost my job" not in listed.stdout
    assert [row["meaning"] for row in json.loads(reminder("inbound", "list", "--json").stdout)] == ["other"]
    assert len(json.loads(reminder("inbound", "list", "--all", "--json").stdout)) == 2


@pytest.mark.usefixtures("written")
def test_one_text_is_shown_with_its_words(reminder: Run) -> None:
    """Who asks for one text reads it; no escape sequence of it reaches the terminal."""
    shown = reminder("inbound", "show", "1")

    assert "I lost my job" in shown.stdout
    assert "\x1b" not in shown.stdout
    assert NUMBER not in shown.stdout
    assert json.loads(reminder("inbound", "show", "1", "--json").stdout)["body"] == TEXT


@pytest.mark.usefixtures("written")
def test_a_text_is_closed_once_with_who_and_how(reminder: Run) -> None:
    """Who dealt with it is on record; there is nothing to do twice, and --dry-run does nothing."""
    tried = reminder("inbound", "done", "1", "--note", "called back", "--dry-run")
    first = reminder("inbound", "done", "1", "--note", "called back")
    second = reminder("inbound", "done", "1", "--note", "called back")

    assert (tried.exit_code, first.exit_code, second.exit_code) == (0, 0, 1)
    assert "nothing to do" in second.stderr
    assert reminder("inbound", "list").stdout.endswith("Nothing waits for a person.\n")
    data = json.loads(reminder("inbound", "show", "1", "--json").stdout)
    assert (data["done_by"], data["note"]) == ("ann", "called back")


@pytest.mark.parametrize("verb", [("show", "9"), ("done", "9", "--note", "x")])
def test_a_text_that_is_not_there_is_said_so(reminder: Run, verb: tuple[str, ...]) -> None:
    """The error says where to look."""
    found = reminder("inbound", *verb)

    assert found.exit_code == 1
    assert "reminder inbound list --all" in found.stderr


def test_an_empty_list_says_so(reminder: Run) -> None:
    """Nobody wonders whether something was left out."""
    assert reminder("inbound", "list").stdout.endswith("Nothing waits for a person.\n")
    assert reminder("inbound", "list", "--all").stdout.endswith("No customer has written.\n")
