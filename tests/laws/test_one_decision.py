"""Law 1, One decision: what a preview lists is what a run sends. Laws 2 and 4 beside it, over the same worlds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from reminder.domain.caps import Cap, CapPeriod
from reminder.domain.hold import HoldKind
from reminder.domain.lifecycle import FINAL, OPEN, State
from reminder.domain.policy import Policy
from reminder.domain.selector import Selector, Term
from reminder.domain.window import ContactWindow, Hours
from reminder.pipeline.preview import Verb
from reminder.store.engine import open_engine
from reminder.store.schema import bad_number, metadata
from support.recorder import ANSWERS, Recorder
from support.worlds import ALWAYS, World, account_row, policy, step

DAY = date(2026, 11, 23)
ZONES = ("Asia/Shanghai", "America/New_York", "Europe/London", "Pacific/Auckland")
PHONES = ("13800138000", "13900139000", "+12125550123", "+447700900123", "12345", "not a number", None)
CUSTOMERS = tuple(f"c{index}" for index in range(7))
WHENS = ("not account.autopay", "account.amount_due > 100", "account.risk == 'high'")

START = datetime(2026, 11, 20, tzinfo=UTC)
NIGHT = Hours((ContactWindow(frozenset(range(6)), time(9), time(18)),))


def usually(dice: Random, usual: Any, *odd: Any) -> Any:
    """Return what is usual, or one time in five something odd."""
    return dice.choice(odd) if dice.random() < 0.2 else usual


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Lend one world on a database in memory, emptied between examples."""
    engine = open_engine("sqlite://")
    metadata.create_all(engine)
    yield World(engine)
    engine.dispose()


def a_policy(dice: Random, name: str, priority: int) -> Policy:
    """Return a policy: steps in order, sometimes with holes, conditions, a hand-over, caps, windows, consolidation."""
    opens = sorted({-9, 0, 4, *dice.sample(range(-8, 25), dice.randint(0, 3))})
    steps = []
    for index, (first, following) in enumerate(zip(opens, [*opens[1:], 28], strict=True)):
        closes = usually(dice, following - 1, dice.randint(first, following - 1))
        steps.append(step(f"s{index}", first, closes, when=usually(dice, None, *WHENS)))
    if dice.random() < 0.3:
        steps.append(step("over", 28, 40, to="collections"))
    daily = Cap(1, CapPeriod.DAY)
    return policy(
        name,
        priority=priority,
        selector=usually(dice, Selector(), Selector((Term("product", frozenset({"loan"})),))),
        timezone=dice.choice(ZONES),
        window=usually(dice, ALWAYS, NIGHT),
        caps=dice.choice(((), (daily,), (daily, Cap(2, CapPeriod.ROLLING, 7)))),
        steps=tuple(steps),
        consolidated=dice.choice((None, "consolidated")),
        route=dice.choice((("recorder",), ("first", "recorder"))),
    )


def some_accounts(dice: Random) -> list[dict[str, Any]]:
    """Return a book: mostly sound, with paid and closed accounts, bad numbers, unknown zones, hostile names."""
    return [
        account_row(
            f"a{index}",
            DAY - timedelta(days=dice.randint(-10, 32)),
            customer_id=dice.choice(CUSTOMERS),
            name=usually(dice, "王小明", None, "{{ 7*7 }}", "=cmd()", "O'Brien", "x" * 80),
            phone=usually(dice, dice.choice(PHONES[:2]), *PHONES),
            amount_due=usually(dice, dice.randint(1, 10**7), 0, 1, 999_999_999_99),
            currency=usually(dice, "CNY", "USD", "JPY", "ZZZ"),
            language=usually(dice, "zh-CN", None, "en", "fr", "zh_TW"),
            timezone=usually(dice, "Asia/Shanghai", *ZONES, None, "Mars/Olympus"),
            product=dice.choice(("loan", "card", None)),
            closed=dice.random() < 0.05,
            attributes=dice.choice(({}, {"autopay": "true"}, {"autopay": "false", "risk": "high"})),
        )
        for index in range(dice.randint(3, 12))
    ]


def a_past(dice: Random) -> dict[str, Any]:
    """Return what has happened before: earlier runs with a provider in some mood, holds, suppressions, bad numbers."""
    return {
        "earlier": [dice.randint(1, 120) for _ in range(dice.choice((0, 0, 1, 2)))],
        "moods": [usually(dice, "accept", *ANSWERS) for _ in range(4)],
        "holds": [(dice.choice(tuple(HoldKind)), dice.choice(CUSTOMERS)) for _ in range(dice.choice((0, 0, 1)))],
        "hold_ends_hours": dice.choice((None, 1, 48)),
        "stopped": dice.sample(CUSTOMERS, dice.choice((0, 0, 1))),
        "bad_numbers": usually(dice, [], ["+8613900139000"]),
        "paid_since": usually(dice, [], [f"a{dice.randint(0, 3)}"]),
    }


def build(
    world: World, at: datetime, chosen: tuple[Policy, ...], rows: list[Any], past: dict[str, Any]
) -> Counter[Any]:
    """Make the world as drawn, run it at the earlier instants, and return how often each reminder was taken then."""
    world.clear()
    world.recorder = Recorder()
    world.gateways = {"first": Recorder("first")}
    world.policies = chosen
    if rows:
        world.add_accounts(*rows)
    with world.engine.begin() as connection:
        for number in past["bad_numbers"]:
            connection.execute(insert(bad_number).values(number=number, gateway="x", code="1", marked_at=at))
    taken: Counter[Any] = Counter()
    for hours in sorted(past["earlier"], reverse=True):
        world.at = at - timedelta(hours=hours)
        for gateway in recorders(world):
            gateway.answer_with(*past["moods"])
        taken += run_and_count(world)
    world.at = at
    hours = past["hold_ends_hours"]
    for kind, customer_id in past["holds"]:
        world.hold(kind, until=at + timedelta(hours=hours) if hours else None, customer_id=customer_id)
    for customer_id in past["stopped"]:
        world.suppress(customer_id=customer_id)
    for account_id in past["paid_since"]:
        world.change_account(account_id, amount_due=0)
    for gateway in recorders(world):
        gateway.answer_with("accept")
    return taken


def recorders(world: World) -> tuple[Recorder, Recorder]:
    """Return both gateways of a world."""
    first = world.gateways["first"]
    assert isinstance(first, Recorder)
    return world.recorder, first


def run_and_count(world: World) -> Counter[Any]:
    """Make a pass; return for each reminder how many of the texts taken in it spoke of it."""
    gateways = recorders(world)
    before = [len(gateway.taken) for gateway in gateways]
    world.run()
    references = [
        message.reference for gateway, start in zip(gateways, before, strict=True) for message in gateway.taken[start:]
    ]
    rows = world.rows()
    return Counter(row.reminder_id for reference in references for row in rows if row.reference == reference)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(seed=st.integers(0, 2**48), minutes=st.integers(0, 8 * 24 * 60), several=st.booleans())
def test_a_preview_lists_what_a_run_sends(world: World, seed: int, minutes: int, several: bool) -> None:
    """Laws 1, 2 and 4: byte for byte the same texts; none twice; every reminder ends, in one state, with a reason."""
    dice = Random(seed)  # noqa: S311 - a world is found again by its seed
    chosen = tuple(a_policy(dice, name, index) for index, name in enumerate(("first", "second")[: 1 + several]))
    taken = build(world, START + timedelta(minutes=minutes), chosen, some_accounts(dice), a_past(dice))
    gateways = recorders(world)
    before = [len(gateway.taken) for gateway in gateways]

    foreseen = Counter(
        (entry.gateway, entry.number, entry.body) for entry in world.preview() if entry.verb is Verb.SEND
    )
    taken += run_and_count(world)
    sent = Counter(
        (gateway.name, message.to, message.body)
        for gateway, start in zip(gateways, before, strict=True)
        for message in gateway.taken[start:]
    )

    assert sent == foreseen
    assert not [reminder_id for reminder_id, times in taken.items() if times > 1]
    everything_ends(world)


def test_what_was_decided_first_is_reserved_first(world: World) -> None:
    """Law 1: a customer's texts through two gateways meet a cap in the order in which the preview decided them."""
    world.clear()
    world.recorder, world.gateways = Recorder(), {"first": Recorder("first")}
    world.at = START + timedelta(days=3, hours=4)
    loans = Selector((Term("product", frozenset({"loan"})),))
    world.policies = (
        policy("capped", priority=1, selector=loans, caps=(Cap(1, CapPeriod.DAY),), route=("recorder",)),
        policy("free", priority=2, route=("first",)),
    )
    world.add_accounts(
        account_row("a1", DAY - timedelta(days=9), customer_id="c", product="loan"),
        account_row("a2", DAY, customer_id="c", product="card"),
    )
    foreseen = {(entry.gateway, entry.body) for entry in world.preview() if entry.verb is Verb.SEND}

    world.run()

    first = world.gateways["first"]
    assert isinstance(first, Recorder)
    sent = {(gateway.name, message.body) for gateway in (world.recorder, first) for message in gateway.taken}
    assert sent == foreseen
    assert len(sent) == 2


def everything_ends(world: World) -> None:
    """Assert that once all windows are over, every reminder is in a final state and says why."""
    planned = len(world.rows())
    world.later(days=120)
    world.settle_doubts()
    world.dispatch()
    rows = world.rows()
    assert len(rows) == planned
    assert {State(row.state) for row in rows} <= FINAL
    assert not [row for row in rows if State(row.state) in OPEN]
    assert all(row.reason for row in rows)
