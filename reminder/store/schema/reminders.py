"""Reminders, the texts they went into, and what is still in doubt."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    false,
)

from reminder.store.schema.base import REASON_CHARS_MAX, metadata
from reminder.store.sealed import SealedText
from reminder.store.types import BigId, UtcDateTime

__all__ = ["attempt", "attempt_account", "cap_lock", "customer_lock", "doubt", "outbox"]

outbox = Table(
    "outbox",
    metadata,
    Column("reminder_id", BigId, primary_key=True, autoincrement=True),
    Column("account_id", String(64), nullable=False),
    Column("customer_id", String(64), nullable=False),
    Column("due_date", Date, nullable=False),
    Column("policy", String(64), nullable=False),
    Column("step", String(80), nullable=False),
    Column("leg", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", String(REASON_CHARS_MAX), nullable=False, server_default=""),
    Column("not_before", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("lease_owner", String(64)),
    Column("lease_until", UtcDateTime),
    Column("reference", String(64), ForeignKey("attempt.reference"), index=True, comment="the text it went into"),
    Column("planned_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    UniqueConstraint("account_id", "due_date", "step", "leg"),
    Index("ix_outbox_state_not_before", "state", "not_before"),
    Index("ix_outbox_customer_id_state", "customer_id", "state"),
    Index("ix_outbox_planned_at", "planned_at"),
    comment="One row per reminder: one step for one cycle. The unique key is what makes `once` true.",
)

attempt = Table(
    "attempt",
    metadata,
    Column("reference", String(64), primary_key=True, comment="our name for it, echoed by the provider"),
    Column("gateway", String(64), nullable=False),
    Column("customer_id", String(64), nullable=False),
    Column("number", SealedText("number", 20, compared=True), nullable=False, comment="E.164"),
    Column("policy", String(64), nullable=False),
    Column("policy_version", String(16), nullable=False),
    Column("template", String(200), nullable=False),
    Column("language", String(35), nullable=False),
    Column("body", SealedText("body", compared=True), nullable=False),
    Column("segments", SmallInteger, nullable=False),
    Column("counted", Boolean, nullable=False, comment="whether it counts against caps; false once proven not taken"),
    Column("started_at", UtcDateTime, nullable=False),
    Column("valid_until", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column(
        "outcome",
        String(16),
        nullable=False,
        server_default="",
        comment="accepted, printed, refused, held_back, unknown; or open",
    ),
    Column("provider_id", String(128), index=True),
    Column("code", String(64)),
    Column("detail", String(REASON_CHARS_MAX)),
    Column("check_code", String(8), index=True, comment="by which the hotline knows it; null where there is no key"),
    Column("account_id", String(64), nullable=False, server_default="", comment="the first account it speaks of"),
    Column("claim_id", String(64), nullable=False, server_default="", comment="the debt which that one is part of"),
    Column("channel", String(16), nullable=False, server_default="sms"),
    Column("notice", Boolean, nullable=False, server_default=false(), comment="whether the law demands it"),
    Index("ix_attempt_account_id_started_at", "account_id", "started_at"),
    Index("ix_attempt_claim_id_started_at", "claim_id", "started_at"),
    Index("ix_attempt_customer_id_started_at", "customer_id", "started_at"),
    Index("ix_attempt_started_at_counted", "started_at", "counted"),
    Index("ix_attempt_number_started_at", "number", "started_at"),
    comment="One call to one gateway with one text, for one reminder or for several of one customer.",
)

attempt_account = Table(
    "attempt_account",
    metadata,
    Column("reference", String(64), ForeignKey("attempt.reference", ondelete="CASCADE"), primary_key=True),
    Column("account_id", String(64), primary_key=True),
    Column("claim_id", String(64), nullable=False),
    Index("ix_attempt_account_account_id", "account_id"),
    Index("ix_attempt_account_claim_id", "claim_id"),
    comment="The other accounts that a text for several speaks of.",
)

doubt = Table(
    "doubt",
    metadata,
    Column("reference", String(64), ForeignKey("attempt.reference"), primary_key=True),
    Column("asks", SmallInteger, nullable=False, comment="how often its provider was asked"),
    Column("misses", SmallInteger, nullable=False, comment="how often in a row the provider did not have it"),
    Column("missed_since", UtcDateTime),
    Column("ask_at", UtcDateTime, nullable=False, comment="when it is asked next, while it is in doubt"),
    Column("note", String(REASON_CHARS_MAX), nullable=False, server_default="", comment="what the last answer was"),
    comment="What providers were asked about texts whose answer was lost.",
)

customer_lock = Table(
    "customer_lock",
    metadata,
    Column("customer_id", String(64), primary_key=True),
    comment="A row to lock while a customer's contacts are counted and one more is added (caps under concurrency).",
)

cap_lock = Table(
    "cap_lock",
    metadata,
    Column("key_hash", BigInteger, primary_key=True, autoincrement=False, comment="of an account, debt or number"),
    comment="A row to lock, as in customer_lock, where a cap counts by account, debt or number.",
)
