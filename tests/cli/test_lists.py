"""`reminder consent`, `reminder numbers`, and lists of suppressions that go out and come in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]
NUMBER = "13800138000"
MASKED = "+86138****8000"
AGREED = ("--source", "contract", "--proof", "page 4")


def test_a_consent_is_kept_listed_and_withdrawn(reminder: Run) -> None:
    """Who agreed to what, with which proof, is on record to its end and beyond; numbers are masked (law 13)."""
    added = reminder("consent", "add", NUMBER, "--customer", "C-1", *AGREED)
    again = reminder("consent", "add", NUMBER, "--customer", "C-1", *AGREED)
    listed = reminder("consent", "list")
    withdrawn = reminder("consent", "withdraw", "--customer", "C-1", NUMBER, "--reason", "letter of 3 May")
    nothing = reminder("consent", "withdraw", "--customer", "C-1", "--reason", "letter of 3 May")

    assert added.stdout == f"Consent 1: that customer C-1 at {MASKED} agreed to sms is on record.\n"
    assert again.stdout == f"That customer C-1 at {MASKED} agreed to sms is on record already.\n"
    assert f"customer C-1 at {MASKED}" in listed.stdout
    assert withdrawn.stdout == f"1 consent of customer C-1 at {MASKED} is withdrawn.\n"
    assert (nothing.exit_code, "found none: see `reminder consent list`" in nothing.stderr) == (1, True)
    assert json.loads(reminder("consent", "list", "--json").stdout) == []
    (kept,) = json.loads(reminder("consent", "list", "--json", "--all", "--customer", "C-1").stdout)
    assert (kept["number"], kept["proof"], kept["withdrawn_because"], kept["who"]) == (
        MASKED, "page 4", "letter of 3 May", "ann",
    )  # fmt: skip
    assert all(NUMBER not in result.output for result in (added, again, listed, withdrawn))


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        pytest.param([], 1, "found neither", id="nobody"),
        pytest.param(["12345"], 1, "expected", id="no number"),
        pytest.param(["--customer", "C", "--given-at", "2999-01-01T00:00"], 1, "given by now", id="tomorrow"),
        pytest.param(["--customer", "C", "--channel", "fax"], 2, "sms", id="no such channel"),
    ],
)
def test_a_consent_of_nobody_is_refused(reminder: Run, args: list[str], code: int, said: str) -> None:
    """Each refusal says what was expected; nothing is written."""
    result = reminder("consent", "add", *AGREED, *args)

    assert result.exit_code == code
    assert said in result.stderr
    assert json.loads(reminder("consent", "list", "--json", "--all").stdout) == []


def test_a_list_of_consents_goes_in_and_tells_its_bad_rows(reminder: Run, tmp_path: Path) -> None:
    """The rest goes in, a second import changes nothing, and the exit code says that something was refused."""
    file = tmp_path / "consents.csv"
    file.write_text("customer_id,proof,given_at\nC-1,page 4,2026-05-03T10:00Z\nC-2,,2026-05-03T10:00Z\n")
    rehearsed = reminder("consent", "import", str(file), "--source", "contracts", "--dry-run")
    imported = reminder("consent", "import", str(file), "--source", "contracts")
    again = json.loads(reminder("consent", "import", str(file), "--source", "contracts", "--json").stdout)

    assert rehearsed.stdout == "2 rows would be read: 1 new, 0 known, 1 refused\n"
    assert imported.stdout == "2 rows read: 1 new, 0 known, 1 refused\n"
    assert f"{file}:3:0: expected a proof" in imported.stderr
    assert (imported.exit_code, again["added"], again["known"], again["refused"]) == (1, 0, 1, 1)


def test_numbers_are_marked_listed_and_cleared(reminder: Run) -> None:
    """A wrong number told by phone is never tried again, until somebody says why it is right after all."""
    marked = reminder("numbers", "mark", NUMBER)
    (listed,) = json.loads(reminder("numbers", "list", "--json").stdout)
    table = reminder("numbers", "list").stdout
    silent = reminder("numbers", "clear", NUMBER, "--reason", " ")
    cleared = reminder("numbers", "clear", NUMBER, "--reason", "he called from it")
    again = reminder("numbers", "clear", NUMBER, "--reason", "he called from it")

    assert marked.stdout == f"{MASKED} will not be tried again.\n"
    assert (listed["number"], listed["code"], listed["gateway"]) == (MASKED, "wrong_person", "ann")
    assert MASKED in table
    assert (silent.exit_code, cleared.exit_code, again.exit_code) == (1, 0, 1)
    assert cleared.stdout == f"{MASKED} will be tried again.\n"
    assert "found none: see `reminder numbers list`" in again.stderr
    assert json.loads(reminder("numbers", "list", "--json").stdout) == []
    assert "he called from it" in reminder("numbers", "list", "--all").stdout


def test_dry_runs_of_people_change_nothing(reminder: Run) -> None:
    """--dry-run on every write says what would be done, and that it was not."""
    reminder("consent", "add", "--customer", "C-1", *AGREED)
    reminder("numbers", "mark", NUMBER)
    done = [
        reminder("consent", "add", "--customer", "C-2", *AGREED, "--dry-run"),
        reminder("consent", "withdraw", "--customer", "C-1", "--reason", "x", "--dry-run"),
        reminder("numbers", "mark", "13900139000", "--dry-run"),
        reminder("numbers", "clear", NUMBER, "--reason", "x", "--dry-run"),
    ]

    assert {result.exit_code for result in done} == {0}
    assert all("would" in result.stdout and "Dry run" in result.stderr for result in done)
    assert [each["customer_id"] for each in json.loads(reminder("consent", "list", "--json").stdout)] == ["C-1"]
    assert [each["number"] for each in json.loads(reminder("numbers", "list", "--json").stdout)] == [MASKED]


def test_an_export_shows_no_number_unless_it_is_asked_for(reminder: Run, tmp_path: Path) -> None:
    """Law 13: masked by default; in full only into a new file that nobody else can read, with a warning."""
    reminder("suppress", "add", NUMBER, "--source", "=cmd()")
    file = tmp_path / "list.csv"
    shown = reminder("suppress", "export")
    on_screen = reminder("suppress", "export", "--full-numbers")
    written = reminder("suppress", "export", "--full-numbers", "--output", str(file))
    over = reminder("suppress", "export", "--full-numbers", "--output", str(file))

    assert shown.stdout.splitlines()[0] == "number,customer_id,account_id,channel,source,who,created_at"
    assert shown.stdout.splitlines()[1].startswith(f"'{MASKED},,,*,'=cmd(),ann,")
    assert (on_screen.exit_code, "expected --output" in on_screen.stderr) == (2, True)
    assert (written.exit_code, "full numbers" in written.stderr, written.stdout) == (0, True, "")
    assert file.read_text("utf-8-sig").splitlines()[1].startswith(f"'+86{NUMBER},,,*,'=cmd(),ann,")
    assert file.stat().st_mode & 0o777 == 0o600
    assert (over.exit_code, "expected a new file" in over.stderr) == (1, True)


def test_an_export_is_for_programs_too(reminder: Run) -> None:
    """JSON has the words as they are."""
    reminder("suppress", "add", "--customer", "C-1", "--source", "=cmd()")
    (entry,) = json.loads(reminder("suppress", "export", "--format", "json").stdout)

    assert (entry["customer_id"], entry["number"], entry["source"]) == ("C-1", None, "=cmd()")


def test_an_export_of_nobody_is_a_list_of_nobody(reminder: Run) -> None:
    """The header is there, so that the file can be imported all the same."""
    assert reminder("suppress", "export").stdout.splitlines() == [
        "number,customer_id,account_id,channel,source,who,created_at"
    ]


def test_a_list_moves_from_one_deployment_to_another(reminder: Run, tmp_path: Path) -> None:
    """What was exported comes back, known the second time; a masked list is refused rather than guessed at."""
    reminder("suppress", "add", NUMBER, "--source", "letter", "--channel", "sms")
    full, masked = tmp_path / "full.csv", tmp_path / "masked.csv"
    reminder("suppress", "export", "--full-numbers", "--output", str(full))
    reminder("suppress", "export", "--output", str(masked))
    reminder("suppress", "remove", NUMBER, "--reason", "for the test")
    results = [reminder("suppress", "import", str(file), "--source", "x") for file in (full, full, masked)]

    assert [(result.exit_code, result.stdout) for result in results] == [
        (0, "1 rows read: 1 new, 0 known, 0 refused\n"),
        (0, "1 rows read: 0 new, 1 known, 0 refused\n"),
        (1, "1 rows read: 0 new, 0 known, 1 refused\n"),
    ]
    (entry,) = json.loads(reminder("suppress", "list", "--json").stdout)
    assert (entry["source"], entry["channel"]) == ("letter", "sms")
