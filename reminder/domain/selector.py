"""Selectors: which accounts a policy is for (`applies_to`).

A selector is data, so that the same one can be asked here, of an account in memory, and in the book, as SQL; a
property test holds the two together. Every term is two-valued: a missing value fails the term, never "unknown".
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from reminder.domain.account import Account, Scalar

__all__ = ["CORE_FIELDS", "Selector", "Term", "canonical", "field_value"]

CORE_FIELDS = ("product", "currency", "language", "timezone", "account_id", "customer_id")
"""Fields every book has; any other name in a selector is an attribute. `amount_due` takes a range."""


@dataclass(frozen=True, slots=True)
class Term:
    """One condition on one field.

    With `values`, the field's canonical text must be among them, or, where `negated`, must not be (an account without
    the field passes a negated term). With `at_least` or `at_most` (major units, both inclusive), the amount due must
    lie in the range.
    """

    field: str
    values: frozenset[str] = frozenset()
    negated: bool = False
    at_least: Decimal | None = None
    at_most: Decimal | None = None

    @property
    def is_range(self) -> bool:
        """Whether this term compares the amount due with bounds."""
        return self.at_least is not None or self.at_most is not None

    def matches(self, account: Account) -> bool:
        """Return whether this account passes the term."""
        if self.is_range:
            return self._in_range(account)
        return (field_value(account, self.field) in self.values) is not self.negated

    def __str__(self) -> str:
        """Return it in words: `product is card or loan`."""
        if self.is_range:
            low = f"{self.at_least} <= " if self.at_least is not None else ""
            return f"{low}{self.field}" + (f" <= {self.at_most}" if self.at_most is not None else "")
        return f"{self.field} is {'not ' if self.negated else ''}{' or '.join(sorted(self.values))}"

    def _in_range(self, account: Account) -> bool:
        if account.amount_due is None:
            return False
        amount = account.amount_due.amount
        return (self.at_least is None or amount >= self.at_least) and (self.at_most is None or amount <= self.at_most)


@dataclass(frozen=True, slots=True)
class Selector:
    """All terms must pass; a selector without terms is for every account."""

    terms: tuple[Term, ...] = ()

    def matches(self, account: Account) -> bool:
        """Return whether this account passes every term."""
        return all(term.matches(account) for term in self.terms)

    def __str__(self) -> str:
        """Return it in words: `product is loan and currency is CNY`."""
        return " and ".join(map(str, self.terms)) or "every account"


def canonical(value: Scalar | Decimal) -> str:
    """Return the one text form in which values are compared: `true`/`false`, plain numbers, text as it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        # Not `normalize`, which rounds to the context's 28 digits; zero has one sign.
        text = format(value or Decimal(), "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    return str(value)


def field_value(account: Account, field: str) -> str | None:
    """Return the canonical text of an account's field or attribute, or None where it has none."""
    if field == "currency":
        return account.amount_due.currency if account.amount_due else None
    value = getattr(account, field) if field in CORE_FIELDS else account.attributes.get(field)
    return None if value is None else canonical(value)
