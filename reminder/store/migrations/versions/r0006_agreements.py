"""Make promises and repayment plans, and let a hold be on a selection of accounts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0006"
down_revision = "0005"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INSTANT = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    """Make the table of agreements, and the columns of a hold on a selection."""
    op.create_table(
        "agreement",
        sa.Column("agreement_id", _ID, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False, comment="promise or plan"),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("customer_id", sa.String(64), nullable=False),
        sa.Column("open_account_id", sa.String(64), comment="the account while it is open: one at a time"),
        sa.Column("due_date", sa.Date(), nullable=False, comment="of the account when it was made"),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("owed", sa.BigInteger(), nullable=False, comment="minor units, when it was made"),
        sa.Column("parts", sa.JSON(), nullable=False, comment="[[day, minor units], …], earliest first"),
        sa.Column(
            "grace_days", sa.SmallInteger(), comment="for booking, after each day; NULL: a missed part never ends it"
        ),
        sa.Column("tolerance_percent", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("note", sa.String(300), nullable=False, server_default=""),
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("made_at", _INSTANT, nullable=False),
        sa.Column("ended_at", _INSTANT),
        sa.Column("ended_by", sa.String(64)),
        sa.Column("ended_why", sa.String(300), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("agreement_id", name="pk_agreement"),
        sa.UniqueConstraint("open_account_id", name="uq_agreement_open_account_id"),
        comment="Promises and repayment plans. Whether one is kept or broken follows from the book.",
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_nopad_bin",
    )
    op.create_index("ix_agreement_account_id", "agreement", ["account_id"])
    op.create_index("ix_agreement_customer_id", "agreement", ["customer_id"])
    op.create_index("ix_agreement_state_agreement_id", "agreement", ["state", "agreement_id"])
    op.add_column("hold", sa.Column("selection", sa.JSON(), comment="applies_to of a policy: whose accounts it is on"))
    op.add_column(
        "hold",
        sa.Column(
            "resume_hours",
            sa.SmallInteger(),
            nullable=False,
            server_default="0",
            comment="over which its accounts come back after its end",
        ),
    )
