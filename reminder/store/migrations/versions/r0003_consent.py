"""Make room for consents, for suppressions of one debt, and for why somebody may be contacted again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0003"
down_revision = "0002"

_REASON = sa.String(300)
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INSTANT = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    """Add the columns and make the table. What is there stays as it is."""
    op.add_column("hold", sa.Column("released_because", _REASON))
    op.add_column("suppression", sa.Column("account_id", sa.String(64), comment="where one debt only is meant"))
    op.add_column("suppression", sa.Column("removed_because", _REASON))
    op.create_index("ix_suppression_account_id", "suppression", ["account_id"])
    op.add_column(
        "bad_number",
        sa.Column("cleared_at", _INSTANT, comment="when a person or a text that arrived took the mark back"),
    )
    op.add_column("bad_number", sa.Column("cleared_by", sa.String(64)))
    op.add_column("bad_number", sa.Column("cleared_because", _REASON))
    op.add_column(
        "account",
        sa.Column("never_contact", sa.String(32), comment="deceased, insolvent and so on; NULL is nothing of the kind"),
    )
    _make_consent()


def _make_consent() -> None:
    """Make the record of who has agreed to be contacted."""
    op.create_table(
        "consent",
        sa.Column("consent_id", _ID, autoincrement=True, nullable=False),
        sa.Column("customer_id", sa.String(64), comment="with a number too: this customer at this number"),
        sa.Column("number", sa.String(20), comment="E.164"),
        sa.Column("account_id", sa.String(64), comment="where it is for one debt only; NULL is for all of them"),
        sa.Column("channel", sa.String(16), nullable=False, comment="* is every channel"),
        sa.Column("source", _REASON, nullable=False),
        sa.Column("proof", _REASON, nullable=False, comment="its words, or where the document lies"),
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("given_at", _INSTANT, nullable=False),
        sa.Column("recorded_at", _INSTANT, nullable=False),
        sa.Column("withdrawn_at", _INSTANT),
        sa.Column("withdrawn_by", sa.String(64)),
        sa.Column("withdrawn_because", _REASON),
        sa.PrimaryKeyConstraint("consent_id", name="pk_consent"),
        comment="Who has agreed to be contacted, how we know, and until when. Nothing is ever deleted.",
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_nopad_bin",
    )
    for column in ("customer_id", "number"):
        op.create_index(f"ix_consent_{column}", "consent", [column])
