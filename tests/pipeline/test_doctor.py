"""The doctor finds what is broken, by its own code and no other, and nothing where all is well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from reminder.book.findings import Finding as BookFinding
from reminder.book.findings import Severity
from reminder.domain.calendar import NO_CHANGES, CalendarChanges
from reminder.domain.guard import Finding as GuardFinding
from reminder.domain.guard import GuardName
from reminder.domain.lifecycle import State
from reminder.domain.policy import Policy
from reminder.domain.window import ContactWindow, HolidayRule, Hours
from reminder.errors import Problem
from reminder.pipeline import doctor
from reminder.pipeline.diagnosis import CODES, PARTS, Diagnosis, Finding
from reminder.store import guards, refusals
from reminder.store.gateway_states import GatewayPause
from reminder.store.leases import Lease
from reminder.store.schema import plan_run
from reminder.store.upgrade import SchemaState
from support.outbox_rows import in_every_state, remind, write_attempt
from support.recorder import Recorder
from support.worlds import World, policy, step

AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WRONG = Problem("policies/a.yaml", 3, 5, "expected a step, found none")
DOUBTFUL = Problem("policies/a.yaml", 4, 1, "this step never comes", warning=True)
RECORDER = {"recorder": Recorder()}
PAUSED = {"recorder": GatewayPause("recorder", AT + HOUR, "20003 wrong key", AT)}


def _with_calendar(calendar: str | None, rule: HolidayRule, changes: CalendarChanges = NO_CHANGES) -> Policy:
    window = ContactWindow(frozenset(range(7)), time(9), time(20), holidays=rule, calendar=calendar, changes=changes)
    return policy(window=Hours((window,)))


def _in_china(at: datetime) -> list[Finding]:
    return doctor.look_at_calendars([_with_calendar("CN", HolidayRule.SKIP)], at)


def _outbox(world: World, *, at: datetime = AT) -> list[Finding]:
    with world.engine.connect() as connection:
        return doctor.look_at_outbox(connection, at, lease_seconds=60)


def _plans(world: World, *, at: datetime = AT) -> list[Finding]:
    with world.engine.connect() as connection:
        return doctor.look_at_plans(connection, at)


def _daemons(world: World, *, at: datetime = AT) -> list[Finding]:
    with world.engine.connect() as connection:
        return doctor.look_at_daemons(connection, at)


def _after(write: Callable[[Any], object], look: Callable[[World], list[Finding]] = _outbox) -> Callable[..., Any]:
    """Return a look at a world into which something was written before."""

    def broken(world: World) -> list[Finding]:
        with world.engine.begin() as connection:
            write(connection)
        return look(world)

    return broken


def _plan_row(connection: Any, **given: Any) -> None:
    row = {"schedule": "plan", "slot_date": date(2026, 3, 1), "slot_no": 0, "owner": "p:1", "started_at": AT - HOUR}
    connection.execute(insert(plan_run).values(row | given))


def _texted(connection: Any, **given: Any) -> None:
    write_attempt(connection, "one", started_at=AT)
    remind(connection, reference="one", **({"changed_at": AT} | given))


def _stopped(connection: Any) -> None:
    finding = GuardFinding(next(iter(GuardName)), "five times the usual", {})
    guards.stop(connection, finding, day=AT.date(), owner="p:1", at=AT)


LEAD = Lease("vm:1", 3, AT - DAY, AT + timedelta(seconds=10))

BROKEN: dict[str, Callable[[World], list[Finding]]] = {
    "RM-E001": lambda _: doctor.look_at_files([WRONG]),
    "RM-W002": lambda _: doctor.look_at_files([DOUBTFUL]),
    "RM-E003": _after(lambda db: refusals.write(db, "p:1", problems=["a.yaml:1:1: no"], at=AT), _daemons),
    "RM-E010": lambda _: doctor.unreachable("no route to host"),
    "RM-W004": lambda _: doctor.look_at_check_codes(installed=False, used=True),
    "RM-E013": lambda _: doctor.look_at_keys("expected a key, found none"),
    "RM-E011": lambda _: doctor.look_at_schema(SchemaState("0000", "0001")),
    "RM-W012": lambda _: doctor.look_at_clock(AT + timedelta(seconds=6), AT, AT),
    "RM-E020": lambda _: doctor.look_at_book([BookFinding("B011", Severity.ERROR, "account_id", "twice", 2, ("A",))]),
    "RM-W021": lambda _: doctor.look_at_book([BookFinding("B027", Severity.WARNING, "currency", "unknown", 1, ("X",))]),
    "RM-E030": lambda _: _in_china(datetime(2099, 3, 1, tzinfo=UTC)),
    "RM-W031": lambda _: _in_china(datetime(2025, 12, 1, tzinfo=UTC).replace(year=_last_year_known())),
    "RM-E040": lambda _: doctor.look_at_gateways([policy(route=("other",))], RECORDER, {}, {}),
    "RM-W041": lambda _: doctor.look_at_gateways([], RECORDER, {"twilio": "no key"}, {}),
    "RM-W042": lambda _: doctor.look_at_gateways([policy()], RECORDER, {}, PAUSED),
    "RM-E050": _after(lambda db: remind(db, state="lost", not_before=AT)),
    "RM-E051": _after(lambda db: _plan_row(db, planned=1, ended_at=AT)),
    "RM-E052": _after(lambda db: remind(db, state="sent")),
    "RM-E053": _after(lambda db: write_attempt(db, "alone")),
    "RM-W062": lambda _: doctor.look_at_leader(replace(LEAD, until=AT - timedelta(minutes=1)), AT),
    "RM-W054": _after(lambda db: _texted(db, state="sending", lease_until=AT)),
    "RM-W055": _after(lambda db: _texted(db, state="in_doubt", changed_at=AT - DAY - HOUR)),
    "RM-W056": _after(lambda db: remind(db, not_before=AT, lease_until=AT + HOUR)),
    "RM-W057": _after(lambda db: remind(db, not_before=AT - 2 * HOUR)),
    "RM-W060": _after(_plan_row, _plans),
    "RM-E061": _after(_stopped, _plans),
}
"""For each code, something that is broken in that way."""


def _last_year_known() -> int:
    """Return the last year whose Chinese holidays are in the data: whatever release of them is installed."""
    from reminder.domain.calendar import adjusted_data_known

    return next(year for year in range(2025, 2099) if not adjusted_data_known("CN", year + 1))


OF_DAEMONS = {"RM-E070", "RM-E071", "RM-W072", "RM-W073"}
"""What daemons tell of themselves: broken and found in the tests of `troubles` and of readiness."""


def test_every_code_has_its_breakage() -> None:
    """Whoever adds a code shows here what it is found by."""
    assert set(CODES) == set(BROKEN) | OF_DAEMONS


@pytest.mark.parametrize("code", BROKEN)
def test_each_code_is_found(real_world: World, code: str) -> None:
    """What is broken is told by its own code, once and by no other, with what was expected, found and is to be done."""
    found = BROKEN[code](real_world)

    assert [finding.code for finding in found] == [code]
    (finding,) = found
    assert finding.part in PARTS
    assert all((finding.expected, finding.found, finding.hint))
    assert "{" not in finding.found
    assert finding.is_error == (code[3] == "E")


WELL: dict[str, Callable[[World], list[Finding]]] = {
    "files": lambda _: doctor.look_at_files([]),
    "schema": lambda _: doctor.look_at_schema(SchemaState("0001", "0001")),
    "no lead ever": lambda _: doctor.look_at_leader(None, AT),
    "lead held": lambda _: doctor.look_at_leader(LEAD, AT),
    "lead about to be taken": lambda _: doctor.look_at_leader(replace(LEAD, until=AT - timedelta(seconds=59)), AT),
    "lead given back": lambda _: doctor.look_at_leader(replace(LEAD, owner="", until=AT - DAY), AT),
    "clock": lambda _: doctor.look_at_clock(AT, AT, AT),
    "clock five seconds ahead": lambda _: doctor.look_at_clock(AT + timedelta(seconds=5), AT, AT),
    "clock five seconds behind": lambda _: doctor.look_at_clock(AT - timedelta(seconds=5), AT, AT),
    "clock that took long to answer": lambda _: doctor.look_at_clock(AT + timedelta(seconds=20), AT, AT + HOUR),
    "no clock": lambda _: doctor.look_at_clock(None, AT, AT),
    "book": lambda _: doctor.look_at_book([]),
    "book with something to know": lambda _: doctor.look_at_book([BookFinding("B025", Severity.INFO, "x", "y")]),
    "holidays known": lambda _: _in_china(datetime(2025, 12, 31, tzinfo=UTC)),
    "next year unknown in November": lambda _: _in_china(datetime(_last_year_known(), 11, 30, tzinfo=UTC)),
    "holidays nobody asks for": lambda _: doctor.look_at_calendars(
        [_with_calendar("CN", HolidayRule.ALLOW), policy()], datetime(2099, 12, 1, tzinfo=UTC)
    ),
    "a notice of the deployment's own": lambda _: doctor.look_at_calendars(
        [_with_calendar("CN", HolidayRule.SKIP, CalendarChanges(official_years=frozenset({2099, 2100})))],
        datetime(2099, 12, 1, tzinfo=UTC),
    ),
    "holidays of all parts of a country": lambda _: doctor.look_at_calendars(
        [_with_calendar("AU-*", HolidayRule.SKIP), _with_calendar("US-FL", HolidayRule.SKIP)], AT
    ),
    "gateways": lambda _: doctor.look_at_gateways([policy()], RECORDER, {}, {}),
    "a policy that sends no text": lambda _: doctor.look_at_gateways(
        [policy(route=("other",), steps=(step("over", 9, 10, to="collections"),))], {}, {}, {}
    ),
    "empty outbox": _outbox,
    "no plans": _plans,
    "no daemon": _daemons,
    "a daemon that has fallen silent": _after(
        lambda db: refusals.write(db, "p:1", problems=["a.yaml:1:1: no"], at=AT - DAY), _daemons
    ),
    "every state": _after(
        lambda db: in_every_state(db, changed_at=AT, not_before=AT, lease_until=AT + timedelta(seconds=60))
    ),
    "as many rows as planned": _after(
        lambda db: _plan_row(db, planned=1, ended_at=AT), _after(lambda db: remind(db, not_before=AT))
    ),
    "a plan under way": _after(lambda db: _plan_row(db, started_at=AT - timedelta(minutes=14)), _plans),
    "a doubt of today": _after(lambda db: _texted(db, state="in_doubt", changed_at=AT - 23 * HOUR)),
    "a clock a little ahead": _after(lambda db: remind(db, not_before=AT, lease_until=AT + timedelta(minutes=5))),
    "a reminder of now": _after(lambda db: remind(db, not_before=AT - timedelta(minutes=59))),
}
"""What is as it should be, or near enough."""


@pytest.mark.parametrize("name", WELL)
def test_nothing_is_found_where_all_is_well(real_world: World, name: str) -> None:
    """An alarm without cause is one that nobody hears the next time."""
    assert WELL[name](real_world) == []


def test_a_world_at_work_is_sound(real_world: World, due: date) -> None:
    """Law 4: whatever passes do, with refusals, doubts, holds and payments, the doctor finds the tables sound."""
    from support.worlds import account_row

    world = real_world
    world.recorder.answer_with("accept", "retry", "number", "lost", "configuration", "opted_out")
    world.add_accounts(*(account_row(f"A{number}", due - timedelta(days=number % 5)) for number in range(24)))
    for hours in (0, 1, 20, 30):
        world.later(hours=hours)
        world.run()
        world.change_account(f"A{hours % 24}", amount_due=0)

        errors = [finding for finding in _outbox(world, at=world.at) if finding.is_error]

        assert errors == []
    assert {State.SENT, State.FAILED, State.IN_DOUBT} <= {State(row.state) for row in world.rows()}


@pytest.mark.parametrize("current", [None, "0000", "9999"], ids=["none", "older", "newer"])
def test_the_cure_fits_the_schema(current: str | None) -> None:
    """Older tables are upgraded; for newer ones it is the program that is too old."""
    (finding,) = doctor.look_at_schema(SchemaState(current, "0001"))

    assert ("db upgrade" in finding.hint) == (current != "9999")


@pytest.mark.parametrize(("seconds", "way"), [(90, "ahead of"), (-90, "behind")])
def test_a_clock_is_told_with_how_far_it_is(seconds: int, way: str) -> None:
    """Who mends a clock wants to know which way it is wrong, and how far."""
    (finding,) = doctor.look_at_clock(AT + timedelta(seconds=seconds), AT, AT)

    assert finding.found == f"it 90 s {way} ours"


def test_many_problems_are_not_all_told() -> None:
    """A deployment with hundreds of mistakes gets a page of them, and the number of the others."""
    many = [replace(WRONG, line=number) for number in range(1, 51)]

    found = doctor.look_at_files([*many, DOUBTFUL])

    assert [finding.count for finding in found] == [1] * doctor.PROBLEMS_SHOWN_MAX + [50 - doctor.PROBLEMS_SHOWN_MAX, 1]
    assert found[0].found == "policies/a.yaml:1:5: expected a step, found none"
    assert found[-2].found == "30 more"
    assert found[-1].found == "policies/a.yaml:4:1: this step never comes"


def test_every_policy_without_gateway_is_named() -> None:
    """A policy whose texts nobody takes is told by name, one by one, with its route."""
    policies = [policy("one", route=("x", "y")), policy("two", route=()), policy("three")]

    found = doctor.look_at_gateways(policies, RECORDER, {}, {})

    assert [(finding.expected, finding.found) for finding in found] == [
        ("a gateway for one", "none of x, y"),
        ("a gateway for two", "none of an empty route"),
    ]


def test_the_book_elsewhere_may_be_out() -> None:
    """A book in another database that is out is the book's error, not that of our database."""
    (finding,) = doctor.book_unreachable("connection refused")

    assert (finding.code, finding.part, finding.found) == ("RM-E020", "book", "connection refused")


def test_a_diagnosis_is_in_order() -> None:
    """People read part by part, errors first; what was not looked at is named, not passed over."""
    diagnosis = Diagnosis()
    diagnosis.add("outbox")
    diagnosis.add("files", doctor.look_at_files([DOUBTFUL]))
    well = diagnosis.well
    diagnosis.add("files", doctor.look_at_files([WRONG]))

    assert (well, diagnosis.well) == (True, False)
    assert diagnosis.looked_at == ("files", "outbox")
    assert diagnosis.not_looked_at == tuple(part for part in PARTS if part not in ("files", "outbox"))
    assert [finding.code for finding in diagnosis.findings] == ["RM-E001", "RM-W002"]


def test_codes_are_numbered_once() -> None:
    """A code keeps its number whether it is an error or a warning, so that 30 is one thing."""
    numbers = [code[4:] for code in CODES]

    assert len(set(numbers)) == len(numbers)
    assert list(CODES) == sorted(CODES, key=lambda code: code[4:])
