"""Fixtures of the command line: a deployment of its own for each test, and a way to run `reminder` in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reminder.cli import main
from reminder.config.scaffold import write_deployment

Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, sqlite_url: str) -> Path:
    """A deployment as `init` writes it, with our tables, empty."""
    made = tmp_path / "deployment"
    write_deployment(made)
    shutil.move(sqlite_url.removeprefix("sqlite:///"), made / "reminder.db")
    return made


@pytest.fixture
def reminder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A function that runs `reminder` with these arguments in the deployment, as the user `ann`."""
    for name in ("REMINDER_DATABASE", "REMINDER_CONFIG", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("USER", "ann")

    def run(*args: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(main, ["--config", str(folder / "config"), *args], input=stdin)

    return run


@pytest.fixture
def edit(folder: Path) -> Callable[..., Path]:
    """A function that replaces text in a file of the deployment, where it must stand once, and returns its path."""

    def change(name: str, old: str, new: str) -> Path:
        path = folder / name
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        path.write_text(text.replace(old, new), encoding="utf-8")
        return path

    return change
