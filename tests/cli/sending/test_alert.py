"""`reminder alert`: whoever sets it up sees at once whether it reaches them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result

from reminder.app import now, open_database
from reminder.domain.trouble import Kind, Trouble
from reminder.installation import read_installation
from reminder.store import alerts
from support.alerted import GONE, Service, listening

Run = Callable[..., Result]


@pytest.fixture
def service() -> Iterator[Service]:
    """A service that takes alerts."""
    with listening() as one:
        yield one


@pytest.fixture(autouse=True)
def _alerted(config: Path) -> None:
    """Let the settings name a variable for the addresses."""
    path = config / "reminder.yaml"
    path.write_text(path.read_text("utf-8") + 'alerts: {urls: "${REMINDER_ALERT_URLS:-}"}\n', "utf-8")


def test_a_test_reaches_the_service(reminder: Run, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 0 and a message that says that nothing is wrong."""
    monkeypatch.setenv("REMINDER_ALERT_URLS", service.url)
    result = reminder("alert", "test")

    assert result.exit_code == 0, result.output
    assert "taken" in result.output
    assert "Nothing is wrong" in service.taken[0]["message"]


def test_a_service_that_is_away_is_a_failure(reminder: Run, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1 though another one took it; no address is shown."""
    monkeypatch.setenv("REMINDER_ALERT_URLS", f"{GONE} {service.url}")
    result = reminder("alert", "test", "--json")

    assert result.exit_code == 1
    assert [each["delivered"] for each in json.loads(result.stdout)] == [False, True]
    assert "127.0.0.1" not in result.output


def test_a_rehearsal_tells_nobody(reminder: Run, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--dry-run` says whom it would tell."""
    monkeypatch.setenv("REMINDER_ALERT_URLS", service.url)
    result = reminder("alert", "test", "--dry-run")

    assert (result.exit_code, result.output, service.taken) == (0, "Would tell 1: json\n", [])


def test_nobody_to_tell_is_said(reminder: Run) -> None:
    """An empty variable is no test that went well."""
    result = reminder("alert", "test")

    assert result.exit_code == 1
    assert "found none: nobody is woken" in result.output


def test_an_address_in_the_file_is_refused(reminder: Run, config: Path) -> None:
    """Addresses hold passwords: they stand in the environment, and no message repeats them."""
    path = config / "reminder.yaml"
    path.write_text(path.read_text("utf-8").replace("${REMINDER_ALERT_URLS:-}", "mailto://ann:pw@example.com"), "utf-8")
    result = reminder("alert", "test")

    assert result.exit_code == 3
    assert "a secret must not stand in a file" in result.output
    assert "ann:pw" not in result.output


def test_a_wrong_address_is_not_repeated(reminder: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment holds is a secret even where it is wrong."""
    monkeypatch.setenv("REMINDER_ALERT_URLS", "ann@example.com?pw=hush")
    result = reminder("alert", "test")

    assert result.exit_code == 3
    assert "expected Apprise addresses" in result.output
    assert "hush" not in result.output


def test_what_is_told_is_listed(reminder: Run, config: Path) -> None:
    """An operator sees what the others were told, and since when it is so."""
    at = now()
    trouble = Trouble(Kind.PAUSED, at - timedelta(hours=1), "nothing is sent", "approve it", subject="volume")
    with open_database(read_installation(config, {})) as engine, engine.begin() as connection:
        alerts.note(connection, [trouble], at, kinds=tuple(Kind))

    assert "RM-E061" in reminder("alert", "list").output
    (listed,) = json.loads(reminder("alert", "list", "--json").stdout)
    assert (listed["code"], listed["found"], listed["told_at"]) == ("RM-E061", "nothing is sent", None)
