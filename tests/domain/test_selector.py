"""A selector says yes or no of every account, by values in one canonical form."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder.domain.account import Account, Scalar
from reminder.domain.money import Money
from reminder.domain.selector import CORE_FIELDS, Selector, Term, canonical, field_value


def account(**changes: object) -> Account:
    """Return an ordinary account, with some fields as given."""
    fields: dict[str, object] = {
        "account_id": "L-1",
        "customer_id": "C-1",
        "due_date": date(2026, 5, 6),
        "amount_due": Money(123_45, "CNY"),
        "product": "cash-loan",
        "attributes": {"autopay": True, "risk_band": "B", "times_overdue": 2},
    }
    return Account(**(fields | changes))  # type: ignore[arg-type]


def one_of(field: str, *values: str, negated: bool = False) -> Term:
    """Return a term that wants the field to be one of these values, or none of them."""
    return Term(field, frozenset(values), negated=negated)


@pytest.mark.parametrize(
    ("term", "passes"),
    [
        pytest.param(one_of("product", "cash-loan", "card"), True, id="among the values"),
        pytest.param(one_of("product", "card"), False, id="not among them"),
        pytest.param(one_of("product", "Cash-Loan"), False, id="another case"),
        pytest.param(one_of("product", "card", negated=True), True, id="not the unwanted"),
        pytest.param(one_of("product", "cash-loan", negated=True), False, id="the unwanted"),
        pytest.param(one_of("language", "en"), False, id="a missing field"),
        pytest.param(one_of("language", "en", negated=True), True, id="a missing field isn't the unwanted"),
        pytest.param(one_of("currency", "CNY"), True, id="the amount's currency"),
        pytest.param(one_of("autopay", "true"), True, id="a truth"),
        pytest.param(one_of("autopay", "True"), False, id="as Python spells it"),
        pytest.param(one_of("times_overdue", "2"), True, id="a number"),
        pytest.param(one_of("branch", "7"), False, id="a missing attribute"),
        pytest.param(one_of("product"), False, id="no values"),
        pytest.param(Term("amount_due", at_least=Decimal("123.45")), True, id="at least: included"),
        pytest.param(Term("amount_due", at_least=Decimal("123.46")), False, id="at least: below"),
        pytest.param(Term("amount_due", at_most=Decimal("123.45")), True, id="at most: included"),
        pytest.param(Term("amount_due", at_most=Decimal("123.44")), False, id="at most: above"),
        pytest.param(Term("amount_due", at_least=Decimal(100), at_most=Decimal(200)), True, id="between"),
        pytest.param(Term("amount_due", at_least=Decimal(200), at_most=Decimal(100)), False, id="an empty range"),
        pytest.param(Term("amount_due", at_least=Decimal(0)), True, id="a bound of zero is a bound"),
    ],
)
def test_a_term_is_asked(term: Term, passes: bool) -> None:
    """A policy is for the accounts that its author reads in `applies_to`, and for no others."""
    assert term.matches(account()) is passes


@pytest.mark.parametrize("field", ["amount_due", "currency"])
def test_an_account_without_an_amount_fails(field: str) -> None:
    """Law 8: a missing amount or currency is in no range and no list."""
    bare = account(amount_due=None)
    assert not Term("amount_due", at_least=Decimal(-1), at_most=Decimal(10**9)).matches(bare)
    assert not one_of(field, "CNY").matches(bare)


def test_every_term_must_pass() -> None:
    """Terms are joined by `and`."""
    yes, no = one_of("product", "cash-loan"), one_of("risk_band", "A")
    assert Selector((yes,)).matches(account())
    assert not Selector((yes, no)).matches(account())
    assert not Selector((no, yes)).matches(account())


def test_no_terms_are_for_every_account() -> None:
    """A policy without `applies_to` is the one for the rest."""
    assert Selector().matches(account(amount_due=None, product=None))


@given(st.text(max_size=3) | st.none(), st.frozensets(st.text(max_size=3)))
def test_a_term_and_its_negation_never_agree(product: str | None, values: frozenset[str]) -> None:
    """Every term is two-valued: for each account exactly one of a term and its negation passes."""
    asked = account(product=product)
    assert Term("product", values).matches(asked) is not Term("product", values, negated=True).matches(asked)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(True, "true", id="true"),
        pytest.param(False, "false", id="false"),
        pytest.param(0, "0", id="zero is no truth"),
        pytest.param(-12, "-12", id="integer"),
        pytest.param("  B ", "  B ", id="text as it is"),
        pytest.param("", "", id="nothing"),
        pytest.param(Decimal("1.50"), "1.5", id="zeros behind"),
        pytest.param(Decimal(100), "100", id="zeros that count"),
        pytest.param(Decimal("1E+3"), "1000", id="exponent"),
        pytest.param(Decimal("100.00"), "100", id="a whole number in decimals"),
        pytest.param(Decimal("-0.00"), "0", id="minus zero"),
        pytest.param(Decimal("0.000001"), "0.000001", id="small"),
        pytest.param(Decimal("12345678901234567890123456789.1"), "12345678901234567890123456789.1", id="long"),
    ],
)
def test_values_have_one_text(value: Scalar | Decimal, text: str) -> None:
    """The same value is spelled one way in a policy, in memory and in SQL."""
    assert canonical(value) == text


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6), st.integers(0, 6))
def test_equal_decimals_have_equal_texts(value: Decimal, zeros: int) -> None:
    """Zeros behind are spelling: they never decide which policy an account gets."""
    longer = value + Decimal((0, (0,), -6 - zeros)) if abs(value) < 10**15 else value
    assert canonical(longer) == canonical(value)
    assert Decimal(canonical(value)) == value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("account_id", "L-1", id="core"),
        pytest.param("currency", "CNY", id="currency"),
        pytest.param("autopay", "true", id="attribute"),
        pytest.param("timezone", None, id="core without a value"),
        pytest.param("branch", None, id="no such attribute"),
        pytest.param("settled", None, id="not a field, though the class has it"),
        pytest.param("__class__", None, id="nor any other part of the class"),
    ],
)
def test_fields_are_looked_up(field: str, value: str | None) -> None:
    """Law 11: a selector reaches the account's fields and the lender's attributes, and nothing else of the program."""
    assert field_value(account(), field) == value


def test_an_attribute_never_hides_a_core_field() -> None:
    """A lender's column named like one of ours doesn't change whom a policy is for."""
    shadowed = account(attributes=dict.fromkeys(CORE_FIELDS, "other"))
    assert field_value(shadowed, "product") == "cash-loan"
