"""Who must be left alone is, from the first instant to the last, and on the channels that were named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder.domain.hold import NEVER_CONTACT, Hold, HoldKind, Suppression
from reminder.domain.selector import Selector, Term

START = datetime(2026, 5, 6, 3, tzinfo=UTC)
END = START + timedelta(days=14)
TICK = timedelta(microseconds=1)
NUMBER = "+8613800138000"


@pytest.mark.parametrize(
    ("until", "at", "paused"),
    [
        pytest.param(END, START - TICK, False, id="a moment before"),
        pytest.param(END, START, True, id="from its start on"),
        pytest.param(END, END - TICK, True, id="to the last moment"),
        pytest.param(END, END, False, id="and no longer: it resumes by itself"),
        pytest.param(None, START - TICK, False, id="open-ended: before"),
        pytest.param(None, START + timedelta(days=9999), True, id="open-ended: until a person releases it"),
        pytest.param(START, START, False, id="one of no length pauses nothing"),
    ],
)
def test_a_hold_is_in_force_from_start_to_end(until: datetime | None, at: datetime, paused: bool) -> None:
    """Law 5: a dispute pauses reminders while it lasts, read at the moment of sending."""
    assert Hold(HoldKind.DISPUTE, "contested", START, until).in_force(at) is paused


@given(st.timedeltas(-timedelta(days=30), timedelta(days=30)), st.integers(-14, 14))
def test_a_hold_asks_for_the_instant_not_its_spelling(since: timedelta, hours: int) -> None:
    """The same instant gets the same answer in whatever zone it is written."""
    hold, at = Hold(HoldKind.PROMISE, "pays on payday", START, END), START + since
    assert hold.in_force(at.astimezone(timezone(timedelta(hours=hours)))) is hold.in_force(at)


def test_kinds_that_end_contact_for_good() -> None:
    """The dead, the insolvent, the represented, strangers, children and victims: never; every other kind pauses."""
    assert {kind.value for kind in NEVER_CONTACT} == {
        "deceased", "insolvent", "represented", "moratorium", "wrong_person", "minor", "fraud_victim",
    }  # fmt: skip
    assert {kind.value for kind in HoldKind} - {kind.value for kind in NEVER_CONTACT} == {
        "dispute", "promise", "hardship", "repayment_plan", "breathing_space", "legal", "manual",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("suppression", "covered"),
    [
        pytest.param(Suppression("stop", START, number=NUMBER), True, id="the number, every channel"),
        pytest.param(Suppression("stop", START, "sms", number=NUMBER), True, id="the number on this channel"),
        pytest.param(Suppression("stop", START, "voice", number=NUMBER), False, id="the number on another channel"),
        pytest.param(Suppression("stop", START, number="+8613900139000"), False, id="another number"),
        pytest.param(Suppression("desk", START, customer_id="C-1"), True, id="the customer"),
        pytest.param(Suppression("desk", START, "voice", customer_id="C-1"), False, id="the customer, another channel"),
        pytest.param(Suppression("desk", START, customer_id="C-2"), False, id="another customer"),
        pytest.param(
            Suppression("desk", START, number="+1", customer_id="C-1"), True, id="another number, the customer"
        ),
        pytest.param(
            Suppression("desk", START, number=NUMBER, customer_id="C-2"), True, id="the number, another customer"
        ),
        pytest.param(Suppression("desk", START), False, id="nobody"),
    ],
)
def test_a_suppression_covers_number_or_customer(suppression: Suppression, covered: bool) -> None:
    """Law 5: STOP from a number silences the number; a wish at the desk silences the customer, number or not."""
    assert suppression.covers(channel="sms", number=NUMBER, customer_id="C-1") is covered


def test_a_missing_number_is_not_a_suppressed_one() -> None:
    """A suppression of a customer has no number; an account without one isn't that customer's for it."""
    only_customer = Suppression("desk", START, customer_id="C-2")
    assert not only_customer.covers(channel="sms", number=None, customer_id="C-1")
    assert only_customer.covers(channel="sms", number=None, customer_id="C-2")


MASS = Hold(HoldKind.HARDSHIP, "flood", START, END, hold_id=7, selector=Selector(), resume_hours=48)


@given(st.text(max_size=20))
def test_a_selection_comes_back_customer_by_customer(customer_id: str) -> None:
    """Promise: each customer has one end, always the same, within the hours of coming back and never before the end."""
    own = MASS.of_customer(customer_id)

    assert own == MASS.of_customer(customer_id)
    assert own.until is not None
    assert END <= own.until < END + timedelta(hours=48)
    assert replace(MASS, resume_hours=0).of_customer(customer_id).until == END
    assert replace(MASS, until=None).of_customer(customer_id).until is None


def test_a_selection_comes_back_evenly() -> None:
    """Promise: of many customers about as many come back in each hour: no burst, and no hour of silence."""
    hours = [0] * 48
    for number in range(4_800):
        until = MASS.of_customer(f"C-{number}").until
        assert until is not None
        hours[int((until - END) / timedelta(hours=1))] += 1

    assert 60 <= min(hours) <= max(hours) <= 145


def test_a_hold_says_whom_it_is_on() -> None:
    """Promise: lists and previews name the account, the customer or the selection in words."""
    loans = Selector((Term("region", frozenset({"Sichuan", "Tibet"})), Term("amount_due", at_least=Decimal(5))))

    assert replace(MASS, selector=loans).whom == "where region is Sichuan or Tibet and 5 <= amount_due"
    assert MASS.whom == "where every account"
    assert Hold(HoldKind.DISPUTE, "x", START, account_id="a").whom == "account a"
    assert Hold(HoldKind.DISPUTE, "x", START, customer_id="c").whom == "customer c"
