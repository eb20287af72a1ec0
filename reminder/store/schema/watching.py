"""Who is at work, and whom an operator was told of what."""

from __future__ import annotations

from sqlalchemy import Column, SmallInteger, String, Table

from reminder.store.schema.base import REASON_CHARS_MAX, metadata
from reminder.store.types import UtcDateTime

__all__ = ["alert", "daemon"]

daemon = Table(
    "daemon",
    metadata,
    Column("owner", String(64), primary_key=True),
    Column("started_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False, comment="the last sign that its work goes on"),
    Column("failing_since", UtcDateTime, comment="since when its ticks fail, one after another"),
    comment="Daemons at work. Each takes its row back at a clean stop.",
)

alert = Table(
    "alert",
    metadata,
    Column("alert_key", String(128), primary_key=True, comment="the kind of trouble, and what tells it from others"),
    Column("kind", String(32), nullable=False),
    Column("found", String(REASON_CHARS_MAX), nullable=False),
    Column("hint", String(REASON_CHARS_MAX), nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False, comment="when it was last found to be so"),
    Column("told_at", UtcDateTime, comment="when the operator was last told"),
    Column("try_at", UtcDateTime, nullable=False, comment="when to tell next; whoever tells puts it off first"),
    Column("tries", SmallInteger, nullable=False, comment="how often in a row telling has failed"),
    comment="Troubles that an operator is or was told of, so that several daemons tell once.",
)
