"""What comes back and what goes on: receipts, customers" replies, events for other systems."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, String, Table, UniqueConstraint

from reminder.store.schema.base import REASON_CHARS_MAX, metadata
from reminder.store.sealed import SealedText
from reminder.store.types import BigId, UtcDateTime

__all__ = ["event", "inbound", "receipt"]

event = Table(
    "event",
    metadata,
    Column("event_id", BigId, primary_key=True, autoincrement=True),
    Column("kind", String(32), nullable=False),
    Column("addressee", String(64), nullable=False, comment="who is to pick it up, e.g. collections"),
    Column("account_id", String(64), nullable=False),
    Column("customer_id", String(64), nullable=False),
    Column("reminder_id", BigId, ForeignKey("outbox.reminder_id"), nullable=False),
    Column("happened_at", UtcDateTime, nullable=False),
    Column("data", JSON, nullable=False),
    Index("ix_event_addressee_event_id", "addressee", "event_id"),
    comment="What other systems pick up, in order of event_id: accounts handed over.",
)

receipt = Table(
    "receipt",
    metadata,
    Column("receipt_id", BigId, primary_key=True, autoincrement=True),
    Column("gateway", String(64), nullable=False),
    Column("provider_id", String(128), nullable=False),
    Column("reference", String(64), index=True, comment="as the provider echoes it: need not be one of ours"),
    Column("status", String(32), nullable=False),
    Column("code", String(64)),
    Column("effect", String(32), nullable=False, comment="what it did when it first came"),
    Column("received_at", UtcDateTime, nullable=False),
    UniqueConstraint("gateway", "provider_id", "status"),
    comment="Every delivery receipt, once, also those of texts that are none of ours.",
)

inbound = Table(
    "inbound",
    metadata,
    Column("inbound_id", BigId, primary_key=True, autoincrement=True),
    Column("gateway", String(64), nullable=False),
    Column("provider_id", String(128), nullable=False),
    Column(
        "number",
        SealedText("number", 64, compared=True),
        nullable=False,
        comment="the sender, as the provider writes it; E.164 as a rule",
    ),
    Column("addressee", String(64), nullable=False, comment="our number"),
    Column("customer_id", String(64), index=True, comment="whom that number was last texted for"),
    Column("body", SealedText("reply", compared=True), nullable=False),
    Column("meaning", String(32), nullable=False),
    Column("acted", String(REASON_CHARS_MAX), nullable=False, comment="what was done about it at once"),
    Column("waits", Boolean, nullable=False, comment="whether a person must still look at it"),
    Column("received_at", UtcDateTime, nullable=False),
    Column("reply_reference", String(64), comment="our answer's; written before it is sent, and it is sent once"),
    Column("reply_outcome", String(REASON_CHARS_MAX)),
    Column("done_at", UtcDateTime),
    Column("done_by", String(64)),
    Column("note", String(REASON_CHARS_MAX)),
    UniqueConstraint("gateway", "provider_id"),
    Index("ix_inbound_waits_inbound_id", "waits", "inbound_id"),
    Index("ix_inbound_reply_reference", "reply_reference"),
    comment="Every text that customers sent us, what it was taken for, and who has dealt with it.",
)
