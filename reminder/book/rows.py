"""Rows of the book as accounts. Whatever a row holds, it becomes an account: what can't be read is named in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from unicodedata import category

from sqlalchemy import RowMapping

from reminder.book.fields import ATTRIBUTE_PREFIX, ID_CHARS_MAX
from reminder.book.kinds import Kind
from reminder.book.mapping import AmountUnit, BookMapping
from reminder.domain.account import Account, Scalar
from reminder.domain.money import Money, MoneyError

__all__ = ["cleaned", "scalar", "to_account", "to_instant", "unreadable"]

_INT_CHARS_MAX = 18


def to_account(row: RowMapping, mapping: BookMapping) -> Account:
    """Return the account that a row of `BookFields.reading` holds; never raises for what is in it."""
    problems: list[str] = []
    amount = _money(row, mapping.amount_unit, problems)
    if row["due_date"] is None:
        problems.append(_unread("due date", present=bool(row["has_due_date"])))
    if not row["customer_id"]:
        problems.append("the book has no customer for it")
    elif len(row["customer_id"]) > ID_CHARS_MAX:
        problems.append(f"its customer's id has more than {ID_CHARS_MAX} characters")
    loaded_at = to_instant(row.get("loaded_at"))
    if mapping.fresh_max_age is not None and loaded_at is None:
        problems.append(f"the book does not say in {mapping.fresh_column} when it was refreshed")
    return Account(
        account_id=row["account_id"],
        customer_id=row["customer_id"] or "",
        due_date=row["due_date"],
        amount_due=amount,
        phone=_text(row["phone"]),
        name=_text(row["name"]),
        language=row["language"],
        timezone=row["timezone"],
        product=row["product"],
        closed=bool(row["closed"]),
        never_contact=_never_contact(row["never_contact"], mapping),
        attributes=_attributes(row, mapping),
        loaded_at=loaded_at,
        problems=tuple(problems),
    )


def unreadable(account_id: str) -> Account:
    """Return what stands for a row that the driver itself can't read."""
    problem = "the database can't hand over its row: a value is not what its column promises"
    return Account(account_id=account_id, customer_id="", due_date=None, amount_due=None, problems=(problem,))


def _unread(what: str, *, present: bool) -> str:
    return f"the book's {what} for it can't be read" if present else f"the book has no {what} for it"


def _money(row: RowMapping, unit: AmountUnit, problems: list[str]) -> Money | None:
    """Return the amount due, or None with the reason added to `problems`."""
    amount, currency = row["amount_due"], row["currency"]
    if amount is None:
        problems.append(_unread("amount due", present=bool(row["has_amount"])))
    if currency is None:
        problems.append("the book has no currency for it")
    if amount is None or currency is None:
        return None
    try:
        return _whole_units(amount, currency) if unit is AmountUnit.MINOR else Money.of(amount, currency)
    except MoneyError as error:
        problems.append(f"amount due: {error}")
        return None


def _whole_units(amount: int | str | Decimal, currency: str) -> Money:
    exact = Decimal(amount)
    if not exact.is_finite() or exact != exact.to_integral_value():
        raise MoneyError(f"expected a whole number of minor units, found {str(amount)[:24]}")
    return Money(int(exact), currency)


def _never_contact(text: str | None, mapping: BookMapping) -> str:
    """Return why the customer is never to be contacted, as the book says it; empty where it doesn't."""
    if not text:
        return ""
    return text if mapping.is_own else mapping.never_contact_values.get(text, "")


def _text(value: str | None) -> str | None:
    return None if value is None else cleaned(value) or None


def cleaned(value: str) -> str:
    """Return a text on one line, without control characters; a text has no business moving a cursor (law 11)."""
    if value.isprintable():
        return value.strip()
    return " ".join("".join(" " if category(each) in ("Cc", "Zl", "Zp") else each for each in value).split())


def _attributes(row: RowMapping, mapping: BookMapping) -> Mapping[str, Scalar]:
    if mapping.attributes_column is not None:
        texts = row["attributes"] or {}
        return MappingProxyType({name: scalar(text) for name, text in texts.items() if text is not None})
    found: dict[str, Scalar] = {}
    for name in mapping.attributes:
        text = row[ATTRIBUTE_PREFIX + name]
        if text is not None:
            found[name] = _typed(text, mapping.kinds[name])
    return MappingProxyType(found)


def _typed(text: str, kind: Kind) -> Scalar:
    """Return a canonical text as the scalar that its column's kind makes of it."""
    return text if kind in (Kind.TEXT, Kind.DATE, Kind.UUID, Kind.DECIMAL) else scalar(text)


def scalar(text: Any) -> Scalar:  # noqa: ANN401 - a JSON object may hold anything, whoever wrote it
    """Return `true` and `false` as booleans, canonical whole numbers as integers, and anything else as its text."""
    if text in ("true", "false"):
        return bool(text == "true")
    if not isinstance(text, str):
        return text if isinstance(text, bool | int) else str(text)
    digits = text.removeprefix("-")
    if len(digits) <= _INT_CHARS_MAX and digits.isascii() and digits.isdigit() and str(int(text)) == text:
        return int(text)
    return text


def to_instant(value: object) -> datetime | None:
    """Return an instant in UTC from what a driver hands over; one without a zone is taken for UTC.

    None for anything that is no instant.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
