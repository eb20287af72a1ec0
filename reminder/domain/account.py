"""An account: one amount due on one date, as the book says it right now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType

from reminder.domain.money import Money

__all__ = ["Account", "Scalar"]

Scalar = str | int | bool

_NO_ATTRIBUTES: Mapping[str, Scalar] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Account:
    """One row of the book.

    What the book leaves out or garbles is `None` here and named in `problems`, so that the decision can refuse this
    one account with its reason while all others go on (laws 8 and 9).

    `phone` is as the book has it, not yet parsed. `closed` says that the book marks the account as finished whatever
    its amount. `never_contact` says why the customer must never be contacted about it (`deceased` and so on); it is
    empty where the book says nothing of the kind. `attributes` are the lender's own fields, usable in selectors, `when`
    and templates. `loaded_at` is when the book says that the row was last refreshed (aware), if it says so.
    """

    account_id: str
    customer_id: str
    due_date: date | None
    amount_due: Money | None
    phone: str | None = None
    name: str | None = None
    language: str | None = None
    timezone: str | None = None
    product: str | None = None
    closed: bool = False
    attributes: Mapping[str, Scalar] = field(default_factory=lambda: _NO_ATTRIBUTES)
    loaded_at: datetime | None = None
    problems: tuple[str, ...] = ()
    never_contact: str = ""

    @property
    def settled(self) -> bool:
        """Whether nothing is owed: closed, or an amount of zero or less."""
        return self.closed or (self.amount_due is not None and self.amount_due.minor <= 0)
