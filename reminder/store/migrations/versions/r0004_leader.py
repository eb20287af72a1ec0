"""Make the table of leases: who leads the daemons."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0004"
down_revision = "0003"

_INSTANT = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    """Make it empty: the first daemon that looks takes the lead."""
    op.create_table(
        "lease",
        sa.Column("name", sa.String(64), nullable=False, comment="what only one process at a time may do"),
        sa.Column("owner", sa.String(64), nullable=False, comment="the last who had it; empty where it was given back"),
        sa.Column(
            "epoch",
            sa.BigInteger(),
            nullable=False,
            comment="grows with every holder: what one that is over may not write",
        ),
        sa.Column("since", _INSTANT, nullable=False),
        sa.Column("until", _INSTANT, nullable=False, comment="on the clock of the database's server"),
        sa.PrimaryKeyConstraint("name", name="pk_lease"),
        comment="Who leads the daemons: it plans the slots, and lifts pauses.",
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_nopad_bin",
    )
