"""`reminder init` and `reminder db`: from nothing to tables."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reminder.cli import main

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def _no_database_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database named in the environment is nobody's business here."""
    monkeypatch.delenv("REMINDER_DATABASE", raising=False)


def test_init_writes_a_deployment_that_works_at_once(tmp_path: Path) -> None:
    """One command: files, tables, and what to type next; the new deployment passes its check."""
    made = CliRunner().invoke(main, ["init", str(tmp_path / "new")])
    config = str(tmp_path / "new" / "config")

    assert made.exit_code == 0, made.output
    assert (tmp_path / "new" / "reminder.db").is_file()
    assert "reminder accounts import" in made.output
    assert CliRunner().invoke(main, ["--config", config, "db", "status"]).exit_code == 0
    assert CliRunner().invoke(main, ["--config", config, "policy", "check"]).exit_code == 0


def test_new_tables_are_the_first_entry_of_the_record(tmp_path: Path) -> None:
    """Law 14: the record begins with the making of our tables, and with nothing before them."""
    assert CliRunner().invoke(main, ["init", str(tmp_path / "new")]).exit_code == 0
    listed = CliRunner().invoke(main, ["--config", str(tmp_path / "new" / "config"), "audit", "list", "--json"])

    (entry,) = json.loads(listed.stdout)
    assert (entry["kind"], entry["who"]) == ("schema", "init")


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    """What somebody edited stays; every file in the way is named, and none is written."""
    mine = tmp_path / "config" / "reminder.yaml"
    mine.parent.mkdir()
    mine.write_text("mine", encoding="utf-8")

    for extra in ([], ["--dry-run"]):
        result = CliRunner().invoke(main, ["init", str(tmp_path), *extra])

        assert result.exit_code == 3
        assert f"{mine}: is there already" in result.stderr
        assert mine.read_text(encoding="utf-8") == "mine"
        assert not (tmp_path / "templates").exists()


def test_a_dry_init_names_the_files_and_writes_none(tmp_path: Path) -> None:
    """--dry-run on every write."""
    result = CliRunner().invoke(main, ["init", str(tmp_path / "new"), "--dry-run"])

    assert result.exit_code == 0
    assert f"would write {tmp_path / 'new' / 'config' / 'reminder.yaml'}" in result.output
    assert not (tmp_path / "new").exists()


def test_the_real_program_makes_a_deployment(tmp_path: Path) -> None:
    """As a newcomer types it, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "reminder", "init", "new"], cwd=tmp_path, check=True, capture_output=True, text=True
    )

    assert "Made the tables" in done.stdout
    assert done.stderr == ""


def test_tables_are_made_once(reminder: Run, folder: Path) -> None:
    """`db upgrade` goes from nothing to the newest shape, and a second time changes nothing; a dry run neither."""
    (folder / "reminder.db").unlink()
    dry, first, second = (reminder("db", "upgrade", *extra) for extra in (["--dry-run"], [], []))

    assert "would go from schema none" in dry.output
    assert "went from schema none" in first.output
    assert "is of this release already" in second.output
    assert {dry.exit_code, first.exit_code, second.exit_code} == {0}


def test_status_says_when_tables_are_missing(reminder: Run, folder: Path) -> None:
    """Exit code 1 and the command that helps, whether there is no file or no table in it."""
    (folder / "reminder.db").unlink()
    no_file = reminder("db", "status")
    (folder / "reminder.db").touch()
    no_tables = reminder("db", "status")

    assert (no_file.exit_code, no_tables.exit_code) == (1, 1)
    assert "reminder db upgrade" in no_file.output
    assert "reminder db upgrade" in no_tables.output


def test_status_is_json_for_programs(reminder: Run) -> None:
    """Stable keys."""
    found = json.loads(reminder("db", "status", "--json").stdout)

    assert found["current"] is True
    assert found["schema"] == found["wanted"]


def test_a_command_that_needs_tables_says_how_to_get_them(reminder: Run, folder: Path) -> None:
    """No traceback for somebody who skipped a step."""
    (folder / "reminder.db").write_bytes(b"")

    result = reminder("hold", "list")

    assert result.exit_code == 1
    assert "run `reminder db upgrade`" in result.stderr
