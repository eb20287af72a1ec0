"""Troubles: each is found when it is one, not before, and names no customer; and where all is well there is none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import Connection, insert

from reminder.domain.guard import Finding, GuardName
from reminder.domain.lifecycle import State
from reminder.domain.trouble import CODES, Kind, Trouble
from reminder.pipeline.diagnosis import CODES as DOCTORS
from reminder.pipeline.troubles import Calendar, look_for_troubles, missed_slots
from reminder.store import daemons, gateway_states, guards, plan_runs, refusals
from reminder.store.daemons import Sign
from reminder.store.schema import breaker
from support.outbox_rows import remind
from support.worlds import World

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CALENDAR = Calendar("UTC", (time(8), time(11)))


def look(world: World, *, at: datetime = AT) -> list[Trouble]:
    """Return what is found in a world."""
    with world.engine.connect() as connection:
        return look_for_troubles(connection, CALENDAR, at)


def planned(connection: Connection, day: date, hour: int) -> None:
    """Plan one slot, and finish."""
    at = datetime.combine(day, time(hour), UTC)
    run = plan_runs.begin(connection, schedule="plan", slot_date=day, slot_no=hour * 60, owner="me", at=at)
    assert run is not None
    plan_runs.finish(connection, run, owner="me", planned=1, at=at + MINUTE)


def sign(connection: Connection, *, seen: timedelta, failing: timedelta | None = None) -> None:
    """Keep a daemon that was seen so long ago."""
    daemons.keep(connection, Sign("one", AT - DAY, AT - seen, AT - failing if failing is not None else None))


Arrange = Callable[[Connection], object]


def _flood(connection: Connection) -> None:
    guards.stop(connection, Finding(GuardName.VOLUME, "9000 instead of 100", {}), day=AT.date(), owner="one", at=AT)
    remind(connection, "old", not_before=AT - DAY)


def _breaker(trips: int) -> Arrange:
    def arrange(connection: Connection) -> None:
        connection.execute(insert(breaker).values(gateway="twilio", failures=0, trips=trips))
        gateway_states.pause(connection, "twilio", until=AT + MINUTE, reason="it does not answer", at=AT - MINUTE)

    return arrange


def _doubt(age: timedelta) -> Arrange:
    return lambda connection: remind(connection, state=State.IN_DOUBT.value, changed_at=AT - age)


WRONG: dict[str, tuple[Kind, Arrange]] = {
    "no daemon": (Kind.TICKS, lambda connection: sign(connection, seen=3 * MINUTE)),
    "failing ticks": (Kind.TICKS, lambda connection: sign(connection, seen=0 * MINUTE, failing=3 * MINUTE)),
    "a pause, and no complaint about what waits for it": (Kind.PAUSED, _flood),
    "wrong files": (
        Kind.CONFIG_REFUSED,
        lambda connection: refusals.write(connection, "one", problems=["policies/a.yaml:3:5: expected"], at=AT),
    ),
    "a wrong key": (
        Kind.GATEWAY_PAUSED,
        lambda connection: gateway_states.pause(connection, "twilio", until=AT + HOUR, reason="20003", at=AT),
    ),
    "an outage": (Kind.GATEWAY_SILENT, _breaker(5)),
    "an old doubt": (Kind.DOUBTS, _doubt(2 * HOUR)),
    "nobody sends": (Kind.BACKLOG, lambda connection: remind(connection, not_before=AT - 2 * HOUR)),
}

FINE: dict[str, Arrange] = {
    "a daemon at work": lambda connection: sign(connection, seen=MINUTE),
    "one failing tick": lambda connection: sign(connection, seen=0 * MINUTE, failing=MINUTE),
    "a hiccup of a gateway": _breaker(2),
    "a young doubt": _doubt(30 * MINUTE),
    "a short queue": lambda connection: remind(connection, not_before=AT - 30 * MINUTE),
    "nothing at all": lambda connection: None,
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_found(world: World, name: str) -> None:
    """One trouble of its kind, and no other."""
    kind, arrange = WRONG[name]
    with world.engine.begin() as connection:
        arrange(connection)

    assert [trouble.kind for trouble in look(world)] == [kind]


@pytest.mark.parametrize("name", FINE)
def test_what_is_fine_wakes_nobody(world: World, name: str) -> None:
    """Nobody is woken for what passes by itself."""
    with world.engine.begin() as connection:
        FINE[name](connection)

    assert look(world) == []


def test_a_daemon_that_is_well_hides_none_that_fails(world: World) -> None:
    """One of two works: the other one's failing ticks are told nevertheless, and one that died is not missed."""
    with world.engine.begin() as connection:
        daemons.keep(connection, Sign("well", AT - DAY, AT, None))
        daemons.keep(connection, Sign("died", AT - DAY, AT - HOUR, AT - HOUR))
        assert look_for_troubles(connection, CALENDAR, AT) == []
        daemons.keep(connection, Sign("failing", AT - DAY, AT, AT - HOUR))

        assert [trouble.since for trouble in look_for_troubles(connection, CALENDAR, AT)] == [AT - HOUR]


def test_a_slot_that_nobody_planned_is_missed(world: World) -> None:
    """From half an hour after its time until a day later; those before the first plan there ever was are not."""
    yesterday, today = AT.date() - DAY, AT.date()
    with world.engine.begin() as connection:
        assert missed_slots(connection, CALENDAR, AT) == []
        planned(connection, yesterday, 8)
        missed = [f"{slot.at:%d %H:%M}" for slot in missed_slots(connection, CALENDAR, AT)]
        assert missed == ["23 08:00", "23 11:00"]
        assert [slot.at.hour for slot in missed_slots(connection, CALENDAR, AT - 45 * MINUTE)] == [11, 8]
        planned(connection, today, 8)
        planned(connection, today, 11)
        assert missed_slots(connection, CALENDAR, AT) == []

    assert look(world) == []


def test_a_missed_slot_is_a_trouble_of_its_own(world: World) -> None:
    """Two missed slots are two occurrences, each known by its own name."""
    with world.engine.begin() as connection:
        planned(connection, AT.date() - DAY, 11)

    assert [trouble.key for trouble in look(world)] == ["missed_run:2026-11-23 08:00", "missed_run:2026-11-23 11:00"]


def test_every_kind_has_a_code_of_the_doctor() -> None:
    """Alerts, readiness and the doctor speak of the same things by the same names."""
    assert set(CODES) == set(Kind)
    assert set(CODES.values()) <= set(DOCTORS)
