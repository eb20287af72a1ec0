"""The memory of the schedule, of the guards and of the daemons."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Date, Integer, SmallInteger, String, Table, UniqueConstraint

from reminder.store.schema.base import REASON_CHARS_MAX, metadata
from reminder.store.types import BigId, UtcDateTime

__all__ = ["config_refusal", "lease", "pause", "plan_run"]

plan_run = Table(
    "plan_run",
    metadata,
    Column("plan_run_id", BigId, primary_key=True, autoincrement=True),
    Column("schedule", String(64), nullable=False),
    Column("slot_date", Date, nullable=False, comment="the local date of the slot"),
    Column("slot_no", SmallInteger, nullable=False),
    Column("owner", String(64), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("planned", Integer),
    UniqueConstraint("schedule", "slot_date", "slot_no"),
    comment="Which slots of the schedule have been planned: the only memory the scheduler has.",
)

lease = Table(
    "lease",
    metadata,
    Column("name", String(64), primary_key=True, comment="what only one process at a time may do"),
    Column("owner", String(64), nullable=False, comment="the last who had it; empty where it was given back"),
    Column("epoch", BigInteger, nullable=False, comment="grows with every holder: what one that is over may not write"),
    Column("since", UtcDateTime, nullable=False),
    Column("until", UtcDateTime, nullable=False, comment="on the clock of the database's server"),
    comment="Who leads the daemons: it plans the slots, and lifts pauses.",
)

pause = Table(
    "pause",
    metadata,
    Column("pause_id", BigId, primary_key=True, autoincrement=True),
    Column("guard", String(32), nullable=False),
    Column("day", Date, nullable=False, comment="the day, in the zone of the schedule, that it is about"),
    Column("reason", String(REASON_CHARS_MAX), nullable=False),
    Column("figures", JSON, nullable=False),
    Column("owner", String(64), nullable=False, comment="the process whose guard it was"),
    Column("since", UtcDateTime, nullable=False),
    Column("lifted_at", UtcDateTime, comment="when its cause was gone by itself"),
    Column("approved_at", UtcDateTime),
    Column("approved_by", String(64)),
    Column("approval", String(REASON_CHARS_MAX), comment="why it may go on"),
    UniqueConstraint("guard", "day"),
    comment="Runs that a guard stopped. Nothing is sent while one is neither lifted nor approved.",
)

config_refusal = Table(
    "config_refusal",
    metadata,
    Column("owner", String(64), primary_key=True, comment="the daemon that goes on with its last good files"),
    Column("since", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False, comment="when the daemon last said so"),
    Column("problems", JSON, nullable=False),
    comment="Daemons whose files are wrong as they stand now. A daemon takes its row back when they are mended.",
)
