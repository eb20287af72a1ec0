"""`reminder hold` and `reminder suppress`: who is left alone, since when, by whom and why."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import Result

Run = Callable[..., Result]
NUMBER = "13800138000"
MASKED = "+86138****8000"


def _holds(reminder: Run, *args: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(reminder("hold", "list", "--json", *args).stdout)
    return found


def test_a_hold_is_kept_with_kind_reason_end_and_who(reminder: Run) -> None:
    """Everything that somebody will ask for is on record; a day alone means its first minute in the schedule's zone."""
    added = reminder(
        "hold", "add", "--customer", "C-1", "--kind", "dispute", "--reason", "paid in cash", "--until", "2099-01-02"
    )
    (hold,) = _holds(reminder)

    assert added.exit_code == 0
    assert added.stdout == "Hold 1: customer C-1 is paused until 2099-01-02 00:00 Asia/Shanghai.\n"
    assert (hold["kind"], hold["reason"], hold["who"], hold["customer_id"]) == ("dispute", "paid in cash", "ann", "C-1")
    assert hold["until"] == "2099-01-01T16:00:00Z"


def test_a_hold_for_days_ends_after_as_many(reminder: Run) -> None:
    """--days counts from now."""
    reminder("hold", "add", "--customer", "C-1", "--kind", "promise", "--reason", "x", "--days", "3")
    (hold,) = _holds(reminder)

    length = datetime.fromisoformat(str(hold["until"])) - datetime.fromisoformat(str(hold["starts_at"]))
    assert length == timedelta(days=3)


def test_a_hold_on_an_account_nobody_knows_is_kept_with_a_warning(reminder: Run) -> None:
    """A slip in an id would leave the customer who is meant unprotected; the book may also be late."""
    result = reminder("hold", "add", "--account", "typo", "--kind", "dispute", "--reason", "x")

    assert result.exit_code == 0
    assert "the book has no account 'typo'" in result.stderr
    assert len(_holds(reminder)) == 1


def test_a_hold_is_released_once(reminder: Run) -> None:
    """Released, it is in force no more and stays on record; a second release says that there is none."""
    reminder("hold", "add", "--customer", "C-1", "--kind", "manual", "--reason", "x")
    first, second = reminder("hold", "release", "1"), reminder("hold", "release", "1")

    assert (first.exit_code, second.exit_code) == (0, 1)
    assert "reminder hold list" in second.stderr
    assert _holds(reminder) == []
    assert len(_holds(reminder, "--all")) == 1


def test_a_mark_of_never_contact_is_not_taken_off_without_saying_why(reminder: Run) -> None:
    """No policy and no slip of a finger brings reminders back to the family of a customer who has died."""
    reminder("hold", "add", "--customer", "C-1", "--kind", "deceased", "--reason", "certificate")
    silent = reminder("hold", "release", "1")
    told = reminder("hold", "release", "1", "--reason", "another customer of that name")

    assert (silent.exit_code, told.exit_code) == (1, 0)
    assert "expected a reason for contacting this person again" in silent.stderr


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        pytest.param(["--kind", "manual"], 1, "found none or several", id="for nobody"),
        pytest.param(["--customer", "a", "--account", "b", "--kind", "manual"], 1, "none or several", id="for two"),
        pytest.param(["--account", "a", "--kind", "deceased"], 1, "expected a customer", id="a person is meant"),
        pytest.param(["--customer", "a", "--kind", "odd"], 2, "dispute", id="unknown kind"),
        pytest.param(
            ["--customer", "a", "--kind", "manual", "--until", "2001-01-01"], 1, "later end", id="in the past"
        ),
        pytest.param(["--customer", "a", "--kind", "manual", "--until", "soon"], 2, "expected an instant", id="no day"),
        pytest.param(
            ["--customer", "a", "--kind", "manual", "--until", "2099-01-01", "--days", "3"],
            2,
            "give one",
            id="two ends",
        ),
        pytest.param(["--customer", "a", "--kind", "manual", "--who", " "], 2, "expected a name", id="nobody did it"),
    ],
)
def test_a_hold_that_makes_no_sense_is_refused(reminder: Run, args: list[str], code: int, said: str) -> None:
    """Each refusal says what was expected; nothing is written."""
    result = reminder("hold", "add", "--reason", "x", *args)

    assert result.exit_code == code
    assert said in result.stderr
    assert _holds(reminder, "--all") == []


def test_dry_runs_change_nothing(reminder: Run) -> None:
    """--dry-run on every write says what would be done, and that it was not."""
    reminder("hold", "add", "--customer", "C-1", "--kind", "manual", "--reason", "x")
    reminder("suppress", "add", NUMBER, "--source", "STOP")
    before = _holds(reminder), reminder("suppress", "list").stdout
    done = [
        reminder("hold", "add", "--customer", "C-2", "--kind", "manual", "--reason", "x", "--dry-run"),
        reminder("hold", "release", "1", "--dry-run"),
        reminder("suppress", "add", "--customer", "C-2", "--source", "x", "--dry-run"),
        reminder("suppress", "remove", NUMBER, "--reason", "asked for texts", "--dry-run"),
    ]

    assert {result.exit_code for result in done} == {0}
    assert all("Dry run: nothing was changed." in result.stderr for result in done)
    assert all("would be" in result.stdout or "could be" in result.stdout for result in done)
    assert (_holds(reminder), reminder("suppress", "list").stdout) == before


def test_the_list_of_holds_is_a_table_that_names_cannot_break(reminder: Run) -> None:
    """Law 11: one line a hold, whatever was typed as a reason."""
    reminder("hold", "add", "--customer", "C-1", "--kind", "manual", "--reason", "a\nb\x1b[31m{{ 7*7 }}")
    lines = reminder("hold", "list").stdout.splitlines()

    assert len(lines) == 2
    assert "a b\ufffd[31m{{ 7*7 }}" in lines[1]
    assert "until released" in lines[1]


def test_a_number_is_suppressed_and_never_shown(reminder: Run) -> None:
    """Law 13: read in the region of the settings, kept, and masked wherever it is printed."""
    results = [
        reminder("suppress", "add", NUMBER, "--source", "said STOP"),
        reminder("suppress", "list"),
        reminder("suppress", "list", "--json"),
        reminder("suppress", "remove", f"+86{NUMBER}", "--reason", "asked for texts"),
        reminder("suppress", "remove", NUMBER, "--reason", "asked for texts"),
    ]

    assert [result.exit_code for result in results] == [0, 0, 0, 0, 1]
    assert all(MASKED in result.output for result in results)
    assert all(NUMBER not in result.output for result in results)


def test_adding_a_suppression_twice_keeps_one(reminder: Run) -> None:
    """A second STOP changes nothing."""
    first, second = (reminder("suppress", "add", NUMBER, "--source", "STOP") for _ in range(2))

    assert first.stdout == second.stdout == f"Suppression 1: {MASKED} is suppressed on every channel.\n"


def test_a_removed_suppression_stays_on_record(reminder: Run) -> None:
    """--all shows what once was."""
    reminder("suppress", "add", "--customer", "C-1", "--channel", "sms", "--source", "letter")
    reminder("suppress", "remove", "--customer", "C-1", "--channel", "sms", "--reason", "asked for texts")

    assert json.loads(reminder("suppress", "list", "--json").stdout) == []
    (entry,) = json.loads(reminder("suppress", "list", "--json", "--all").stdout)
    assert (entry["customer_id"], entry["channel"], entry["source"], entry["who"]) == ("C-1", "sms", "letter", "ann")
    assert datetime.fromisoformat(entry["created_at"]).tzinfo == UTC


@pytest.mark.parametrize(
    "args",
    [
        pytest.param([], id="nobody"),
        pytest.param([NUMBER, "--customer", "C-1"], id="two at once"),
        pytest.param(["--customer", "C-1", "--account", "A-1"], id="a customer and a debt"),
        pytest.param(["12345"], id="no number"),
        pytest.param(["021-62345678"], id="a landline"),
    ],
)
def test_a_suppression_of_nobody_is_refused(reminder: Run, args: list[str]) -> None:
    """Law 8: what is not clearly one number or one customer is not guessed."""
    result = reminder("suppress", "add", "--source", "x", *args)

    assert result.exit_code == 1
    assert "expected" in result.stderr
    assert not any(character.isdigit() for character in result.stderr.replace("+86", ""))


def test_nobody_is_contacted_again_without_a_reason(reminder: Run) -> None:
    """Somebody will ask why a customer who said STOP was texted again."""
    reminder("suppress", "add", NUMBER, "--source", "said STOP")
    result = reminder("suppress", "remove", NUMBER)

    assert result.exit_code == 2
    assert "--reason" in result.stderr
    assert MASKED in reminder("suppress", "list").stdout


def test_one_debt_alone_is_suppressed(reminder: Run) -> None:
    """A customer may want letters about one account and texts about another."""
    added = reminder("suppress", "add", "--account", "LN-1", "--source", "wants letters")

    assert added.stdout == "Suppression 1: account LN-1 is suppressed on every channel.\n"
    assert "account LN-1" in reminder("suppress", "list").stdout
    removed = reminder("suppress", "remove", "--account", "LN-1", "--reason", "texts are fine")
    assert removed.stdout == "account LN-1 may be contacted again.\n"


def test_without_a_user_name_it_is_unknown_who(reminder: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record without a name says so; --who gives one."""
    for name in ("USER", "LOGNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    reminder("hold", "add", "--customer", "C-1", "--kind", "manual", "--reason", "x")
    reminder("hold", "add", "--customer", "C-2", "--kind", "manual", "--reason", "x", "--who", " bob ")

    assert [hold["who"] for hold in _holds(reminder)] == ["bob", "unknown"]
