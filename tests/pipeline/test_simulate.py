"""Simulating: the first pass is what a preview lists, the days after it are those of live runs, and nothing is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine, func, select

from reminder.domain.account import Account
from reminder.domain.caps import Cap, CapPeriod
from reminder.domain.hold import HoldKind
from reminder.domain.money import Money
from reminder.pipeline.deployment import Price
from reminder.pipeline.preview import Verb
from reminder.pipeline.simulate import NOBODY_PAYS, Day, Payments, Schedule, simulate
from reminder.store.engine import open_engine
from reminder.store.schema import metadata
from support.lender_books import lender_book, loan
from support.worlds import DAYTIME, World, account_row, policy, step

AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
DAY = date(2026, 11, 23)
SCHEDULE = Schedule("Asia/Shanghai", (time(8, 30),))


@pytest.fixture
def world() -> Iterator[World]:
    """A world with a hold, a paid account, a cap, a hand-over, and a past."""
    engine = open_engine("sqlite://")
    metadata.create_all(engine)
    steps = (step("ahead", -3, -1), step("due", 0, 3), step("late", 4, 30), step("over", 31, 40, to="collections"))
    made = World(engine, policies=(policy(steps=steps, window=DAYTIME, caps=(Cap(1, CapPeriod.DAY),)),), at=AT)
    made.add_accounts(
        account_row("a-ahead", DAY + timedelta(days=5)),
        account_row("b-due", DAY, customer_id="c"),
        account_row("b-late", DAY - timedelta(days=5), customer_id="c"),
        account_row("d-paid", DAY, amount_due=0),
        account_row("e-held", DAY),
        account_row("f-over", DAY - timedelta(days=30)),
    )
    made.hold(HoldKind.DISPUTE, account_id="e-held", until=AT + timedelta(days=2))
    yield made
    engine.dispose()


def lived(world: World, days: int, payments: Payments = NOBODY_PAYS) -> list[Day]:
    """Simulate so many days from the world's instant on."""
    return list(simulate(world.deployment(), SCHEDULE, world.at, days, payments))


def test_the_first_pass_is_what_a_preview_lists(world: World) -> None:
    """Law 1: on a day that has no other pass, exactly the texts of the preview are sent."""
    foretold = Counter(entry.step for entry in world.preview() if entry.verb is Verb.SEND)
    world.at = AT + timedelta(hours=7)  # 19:00 in Shanghai: the window closes at 20:00, and no slot comes before that
    (day,) = lived(world, 1)

    assert foretold
    assert {key.partition("/")[2]: sums.texts for key, sums in day.by["step"].items()} == dict(foretold)


def test_the_days_are_those_of_live_runs(world: World) -> None:
    """Law 1: day by day the same texts as a daemon sends that plans once and asks again all day long."""
    foreseen = [
        (day.day, {key: sums.texts for key, sums in day.by["step"].items()}, day.hand_overs) for day in lived(world, 10)
    ]

    happened = []
    for offset in range(10):
        before = len(world.recorder.taken)
        over = sum(state == "handed_over" for state in world.states().values())
        for hour in range(4 if not offset else 0, 16):
            world.at = datetime.combine(DAY + timedelta(days=offset), time(hour), UTC)
            if hour == 4 or (offset and hour == 1):
                world.plan()
            world.dispatch()
        texts = {message.reference for message in world.recorder.taken[before:]}
        steps = Counter(f"loan/{row.step}" for row in world.rows() if row.reference in texts)
        handed = sum(state == "handed_over" for state in world.states().values()) - over
        happened.append((DAY + timedelta(days=offset), dict(steps), handed))

    assert foreseen == happened
    assert sum(sum(steps.values()) for _, steps, _ in foreseen) >= 6


def test_nothing_is_written_or_sent(world: World) -> None:
    """A simulation changes no table of ours, and calls no gateway."""

    def counts() -> list[int]:
        with world.engine.connect() as connection:
            tables = metadata.sorted_tables
            return [int(connection.scalar(select(func.count()).select_from(table)) or 0) for table in tables]

    world.run()
    before, calls = counts(), world.recorder.calls
    lived(world, 5)

    assert (counts(), world.recorder.calls) == (before, calls)


def test_what_has_been_sent_is_not_sent_again(world: World) -> None:
    """Law 2: the copy knows what went out before, and the caps that it filled."""
    world.run()

    (day,) = lived(world, 1)

    assert day.total.texts == 0


def test_who_pays_is_left_alone_and_is_always_the_same(world: World) -> None:
    """Assumed payments silence, by a seed that draws the same people each time."""
    nobody, some, again = lived(world, 20), lived(world, 20, Payments(20, 7)), lived(world, 20, Payments(20, 7))

    def texts(days: list[Day]) -> list[int]:
        return [day.total.texts for day in days]

    assert texts(some) == texts(again)
    assert sum(texts(some)) < sum(texts(nobody))
    assert sum(day.silent["paid"] for day in some) > sum(day.silent["paid"] for day in nobody)


def test_about_as_many_pay_as_was_said() -> None:
    """Of those who owe, the percentage that was given has paid after each day."""
    accounts = [Account(f"a{index}", "c", DAY, Money(1, "CNY")) for index in range(4_000)]
    paying = Payments(10, 3)

    left = [sum(not paying.paid(account, days) for account in accounts) for days in (0, 1, 5)]

    assert left[0] == 4_000
    assert [abs(count - 4_000 * 0.9**days) < 120 for count, days in zip(left, (0, 1, 5), strict=True)] == [True] * 3
    assert all(Payments(100).paid(account, 1) for account in accounts[:50])


def test_costs_are_summed_by_currency(world: World) -> None:
    """Every text costs its segments at the price of its gateway, in each heading the same sum."""
    priced = replace(world.deployment(), prices={"recorder": Price(Decimal("0.05"), "USD")})
    day, *_ = simulate(priced, SCHEDULE, world.at, 1)

    assert day.total.cost == {"USD": Decimal("0.05") * day.total.segments}
    for lines in day.by.values():
        assert sum(sums.cost["USD"] for sums in lines.values()) == day.total.cost["USD"]


def test_a_book_of_the_lenders_own_is_read_where_it_is(engine: Engine, world: World) -> None:
    """Law 12: through its mapping, in whatever database, in bounded pieces; its rows are never copied."""
    with lender_book(engine, loan("L1", DAY), loan("L1", DAY), loan("L2", DAY - timedelta(days=6))) as book:
        world.book = book
        world.policies = (policy(),)
        first, second = lived(world, 2)

    assert [first.total.texts, second.total.texts] == [1, 0]
