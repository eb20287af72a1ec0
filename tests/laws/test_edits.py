"""Policies that are edited while reminders wait: nobody is texted twice, nothing is lost, and all that is sent is true.

Between any two runs somebody removes, adds, moves or renames steps, changes conditions, windows and caps, takes a
policy away or brings it back. What was planned under the old rules is decided under those now in force.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reminder.domain.caps import Cap, CapPeriod
from reminder.domain.lifecycle import FINAL, State
from reminder.domain.policy import Policy, Step
from reminder.domain.selector import Selector, Term
from reminder.store import edits
from reminder.store.engine import open_engine
from reminder.store.schema import metadata
from support.recorder import Recorder
from support.worlds import ALWAYS, DAYTIME, World, account_row, policy, step

DAY = date(2026, 11, 23)
KEYS = ("ahead", "due", "late", "later", "last")
MOODS = ("accept", "accept", "accept", "retry", "lost", "lost after taking it")
LOANS = Selector((Term("product", frozenset({"loan"})),))


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Lend one world on a database in memory, emptied between examples."""
    engine = open_engine("sqlite://")
    metadata.create_all(engine)
    yield World(engine)
    engine.dispose()


def some_steps(dice: Random) -> tuple[Step, ...]:
    """Return steps in order under names in any order, so that an edit moves, removes, adds and renames at once."""
    opens = sorted(dice.sample(range(-8, 12), dice.randint(1, 4)))
    keys = dice.sample(KEYS, len(opens))
    whens = [dice.choice((None, None, "not account.autopay")) for _ in opens]
    return tuple(
        step(key, first, following - 1, when=when)
        for key, first, following, when in zip(keys, opens, [*opens[1:], 16], whens, strict=True)
    )


def edited(dice: Random, before: tuple[Policy, ...]) -> tuple[Policy, ...]:
    """Return the policies after an edit; now and then there is none, or one that takes accounts from the other."""
    if dice.random() < 0.3:
        return before
    one = policy(
        "loan",
        steps=some_steps(dice),
        window=dice.choice((ALWAYS, DAYTIME)),
        caps=dice.choice(((), (Cap(1, CapPeriod.DAY),))),
        consolidated=dice.choice((None, None, "consolidated")),
        timezone=dice.choice(("Asia/Shanghai", "UTC", "America/New_York")),
    )
    kinds: tuple[tuple[Policy, ...], ...] = (
        (one,),
        (one,),
        (one, *before[1:]),
        (policy("first", priority=1, selector=LOANS, steps=some_steps(dice)), one),
        (replace(one, steps=(), broken="policies/loan.yaml:3:1: unknown key"),),
        (),
    )
    return dice.choice(kinds)


def some_accounts(dice: Random) -> list[dict[str, Any]]:
    """Return a small book in which some customers have several accounts."""
    return [
        account_row(
            f"a{index}",
            DAY + timedelta(days=dice.randint(-8, 9)),
            customer_id=f"c{dice.randint(0, 4)}",
            product=dice.choice(("loan", "card")),
            attributes={"autopay": dice.choice(("true", "false"))},
        )
        for index in range(dice.randint(2, 8))
    ]


def run_and_judge(world: World, taken: Counter[int]) -> None:
    """Make a pass; assert that all that went out is a step of a policy in force on one of its days; count it."""
    before = len(world.recorder.taken)
    world.run()
    references = {message.reference for message in world.recorder.taken[before:]}
    for row in world.rows():
        if row.reference not in references:
            continue
        taken[row.reminder_id] += 1
        in_force = [each for each in world.policies if each.step(row.step)]
        assert any(
            found.opens <= each.dpd(row.due_date, world.at) <= found.closes
            for each in in_force
            if (found := each.step(row.step)) is not None
        ), "a step that no policy in force has on this day"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(seed=st.integers(0, 2**48), runs=st.integers(2, 8))
def test_edits_send_nothing_twice_and_lose_nothing(world: World, seed: int, runs: int) -> None:
    """Laws 2 and 4: whatever is edited between runs, each reminder goes out once at most and ends with a reason."""
    dice = Random(seed)  # noqa: S311 - a world is found again by its seed
    world.clear()
    world.recorder = Recorder()
    world.at = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
    world.policies = (policy("loan", steps=some_steps(dice)),)
    world.add_accounts(*some_accounts(dice))
    taken: Counter[int] = Counter()

    for _ in range(runs):
        world.recorder.answer_with(*(dice.choice(MOODS) for _ in range(4)))
        run_and_judge(world, taken)
        world.policies = edited(dice, world.policies)
        with world.engine.begin() as connection:
            edits.ask_again(connection, at=world.at)
        world.later(hours=dice.choice((0, 1, 7, 24, 24, 50)))

    assert not [reminder_id for reminder_id, times in taken.items() if times > 1]
    _everything_ends(world)


def _everything_ends(world: World) -> None:
    planned = len(world.rows())
    world.later(days=90)
    world.settle_doubts()
    world.dispatch()
    world.settle_doubts()
    rows = world.rows()
    keys = [(row.account_id, row.due_date, row.step, row.leg) for row in rows]
    assert len(rows) == planned == len(set(keys))
    assert {State(row.state) for row in rows} <= FINAL
    assert all(row.reason for row in rows)


@pytest.fixture
def waiting(world: World) -> World:
    """A world in which a reminder for the step `due`, whose condition is false, has been asked and waits."""
    world.clear()
    world.recorder = Recorder()
    world.at = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
    world.policies = (policy("loan", steps=(step("due", 0, 3, when="not account.autopay"),)),)
    world.add_accounts(account_row("a", DAY, attributes={"autopay": "true"}))
    world.run()
    assert world.states() == {("a", "due"): State.PLANNED}
    return world


@pytest.mark.parametrize(
    ("steps", "soon", "on_day_5"),
    [
        pytest.param((), State.CANCELLED, State.CANCELLED, id="removed"),
        pytest.param((step("due", 0, 3),), State.SENT, State.SENT, id="condition-dropped"),
        pytest.param((step("due", 5, 9),), State.PLANNED, State.SENT, id="moved-to-a-later-day"),
        pytest.param((step("due", -5, -1),), State.EXPIRED, State.EXPIRED, id="moved-to-days-that-are-over"),
        pytest.param((step("due", -5, -1), step("new", 0, 9)), State.SUPERSEDED, State.SUPERSEDED, id="replaced"),
    ],
)
def test_what_is_planned_follows_the_policy_now_in_force(
    waiting: World, steps: tuple[Step, ...], soon: State, on_day_5: State
) -> None:
    """A removed step is cancelled, a moved one waits for its new day, and neither is ever sent twice."""
    waiting.policies = (policy("loan", steps=steps),) if steps else (policy("loan", steps=(step("other", 20, 25),)),)
    with waiting.engine.begin() as connection:
        edits.ask_again(connection, at=waiting.at)
    waiting.dispatch()
    assert waiting.states()["a", "due"] == soon
    waiting.later(days=5)
    waiting.dispatch()
    waiting.dispatch()
    assert waiting.states()["a", "due"] == on_day_5
    assert len(waiting.recorder.taken) == (on_day_5 is State.SENT)
