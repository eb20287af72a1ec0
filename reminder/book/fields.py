"""The parts of an account as SQL expressions, for one book in one database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Label,
    String,
    and_,
    bindparam,
    collate,
    false,
    func,
    not_,
    null,
    or_,
    true,
    type_coerce,
)

from reminder.book import expressions as sql
from reminder.book.expressions import Expression
from reminder.book.kinds import Kind
from reminder.book.mapping import AmountUnit, BookMapping
from reminder.bulk import among
from reminder.domain.selector import CORE_FIELDS

__all__ = ["ATTRIBUTE_PREFIX", "ID_CHARS_MAX", "BookFields"]

ID_CHARS_MAX = 64
"""The longest account or customer id, in characters: what the outbox keeps."""

ATTRIBUTE_PREFIX = "attribute_"
"""Before the name of an attribute among the columns of `BookFields.reading`."""


class BookFields:
    """Each part of an account as SQL, such that no row makes a statement fail.

    Parts that the book has no column for are NULL. Texts are exact: they compare with case and spaces.
    """

    def __init__(self, mapping: BookMapping, dialect: str) -> None:
        self.mapping = mapping
        self.dialect = dialect
        self.selectable = mapping.selectable
        self.account_id = self._text("account_id")
        self.customer_id: Expression = self._text("customer_id")
        if not mapping.is_own:
            # Planned all the same and then refused on record, rather than a NULL that fails the whole statement.
            self.customer_id = func.coalesce(self.customer_id, "", type_=String())
        self.due_date = self._due_date()
        self.amount_due = self._amount()
        self.currency = self._part("currency")
        self.timezone = self._part("timezone")
        self.language = self._part("language")
        self.product = self._part("product")
        self.name = self._part("name")
        self.phone = self._part("phone")

    def raw(self, part: str) -> Expression:
        """Return the bare column that plays a part, or NULL."""
        name = self.mapping.columns.get(part)
        return type_coerce(null(), String()) if name is None else self.selectable.c[name]

    def kind(self, part: str) -> Kind:
        """Return what the column that plays a part holds."""
        return self.mapping.kinds.get(self.mapping.columns.get(part, ""), Kind.OTHER)

    def _text(self, part: str) -> Expression:
        if self.mapping.is_own or part not in self.mapping.columns:
            return self.raw(part)
        return sql.canonical_text(self.raw(part), self.kind(part), self.dialect)

    def _part(self, part: str) -> Expression:
        if self.mapping.is_own or part not in self.mapping.columns:
            return self.raw(part)
        return sql.part_text(self.raw(part), self.kind(part), self.dialect)

    def _due_date(self) -> Expression:
        raw = self.raw("due_date")
        return raw if self.mapping.is_own else sql.day(raw, self.kind("due_date"), self.dialect)

    def _amount(self) -> Expression:
        raw = self.raw("amount_due")
        return raw if self.mapping.is_own else sql.number(raw, self.kind("amount_due"), self.dialect)

    @property
    def counts_minor_units(self) -> bool:
        """Whether amounts are in minor units of the currency."""
        return self.mapping.amount_unit is AmountUnit.MINOR

    def field(self, name: str) -> Expression | None:
        """Return the canonical text of a core field or an attribute, or None where the book has none of this name."""
        if name in CORE_FIELDS:
            expression: Expression = getattr(self, name)
            return expression
        if self.mapping.attributes_column is not None:
            return self._json_attribute(self.mapping.attributes_column, name)
        if name in self.mapping.attributes:
            return sql.canonical_text(self.selectable.c[name], self.mapping.kinds[name], self.dialect)
        return None

    def _json_attribute(self, column: str, name: str) -> Expression | None:
        if not name.isidentifier():
            return None
        text: Expression = self.selectable.c[column][name].as_string()
        # MariaDB takes two JSON texts that differ in spaces at their end for equal, unless told otherwise.
        return (
            text
            if self.dialect in ("sqlite", "postgresql")
            else type_coerce(collate(text, "utf8mb4_nopad_bin"), String())
        )

    def closed(self) -> ColumnElement[bool]:
        """Return whether the book marks the account as finished; never NULL."""
        name = self.mapping.closed_column
        if name is None:
            return false()
        text = sql.canonical_text(self.selectable.c[name], self.mapping.kinds[name], self.dialect)
        return sql.among(text, self.mapping.closed_values, self.dialect)

    def owed(self) -> ColumnElement[bool]:
        """Return whether something may be owed: not closed, and not an amount of zero or less; never NULL.

        An account without a readable amount counts as owed, so that its refusal is on record.
        """
        if self.mapping.is_own and self.mapping.closed_column is not None:
            # Neither column can be NULL there, and the planner of every database understands the plain form.
            return and_(not_(self.selectable.c[self.mapping.closed_column]), self.amount_due > 0)
        return and_(not_(self.closed()), or_(self.amount_due.is_(None), self.amount_due > 0))

    def identified(self) -> ColumnElement[bool]:
        """Return whether the row can be planned at all: its ids fit into the outbox; never NULL."""
        if self.mapping.is_own:
            return true()
        length = sql.char_count(self.account_id, self.dialect)
        return and_(
            self.account_id.is_not(None),
            length.between(1, ID_CHARS_MAX),
            sql.char_count(self.customer_id, self.dialect) <= ID_CHARS_MAX,
            *(sql.without_nul(each) for each in (self.account_id, self.customer_id) if self.dialect == "sqlite"),
        )

    def due_between(self, first: date, last: date) -> ColumnElement[bool]:
        """Return whether the account is due on a day in [first, last] and can be planned; an index can answer it."""
        raw = self.raw("due_date")
        if self.mapping.is_own:
            return raw.between(first, last)
        within = sql.days_between(raw, self.kind("due_date"), self.dialect, first, last)
        return and_(within, self.identified())

    def under_keys(self) -> ColumnElement[bool]:
        """Return whether the account's id is one of those that `keys` gives; an index can answer it."""
        raw = self.raw("account_id")
        if self.mapping.is_own:
            return among(raw, bindparam("texts"))
        return sql.keyed(raw, self.kind("account_id"), self.dialect)

    def keys(self, account_ids: Iterable[str]) -> dict[str, Sequence[Any]]:
        """Return the parameters of `under_keys` for these ids; what no database holds is left out."""
        return sql.keys_of(self.kind("account_id"), self.dialect, account_ids)

    def fresh(self) -> Expression | None:
        """Return when the row was last refreshed, as its driver can read it; None where the book doesn't say."""
        name = self.mapping.fresh_column
        if name is None or self.mapping.is_own:
            return None if name is None else self.selectable.c[name]
        return sql.instant(self.selectable.c[name], self.mapping.kinds[name], self.dialect)

    def never_contact(self) -> Expression:
        """Return the text by which the book says that its customer is never to be contacted; NULL without one."""
        name = self.mapping.never_contact_column
        if name is None or self.mapping.is_own:
            return type_coerce(null(), String()) if name is None else self.selectable.c[name]
        return sql.part_text(self.selectable.c[name], self.mapping.kinds[name], self.dialect)

    def reading(self) -> list[Label[object]]:
        """Return what to select to make accounts of rows, labelled as `rows.to_account` expects it."""
        texts = ("account_id", "customer_id", "currency", "phone", "name", "language", "timezone", "product")
        columns = [getattr(self, part).label(part) for part in texts]
        amount = self.raw("amount_due")
        if not self.mapping.is_own:
            amount = sql.number_as_read(amount, self.kind("amount_due"), self.dialect)
        columns += [
            self.due_date.label("due_date"),
            self.raw("due_date").is_not(None).label("has_due_date"),
            amount.label("amount_due"),
            self.raw("amount_due").is_not(None).label("has_amount"),
            self.closed().label("closed"),
            self.never_contact().label("never_contact"),
        ]
        fresh = self.fresh()
        columns += [] if fresh is None else [fresh.label("loaded_at")]
        return columns + self._attributes()

    def _attributes(self) -> list[Label[object]]:
        if self.mapping.attributes_column is not None:
            return [self.selectable.c[self.mapping.attributes_column].label("attributes")]
        texts = {name: self.field(name) for name in self.mapping.attributes}
        return [text.label(ATTRIBUTE_PREFIX + name) for name, text in texts.items() if text is not None]
