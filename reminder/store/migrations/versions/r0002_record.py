"""Make the record of every act, and the blocks that seal it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import SchemaItem

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0002"
down_revision = "0001"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INSTANT = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
_LONG_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    """Make every table; the ones that others point at come first."""
    _make_entries()
    _make_blocks()
    _make(
        "in_force",
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("since", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", name="pk_in_force"),
        comment="Versions of policies and profiles in force, so that only a change is written into the record.",
    )


def _make(name: str, *items: SchemaItem, comment: str) -> None:
    """Make one table, on MariaDB with transactions, every character, and keys that differ in case kept apart."""
    op.create_table(
        name,
        *items,
        comment=comment,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_nopad_bin",
    )


def _make_entries() -> None:
    """Make the entries, and what is kept apart from them because it is personal."""
    _make(
        "record",
        sa.Column("entry_id", _ID, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(16), nullable=False, comment="operator, process or provider"),
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False, comment="what it is about, where that is no person"),
        sa.Column("account_id", sa.String(64)),
        sa.Column("customer_id", sa.String(64)),
        sa.Column("reminder_id", _ID),
        sa.Column("reference", sa.String(64), comment="the text that it is about"),
        sa.Column("happened_at", _INSTANT, nullable=False),
        sa.Column("data", _LONG_TEXT, nullable=False, comment="JSON, byte for byte as it is hashed"),
        sa.Column("commitment", sa.String(64), comment="salted hash of the personal part"),
        sa.PrimaryKeyConstraint("entry_id", name="pk_record"),
        comment="Every act, in rows that are never changed and never deleted.",
    )
    op.create_index("ix_record_account_id", "record", ["account_id"])
    op.create_index("ix_record_customer_id", "record", ["customer_id"])
    _make(
        "record_private",
        sa.Column("commitment", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("happened_at", _INSTANT, nullable=False),
        sa.Column("salt", sa.String(32), nullable=False),
        sa.Column("content", _LONG_TEXT, nullable=False, comment="JSON, byte for byte as it is hashed"),
        sa.PrimaryKeyConstraint("commitment", name="pk_record_private"),
        comment="Personal parts of entries. They can be deleted: what is sealed is their commitment.",
    )
    op.create_index("ix_record_private_kind_happened_at", "record_private", ["kind", "happened_at"])


def _make_blocks() -> None:
    """Make the blocks, and which entry is sealed in which place of them."""
    _make(
        "record_block",
        sa.Column("block_no", _ID, autoincrement=False, nullable=False),
        sa.Column("first_position", _ID, nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("root", sa.String(64), nullable=False, comment="of the Merkle tree over its leaves"),
        sa.Column("previous", sa.String(64), nullable=False, comment="hash of the block before"),
        sa.Column("sealed_at", _INSTANT, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("block_no", name="pk_record_block"),
        comment="Blocks of sealed entries, chained by hash.",
    )
    _make(
        "record_leaf",
        sa.Column(
            "position", _ID, autoincrement=False, nullable=False, comment="the order in which entries were sealed"
        ),
        sa.Column("entry_id", _ID, nullable=False),
        sa.Column("block_no", _ID, nullable=False),
        sa.Column("leaf", sa.String(64), nullable=False, comment="hash of the entry"),
        sa.ForeignKeyConstraint(["entry_id"], ["record.entry_id"], name="fk_record_leaf_entry_id_record"),
        sa.ForeignKeyConstraint(["block_no"], ["record_block.block_no"], name="fk_record_leaf_block_no_record_block"),
        sa.PrimaryKeyConstraint("position", name="pk_record_leaf"),
        sa.UniqueConstraint("entry_id", name="uq_record_leaf_entry_id"),
        comment="Which entry is sealed in which place.",
    )
    op.create_index("ix_record_leaf_block_no", "record_leaf", ["block_no"])
