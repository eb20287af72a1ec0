"""The report adds up: every reminder once, every text once, every line what its heading says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder.domain.lifecycle import State
from reminder.errors import DataError
from reminder.pipeline.deployment import Price
from reminder.pipeline.repaid import Repaid
from reminder.pipeline.report import DAYS_MAX, NONE, By, Days, Report, make_report
from support.outbox_rows import in_every_state, remind, write_attempt
from support.worlds import World, account_row, policy, step

ZONE = "Asia/Shanghai"


def _days(first: date, last: date | None = None) -> Days:
    return Days(first, last or first, ZONE)


def _report(
    world: World,
    days: Days,
    by: By = By.DAY,
    *,
    paid_within: int | None = None,
    prices: Mapping[str, Price] | None = None,
) -> Report:
    deployment = replace(world.deployment(), prices=prices or {})
    return make_report(deployment, days, by, paid_within=paid_within, at=world.at)


def _planned(report: Report) -> dict[str, int]:
    return {line.key: line.planned for line in report.lines}


@pytest.mark.parametrize("by", By, ids=lambda by: by.value)
def test_every_line_adds_up(real_world: World, due: date, by: By) -> None:
    """Law 4: under every heading the lines together hold every planned reminder once, open ones and ended ones."""
    with real_world.engine.begin() as connection:
        in_every_state(connection, planned_at=real_world.at)

    report = _report(real_world, _days(due), by)

    assert report.total.states == Counter(State)
    assert sum((line.states for line in report.lines), Counter()) == report.total.states
    assert sum(line.texts for line in report.lines) == report.total.texts == 3
    assert report.total.planned == len(State)


def test_days_are_those_of_the_schedule(world: World, due: date) -> None:
    """A day begins at midnight on the calendar that the schedule is written for, not at midnight in Greenwich."""
    midnight = datetime(2026, 11, 22, 16, tzinfo=UTC)
    with world.engine.begin() as connection:
        remind(connection, "A", planned_at=midnight - timedelta(microseconds=1))
        remind(connection, "B", planned_at=midnight)
        remind(connection, "C", planned_at=midnight + timedelta(hours=23, minutes=59))

    before = due - timedelta(days=1)
    assert _planned(_report(world, Days(before, due, ZONE))) == {before.isoformat(): 1, due.isoformat(): 2}
    assert _planned(_report(world, Days(before, due, "UTC"))) == {before.isoformat(): 2, due.isoformat(): 1}


def test_a_live_run_is_reported(world: World, due: date) -> None:
    """What a pass sent, kept silent and let wait is what the report says of it, with the reasons."""
    world.add_accounts(
        account_row("sent", due), account_row("late", due - timedelta(days=5)),
        account_row("paid", due), account_row("held", due),
    )  # fmt: skip
    world.plan()
    world.change_account("paid", amount_due=0)
    world.hold(account_id="held")
    world.dispatch()

    report = _report(world, _days(due), By.STEP, prices={"recorder": Price(Decimal("0.045"), "USD")})

    assert report.total.states == {State.SENT: 2, State.CANCELLED: 1, State.PLANNED: 1}
    assert report.total.silent == {"paid": 1}
    assert report.total.waiting == {"hold": 1}
    segments = sum(row.segments for row in world_attempts(world))
    assert (report.total.texts, report.total.segments) == (2, segments)
    assert report.total.cost == {"USD": Decimal("0.045") * segments}
    assert _planned(report) == {"loan/due": 3, "loan/late": 1}


def world_attempts(world: World) -> list[Any]:
    """Return every attempt of a world."""
    from sqlalchemy import select

    from reminder.store.schema import attempt

    with world.engine.connect() as connection:
        return list(connection.execute(select(attempt)))


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (By.POLICY, {"loan": 3, "old": 1}),
        (By.TIER, {"pre_due": 1, "grace": 1, "escalation": 1, NONE: 1}),
        (By.STEP, {"loan/ahead": 1, "loan/due": 1, "loan/late": 1, "old/due": 1}),
        (By.GATEWAY, {"g": 2, "h": 1, NONE: 1}),
        (By.LANGUAGE, {"en": 2, "zh-CN": 1, NONE: 1}),
        (By.DAY, {"2026-11-23": 4}),
    ],
    ids=lambda value: value.value if isinstance(value, By) else "",
)
def test_each_heading_tells_its_own_apart(world: World, due: date, by: By, expected: dict[str, int]) -> None:
    """A reminder is counted under its own policy, tier, step, gateway and language, or under "none", which is last."""
    with world.engine.begin() as connection:
        write_attempt(connection, "one", gateway="g", language="en")
        write_attempt(connection, "two", gateway="h", language="zh-CN")
        write_attempt(connection, "three", gateway="g", language="en")
        for key, reference in (("ahead", "one"), ("due", "two"), ("late", "three")):
            remind(connection, key, policy="loan", step=key, state="sent", reference=reference, planned_at=world.at)
        remind(connection, "D", policy="old", step="due", planned_at=world.at)

    report = _report(world, _days(due), by)

    assert _planned(report) == expected
    assert [line.key for line in report.lines] == [
        *sorted(set(expected) - {NONE}),
        *([NONE] if NONE in expected else []),
    ]


def test_only_what_gateways_took_is_paid_for(world: World, due: date) -> None:
    """Refused, doubtful and printed texts are not in the costs; another currency is another sum."""
    with world.engine.begin() as connection:
        for number, state in enumerate(
            ("sent", "delivered", "undelivered", "failed", "in_doubt", "printed", "planned")
        ):
            write_attempt(connection, f"r{number}", gateway="g" if number else "h", segments=2)
            remind(connection, f"A{number}", state=state, reference=f"r{number}", planned_at=world.at)

    prices = {"g": Price(Decimal("0.10"), "CNY"), "h": Price(Decimal("0.01"), "USD")}
    report = _report(world, _days(due), prices=prices)

    assert (report.total.texts, report.total.segments) == (3, 6)
    assert report.total.cost == {"CNY": Decimal("0.40"), "USD": Decimal("0.02")}


def test_nothing_planned_is_an_empty_report(world: World, due: date) -> None:
    """A deployment that has done nothing yet has a report too, whose sums are zero."""
    report = _report(world, Days(due - timedelta(days=6), due, ZONE), paid_within=7)

    assert report.lines == ()
    assert (report.total.planned, report.total.texts, report.total.cost) == (0, 0, {})


def test_a_world_is_asked_for_its_payments(real_world: World, due: date) -> None:
    """Payments after texts are told from the outbox and the book together, on each database."""
    world = real_world
    world.policies = (policy(steps=(step("due", 0, 1), step("second", 2, 3), step("late", 4, 30))),)
    names = ("prompt", "cancelled", "owing", "late", "gone")
    world.add_accounts(*(account_row(name, due) for name in names))
    world.run()
    world.later(days=1)
    early = _report(world, _days(due), paid_within=3).total.repaid
    world.later(days=1)
    world.change_account("prompt", amount_due=0)
    world.plan()
    world.change_account("cancelled", amount_due=0)
    world.dispatch()
    world.remove_account("gone")
    world.later(days=3)
    world.change_account("late", amount_due=0)

    first = _report(world, _days(due), By.STEP, paid_within=3)

    assert early == {Repaid.TOO_EARLY: 5}
    assert first.total.repaid == {Repaid.PAID: 1, Repaid.NOT_PAID: 1, Repaid.UNSEEN: 3}
    assert [(line.key, line.repaid) for line in first.lines] == [("loan/due", first.total.repaid)]


def test_payments_are_counted_under_the_day_of_the_plan(world: World, due: date) -> None:
    """The days' payments stand in the lines of the days on which the reminders were planned."""
    world.add_accounts(account_row("A", due), account_row("B", due + timedelta(days=8)))
    world.run()
    world.later(days=1)
    world.run()

    report = _report(world, Days(due, due + timedelta(days=1), ZONE), paid_within=1)

    assert [(line.key, line.repaid.total()) for line in report.lines] == [("2026-11-23", 1), ("2026-11-24", 1)]
    assert report.lines[0].repaid == {Repaid.NOT_PAID: 1}


@pytest.mark.parametrize(
    ("first", "last"),
    [(date(2026, 2, 2), date(2026, 2, 1)), (date(2026, 1, 1), date(2026, 1, 1) + timedelta(days=DAYS_MAX + 1))],
    ids=["backwards", "too many"],
)
def test_days_that_are_none_are_refused(first: date, last: date) -> None:
    """A range that could only give an empty or an endless report is refused, saying what is expected."""
    with pytest.raises(DataError, match="expected a first day and a last one"):
        Days(first, last, ZONE)


@given(
    first=st.dates(date(2000, 1, 1), date(2037, 1, 1)),
    count=st.integers(min_value=0, max_value=10),
    zone=st.sampled_from(["UTC", ZONE, "Asia/Beirut", "America/Sao_Paulo", "Pacific/Apia", "Africa/Cairo"]),
)
def test_days_follow_each_other_without_gap(first: date, count: int, zone: str) -> None:
    """No instant falls between two days or into both, where clocks skip or repeat midnight too."""
    days = Days(first, first + timedelta(days=count), zone)

    instants = [days.begins(day) for day in [*days, days.last + timedelta(days=1)]]

    assert instants == sorted(instants)
    assert (instants[0], instants[-1]) == (days.since, days.until)
    for day, begins, ends in zip(days, instants, instants[1:], strict=False):
        if begins < ends:  # Samoa had no 30 December 2011 at all
            assert days.day_of(begins) == day
            assert days.day_of(ends - timedelta(microseconds=1)) == day
