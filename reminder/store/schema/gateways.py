"""What all processes together know of the gateways."""

from __future__ import annotations

from sqlalchemy import Column, Double, SmallInteger, String, Table

from reminder.store.schema.base import REASON_CHARS_MAX, metadata
from reminder.store.types import UtcDateTime

__all__ = ["breaker", "gateway_state", "rate"]

gateway_state = Table(
    "gateway_state",
    metadata,
    Column("gateway", String(64), primary_key=True),
    Column("paused_until", UtcDateTime, nullable=False),
    Column("reason", String(REASON_CHARS_MAX), nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    comment="Gateways that can't send as things stand. All processes see it.",
)

breaker = Table(
    "breaker",
    metadata,
    Column("gateway", String(64), primary_key=True),
    Column("failures", SmallInteger, nullable=False, comment="calls in a row that got no answer"),
    Column("failing_since", UtcDateTime),
    Column("trips", SmallInteger, nullable=False, comment="how often in a row it opened; 0 is closed"),
    Column("probe_until", UtcDateTime, comment="until when nobody else may try whether it answers again"),
    comment="Gateways that do not answer. While one is open, its pause stands in gateway_state.",
)

rate = Table(
    "rate",
    metadata,
    Column("key", String(64), primary_key=True, comment="the gateway"),
    Column("tat", Double, nullable=False, comment="seconds since 1970 at which all that was let through is paid for"),
    comment="How fast gateways are used by all processes together.",
)
