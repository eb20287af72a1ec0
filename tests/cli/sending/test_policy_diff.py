"""`reminder policy diff`: whose text an edit adds, takes away, moves or rewords, before it is in force."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from support.deployments import add_accounts, row

Run = Callable[..., Result]
DUE = '  - {id: due, at: 0, template: grace/due_today, when: "not account.autopay"}\n'


@pytest.fixture
def before(config: Path, tmp_path: Path) -> Path:
    """The files as they were before any edit; the book has somebody ahead of, on and after the due date."""
    add_accounts(config, row("A-ahead", -5), row("B-due"), row("C-autopay", autopay="true"), row("D-late", 5))
    return Path(shutil.copytree(config, tmp_path / "before"))


@pytest.fixture
def edit(config: Path) -> Callable[[str, str], None]:
    """A function that replaces a piece of the policy's file."""

    def edited(old: str, new: str) -> None:
        path = config / "policies" / "loan.yaml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    return edited


@pytest.fixture
def difference(reminder: Run, before: Path) -> Callable[..., Any]:
    """A function that returns what the command prints for programs."""

    def told(*args: str) -> Any:
        result = reminder("policy", "diff", "--against", str(before), "--json", *args)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return told


def test_without_an_edit_nothing_changes(reminder: Run, before: Path) -> None:
    """The same files twice change nobody's text."""
    told = reminder("policy", "diff", "--against", str(before))

    assert (told.exit_code, told.stdout) == (0, "Nobody's text changes.\n")


def test_a_draft_is_weighed_before_it_is_in_force(reminder: Run, before: Path, config: Path) -> None:
    """What --with says of a draft is what --against says once the draft is in force; its mistakes are told, too."""
    policy = config / "policies" / "loan.yaml"
    draft = Path(shutil.copytree(config, before.with_name("draft")))
    edited = policy.read_text(encoding="utf-8").replace("{id: overdue, at: 4,", "{id: overdue, at: 9,")
    (draft / "policies" / "loan.yaml").write_text(edited, encoding="utf-8")
    (draft / "policies" / "broken.yaml").write_text("policy: other\napplies_to: {product: [other]}\n", encoding="utf-8")

    weighed = reminder("policy", "diff", "--with", str(draft))
    policy.write_text(edited, encoding="utf-8")
    done = reminder("policy", "diff", "--against", str(before))

    assert weighed.exit_code == done.exit_code == 0
    assert "D-late" in done.stdout
    assert weighed.stdout == done.stdout
    assert "broken.yaml" in weighed.stderr


@pytest.mark.parametrize("folders", [pytest.param((), id="none"), pytest.param(("--with", "--against"), id="both")])
def test_one_folder_is_compared_with(reminder: Run, before: Path, folders: tuple[str, ...]) -> None:
    """A comparison has two sides, and this deployment is one of them."""
    told = reminder("policy", "diff", *(word for option in folders for word in (option, str(before))))

    assert told.exit_code == 2
    assert "expected one folder to compare with" in told.stderr


def test_each_kind_of_change_is_told(difference: Callable[..., Any], edit: Callable[[str, str], None]) -> None:
    """One edit adds, one takes away, one moves, one rewords: each account is in the line it belongs to."""
    edit(DUE, "  - {id: due, at: 0, template: grace/last_day}\n")
    edit("{id: overdue, at: 4,", "{id: overdue, at: 9,")
    edit("{id: ahead, at: -7,", "{id: ahead, at: -4,")

    found = difference()["difference"]

    lines = {line["account_id"]: (line["change"], line["before"], line["after"]) for line in found["lines"]}
    assert lines == {
        "A-ahead": ("removed", "loan/ahead", ""),
        "B-due": ("reworded", "loan/due", "loan/due"),
        "C-autopay": ("added", "", "loan/due"),
        "D-late": ("moved", "loan/overdue", "loan/due"),
    }
    assert found["changes"] == {"added": 1, "removed": 1, "moved": 1, "reworded": 1}


def test_a_renamed_step_says_whom_it_reaches_again(
    difference: Callable[..., Any], edit: Callable[[str, str], None], reminder: Run, before: Path
) -> None:
    """Law 2: ids are identity; who has had the step gets it again under its new name, and is counted."""
    assert reminder("run").exit_code == 0
    edit("{id: overdue,", "{id: first-notice,")

    found = difference()["difference"]
    told = reminder("policy", "diff", "--against", str(before)).stdout

    assert (found["new_steps"], found["gone_steps"], found["again"]) == (["loan/first-notice"], ["loan/overdue"], 1)
    assert "+ 1 added" in told
    assert "a renamed step is sent again" in told


def test_the_days_to_come_are_compared(difference: Callable[..., Any], edit: Callable[[str, str], None]) -> None:
    """Texts and cost of both, over the days that were asked for."""
    edit("{id: overdue, at: 4,", "{id: overdue, at: 25,")

    found = difference("--days", "7")

    assert found["totals"][0]["texts"] > found["totals"][1]["texts"] > 0
