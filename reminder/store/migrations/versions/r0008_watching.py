"""Keep which daemons are at work, and what operators were told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0008"
down_revision = "0007"

_INSTANT = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "daemon",
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("started_at", _INSTANT, nullable=False),
        sa.Column("seen_at", _INSTANT, nullable=False, comment="the last sign that its work goes on"),
        sa.Column("failing_since", _INSTANT, comment="since when its ticks fail, one after another"),
        sa.PrimaryKeyConstraint("owner", name="pk_daemon"),
        comment="Daemons at work. Each takes its row back at a clean stop.",
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_nopad_bin",
    )
    op.create_table(
        "alert",
        sa.Column(
            "alert_key", sa.String(128), nullable=False, comment="the kind of trouble, and what tells it from others"
        ),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("found", sa.String(300), nullable=False),
        sa.Column("hint", sa.String(300), nullable=False),
        sa.Column("since", _INSTANT, nullable=False),
        sa.Column("seen_at", _INSTANT, nullable=False, comment="when it was last found to be so"),
        sa.Column("told_at", _INSTANT, comment="when the operator was last told"),
        sa.Column("try_at", _INSTANT, nullable=False, comment="when to tell next; whoever tells puts it off first"),
        sa.Column("tries", sa.SmallInteger, nullable=False, comment="how often in a row telling has failed"),
        sa.PrimaryKeyConstraint("alert_key", name="pk_alert"),
        comment="Troubles that an operator is or was told of, so that several daemons tell once.",
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_nopad_bin",
    )
