"""The herald: a daemon tells what is wrong, also of a database that is away; and nothing where nobody is to be told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from reminder.app import now, open_deployment
from reminder.daemon.herald import Herald
from reminder.daemon.reload import Live
from reminder.installation import read_installation
from reminder.store import alerts, gateway_states
from support.alerted import Service, listening


@pytest.fixture
def service() -> Iterator[Service]:
    """A service that takes alerts."""
    with listening() as one:
        yield one


@pytest.fixture
def live(config: Path, service: Service) -> Iterator[Live]:
    """A daemon's files, with somebody to be told."""
    path = config / "reminder.yaml"
    path.write_text(path.read_text("utf-8") + 'alerts: {urls: "${URLS}"}\n', "utf-8")
    installation = read_installation(config, {"URLS": service.url})
    with open_deployment(installation) as deployment:
        yield Live(installation, deployment)


def pause(live: Live) -> None:
    """Let a gateway be paused."""
    at = now()
    with live.deployment.engine.begin() as connection:
        gateway_states.pause(connection, "twilio", until=at + timedelta(hours=1), reason="20003", at=at)


def test_what_is_wrong_is_told_once(live: Live, service: Service) -> None:
    """However often the herald looks, and whichever of two daemons it belongs to."""
    pause(live)
    for herald in (Herald(live), Herald(live)):
        asyncio.run(herald.look())

    assert [taken["title"] for taken in service.taken] == ["Reminders of Anhe Credit: 1 wrong"]


def test_a_database_that_is_away_is_told_from_memory(live: Live, service: Service) -> None:
    """After some minutes of failing ticks, once; a hiccup wakes nobody."""
    herald = Herald(live)
    with live.deployment.engine.begin() as connection:
        connection.execute(text("ALTER TABLE alert RENAME TO away"))
    with capture_logs() as logs:
        live.deployment.vitals.ticked(now(), failed=True)
        asyncio.run(herald.look())
        assert service.taken == []
        live.deployment.vitals.ticked(now(), failed=False)
        live.deployment.vitals.ticked(now() - timedelta(minutes=5), failed=True)
        asyncio.run(herald.look())
        asyncio.run(herald.look())

    assert ["the database does not answer" in taken["message"] for taken in service.taken] == [True]
    assert [line["event"] for line in logs] == ["reminder.alert.blind"] * 3


def test_nobody_to_tell_costs_nothing(config: Path) -> None:
    """Without addresses nothing is looked for, and nothing is written."""
    installation = read_installation(config, {})
    with open_deployment(installation) as deployment:
        live = Live(installation, deployment)
        pause(live)
        asyncio.run(Herald(live).look())
        with deployment.engine.connect() as connection:
            assert list(alerts.listing(connection)) == []
