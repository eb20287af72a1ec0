"""`reminder outbox doubts`: a person sees all that is known of a text whose answer was lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import update

from reminder.app import open_database
from reminder.domain.lifecycle import Event
from reminder.installation import read_installation
from reminder.store import attempts
from reminder.store.attempts import Answer
from reminder.store.schema import attempt, outbox
from support.deployments import add_accounts, row

Run = Callable[..., Result]


@pytest.fixture
def doubtful(reminder: Run, config: Path) -> Path:
    """A deployment in which the answer to the only text was lost."""
    add_accounts(config, row("A"))
    assert reminder("run").exit_code == 0
    with open_database(read_installation(config, {})) as engine, engine.begin() as connection:
        connection.execute(update(outbox).values(state="sending"))
        connection.execute(update(attempt).values(outcome="", provider_id=None))
        (reference,) = connection.scalars(attempt.select().with_only_columns(attempt.c.reference))
        at = connection.scalar(attempt.select().with_only_columns(attempt.c.started_at))
        assert at is not None
        lost = Answer(reference, Event.LOSE, "unknown", "the answer was lost: TimeoutError", counted=True)
        attempts.record(connection, [lost], at=at)
    return config


def test_nothing_in_doubt_is_said_so(reminder: Run) -> None:
    """An empty list is no riddle."""
    assert reminder("outbox", "doubts").stdout == "Nothing is in doubt.\n"
    assert json.loads(reminder("outbox", "doubts", "--json").stdout) == []


def test_a_doubt_is_shown_with_all_that_is_known(reminder: Run, doubtful: Path) -> None:
    """Law 3: which reminder, when, through whom, why, and what the text was; law 13: never the number."""
    shown = reminder("outbox", "doubts")
    assert shown.exit_code == 0
    assert "reminder 1" in shown.stdout
    assert "by console to +121****0123" in shown.stdout
    assert "the answer was lost: TimeoutError" in shown.stdout
    assert "asked       0 times\n  asked next  soon" in shown.stdout
    assert "Anhe Credit: $120.50" in shown.stdout
    assert "1 in doubt." in shown.stdout
    assert "2125550123" not in shown.output


def test_a_doubt_says_what_its_provider_was_asked(reminder: Run, doubtful: Path) -> None:
    """Law 3: the next pass asks; where the gateway can't be, it says so, and when it is asked again."""
    assert reminder("run").exit_code == 0

    (told,) = json.loads(reminder("outbox", "doubts", "--json").stdout)
    assert (told["asks"], told["reminders"], told["gateway"]) == (1, 1, "console")
    assert told["note"] == "console can't be asked: a person must look, and say it with `outbox resolve`"
    assert told["ask_at"] > told["started_at"]
    assert "asked       1 times: console can't be asked" in reminder("outbox", "doubts").stdout


@pytest.mark.parametrize(("word", "state"), [("--sent", "sent"), ("--not-sent", "planned"), ("--give-up", "failed")])
def test_a_doubt_that_a_person_settles_is_gone(reminder: Run, doubtful: Path, word: str, state: str) -> None:
    """Law 3: what `outbox resolve` settles is no longer listed, nor asked for."""
    assert reminder("outbox", "resolve", "1", word, "--reason", "looked").exit_code == 0
    assert json.loads(reminder("outbox", "doubts", "--json").stdout) == []
    (told,) = json.loads(reminder("outbox", "list", "--json").stdout)
    assert told["state"] == state
