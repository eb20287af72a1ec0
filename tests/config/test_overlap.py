"""Selectors beside selectors, held against accounts that are really asked."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reminder.config.overlap import covers, may_meet
from reminder.domain.account import Account
from reminder.domain.money import Money
from reminder.domain.selector import Selector, Term

VALUES = ("a", "b", "c")
AMOUNTS = (1, 2, 3, 4)


def _account(x: str | None, y: str | None, amount: int) -> Account:
    attributes = {name: value for name, value in (("x", x), ("y", y)) if value is not None}
    return Account("1", "1", None, Money.of(amount, "CNY"), attributes=attributes)


def _is_range(bounds: tuple[Decimal | None, Decimal | None]) -> bool:
    low, high = bounds
    return bounds != (None, None) and (low is None or high is None or low <= high)


WORLD = [
    _account(x, y, amount) for x, y, amount in product((*VALUES, "z", None), (*VALUES, "z", None), (0, *AMOUNTS, 9))
]

SETS = st.sets(st.sampled_from(VALUES), min_size=1).map(frozenset)
BOUND = st.none() | st.sampled_from(AMOUNTS).map(Decimal)
RANGES = st.tuples(BOUND, BOUND).filter(_is_range)
TERMS = st.builds(Term, st.sampled_from(("x", "y")), SETS, st.booleans()) | RANGES.map(
    lambda bounds: Term("amount_due", at_least=bounds[0], at_most=bounds[1])
)
SELECTORS = st.lists(TERMS, max_size=3, unique_by=lambda term: term.field).map(lambda terms: Selector(tuple(terms)))


@settings(deadline=None)
@given(one=SELECTORS, other=SELECTORS)
def test_selectors_said_to_be_apart_never_match_one_account(one: Selector, other: Selector) -> None:
    """A warning that is left out is left out rightly: no account of a small world passes both."""
    both = [account for account in WORLD if one.matches(account) and other.matches(account)]

    assert may_meet(one, other) is may_meet(other, one)
    assert may_meet(one, other) is bool(both)


@settings(deadline=None)
@given(wide=SELECTORS, narrow=SELECTORS)
def test_a_selector_said_to_cover_another_matches_all_it_matches(wide: Selector, narrow: Selector) -> None:
    """Only a policy that no account can reach is called unreachable."""
    if covers(wide, narrow):
        assert all(wide.matches(account) for account in WORLD if narrow.matches(account))


@settings(deadline=None)
@given(selector=SELECTORS)
def test_everything_covers_and_meets_itself(selector: Selector) -> None:
    """The empty selector is for every account, and each selector for its own."""
    assert covers(Selector(), selector)
    assert covers(selector, selector)
    assert may_meet(selector, selector)


IN = Term("x", frozenset({"a"}))
IN_TWO = Term("x", frozenset({"a", "b"}))
NOT = Term("x", frozenset({"a"}), negated=True)
NOT_TWO = Term("x", frozenset({"a", "b"}), negated=True)
OTHER = Term("x", frozenset({"c"}))
LOW = Term("amount_due", at_most=Decimal(2))
LOWER = Term("amount_due", at_most=Decimal(1))
HIGH = Term("amount_due", at_least=Decimal(3))
MIDDLE = Term("amount_due", at_least=Decimal(1), at_most=Decimal(2))


@pytest.mark.parametrize(
    ("wide", "narrow", "answer"),
    [
        pytest.param(IN_TWO, IN, True, id="fewer-values"),
        pytest.param(IN, IN_TWO, False, id="more-values"),
        pytest.param(NOT, NOT_TWO, True, id="more-refused"),
        pytest.param(NOT_TWO, NOT, False, id="fewer-refused"),
        pytest.param(NOT, OTHER, True, id="another-value-is-not-refused"),
        pytest.param(NOT, IN_TWO, False, id="one-value-is-refused"),
        pytest.param(IN, NOT, False, id="anything-else-is-not-it"),
        pytest.param(LOW, LOWER, True, id="range-inside"),
        pytest.param(LOWER, LOW, False, id="range-outside"),
        pytest.param(LOW, MIDDLE, True, id="two-bounds-inside-one"),
        pytest.param(MIDDLE, LOW, False, id="one-bound-outside-two"),
        pytest.param(HIGH, LOW, False, id="ranges-apart"),
        pytest.param(IN, Term("y", frozenset({"a"})), False, id="another-field"),
    ],
)
def test_covering_in_single_terms(wide: Term, narrow: Term, answer: bool) -> None:
    """Each way in which one condition can imply another."""
    assert covers(Selector((wide,)), Selector((narrow,))) is answer
