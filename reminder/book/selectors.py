"""Selectors as SQL: the same answer as `Selector.matches`, asked of the whole book at once."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from sqlalchemy import ColumnElement, and_, false, func, not_, or_, true

from reminder.book.expressions import among
from reminder.book.fields import BookFields
from reminder.domain.money import CURRENCIES, MINOR_MAX, minor_digits
from reminder.domain.selector import Selector, Term

__all__ = ["matching", "priced"]


def matching(fields: BookFields, selector: Selector) -> ColumnElement[bool]:
    """Return the SQL condition that is true of exactly the accounts that the selector matches; never NULL."""
    return and_(true(), *(_term(fields, term) for term in selector.terms))


def _term(fields: BookFields, term: Term) -> ColumnElement[bool]:
    if term.is_range:
        return priced(fields, CURRENCIES, term.at_least, term.at_most)
    if term.field == "currency":
        # An account whose amount can't be read has no money, and so no currency either.
        found = priced(fields, term.values & CURRENCIES)
    else:
        expression = fields.field(term.field)
        found = false() if expression is None else among(expression, term.values, fields.dialect)
    return not_(found) if term.negated else found


def priced(
    fields: BookFields,
    currencies: Iterable[str],
    at_least: Decimal | None = None,
    at_most: Decimal | None = None,
) -> ColumnElement[bool]:
    """Return whether the amount due is money in one of these currencies, within bounds in major units; never NULL.

    It is money where it has no more decimal places than its currency and fits into 64 bits of minor units, as
    `Money.of` has it.
    """
    groups: dict[int, list[str]] = {}
    for code in sorted(currencies):
        groups.setdefault(minor_digits(code), []).append(code)
    conditions = []
    for digits, codes in groups.items():
        low, high = _bounds(digits, at_least, at_most)
        if low <= high:
            conditions.append(and_(fields.currency.in_(codes), _amount_within(fields, digits, low, high)))
    if not conditions:
        return false()
    return and_(fields.amount_due.is_not(None), fields.currency.is_not(None), or_(*conditions))


def _bounds(digits: int, at_least: Decimal | None, at_most: Decimal | None) -> tuple[int, int]:
    """Return the bounds in minor units, rounded inwards, and no wider than money can be."""
    edge = Decimal(MINOR_MAX).scaleb(-digits)
    low = -MINOR_MAX if at_least is None or at_least < -edge else _minor(min(at_least, edge + 1), digits, ROUND_CEILING)
    high = MINOR_MAX if at_most is None or at_most > edge else _minor(max(at_most, -edge - 1), digits, ROUND_FLOOR)
    return low, high


def _minor(amount: Decimal, digits: int, rounding: str) -> int:
    return int(amount.scaleb(digits).to_integral_value(rounding))


def _amount_within(fields: BookFields, digits: int, low: int, high: int) -> ColumnElement[bool]:
    amount = fields.amount_due
    if fields.mapping.is_own:
        return amount.between(low, high)
    if fields.counts_minor_units:
        return and_(amount.between(low, high), amount == func.round(amount, 0))
    least, most = Decimal(low).scaleb(-digits), Decimal(high).scaleb(-digits)
    # SQLite has no exact fractions: both sides are the floats nearest to the decimals that are meant.
    bounds = (float(least), float(most)) if fields.dialect == "sqlite" else (least, most)
    return and_(amount.between(*bounds), amount == func.round(amount, digits))
