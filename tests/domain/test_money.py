"""Money is exact, of one currency, and refuses whatever would have to be rounded or guessed."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from babel import Locale
from babel.core import get_global
from babel.numbers import get_currency_precision
from hypothesis import given
from hypothesis import strategies as st

from reminder.domain.money import CURRENCIES, MINOR_MAX, Money, MoneyError, minor_digits, minor_units
from reminder.errors import DataError

currencies = st.sampled_from(sorted(CURRENCIES))
minors = st.integers(-MINOR_MAX, MINOR_MAX)

CLDR_SHOWS_WHOLE = set("AFN ALL IQD IRR KPW LAK LBP MGA MMK RSD SOS SYP YER".split())  # noqa: SIM905 - reads better
"""Currencies whose coins are out of use, so that CLDR shows whole units although ISO 4217 counts smaller ones."""


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        pytest.param("123.45", "CNY", 12345, id="two decimals"),
        pytest.param("0.01", "CNY", 1, id="the smallest"),
        pytest.param(5, "JPY", 5, id="no decimals"),
        pytest.param("1.234", "KWD", 1234, id="three decimals"),
        pytest.param("1.2345", "CLF", 12345, id="four decimals"),
        pytest.param("10.5000", "CNY", 1050, id="zeros behind, as NUMERIC(18,4) gives them"),
        pytest.param("1." + "0" * 80, "CNY", 100, id="very many zeros behind"),
        pytest.param(" 7.5 ", "CNY", 750, id="spaces around"),
        pytest.param("+7.5", "CNY", 750, id="plus sign"),
        pytest.param("-3.20", "CNY", -320, id="a credit"),
        pytest.param("-0.00", "CNY", 0, id="minus zero"),
        pytest.param(Decimal("1E+2"), "CNY", 10000, id="a normalised decimal"),
        pytest.param("0E+99999999", "CNY", 0, id="zero with a huge exponent"),
        pytest.param("99999999999999.99", "CNY", 9999999999999999, id="what a float would make .98"),
        pytest.param("92233720368547758.07", "CNY", MINOR_MAX, id="the largest"),
    ],
)
def test_an_amount_is_read_exactly(amount: Decimal | str | int, currency: str, minor: int) -> None:
    """Law 5: the amount in a text is the amount in the book, to the last unit."""
    assert Money.of(amount, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("amount", "currency", "word"),
    [
        pytest.param("1.005", "CNY", "at most 2 decimal places", id="half a fen"),
        pytest.param("0.5", "JPY", "at most 0 decimal places", id="half a yen"),
        pytest.param("1." + "0" * 80 + "1", "CNY", "decimal places", id="a speck beyond every context"),
        pytest.param("NaN", "CNY", "an amount such as", id="not a number"),
        pytest.param("sNaN", "CNY", "an amount such as", id="signalling not a number"),
        pytest.param("-Infinity", "CNY", "an amount such as", id="infinity"),
        pytest.param("1,234.56", "CNY", "an amount such as", id="thousands separator"),
        pytest.param("1_000", "CNY", "an amount such as", id="underscore"),
        pytest.param("", "CNY", "an amount such as", id="nothing"),
        pytest.param("¥5", "CNY", "an amount such as", id="a sign in front"),
        pytest.param(1.5, "CNY", "float", id="a float, even an exact one"),
        pytest.param(True, "CNY", "bool", id="a truth"),
        pytest.param(None, "CNY", "NoneType", id="none"),
        pytest.param("92233720368547758.08", "CNY", "whole minor units", id="one more than the largest"),
        pytest.param("1e999999", "CNY", "18 digits", id="a bomb"),
        pytest.param("1e40", "CNY", "64-bit", id="more than a column holds"),
    ],
)
def test_what_is_not_an_exact_amount_is_refused(amount: object, currency: str, word: str) -> None:
    """Law 8: an amount that would have to be rounded or guessed refuses the account instead."""
    with pytest.raises(MoneyError, match=word):
        Money.of(amount, currency)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("amount", "found"),
    [pytest.param("about 300", "'about 300'", id="text"), pytest.param(1.5, "'1.5' (float)", id="float")],
)
def test_what_was_found_is_told_in_the_readers_words(amount: object, found: str) -> None:
    """Promise: whoever reads that a cell is wrong needs no Python; a type is told only where it is what is wrong."""
    with pytest.raises(MoneyError) as caught:
        Money.of(amount, "CNY")  # type: ignore[arg-type]
    assert str(caught.value).endswith(f"found {found}")


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        pytest.param("cny", "did you mean CNY", id="lower case"),
        pytest.param("CNYY", "did you mean CNY", id="a letter too many"),
        pytest.param("", "three capital letters", id="nothing"),
        pytest.param("XXX", "ISO 4217", id="no currency"),
        pytest.param("XAU", "ISO 4217", id="gold"),
        pytest.param("%s{}" * 99, "three capital letters", id="garbage"),
    ],
)
def test_an_unknown_currency_is_refused_with_advice(code: str, advice: str) -> None:
    """Law 8 and 13: a currency nobody uses refuses the account, and the error shows little of what it found."""
    with pytest.raises(MoneyError, match=advice) as caught:
        Money.of("1", code)
    assert len(str(caught.value)) < 120
    assert isinstance(caught.value, DataError)


@pytest.mark.parametrize("minor", [1.0, True, "1", MINOR_MAX + 1, -MINOR_MAX - 1])
def test_minor_units_are_whole_and_fit_a_column(minor: object) -> None:
    """Amounts are stored as 64-bit integers: nothing else can become money by the back door."""
    with pytest.raises(MoneyError, match="whole minor units"):
        Money(minor, "CNY")  # type: ignore[arg-type]


@given(minors, currencies)
def test_amount_and_text_lead_back_to_the_same_money(minor: int, currency: str) -> None:
    """Law 5: showing money and reading it again loses nothing, whatever the currency and size."""
    money = Money(minor, currency)
    assert Money.of(money.amount, currency) == money
    amount, _, code = str(money).partition(" ")
    assert (Money.of(amount, code), "E" in amount) == (money, False)


@given(minors, currencies)
def test_amount_is_minor_units_scaled(minor: int, currency: str) -> None:
    """The amount is exactly `minor / 10^digits`, with as many decimals as the currency has."""
    amount = Money(minor, currency).amount
    assert Fraction(amount) == Fraction(minor, 10 ** minor_digits(currency))
    assert -int(amount.as_tuple().exponent) == minor_digits(currency)


@given(st.decimals(allow_nan=True, allow_infinity=True), currencies)
def test_every_decimal_is_read_exactly_or_refused(amount: Decimal, currency: str) -> None:
    """Law 8: there is no third answer, and no other error."""
    try:
        money = Money.of(amount, currency)
    except MoneyError:
        return
    assert Fraction(money.amount) == Fraction(amount)


@given(st.from_regex(r"[0-9]{1,15}([.][0-9]{1,5})?", fullmatch=True), currencies)
def test_a_plain_amount_is_read_as_decimals_read_it(amount: str, currency: str) -> None:
    """Law 5: the short way of a large import is the long way's answer, refusals too."""
    try:
        minor = Money.of(Decimal(amount), currency).minor
    except MoneyError:
        with pytest.raises(MoneyError):
            minor_units(amount, currency)
        return
    assert minor_units(amount, currency) == minor


@given(st.integers(-(10**17), 10**17), st.integers(-(10**17), 10**17), currencies)
def test_sums_keep_currency_and_value(left: int, right: int, currency: str) -> None:
    """A consolidated text names the sum of its accounts: addition is that of whole minor units."""
    assert Money(left, currency) + Money(right, currency) == Money(left + right, currency)


def test_currencies_are_never_mixed() -> None:
    """A total over two currencies is nobody's debt."""
    with pytest.raises(MoneyError, match="expected CNY to be added to CNY, found USD"):
        Money(1, "CNY") + Money(1, "USD")


def test_money_is_added_to_money_only() -> None:
    """Adding a bare number is a mistake in the program and stays one."""
    with pytest.raises(TypeError, match="unsupported operand"):
        Money(1, "CNY") + 1  # type: ignore[operator]


def test_a_sum_too_large_for_a_column_is_refused() -> None:
    """What can't be stored is refused when it is made, not when it is written."""
    with pytest.raises(MoneyError, match="whole minor units"):
        Money(MINOR_MAX, "CNY") + Money(1, "CNY")


@pytest.mark.parametrize("code", sorted(CURRENCIES))
def test_decimal_places_agree_with_cldr(code: str) -> None:
    """ISO 4217 counts what is owed; CLDR may show fewer decimals where coins are out of use, never more."""
    assert get_currency_precision(code) == (0 if code in CLDR_SHOWS_WHOLE else minor_digits(code))


def test_every_currency_of_a_country_today_is_known() -> None:
    """No lender's own currency is refused: CLDR's list of tenders in force is covered, and nothing is made up."""
    histories = get_global("territory_currencies").values()
    in_force = {code for history in histories for code, _start, end, tender in history if tender and end is None}
    assert in_force - {"GGP", "IMP", "JEP"} <= CURRENCIES
    assert set(Locale("en").currencies) >= CURRENCIES - {"XAD"}
