"""Promises and plans on the whole way: who is left alone, what a breach sends, and that it does so once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from reminder.domain.agreement import AgreementKind, AgreementState
from reminder.domain.hold import HoldKind
from reminder.domain.selector import Selector, Term
from reminder.domain.verdict import Reason
from reminder.errors import DataError
from reminder.pipeline.explain import Explanation, explain
from reminder.pipeline.preview import Verb
from reminder.store import agreements
from reminder.store.engine import open_engine
from reminder.store.schema import metadata, record
from support.agreeing import agree, answering, found, load_book, states_of
from support.lender_books import lender_book, loan
from support.worlds import World, account_row, policy, step

TODAY = date(2026, 11, 23)
DUE = TODAY - timedelta(days=5)
PROMISE, PLAN = AgreementKind.PROMISE, AgreementKind.PLAN
STEPS = (step("ahead", -7, -1), step("due", 0, 3), step("late", 4, 9), step("later", 10, 60))


@pytest.fixture
def world() -> Iterator[World]:
    """Lend a world at noon in Shanghai, with an account that is five days overdue and owes 123.45 CNY."""
    engine = open_engine("sqlite://")
    metadata.create_all(engine)
    made = World(engine, policies=(answering(policy(steps=STEPS)),))
    made.add_accounts(account_row("a1", DUE))
    load_book(made)
    yield made
    engine.dispose()


def a_day(world: World, *, loaded: bool = True) -> list[str]:
    """Let a day pass, load the book, make a pass; return the texts that were sent in it."""
    world.later(days=1)
    if loaded:
        load_book(world)
    return now(world)


def now(world: World) -> list[str]:
    """Make a pass now; return the texts that were sent in it, having seen that the preview foretold them (law 1)."""
    foreseen = sorted(entry.body for entry in world.preview() if entry.verb is Verb.SEND)
    before = len(world.recorder.taken)
    world.run()
    sent = [message.body for message in world.recorder.taken[before:]]
    assert sorted(sent) == foreseen
    return sent


def explained(world: World, account_id: str = "a1") -> Explanation:
    """Return the explanation for an account now."""
    told = explain(world.deployment(), account_id, world.at)
    assert told is not None
    return told


def agreed_gate(world: World) -> str:
    """Return what the gate `agreed` says of the account now."""
    return next(gate.detail for gate in explained(world).gates if gate.gate == "agreed")


def test_an_open_promise_is_left_alone_and_a_broken_one_answered_once(world: World) -> None:
    """Promise: silence until its time is over and the book shows it; then its own step, once, and the policy again."""
    number = agree(world, PROMISE, "a1", [(TODAY + timedelta(days=2), 10000)])

    assert [now(world), *(a_day(world) for _ in range(4))] == [[]] * 5
    assert states_of(world, number) == [AgreementState.OPEN]

    (text,) = a_day(world)  # the day after two days for booking
    assert "约定于11月25日前" in text
    assert "¥100.00" in text
    assert states_of(world, number) == [AgreementState.BROKEN]
    assert world.states()["a1", f"promise-broken.{number}"] == "sent"
    assert [now(world), a_day(world), a_day(world)] == [[]] * 3  # its days belong to it

    (text,) = a_day(world)
    assert "逾期13天" in text
    assert [a_day(world) for _ in range(10)] == [[]] * 10


def test_a_promise_is_never_broken_by_a_timer(world: World) -> None:
    """Promise: while the book is not loaded again nobody knows and nothing is said; too late is not said either."""
    number = agree(world, PROMISE, "a1", [(TODAY, 10000)])

    assert [a_day(world, loaded=False) for _ in range(9)] == [[]] * 9
    assert states_of(world, number) == [AgreementState.OPEN]
    assert "was last refreshed on 2026-11-23" in agreed_gate(world)

    (text,) = a_day(world)  # loaded at last: broken, but the days of its step are over
    assert states_of(world, number) == [AgreementState.BROKEN]
    assert "约定" not in text


def test_a_kept_promise_says_nothing(world: World) -> None:
    """Promise: the amount fell by what was promised, so it is kept, and the rest is reminded of as always."""
    number = agree(world, PROMISE, "a1", [(TODAY + timedelta(days=2), 10000)])
    world.run()
    world.change_account("a1", amount_due=2345)

    (text,) = a_day(world)

    assert "¥23.45" in text
    assert states_of(world, number) == [AgreementState.KEPT]
    assert found(world, number).ended_why == "123.45 CNY was owed, now it is 23.45 CNY"


def test_what_is_paid_after_the_breach_was_planned_is_not_asked_for(world: World) -> None:
    """Law 5: paid a second ago means no text, also where a promise was broken by then."""
    number = agree(world, PROMISE, "a1", [(TODAY, 10000)])
    world.later(days=3)
    load_book(world)
    world.plan()
    world.change_account("a1", amount_due=2345)

    world.dispatch()

    (message,) = world.recorder.taken  # the policy's own step: the rest is owed
    assert "¥23.45" in message.body
    assert "约定" not in message.body
    (row,) = [row for row in world.rows() if row.step == f"promise-broken.{number}"]
    assert (row.state, row.reason.partition(":")[0]) == ("cancelled", Reason.PAID)


def test_a_breach_obeys_what_else_keeps_a_text_back(world: World) -> None:
    """Promise: the step of a breach passes every gate that any other step does, and lapses in its days."""
    number = agree(world, PROMISE, "a1", [(TODAY, 10000)])
    world.later(days=2)
    world.hold(HoldKind.DISPUTE, until=world.at + timedelta(days=9), account_id="a1")

    assert [a_day(world) for _ in range(8)] == [[]] * 8
    (text,) = a_day(world)
    assert "约定" not in text
    assert world.states()["a1", f"promise-broken.{number}"] in ("superseded", "cancelled", "expired")


def test_a_second_promise_has_a_breach_of_its_own(world: World) -> None:
    """Law 2 and promise: unique per promise. While a new one is open, the breach of the old one is not told."""
    first = agree(world, PROMISE, "a1", [(TODAY, 10000)])
    world.later(days=3)
    load_book(world)
    world.plan()
    second = agree(world, PROMISE, "a1", [(TODAY + timedelta(days=5), 5000)])

    world.dispatch()
    assert world.recorder.taken == []
    texts = [text for _ in range(5) for text in a_day(world)]

    assert len(texts) == 1
    assert "11月28日" in texts[0]
    assert states_of(world, first, second) == [AgreementState.BROKEN] * 2


def test_a_plan_is_followed(world: World) -> None:
    """Promise: reminders come by the plan's days with the plan's amounts, and the account's own cycle is silent."""
    days = [TODAY + timedelta(days=3), TODAY + timedelta(days=33)]
    number = agree(world, PLAN, "a1", [(days[0], 6000), (days[1], 6345)])

    (text,) = now(world)
    assert "¥60.00" in text
    assert "11月26日" in text
    told = explained(world)
    assert (told.dpd, told.silence.partition(" is ")[0]) == (-3, "ahead")
    world.change_account("a1", amount_due=6345)

    texts = [text for _ in range(30) for text in a_day(world)]
    assert len(texts) == 1
    assert "¥63.45" in texts[0]
    assert "12月26日" in texts[0]

    world.change_account("a1", amount_due=0)
    assert a_day(world) == []
    assert states_of(world, number) == [AgreementState.KEPT]
    assert {(row.due_date, row.step) for row in world.rows() if row.state == "sent"} == {(day, "ahead") for day in days}


def test_what_a_plan_wants_is_told(world: World) -> None:
    """Law 14: reminders that a plan of repayment deserves are counted on record, as all that is planned is."""
    agree(world, PLAN, "a1", [(TODAY, 6000), (TODAY + timedelta(days=20), 6345)])
    planned = world.plan()

    with world.engine.connect() as connection:
        told = [json.loads(each) for each in connection.scalars(select(record.c.data).where(record.c.kind == "plan"))]
    assert planned == sum(count for each in told for count in each["steps"].values()) == len(world.rows()) > 1


def test_a_missed_part_ends_the_plan_and_says_so(world: World) -> None:
    """Promise: after its own grace the plan is over; one text says so, and the account's own cycle goes on."""
    number = agree(world, PLAN, "a1", [(TODAY + timedelta(days=1), 6000), (TODAY + timedelta(days=31), 6345)])

    (before,) = now(world)
    (due,) = a_day(world)
    assert "11月24日" in before
    assert "11月24日" in due
    assert [a_day(world), a_day(world)] == [[], []]

    (text,) = a_day(world)
    assert "还款计划" in text
    assert "¥60.00" in text
    assert states_of(world, number) == [AgreementState.BROKEN]
    texts = [text for _ in range(6) for text in a_day(world)]
    assert len(texts) == 1
    assert "¥123.45" in texts[0]


def test_a_plan_that_never_ends_by_itself(world: World) -> None:
    """Promise: where a missed part is not to end the plan, its days go on being counted, and no breach is told."""
    number = agree(world, PLAN, "a1", [(TODAY, 6000), (TODAY + timedelta(days=31), 6345)], grace_days=None)

    texts = [*now(world), *(text for _ in range(12) for text in a_day(world))]

    assert [("已逾期" in text, "¥60.00" in text) for text in texts] == [(False, True), (True, True), (True, True)]
    assert states_of(world, number) == [AgreementState.OPEN]


def test_a_cancelled_plan_gives_the_account_back(world: World) -> None:
    """Promise: a slip costs nothing. What was silent for the plan's sake is asked again at once."""
    number = agree(world, PLAN, "a1", [(TODAY + timedelta(days=20), 12345)])
    assert now(world) == []
    with world.engine.begin() as connection:
        agreements.cancel(connection, number, kind=PLAN, why="wrong account", who="ann", at=world.at)

    world.later(minutes=31)
    (text,) = now(world)

    assert "已逾期5天" in text


def test_a_policy_without_a_step_for_it(world: World) -> None:
    """Promise: where a policy has no step for a breach, the broken promise only ends, and the policy goes on."""
    world.policies = (policy(steps=STEPS),)
    number = agree(world, PROMISE, "a1", [(TODAY, 10000)])

    texts = [text for _ in range(4) for text in a_day(world)]

    assert len(texts) == 1
    assert "约定" not in texts[0]
    assert states_of(world, number) == [AgreementState.BROKEN]


@pytest.mark.parametrize(
    ("account_id", "parts", "told"),
    [
        pytest.param("a9", [(TODAY, 1)], "expected account a9 once in the book, found none", id="no account"),
        pytest.param("paid", [(TODAY, 1)], "nothing that is owed", id="nothing owed"),
        pytest.param("card", [(TODAY, 1)], "expected a policy for account card", id="no policy"),
        pytest.param("a1", [(TODAY - timedelta(days=1), 1)], "from 2026-11-23 on", id="yesterday"),
        pytest.param("a1", [(TODAY, 12346)], "at most what is owed, 123.45 CNY", id="too much"),
    ],
)
def test_what_can_not_be_judged_is_refused(
    world: World, account_id: str, parts: list[tuple[date, int]], told: str
) -> None:
    """Promise: an agreement that could not be told kept from broken is refused when it is made."""
    loans = Selector((Term("product", frozenset({"cash-loan"})),))
    world.policies = tuple(replace(each, selector=loans) for each in world.policies)
    world.add_accounts(account_row("paid", DUE, amount_due=0), account_row("card", DUE, product="card"))

    with pytest.raises(DataError, match=told):
        agree(world, PROMISE, account_id, parts)


def test_explain_tells_of_agreements(world: World) -> None:
    """Promise: `explain` says what was agreed and where it stands, and which step a breach makes of it."""
    number = agree(world, PROMISE, "a1", [(TODAY, 10000)])

    (agreed,) = explained(world).agreed
    assert (agreed.agreement.agreement_id, agreed.standing.state) == (number, AgreementState.OPEN)
    stopping = [gate for gate in explained(world).gates if gate.stops]
    assert [gate.gate for gate in stopping] == ["agreed"]
    assert f"promise {number} is open: 100.00 CNY by 2026-11-23" in stopping[0].detail

    world.later(days=3)
    load_book(world)
    told = explained(world)
    assert told.step is not None
    assert told.step.key == f"promise-broken.{number}"
    assert [gate.gate for gate in told.gates if gate.stops] == []


def test_it_works_on_every_database(real_world: World) -> None:
    """Promise: a broken promise and a living plan are planned and sent the same on all three databases."""
    world = real_world
    world.policies = (answering(policy(steps=STEPS)),)
    world.add_accounts(*(account_row(key, DUE, phone=f"138001380{index:02}") for index, key in enumerate("abc")))
    load_book(world)
    broken = agree(world, PROMISE, "a", [(TODAY, 10000)])
    plan = agree(world, PLAN, "b", [(TODAY + timedelta(days=5), 6000)])
    world.later(days=3)
    load_book(world)

    texts = now(world)

    assert sorted(message.to for message in world.recorder.taken) == [f"+86138001380{index:02}" for index in range(3)]
    assert len(texts) == 3
    assert world.states() == {
        ("a", f"promise-broken.{broken}"): "sent", ("a", "late"): "planned", ("b", "ahead"): "sent",
        ("b", "late"): "planned", ("c", "late"): "sent",
    }  # fmt: skip
    assert states_of(world, plan) == [AgreementState.OPEN]


def test_a_book_elsewhere(world: World) -> None:
    """Promise: where the book is in another database, agreements are judged and planned by what it says."""
    elsewhere = open_engine("sqlite://")
    rows = [loan("L1", DUE), loan("L2", DUE)]
    with lender_book(elsewhere, *rows, same_database=False) as book:
        world.book = book
        number = agree(world, PROMISE, "L1", [(TODAY, 1)])
        assert len(now(world)) == 1
        world.later(days=3)

        (text,) = now(world)

        assert "约定" in text
        assert states_of(world, number) == [AgreementState.BROKEN]
    elsewhere.dispose()
