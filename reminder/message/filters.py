"""The filters of a language: what an amount, a date or an account number looks like in a text.

Babel knows how a language writes, but asking it for every text costs half a millisecond (ten times all the rest), so it
is asked once for the *shape* of an amount in a currency and the rest is done here; dates repeat, and are remembered.
Spaces that CLDR puts into amounts (U+00A0, U+202F) would turn an English text into UCS-2 and halve what fits into a
segment: they become plain ones.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import get_currency_symbol, get_decimal_symbol, get_group_symbol

from reminder.domain.money import Money, minor_digits
from reminder.domain.segments import Encoding, segment, smooth
from reminder.errors import TemplateError
from reminder.message.languages import normal, primary

__all__ = ["FILTERS", "LIST_MAX_LINES", "Filters", "Listing", "Total"]

FILTERS = ("date", "day", "mask", "money", "number", "ordinal", "weekday")
"""Every filter there is; each takes a value and no arguments."""

LIST_MAX_LINES = 3
"""How many accounts a consolidated text names before it says how many more there are."""

# Day before month with the month in letters: nobody can read 3/5 as the wrong one. CLDR's own shape elsewhere.
_DAY = {"en": "d MMM", "zh": "M月d日"}
_DATE = {"en": "d MMM y", "zh": "y年M月d日"}

_AND_MORE = {
    "de": "und {} weitere", "en": "and {} more", "es": "y {} más", "fr": "et {} autres", "ja": "ほか{}件",
    "pt": "e mais {}", "zh": "另有{}笔",
}  # fmt: skip

_Kind = TypeVar("_Kind")


@dataclass(frozen=True, slots=True)
class Total:
    """One amount for each currency, printed as `¥500.00 + US$20.00`."""

    amounts: tuple[Money, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """Accounts of a consolidated text: id, amount and due date of each; a line each for the first few."""

    entries: tuple[tuple[str, Money, dt.date], ...]


@dataclass(frozen=True, slots=True)
class _Shape:
    """How a language writes amounts of one currency. `groups`: how many digits the last group has, and the others."""

    before: str
    after: str
    digits: int
    groups: tuple[int, int]
    thousands: str
    point: str

    def write(self, minor: int) -> str:
        """Return an amount of minor units, such as `¥1,234.50`."""
        whole, part = divmod(abs(minor), 10**self.digits)
        decimals = f"{self.point}{part:0{self.digits}d}" if self.digits else ""
        sign = "-" if minor < 0 else ""
        return f"{sign}{self.before}{_grouped(whole, self.groups, self.thousands)}{decimals}{self.after}"


def _grouped(whole: int, groups: tuple[int, int], separator: str) -> str:
    """Return digits in groups: 12,345,678 by (3, 3) and 1,23,45,678 by (3, 2)."""
    if groups == (3, 3):
        return f"{whole:,}".replace(",", separator)
    digits = str(whole)
    last, head = digits[-groups[0] :], digits[: -groups[0]]
    parts = [head[max(0, end - groups[1]) : end] for end in range(len(head), 0, -groups[1])]
    return separator.join([*reversed(parts), last])


class Filters:
    """All filters, bound to one language. Raises TemplateError for a language that CLDR doesn't know."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._locale = _locale(language)
        self._primary = primary(language)
        # What can be remembered is bounded, so that a hostile book can't grow the process.
        self._shape = lru_cache(maxsize=256)(self._new_shape)
        self._dates = lru_cache(maxsize=4096)(self._new_date)

    def by_name(self) -> Mapping[str, Callable[[object], str]]:
        """Return every filter under the name that templates call it by."""
        return {name: getattr(self, name) for name in FILTERS}

    def show(self, value: object) -> str:
        """Return how a value is printed when no filter is asked for: money as money, a date as a date.

        Raises TemplateError for what can't be printed: a yes/no value, or a whole account instead of a part of it.
        """
        if type(value) is str:
            return value
        if isinstance(value, Money | Total):
            return self.money(value)
        if isinstance(value, dt.date):
            return self.date(value)
        if isinstance(value, Listing):
            return self._listing(value)
        # A missing value says by itself which one it is.
        if isinstance(value, bool | Mapping):
            kind = "a yes/no value" if isinstance(value, bool) else "several values under one name"
            raise TemplateError(f"expected something to print, found {kind}; use it in an if, or name a part of it")
        return str(value)

    def money(self, value: object) -> str:
        """Return an amount as the language writes it, with the decimals of its currency; a total for each currency."""
        if isinstance(value, Total):
            return " + ".join(self.money(amount) for amount in value.amounts)
        amount = _expect(value, Money, "money", "amount")
        return self._shape(amount.currency).write(amount.minor)

    def date(self, value: object) -> str:
        """Return a date with its year: `3 May 2026`, `2026年5月3日`."""
        return self._dates(_expect(value, dt.date, "date", "due_date"), True)

    def day(self, value: object) -> str:
        """Return a date without its year, for those that are near: `3 May`, `5月3日`."""
        return self._dates(_expect(value, dt.date, "day", "due_date"), False)

    def weekday(self, value: object) -> str:
        """Return the name of a date's day of the week: `Sunday`, `星期日`."""
        names = self._locale.days["stand-alone"]["wide"]
        return str(names[_expect(value, dt.date, "weekday", "due_date").weekday()])

    def number(self, value: object) -> str:
        """Return a whole number with the language's thousands: `1,234`."""
        count = _count(value, "number")
        groups = self._locale.decimal_formats[None].grouping
        return f"{'-' if count < 0 else ''}{_grouped(abs(count), groups, smooth(get_group_symbol(self._locale)))}"

    def ordinal(self, value: object) -> str:
        """Return which one it is in a row: `2nd`, `第2次`; `2.` in languages whose own form isn't known here."""
        count = _count(value, "ordinal")
        if self._primary == "zh":
            return f"第{count}次"
        if self._primary != "en":
            return f"{count}."
        teen = count % 100 in (11, 12, 13)
        return f"{count}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(count % 10, 'th')}"

    def mask(self, value: object) -> str:
        """Return the last four letters or digits of an account number, or the first character of a name and `*`.

        What has a digit in it is taken for a number.
        """
        text = str(value)
        if re.search(r"\d", text) is None:
            return f"{text[:1]}*"
        return re.sub(r"[\W_]", "", text)[-4:]

    def _listing(self, listing: Listing) -> str:
        shown = listing.entries[:LIST_MAX_LINES]
        lines = [f"{self.mask(name)} {self.money(amount)} ({self.day(due)})" for name, amount, due in shown]
        more = len(listing.entries) - len(shown)
        if more:
            lines.append(_AND_MORE.get(self._primary, "+{}").format(more))
        return "\n".join(lines)

    def _new_date(self, value: dt.date, with_year: bool) -> str:
        own, skeleton = (_DATE, "yMMMd") if with_year else (_DAY, "MMMd")
        pattern = own.get(self._primary) or self._locale.datetime_skeletons[skeleton].pattern
        return smooth(format_date(value, pattern, locale=self._locale))

    def _new_shape(self, currency: str) -> _Shape:
        pattern = self._locale.currency_formats["standard"]
        symbol = self._symbol(currency)
        before = smooth(pattern.prefix[0]).replace("¤", symbol)
        after = smooth(pattern.suffix[0]).replace("¤", symbol)
        # As CLDR has it: letters don't touch digits.
        return _Shape(
            before=f"{before} " if before[-1:].isalpha() else before,
            after=f" {after}" if after[:1].isalpha() else after,
            digits=minor_digits(currency),
            groups=pattern.grouping,
            thousands=smooth(get_group_symbol(self._locale)),
            point=get_decimal_symbol(self._locale),
        )

    def _symbol(self, currency: str) -> str:
        symbol = smooth(get_currency_symbol(currency, locale=self._locale))
        # In Latin letters a ₹ or ₫ would be the one sign that costs the text half its room; its code says the same.
        latin = re.search("[A-Za-z]", self._locale.months["format"]["wide"][1]) is not None
        return currency if latin and segment(symbol).encoding is Encoding.UCS2 else symbol


def _locale(language: str) -> Locale:
    try:
        return Locale.parse(normal(language), sep="-")
    except (UnknownLocaleError, ValueError) as error:
        raise TemplateError(
            f"expected a language tag such as en or zh-CN, found {language[:20]!r}; rename the folder"
        ) from error


def _expect(value: object, kind: type[_Kind], name: str, example: str) -> _Kind:
    if isinstance(value, kind):
        return value
    str(value)  # A missing value raises here, saying which one it is.
    raise TemplateError(
        f"expected the filter {name} on a {kind.__name__.lower()} such as {example}, found {type(value).__name__}"
    )


def _count(value: object, name: str) -> int:
    return _expect(None if isinstance(value, bool) else value, int, name, "number")
