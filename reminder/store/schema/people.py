"""Whom to leave alone: holds, suppressions, consents, numbers that can't be reached."""

from __future__ import annotations

from sqlalchemy import JSON, Column, SmallInteger, String, Table

from reminder.store.schema.base import REASON_CHARS_MAX, metadata
from reminder.store.sealed import SealedText
from reminder.store.types import BigId, UtcDateTime

__all__ = ["bad_number", "consent", "hold", "suppression"]

hold = Table(
    "hold",
    metadata,
    Column("hold_id", BigId, primary_key=True, autoincrement=True),
    Column("kind", String(32), nullable=False),
    Column("account_id", String(64), index=True),
    Column("customer_id", String(64), index=True),
    Column("reason", String(REASON_CHARS_MAX), nullable=False),
    Column("who", String(64), nullable=False),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("until", UtcDateTime),
    Column("released_at", UtcDateTime),
    Column("released_by", String(64)),
    Column("released_because", String(REASON_CHARS_MAX)),
    Column("selection", JSON(none_as_null=True), comment="applies_to of a policy: whose accounts it is on"),
    Column(
        "resume_hours",
        SmallInteger,
        nullable=False,
        server_default="0",
        comment="over which its accounts come back after its end",
    ),
    comment="Dated pauses. They end by themselves at `until`, or when a person releases them.",
)

suppression = Table(
    "suppression",
    metadata,
    Column("suppression_id", BigId, primary_key=True, autoincrement=True),
    Column("number", SealedText("number", 20, compared=True), index=True, comment="E.164"),
    Column("customer_id", String(64), index=True),
    Column("channel", String(16), nullable=False, comment="* is every channel"),
    Column("source", String(REASON_CHARS_MAX), nullable=False),
    Column("who", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("removed_at", UtcDateTime),
    Column("removed_by", String(64)),
    Column("account_id", String(64), index=True, comment="where one debt only is meant"),
    Column("removed_because", String(REASON_CHARS_MAX)),
    comment="Numbers and customers that must not be contacted.",
)

consent = Table(
    "consent",
    metadata,
    Column("consent_id", BigId, primary_key=True, autoincrement=True),
    Column("customer_id", String(64), index=True, comment="with a number too: this customer at this number"),
    Column("number", SealedText("number", 20, compared=True), index=True, comment="E.164"),
    Column("account_id", String(64), comment="where it is for one debt only; NULL is for all of them"),
    Column("channel", String(16), nullable=False, comment="* is every channel"),
    Column("source", String(REASON_CHARS_MAX), nullable=False),
    Column("proof", String(REASON_CHARS_MAX), nullable=False, comment="its words, or where the document lies"),
    Column("who", String(64), nullable=False),
    Column("given_at", UtcDateTime, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("withdrawn_at", UtcDateTime),
    Column("withdrawn_by", String(64)),
    Column("withdrawn_because", String(REASON_CHARS_MAX)),
    comment="Who has agreed to be contacted, how we know, and until when. Nothing is ever deleted.",
)

bad_number = Table(
    "bad_number",
    metadata,
    Column("number", SealedText("number", 20, compared=True), primary_key=True, comment="E.164"),
    Column("gateway", String(64), nullable=False),
    Column("code", String(64), nullable=False),
    Column("marked_at", UtcDateTime, nullable=False),
    Column("cleared_at", UtcDateTime, comment="when a person or a text that arrived took the mark back"),
    Column("cleared_by", String(64)),
    Column("cleared_because", String(REASON_CHARS_MAX)),
    comment="Numbers that a provider says can never be reached. Another number for the customer is another number.",
)
