"""A deployment that may text at any hour, and `reminder` run in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection, select

from reminder.app import open_database
from reminder.cli import main
from reminder.installation import read_installation
from reminder.store.schema import outbox
from support.deployments import write_deployment

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine's own environment names is nobody's business here."""
    for name in ("REMINDER_DATABASE", "REMINDER_CONFIG", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("USER", "ann")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The folder of settings of a deployment with an empty book, whose texts go to the console."""
    return write_deployment(tmp_path / "deployment")


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """The same, but its texts should go through Twilio, which is not set up."""
    return write_deployment(tmp_path / "stand-in", route="twilio, console")


@pytest.fixture
def run_in() -> Callable[..., Result]:
    """A function that runs `reminder` with a folder of settings and these arguments."""

    def run(config: Path, *args: str) -> Result:
        return CliRunner().invoke(main, ["--config", str(config), *args])

    return run


@pytest.fixture
def reminder(config: Path, run_in: Callable[..., Result]) -> Run:
    """A function that runs `reminder` with these arguments in `config`."""
    return lambda *args: run_in(config, *args)


@pytest.fixture
def connection(config: Path) -> Iterator[Connection]:
    """A connection to the deployment's database; what is written is committed at the end of a `with` of its own."""
    with open_database(read_installation(config, {})) as engine, engine.connect() as opened:
        yield opened


@pytest.fixture
def rows() -> Callable[[Path], list[Any]]:
    """A function that returns the outbox of a deployment, by account."""

    def read(config: Path) -> list[Any]:
        with open_database(read_installation(config, {})) as engine, engine.connect() as opened:
            return list(opened.execute(select(outbox).order_by(outbox.c.account_id, outbox.c.reminder_id)))

    return read
