"""The book, where the lender has none of their own."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, Date, Index, String, Table, false

from reminder.store.schema.base import metadata
from reminder.store.sealed import SealedText
from reminder.store.types import UtcDateTime

__all__ = ["account"]

account = Table(
    "account",
    metadata,
    Column("account_id", String(64), primary_key=True),
    Column("customer_id", String(64), nullable=False, index=True),
    Column("name", SealedText("name", 200)),
    Column("phone", SealedText("phone", 64)),
    Column("due_date", Date, nullable=False),
    Column("amount_due", BigInteger, nullable=False, comment="minor units of currency"),
    Column("currency", String(3), nullable=False),
    Column("language", String(35)),
    Column("timezone", String(64)),
    Column("product", String(64)),
    Column("closed", Boolean, nullable=False, server_default=false()),
    Column("attributes", JSON, nullable=False, comment="name -> text; true/false and whole numbers are read as such"),
    Column("loaded_at", UtcDateTime, nullable=False),
    Column("never_contact", String(32), comment="deceased, insolvent and so on; NULL is nothing of the kind"),
    # Planning asks for a range of due dates, and for the zones in it: the index answers the second by itself.
    Index("ix_account_due_date_timezone", "due_date", "timezone"),
    comment="The book, where the lender has none of its own: filled by `reminder accounts import`.",
)
