"""What customers agreed to pay: promises and repayment plans."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Date, Index, SmallInteger, String, Table

from reminder.store.schema.base import REASON_CHARS_MAX, metadata
from reminder.store.types import BigId, UtcDateTime

__all__ = ["agreement"]

agreement = Table(
    "agreement",
    metadata,
    Column("agreement_id", BigId, primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False, comment="promise or plan"),
    Column("account_id", String(64), nullable=False, index=True),
    Column("customer_id", String(64), nullable=False, index=True),
    Column("open_account_id", String(64), unique=True, comment="the account while it is open: one at a time"),
    Column("due_date", Date, nullable=False, comment="of the account when it was made"),
    Column("currency", String(3), nullable=False),
    Column("owed", BigInteger, nullable=False, comment="minor units, when it was made"),
    Column("parts", JSON, nullable=False, comment="[[day, minor units], …], earliest first"),
    Column("grace_days", SmallInteger, comment="for booking, after each day; NULL: a missed part never ends it"),
    Column("tolerance_percent", SmallInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("note", String(REASON_CHARS_MAX), nullable=False, server_default=""),
    Column("who", String(64), nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("ended_by", String(64)),
    Column("ended_why", String(REASON_CHARS_MAX), nullable=False, server_default=""),
    Index("ix_agreement_state_agreement_id", "state", "agreement_id"),
    comment="Promises and repayment plans. Whether one is kept or broken follows from the book.",
)
