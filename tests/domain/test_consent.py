"""Consent: what it names must be so, from the instant it was given to the instant it was taken back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder.domain.consent import Consent

GIVEN = datetime(2026, 3, 1, 9, tzinfo=UTC)
TICK = timedelta(microseconds=1)
NUMBER, OTHER = "+8613800138000", "+8613900139000"
BARE = Consent("web form", "ticked box 7", GIVEN)
ABOUT: dict[str, Any] = {"channel": "sms", "number": NUMBER, "customer_id": "C-1", "account_id": "A-1"}


@pytest.mark.parametrize(
    ("fields", "covered"),
    [
        pytest.param({"customer_id": "C-1"}, True, id="the customer, everything"),
        pytest.param({"number": NUMBER}, True, id="the number, whoever has it"),
        pytest.param({"customer_id": "C-1", "number": NUMBER}, True, id="this customer at this number"),
        pytest.param({"customer_id": "C-1", "number": OTHER}, False, id="this customer at another number"),
        pytest.param({"customer_id": "C-2", "number": NUMBER}, False, id="another customer at this number"),
        pytest.param({"customer_id": "C-2"}, False, id="another customer"),
        pytest.param({"number": OTHER}, False, id="another number"),
        pytest.param({"customer_id": "C-1", "account_id": "A-1"}, True, id="this debt"),
        pytest.param({"customer_id": "C-1", "account_id": "A-2"}, False, id="another debt"),
        pytest.param({"customer_id": "C-1", "channel": "*"}, True, id="every channel"),
        pytest.param({"customer_id": "C-1", "channel": "voice"}, False, id="another channel"),
        pytest.param({"account_id": "A-1"}, False, id="nobody's consent"),
        pytest.param({}, False, id="nobody's consent to anything"),
    ],
)
def test_a_consent_is_for_what_it_names(fields: dict[str, Any], covered: bool) -> None:
    """Law 8: a consent to something else, or by somebody else, is none."""
    assert replace(BARE, **fields).covers(**ABOUT) is covered


def test_nobody_without_a_number_has_agreed_for_one() -> None:
    """A consent for a number says nothing about a customer whose number is missing."""
    assert not replace(BARE, number=NUMBER).covers(**(ABOUT | {"number": None}))
    assert replace(BARE, customer_id="C-1").covers(**(ABOUT | {"number": None}))


def test_naming_more_never_covers_more() -> None:
    """Whatever more a consent names, it can only cover less."""
    choices = {"customer_id": (None, "C-1", "C-2"), "number": (None, NUMBER, OTHER), "account_id": (None, "A-1", "A-2")}
    for values in product(*choices.values()):
        wide: dict[str, Any] = dict(zip(choices, values, strict=True))
        for name, value in wide.items():
            if value is None and (wide["customer_id"] or wide["number"]):
                for more in choices[name][1:]:
                    narrow = replace(BARE, **(wide | {name: more}))
                    assert not narrow.covers(**ABOUT) or replace(BARE, **wide).covers(**ABOUT)


@pytest.mark.parametrize(
    ("at", "holds"),
    [
        (GIVEN - TICK, False),
        (GIVEN, True),
        (GIVEN + timedelta(days=1) - TICK, True),
        (GIVEN + timedelta(days=1), False),
    ],
)
def test_a_consent_is_in_force_until_it_is_withdrawn(at: datetime, holds: bool) -> None:
    """Law 5: withdrawn means withdrawn, from that instant on."""
    assert replace(BARE, withdrawn_at=GIVEN + timedelta(days=1)).in_force(at) is holds


@given(st.timedeltas(timedelta(), timedelta(days=99_999)))
def test_a_consent_that_nobody_withdraws_lasts(since: timedelta) -> None:
    """No consent wears off by itself; where a law says so, its profile says it is left to the lender."""
    assert BARE.in_force(GIVEN + since)
