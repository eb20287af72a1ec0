"""Law 5, True when sent: what changed between planning and sending is what counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from reminder.domain.hold import HoldKind
from reminder.domain.selector import Selector, Term
from reminder.domain.verdict import Reason
from support.worlds import DAYTIME, World, account_row, policy, step

STEPS = (step("ahead", -7, -1), step("due", 0, 3), step("late", 4, 30))


@pytest.fixture
def one(world: World, due: date) -> World:
    """Lend a world in which account A is due today and planned, and nothing is sent yet."""
    world.add_accounts(account_row("A", due, customer_id="C"))
    world.plan()
    return world


def _other_policy(world: World) -> None:
    elsewhere = policy("special", selector=Selector((Term("product", frozenset({"cash-loan"})),)))
    world.policies = (elsewhere, *world.policies)


def _without_step(world: World) -> None:
    world.policies = (policy(steps=(STEPS[0], STEPS[2])),)


def _condition(world: World) -> None:
    world.policies = (policy(steps=(replace(STEPS[1], when="account.risk == 'high'"),)),)


Change = Callable[[World], object]

FINAL: dict[str, tuple[Change, str, Reason]] = {
    "paid": (lambda world: world.change_account("A", amount_due=0), "cancelled", Reason.PAID),
    "overpaid": (lambda world: world.change_account("A", amount_due=-1), "cancelled", Reason.PAID),
    "closed": (lambda world: world.change_account("A", closed=True), "cancelled", Reason.PAID),
    "due date moved": (
        lambda world: world.change_account("A", due_date=date(2026, 12, 1)), "cancelled", Reason.MOVED,
    ),
    "step removed": (_without_step, "cancelled", Reason.POLICY),
    "another policy now": (_other_policy, "cancelled", Reason.POLICY),
    "no policy now": (lambda world: setattr(world, "policies", ()), "cancelled", Reason.POLICY),
    "its days over": (lambda world: world.later(days=40), "expired", Reason.EXPIRED),
    "a later step's days": (lambda world: world.later(days=4), "superseded", Reason.SUPERSEDED),
}  # fmt: skip

WAITING: dict[str, tuple[Change, Reason]] = {
    "account held": (lambda world: world.hold(account_id="A"), Reason.HOLD),
    "customer held": (lambda world: world.hold(customer_id="C"), Reason.HOLD),
    "promised": (lambda world: world.hold(HoldKind.PROMISE, account_id="A"), Reason.HOLD),
    "deceased": (lambda world: world.hold(HoldKind.DECEASED, customer_id="C"), Reason.NEVER_CONTACT),
    "deceased by the book": (lambda world: world.change_account("A", never_contact="deceased"), Reason.NEVER_CONTACT),
    "number said stop": (lambda world: world.suppress(number="+8613800138000"), Reason.SUPPRESSED),
    "customer said stop": (lambda world: world.suppress(customer_id="C"), Reason.SUPPRESSED),
    "account said stop": (lambda world: world.suppress(account_id="A"), Reason.SUPPRESSED),
    "no consent any more": (
        lambda world: setattr(world, "policies", (policy(consent=True),)),
        Reason.CONSENT,
    ),
    "removed from the book": (lambda world: world.remove_account("A"), Reason.GONE),
    "currency garbled": (lambda world: world.change_account("A", currency="???"), Reason.INCOMPLETE),
    "number lost": (lambda world: world.change_account("A", phone=None), Reason.NUMBER),
    "number garbled": (lambda world: world.change_account("A", phone="call my wife"), Reason.NUMBER),
    "condition no longer met": (_condition, Reason.WHEN),
}


@pytest.mark.parametrize("name", FINAL)
def test_what_is_no_longer_deserved_ends(one: World, name: str) -> None:
    """Law 5: it is not sent, and it ends with the reason that holds at the moment of sending."""
    change, state, reason = FINAL[name]
    change(one)
    one.dispatch()

    (row,) = one.rows()
    assert (one.recorder.calls, row.state, row.reason.split(":")[0]) == (0, state, reason)


@pytest.mark.parametrize("name", WAITING)
def test_what_can_end_again_is_waited_for(one: World, name: str) -> None:
    """Law 5: it is not sent now, says why, and is asked again soon; at the end of its days it is final (law 4)."""
    change, reason = WAITING[name]
    change(one)
    report = one.dispatch()

    (row,) = one.rows()
    assert (one.recorder.calls, row.state, row.reason.split(":")[0]) == (0, "planned", reason)
    assert report.reasons[reason] == 1
    assert row.not_before == one.at + timedelta(minutes=30)

    one.later(days=4)
    one.dispatch()
    (row,) = one.rows()
    assert (one.recorder.calls, row.lease_owner) == (0, None)
    assert row.state in ("cancelled", "suppressed", "superseded", "expired")
    assert row.reason


def test_a_hold_that_is_released_lets_it_go_out(one: World) -> None:
    """A pause is a pause: once it ends, while the step is still true, the text goes out."""
    one.hold(account_id="A", until=one.at + timedelta(hours=2))
    one.dispatch()
    one.later(hours=1, minutes=59)
    one.dispatch()
    assert one.recorder.taken == []

    one.later(minutes=31)
    one.dispatch()
    assert len(one.recorder.taken) == 1


def text_after(world: World, **changes: Any) -> tuple[str, str]:
    """Change the account, send, and return the number and the text."""
    world.change_account("A", **changes)
    world.dispatch()
    (message,) = world.recorder.taken
    return message.to, message.body


def test_the_text_has_the_amount_of_now(one: World) -> None:
    """Law 5: paid in part a second ago, the text asks for the rest."""
    _, body = text_after(one, amount_due=5000)
    assert "50.00" in body
    assert "123.45" not in body


def test_the_text_goes_to_the_number_of_now(one: World) -> None:
    """Law 5: a number corrected after planning is the one that is texted."""
    assert text_after(one, phone="139 0013 9000")[0] == "+8613900139000"


def test_the_text_is_in_the_language_of_now(one: World) -> None:
    """Law 5: so is the language."""
    assert "Anhe" in text_after(one, language="en")[1]


def test_the_customer_of_now_counts(one: World) -> None:
    """Law 5: an account that passed to another customer is judged by that customer's holds."""
    one.change_account("A", customer_id="D")
    one.hold(customer_id="D")
    report = one.dispatch()
    assert (one.recorder.calls, report.reasons[Reason.HOLD]) == (0, 1)


def test_the_window_of_now_counts(world: World, due: date) -> None:
    """Law 5: a customer who moved to another zone is texted in that zone's hours, not in those planned for."""
    world.policies = (policy(window=DAYTIME),)
    world.add_accounts(account_row("A", due))
    world.plan()
    world.change_account("A", timezone="America/New_York", phone="+12125550123")

    report = world.dispatch()
    assert (world.recorder.calls, report.reasons[Reason.WINDOW]) == (0, 1)
    (row,) = world.rows()
    world.at = row.not_before
    assert world.at.isoformat() == "2026-11-23T14:00:00+00:00"  # 09:00 in New York
    world.dispatch()
    assert world.recorder.calls == 1


def test_a_moved_date_begins_a_new_cycle(one: World, due: date) -> None:
    """The old cycle ends as moved; the new one is planned by itself and reminds of the new date."""
    one.change_account("A", due_date=due + timedelta(days=3))
    one.run()

    assert sorted((row.step, row.state) for row in one.rows()) == [("ahead", "sent"), ("due", "cancelled")]
    assert len(one.recorder.taken) == 1
