"""Caps on the whole way: what one run makes counts for what it makes next, and a preview foresees it (laws 1, 10)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from reminder.domain.caps import Cap, CapPeriod, CapScope, Counts
from reminder.domain.selector import Selector, Term
from reminder.domain.verdict import Reason
from reminder.pipeline.preview import Verb
from support.recorder import Recorder
from support.worlds import World, account_row, policy, step

SHARED = "13900139000"


def daily(scope: CapScope, **given: Any) -> Cap:
    """Return a cap of one a day."""
    return replace(Cap(1, CapPeriod.DAY, scope=scope), **given)


def foreseen(world: World) -> Counter[Verb]:
    """Return what a preview says would become of the reminders."""
    return Counter(entry.verb for entry in world.preview())


@pytest.mark.parametrize(
    ("cap", "texts"),
    [
        pytest.param(daily(CapScope.CUSTOMER), 3, id="each customer has one"),
        pytest.param(daily(CapScope.NUMBER), 2, id="two customers share a number"),
        pytest.param(daily(CapScope.NUMBER_AND_TEMPLATE), 3, id="they get other texts"),
        pytest.param(daily(CapScope.ACCOUNT), 3, id="each account has one"),
        pytest.param(daily(CapScope.CLAIM), 2, id="two accounts are of one debt"),
        pytest.param(daily(CapScope.CUSTOMER, channels=frozenset({"voice"})), 3, id="calls are no texts"),
    ],
)
def test_what_is_shared_counts_between_customers(world: World, due: date, cap: Cap, texts: int) -> None:
    """Laws 1, 10: a number or a debt that several customers share has room for one, in the preview as in the run."""
    world.policies = (policy(caps=(cap,)),)
    world.add_accounts(
        account_row("1", due - timedelta(days=2), phone=SHARED, attributes={"contract": "loan"}),
        account_row("2", due - timedelta(days=9), phone="13700137000", attributes={"contract": "loan"}),
        account_row("3", due - timedelta(days=5), phone=SHARED),
    )
    world.claim = "contract"
    told = foreseen(world)
    world.run()

    assert len(world.recorder.taken) == texts
    assert told == Counter({Verb.SEND: texts, Verb.DEFER: 3 - texts}) - Counter()


def test_a_debt_of_its_own_is_counted_alone(world: World, due: date) -> None:
    """Where the book names no debt, an account is one."""
    world.policies = (policy(caps=(daily(CapScope.CLAIM),)),)
    world.add_accounts(*(account_row(key, due, customer_id="C") for key in "12"))
    world.run()

    assert len(world.recorder.taken) == 2


def test_the_next_policy_finds_what_the_first_one_sent(world: World, due: date) -> None:
    """Law 10: a cap by account counts what was sent for it under a policy without one."""
    world.policies = (policy(),)
    world.add_accounts(account_row("1", due - timedelta(days=3)))
    world.run()
    world.policies = (policy(caps=(daily(CapScope.ACCOUNT, zone="Asia/Kamchatka"),)),)
    world.change_account("1", due_date=due - timedelta(days=4))
    world.run()

    assert len(world.recorder.taken) == 1
    (waiting,) = (row for row in world.rows() if row.state == "planned")
    assert waiting.reason.startswith("cap: 1 per day for an account in Asia/Kamchatka is the most by policy")
    assert f"{waiting.not_before:%H:%M}" == "12:00"  # midnight in Kamchatka


def test_a_list_counts_as_a_text_of_its_own_template(world: World, due: date) -> None:
    """The list of several accounts waits for its own limit, in the preview as in the run."""
    world.policies = (policy(caps=(daily(CapScope.NUMBER_AND_TEMPLATE),), consolidated="consolidated"),)
    for customer in "CD":
        world.add_accounts(*(account_row(f"{customer}{n}", due, customer_id=customer, phone=SHARED) for n in "12"))
    told = [(entry.verb, entry.reason) for entry in world.preview()]
    report = world.run()

    assert len(world.recorder.taken) == 1
    assert told == [(Verb.SEND, None), (Verb.DEFER, Reason.CAP), (Verb.DEFER, Reason.CAP)]
    assert report.reasons[Reason.CAP] == 2


def test_a_notice_is_sent_beside_a_full_cap_that_exempts_it(world: World, due: date) -> None:
    """What the law demands takes no room under a rule that exempts it, is not listed with others, and is never late."""
    notice = replace(step("due", 0, 3), notice=True)
    capped = daily(CapScope.CUSTOMER, exempts_notices=True)
    world.policies = (policy(steps=(notice, step("late", 4, 30)), caps=(capped,), consolidated="consolidated"),)
    world.add_accounts(
        account_row("1", due - timedelta(days=5), customer_id="C"),
        account_row("2", due, customer_id="C"),
        account_row("3", due - timedelta(days=6), customer_id="C"),
    )
    world.run()

    assert world.states() == {("1", "late"): "sent", ("2", "due"): "sent", ("3", "late"): "sent"}
    assert len(world.recorder.taken) == 2


@pytest.mark.parametrize(
    ("counts", "texts"), [(Counts.ATTEMPTS, 0), (Counts.ACCEPTED, 1), (Counts.DELIVERED, 1)], ids=str
)
def test_a_refused_call_is_an_attempt_only(world: World, due: date, counts: Counts, texts: int) -> None:
    """Unless every attempt counts, the next gateway of the route is tried at once after a refusal."""
    world.gateways["first"] = Recorder("first", ("retry",))
    world.policies = (policy(route=("first", "recorder"), caps=(daily(CapScope.CUSTOMER, counts=counts),)),)
    world.add_accounts(account_row("1", due))
    world.run()

    assert len(world.recorder.taken) == texts


def test_policies_without_a_cap_are_bound_by_nobody_elses(world: World, due: date) -> None:
    """A cap binds the texts of its own policy; those of others take its room and are not stopped by it."""
    free = policy("free", selector=Selector((Term("product", frozenset({"card"})),)))
    world.policies = (free, policy(caps=(daily(CapScope.NUMBER),)))
    world.add_accounts(
        account_row("1", due, customer_id="A", phone=SHARED, product="card"),
        account_row("2", due, customer_id="B", phone=SHARED),
        account_row("3", due, customer_id="C", phone=SHARED, product="card"),
    )
    assert foreseen(world) == {Verb.SEND: 2, Verb.DEFER: 1}
    world.run()

    assert world.states() == {("1", "due"): "sent", ("2", "due"): "planned", ("3", "due"): "sent"}
