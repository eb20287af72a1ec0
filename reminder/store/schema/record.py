"""The record of every act, what it keeps apart because it is personal, and the blocks that seal it."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table

from reminder.store.schema.base import metadata
from reminder.store.sealed import SealedText
from reminder.store.types import BigId, LongText, UtcDateTime

__all__ = ["in_force", "record", "record_block", "record_leaf", "record_private", "secret"]

record = Table(
    "record",
    metadata,
    Column("entry_id", BigId, primary_key=True, autoincrement=True),
    Column("kind", String(32), nullable=False),
    Column("actor", String(16), nullable=False, comment="operator, process or provider"),
    Column("who", String(64), nullable=False),
    Column("subject", String(200), nullable=False, comment="what it is about, where that is no person"),
    Column("account_id", String(64), index=True),
    Column("customer_id", String(64), index=True),
    Column("reminder_id", BigId),
    Column("reference", String(64), comment="the text that it is about"),
    Column("happened_at", UtcDateTime, nullable=False),
    Column("data", LongText, nullable=False, comment="JSON, byte for byte as it is hashed"),
    Column("commitment", String(64), comment="salted hash of the personal part"),
    comment="Every act, in rows that are never changed and never deleted.",
)

record_private = Table(
    "record_private",
    metadata,
    Column("commitment", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("happened_at", UtcDateTime, nullable=False),
    Column("salt", String(32), nullable=False),
    Column(
        "content", SealedText("private", medium=True), nullable=False, comment="JSON, byte for byte as it is hashed"
    ),
    Index("ix_record_private_kind_happened_at", "kind", "happened_at"),
    comment="Personal parts of entries. They can be deleted: what is sealed is their commitment.",
)

record_block = Table(
    "record_block",
    metadata,
    Column("block_no", BigId, primary_key=True, autoincrement=False),
    Column("first_position", BigId, nullable=False),
    Column("entries", Integer, nullable=False),
    Column("root", String(64), nullable=False, comment="of the Merkle tree over its leaves"),
    Column("previous", String(64), nullable=False, comment="hash of the block before"),
    Column("sealed_at", UtcDateTime, nullable=False),
    Column("hash", String(64), nullable=False),
    comment="Blocks of sealed entries, chained by hash.",
)

record_leaf = Table(
    "record_leaf",
    metadata,
    Column("position", BigId, primary_key=True, autoincrement=False, comment="the order in which entries were sealed"),
    Column("entry_id", BigId, ForeignKey("record.entry_id"), nullable=False, unique=True),
    Column("block_no", BigId, ForeignKey("record_block.block_no"), nullable=False, index=True),
    Column("leaf", String(64), nullable=False, comment="hash of the entry"),
    comment="Which entry is sealed in which place.",
)

in_force = Table(
    "in_force",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("name", String(200), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("since", UtcDateTime, nullable=False),
    comment="Versions of policies and profiles in force, so that only a change is written into the record.",
)

secret = Table(
    "secret",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", String(64), nullable=False),
    comment="Keys that this database makes for itself: with `numbers` it knows an erased number again.",
)
