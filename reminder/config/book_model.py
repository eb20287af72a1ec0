"""The shape of `book` in `config/reminder.yaml`: how the lender's own table is read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from reminder.config.fields import AttributeName, Duration, Scalar, StrictModel, contradict
from reminder.domain.selector import canonical

__all__ = ["BookColumns", "BookSettings", "ClosedSettings", "FreshSettings", "NeverContactSettings"]

ColumnName = Annotated[str, Field(min_length=1, max_length=128)]


class BookColumns(StrictModel):
    """Columns of the book by what they hold."""

    account_id: ColumnName = Field(description="Column of the account's number.", examples=["loan_no"])
    customer_id: ColumnName = Field(description="Column of the customer's number.", examples=["cust_no"])
    phone: ColumnName = Field(description="Column of the mobile number.", examples=["mobile"])
    due_date: ColumnName = Field(description="Column of the due date.", examples=["due_dt"])
    amount_due: ColumnName = Field(description="Column of what is unpaid.", examples=["unpaid_amt"])
    currency: ColumnName = Field(description="Column of the ISO 4217 currency.", examples=["ccy"])
    name: ColumnName | None = Field(default=None, description="Column of the customer's name.", examples=["cust_name"])
    language: ColumnName | None = Field(default=None, description="Column of the language tag.", examples=["lang"])
    timezone: ColumnName | None = Field(default=None, description="Column of the IANA zone.", examples=["tz"])
    product: ColumnName | None = Field(default=None, description="Column of the product.", examples=["prod_code"])

    def mapping(self) -> dict[str, str]:
        """Return the columns that are there, by what they hold."""
        return {field: column for field, column in self.model_dump().items() if column is not None}


class ClosedSettings(StrictModel):
    """How the book marks an account as finished."""

    column: ColumnName = Field(description="Column of the mark.", examples=["status"])
    values: tuple[Scalar, ...] = Field(
        min_length=1, description="Values that mean finished.", examples=[["paid", "written-off"]]
    )


NeverContact = Literal["deceased", "insolvent", "represented", "moratorium", "wrong_person", "minor", "fraud_victim"]
"""Why the customer of an account is never contacted, as the book may say it."""


class NeverContactSettings(StrictModel):
    """How the book marks an account whose customer must never be contacted."""

    column: ColumnName = Field(description="Column of the mark.", examples=["cust_status"])
    values: dict[NeverContact, tuple[Scalar, ...]] = Field(
        min_length=1,
        description="Values that mean it, by what they mean.",
        examples=[{"deceased": ["D"], "insolvent": ["B", "IVA"]}],
    )

    @model_validator(mode="after")
    def _one_meaning(self) -> NeverContactSettings:
        """Refuse a value of two meanings, and a meaning without a value."""
        seen: set[str] = set()
        for kind, values in self.values.items():
            found = {canonical(value).strip() for value in values}
            if not found or "" in found:
                raise contradict(f"`{kind}` has no value that could be found; name one or leave it out")
            if seen & found:
                raise contradict(f"the value {min(seen & found)!r} has two meanings; keep one of them")
            seen |= found
        return self

    def meanings(self) -> dict[str, str]:
        """Return what each value means, by the text that values are compared as."""
        return {canonical(value).strip(): kind for kind, values in self.values.items() for value in values}


class FreshSettings(StrictModel):
    """How the book says when it was refreshed."""

    column: ColumnName = Field(description="Column of the instant of the last refresh.", examples=["loaded_at"])
    max_age: Duration = Field(description="Older than this, nothing is sent.", examples=["26h"])


class BookSettings(StrictModel):
    """The lender's own table, view or query of accounts; it is read and never written."""

    url: str | None = Field(
        default=None, description="Database of the book; left out: the same as ours.", examples=["${BOOK_URL}"]
    )
    table: str | None = Field(
        default=None,
        pattern=r"^[^\s;'\"]+$",
        description="Table or view, with its schema if it has one.",
        examples=["loan.v_unpaid_instalment"],
    )
    query: str | None = Field(
        default=None, min_length=1, description="Or a SELECT, where there is no table.", examples=["SELECT * FROM loan"]
    )
    columns: BookColumns = Field(description="Which column holds what.", examples=[{"account_id": "loan_no"}])
    attributes: tuple[AttributeName, ...] = Field(
        default=(),
        max_length=64,
        description="Columns of your own for applies_to, when and templates.",
        examples=[["risk_band", "autopay"]],
    )
    claim: AttributeName | None = Field(
        default=None,
        description="Attribute that names the debt, where one has several accounts; left out: each is one.",
        examples=["contract_no"],
    )
    amount_unit: Literal["major", "minor"] = Field(
        default="major", description="Whether amounts are in yuan or in fen.", examples=["minor"]
    )
    closed: ClosedSettings | None = Field(
        default=None,
        description="How a finished account is marked.",
        examples=[{"column": "status", "values": ["paid"]}],
    )
    never_contact: NeverContactSettings | None = Field(
        default=None,
        description="How an account is marked whose customer has died, is insolvent, and so on: read at every sending.",
        examples=[{"column": "cust_status", "values": {"deceased": ["D"]}}],
    )
    fresh: FreshSettings | None = Field(
        default=None, description="How old the book may be.", examples=[{"column": "loaded_at", "max_age": "26h"}]
    )

    @model_validator(mode="after")
    def _one_place(self) -> BookSettings:
        """Refuse both a table and a query, neither, attributes that hide a field of every book, and an unread claim."""
        if (self.table is None) == (self.query is None):
            raise contradict("expected either `table` or `query`; give one of them, not both")
        taken = sorted(set(self.attributes) & set(BookColumns.model_fields))
        if taken:
            raise contradict(f"attribute `{taken[0]}` is a field of every book; map it under `columns` instead")
        if self.claim is not None and self.claim not in self.attributes:
            raise contradict(f"`claim` names `{self.claim}`, which is no attribute; list it under `attributes` as well")
        return self
