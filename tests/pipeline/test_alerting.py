"""Alerts reach a real HTTP server through Apprise itself; and whatever a service does, the daemon goes on."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from reminder.domain.trouble import Kind
from reminder.pipeline.alerting import GIVEN_UP_TRIES, claim_tellings, lost_database, message, tell_all
from reminder.pipeline.notify import Delivery, tell
from reminder.pipeline.troubles import Calendar
from reminder.store import alerts, gateway_states
from support.alerted import GONE, Service, listening
from support.worlds import World

CALENDAR = Calendar("UTC", ())
HOUR, REPEAT = timedelta(hours=1), timedelta(hours=4)


@pytest.fixture
def service() -> Iterator[Service]:
    """A real HTTP server that Apprise posts to."""
    with listening() as one:
        yield one


def paused(world: World) -> None:
    """Let a gateway be paused."""
    with world.engine.begin() as connection:
        gateway_states.pause(connection, "twilio", until=world.at + HOUR, reason="20003 wrong key", at=world.at)


def look(world: World, *urls: str) -> list[Delivery]:
    """Look once, and tell what is to be told."""
    deployment = world.deployment()
    tellings = claim_tellings(deployment, CALENDAR, tuple(Kind))
    if not tellings:
        return []
    return asyncio.run(tell_all(deployment, tellings, urls, "Anhe", repeat=REPEAT))


@pytest.fixture
def filed(tmp_path: Path) -> Iterator[World]:
    """A world in a file: a child process and threads look at it as well."""
    from reminder.store.engine import open_engine
    from reminder.store.schema import metadata

    engine = open_engine(f"sqlite:///{tmp_path / 'world.db'}")
    metadata.create_all(engine)
    yield World(engine)
    engine.dispose()


def test_a_trouble_and_its_end_are_told(filed: World, service: Service) -> None:
    """What a person reads: what is wrong, since when, what to do; then that it is over. In between, quiet."""
    paused(filed)
    with capture_logs() as logs:
        assert look(filed, service.url) == [Delivery("json", delivered=True)]
    assert look(filed, service.url) == []
    filed.later(hours=2)
    look(filed, service.url)

    first, over = service.taken
    assert (first["title"], over["title"]) == ("Reminders of Anhe: 1 wrong", "Reminders of Anhe: well again")
    assert "RM-W042 twilio is paused: 20003 wrong key" in first["message"]
    assert "Since 2026-11-23 04:00 UTC. What to do: " in first["message"]
    assert over["message"] == "Over: RM-W042 twilio is paused: 20003 wrong key"
    assert [line["event"] for line in logs] == ["reminder.alert.told"]


def test_one_service_that_takes_it_is_enough(filed: World, service: Service) -> None:
    """A dead chat does not make the mail come again; what did not work is in the log, and names no address."""
    paused(filed)
    with capture_logs() as logs:
        found = look(filed, GONE, service.url)
    assert [(each.service, each.delivered) for each in found] == [("json", False), ("json", True)]
    assert [line["event"] for line in logs] == ["reminder.alert.failed", "reminder.alert.told"]
    assert logs[0]["reason"] == "the service did not take it"
    assert "127.0.0.1" not in str(logs)
    assert look(filed, GONE, service.url) == []


def test_what_no_service_took_is_told_later(filed: World, service: Service) -> None:
    """An alert is not lost because the chat was down for a minute."""
    paused(filed)
    service.status = 500
    assert [each.delivered for each in look(filed, service.url)] == [False]
    service.status = 200
    filed.later(minutes=2)
    assert [each.delivered for each in look(filed, service.url)] == [True]


def test_an_end_that_nobody_takes_is_given_up(filed: World) -> None:
    """Nobody is told for ever that something is over; a trouble that lasts is told for ever."""
    paused(filed)
    look(filed, GONE)
    with filed.engine.connect() as connection:
        (kept,) = alerts.listing(connection)
    over = alerts.Telling(kept.alert_key, kept.kind, "f", "h", filed.at, over=True, again=True, tries=GIVEN_UP_TRIES)
    asyncio.run(tell_all(filed.deployment(), [replace(over, over=False)], [GONE], "Anhe", repeat=REPEAT))
    with filed.engine.connect() as connection:
        assert len(alerts.listing(connection)) == 1
    asyncio.run(tell_all(filed.deployment(), [over], [GONE], "Anhe", repeat=REPEAT))
    with filed.engine.connect() as connection:
        assert len(alerts.listing(connection)) == 0


@pytest.mark.parametrize(
    ("url", "reason"),
    [("nonsense://x", "Apprise does not understand the address"), (GONE, "the service did not take it")],
)
def test_a_service_that_fails_is_told_by_its_beginning(url: str, reason: str) -> None:
    """Law 13: an address is a secret; what stands before :// is not."""
    assert asyncio.run(tell([url], "t", "b")) == [Delivery(url.partition("://")[0], delivered=False, reason=reason)]


def test_a_service_that_never_answers_has_its_time_and_no_more(service: Service) -> None:
    """The child is killed: neither the daemon nor its end waits for a chat."""
    service.silent.set()

    assert asyncio.run(tell([service.url], "t", "b", seconds=3)) == [
        Delivery("json", delivered=False, reason="no answer within 3 s")
    ]


@pytest.mark.parametrize(
    ("python", "reason"),
    [
        ("/nowhere/python", "no process could be started: No such file or directory"),
        ("/bin/false", "the process that tells ended with 1"),
    ],
)
def test_a_child_that_fails_is_a_failed_alert(python: str, reason: str) -> None:
    """Whatever keeps the child from telling is told as the reason."""
    assert asyncio.run(tell([GONE], "t", "b", python=python)) == [Delivery("json", delivered=False, reason=reason)]


def test_a_lost_database_is_told_without_one(filed: World) -> None:
    """The message needs nothing but what the daemon remembers."""
    title, body = message([lost_database(filed.at)], "Anhe")

    assert title == "Reminders of Anhe: 1 wrong"
    assert body.startswith("RM-E070 the ticks of a daemon have failed since 2026-11-23T04:00Z")


def test_the_daemon_itself_never_loads_apprise() -> None:
    """Its memory stays small: only the child pays for 170 services."""
    assert "apprise" not in sys.modules
