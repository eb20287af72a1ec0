"""`reminder audit`: what was done is listed, sealed, and proven unchanged."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]


@pytest.fixture
def recorded(reminder: Run) -> Run:
    """`reminder` in a deployment with a hold and a suppression on record."""
    reminder("hold", "add", "--customer", "C-1", "--kind", "dispute", "--reason", "paid to 张伟 in cash")
    reminder("suppress", "add", "13800138000", "--source", "said STOP on the phone")
    return reminder


def test_list_tells_who_did_what_and_no_words_of_people(recorded: Run) -> None:
    """Law 13: a list of acts needs no number and no free words; law 14: it has who, what and whom."""
    result = recorded("audit", "list")

    assert result.exit_code == 0
    assert "ann" in result.stdout
    assert "C-1" in result.stdout
    assert "dispute" in result.stdout
    assert "张伟" not in result.stdout
    assert "138" not in result.stdout


@pytest.mark.parametrize(
    ("args", "kinds"),
    [
        ((), ["suppression", "hold"]),
        (("--kind", "hold"), ["hold"]),
        (("--customer", "C-1"), ["hold"]),
        (("--account", "LN-1"), []),
        (("--by", "ann"), ["suppression", "hold"]),
        (("--by", "bob"), []),
        (("--reference", "r"), []),
        (("--since", "2099-01-01T00:00"), []),
        (("--until", "2099-01-01T00:00", "--limit", "1"), ["suppression"]),
    ],
)
def test_list_filters(recorded: Run, args: tuple[str, ...], kinds: list[str]) -> None:
    """Each filter leaves what it names, the newest first."""
    found = json.loads(recorded("audit", "list", "--json", *args).stdout)

    assert [entry["kind"] for entry in found] == kinds


def test_show_has_everything(recorded: Run) -> None:
    """One entry, asked for by its number, is shown with its personal part."""
    shown = recorded("audit", "show", "1")
    data = json.loads(recorded("audit", "show", "1", "--json").stdout)

    assert "paid to 张伟 in cash" in shown.stdout
    assert data["private"] == {"reason": "paid to 张伟 in cash"}
    assert (data["customer"], data["data"]["to"], data["block"]) == ("C-1", "dispute", None)
    missing = recorded("audit", "show", "99")
    assert (missing.exit_code, "see `reminder audit list`" in missing.stderr) == (1, True)


def test_seal_then_verify_with_the_anchor(recorded: Run) -> None:
    """Sealed once, it verifies against what was printed; sealing again has nothing to do."""
    assert recorded("audit", "anchor").exit_code == 1
    assert recorded("audit", "seal", "--dry-run").stdout == "2 entries would be sealed.\n"
    assert recorded("audit", "verify").stdout.splitlines()[0] == "Entries sealed: 0, in blocks: 0; not sealed yet: 2."
    sealed = recorded("audit", "seal")
    anchor = recorded("audit", "anchor").stdout.strip()

    assert sealed.stdout == f"2 entries sealed. Anchor: {anchor}\n"
    assert recorded("audit", "seal").stdout == "Everything is sealed already.\n"
    assert json.loads(recorded("audit", "seal", "--json").stdout) == []
    verified = recorded("audit", "verify", "--anchor", anchor)
    assert (verified.exit_code, verified.stdout.splitlines()) == (
        0,
        ["Entries sealed: 2, in blocks: 1; not sealed yet: 0.", f"Nothing was changed. Anchor: {anchor}"],
    )
    assert json.loads(recorded("audit", "anchor", "--json").stdout)["anchor"] == anchor


def test_verify_names_what_was_changed(recorded: Run, folder: Path) -> None:
    """An edit behind the program's back ends it with exit code 1, block and entry named."""
    recorded("audit", "seal")
    with sqlite3.connect(folder / "reminder.db") as database:
        database.execute("UPDATE record SET who = 'bob' WHERE entry_id = 1")
    database.close()
    result = recorded("audit", "verify")
    as_json = recorded("audit", "verify", "--json")

    assert (result.exit_code, as_json.exit_code) == (1, 1)
    assert result.stdout.splitlines()[0] == "block 1, entry 1: it was changed"
    assert "keep this database as it is" in result.stdout
    data = json.loads(as_json.stdout)
    assert (data["sound"], data["found"]["faults"][0]["entry_id"]) == (False, 1)


def test_anchor_that_is_missing_is_told(recorded: Run) -> None:
    """An anchor of a record that was longer is missed."""
    recorded("audit", "seal")
    result = recorded("audit", "verify", "--anchor", "7:" + "ab" * 32)

    assert result.exit_code == 1
    assert "the record ends at 1: its end was cut off" in result.stdout
