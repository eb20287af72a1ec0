"""Money: an exact amount of one currency, kept as a whole number of its smallest unit. No float comes near it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation
from difflib import get_close_matches

from reminder.errors import DataError

__all__ = ["CURRENCIES", "MINOR_MAX", "Money", "MoneyError", "minor_digits", "minor_units"]

_NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_TWO_DECIMALS = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY "
    "BOV COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR "
    "ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV "
    "MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD "
    "SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG"
)
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
_FOUR_DECIMALS = "CLF UYW"

_MINOR_DIGITS: dict[str, int] = {
    code: digits
    for digits, codes in ((0, _NO_DECIMALS), (2, _TWO_DECIMALS), (3, _THREE_DECIMALS), (4, _FOUR_DECIMALS))
    for code in codes.split()
}
# ISO 4217, list one (currencies and funds in use), column "minor units"; the lev, out of use since 2026, still stands
# in old contracts. Metals, bond units and test codes have no minor units and can't be owed. CLDR rounds some of these
# to whole units for display (IQD, LBP, RSD); what is owed is not rounded.

CURRENCIES = frozenset(_MINOR_DIGITS)
"""Every currency that money can be in: ISO 4217 codes in use."""

MINOR_MAX = 2**63 - 1
"""The largest amount, in minor units: what a 64-bit integer column holds."""

_EXACT = Context(prec=64, traps=[InvalidOperation, Inexact])
# Rounds nothing: an amount that doesn't fit into 64 digits exactly is refused instead.


_PLAIN = re.compile(r"([0-9]{1,14})(?:\.([0-9]{1,4}))?")
"""An amount as most books write it; it fits into 64 bits whatever the currency."""


class MoneyError(DataError):
    """An amount or a currency that can't be money, or two currencies that can't be added."""


def minor_digits(currency: str) -> int:
    """Return how many decimal places a currency has (ISO 4217: CNY 2, JPY 0, KWD 3), or raise MoneyError."""
    digits = _MINOR_DIGITS.get(currency)
    if digits is None:
        raise MoneyError(_unknown(currency))
    return digits


def _unknown(currency: object) -> str:
    shown = str(currency)[:12]
    near = get_close_matches(shown.upper(), sorted(CURRENCIES), n=1)
    advice = f"did you mean {near[0]}?" if near else "write its three capital letters, such as CNY"
    return f"expected an ISO 4217 currency in use, found {shown!r}; {advice}"


@dataclass(frozen=True, slots=True)
class Money:
    """`minor` units of `currency`: `Money(12345, "CNY")` is 123.45 yuan. Raises MoneyError for what can't be money."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int or abs(self.minor) > MINOR_MAX:
            raise MoneyError(f"expected whole minor units within ±{MINOR_MAX}, found {str(self.minor)[:24]}")
        minor_digits(self.currency)

    @classmethod
    def of(cls, amount: Decimal | str | int, currency: str) -> Money:
        """Return money of an amount in major units: `Money.of("123.45", "CNY")`.

        Raises MoneyError for an unknown currency, more decimal places than it has (zeros behind don't count), and
        whatever is not a finite decimal number: a float, `NaN`, `1,234.56`.
        """
        return cls(minor_units(amount, currency), currency)

    @property
    def amount(self) -> Decimal:
        """Return the amount in major units, with as many decimal places as the currency has."""
        return Decimal(self.minor).scaleb(-minor_digits(self.currency), _EXACT)

    def __add__(self, other: Money) -> Money:
        """Return the sum, or raise MoneyError where the currencies differ or the sum is too large."""
        if not isinstance(other, Money):
            return NotImplemented
        if other.currency != self.currency:
            raise MoneyError(
                f"expected {self.currency} to be added to {self.currency}, found {other.currency}; "
                "keep one total for each currency"
            )
        return Money(self.minor + other.minor, self.currency)

    def __str__(self) -> str:
        """Return it for logs and errors, `123.45 CNY`; texts are formatted by language elsewhere."""
        return f"{self.amount:f} {self.currency}"


def minor_units(amount: Decimal | str | int, currency: str) -> int:
    """Return an amount in major units as a whole number of minor ones: `minor_units("123.45", "CNY")` is 12345.

    Raises MoneyError for an unknown currency and for what `Money.of` refuses.
    """
    digits = minor_digits(currency)
    plain = _PLAIN.fullmatch(amount) if isinstance(amount, str) else None
    if plain is not None and len(fraction := plain[2] or "") <= digits:
        # Decimals take four times as long; a property test holds this to them.
        return int(plain[1] + fraction.ljust(digits, "0"))
    exact = _decimal(amount)
    try:
        minor = exact.scaleb(digits, _EXACT)
        whole = minor.to_integral_exact(context=_EXACT)
    except DecimalException:
        raise MoneyError(
            f"expected at most {digits} decimal places for {currency} and less than 18 digits before them, "
            f"found {str(amount)[:24]!r}; correct the amount, it is never rounded"
        ) from None
    # Looked at before `int`, which would write out every zero of 1E+999999.
    if whole and whole.adjusted() > 20:
        raise MoneyError(f"expected an amount within a 64-bit integer of minor units, found {str(amount)[:24]!r}")
    return Money(int(whole), currency).minor


def _decimal(amount: object) -> Decimal:
    """Return a finite decimal, exactly as written, or raise MoneyError."""
    # Decimal would read 1_000 as a thousand; in a book it is a slip. True is an int to Python, not to a lender.
    readable = isinstance(amount, Decimal | int | str) and not isinstance(amount, bool) and "_" not in str(amount)
    try:
        exact = Decimal(amount) if readable else None  # type: ignore[arg-type]
    except DecimalException:
        exact = None
    if exact is None or not exact.is_finite():
        # What a file holds is text to whoever reads the message; a float or None is a lender's query gone wrong.
        kind = "" if isinstance(amount, str) else f" ({type(amount).__name__})"
        raise MoneyError(f"expected an amount such as 1234.56 (digits and one point), found {str(amount)[:24]!r}{kind}")
    return exact
