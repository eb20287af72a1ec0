"""Remember of a text what caps count: its accounts and debts, its channel, and whether the law demanded it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Give texts these columns, fill them for those that were made before, and make the tables beside them."""
    _give_columns()
    _make_tables()
    _fill()


def _give_columns() -> None:
    with op.batch_alter_table("attempt") as batch:
        batch.alter_column(
            "outcome",
            existing_type=sa.String(16),
            existing_nullable=False,
            existing_server_default="",
            existing_comment="accepted, printed, refused, unknown; or open",
            comment="accepted, printed, refused, held_back, unknown; or open",
        )
        batch.add_column(
            sa.Column(
                "account_id", sa.String(64), nullable=False, server_default="", comment="the first account it speaks of"
            )
        )
        batch.add_column(
            sa.Column(
                "claim_id",
                sa.String(64),
                nullable=False,
                server_default="",
                comment="the debt which that one is part of",
            )
        )
        batch.add_column(sa.Column("channel", sa.String(16), nullable=False, server_default="sms"))
        batch.add_column(
            sa.Column(
                "notice",
                sa.Boolean(),
                nullable=False,
                server_default=sa.false(),
                comment="whether the law demands it",
            )
        )
    op.create_index("ix_attempt_account_id_started_at", "attempt", ["account_id", "started_at"])
    op.create_index("ix_attempt_claim_id_started_at", "attempt", ["claim_id", "started_at"])


def _make_tables() -> None:
    op.create_table(
        "attempt_account",
        sa.Column("reference", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("claim_id", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["reference"], ["attempt.reference"], name="fk_attempt_account_reference_attempt", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("reference", "account_id", name="pk_attempt_account"),
        comment="The other accounts that a text for several speaks of.",
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_nopad_bin",
    )
    op.create_index("ix_attempt_account_account_id", "attempt_account", ["account_id"])
    op.create_index("ix_attempt_account_claim_id", "attempt_account", ["claim_id"])
    op.create_table(
        "cap_lock",
        sa.Column(
            "key_hash",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            comment="of an account, debt or number",
        ),
        sa.PrimaryKeyConstraint("key_hash", name="pk_cap_lock"),
        comment="A row to lock, as in customer_lock, where a cap counts by account, debt or number.",
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_nopad_bin",
    )


def _fill() -> None:
    """Tell of earlier texts what the outbox still knows: each account is taken for a debt of its own."""
    attempt = sa.table("attempt", sa.column("reference"), sa.column("account_id"), sa.column("claim_id"))
    outbox = sa.table("outbox", sa.column("reference"), sa.column("account_id"))
    others = sa.table("attempt_account", sa.column("reference"), sa.column("account_id"), sa.column("claim_id"))
    first = sa.select(sa.func.min(outbox.c.account_id)).where(outbox.c.reference == attempt.c.reference)
    op.execute(attempt.update().values(account_id=sa.func.coalesce(first.scalar_subquery(), "")))
    op.execute(attempt.update().values(claim_id=attempt.c.account_id))
    listed = (
        sa.select(outbox.c.reference, outbox.c.account_id, outbox.c.account_id)
        .join(attempt, attempt.c.reference == outbox.c.reference)
        .where(outbox.c.account_id != attempt.c.account_id)
        .distinct()
    )
    op.execute(others.insert().from_select(["reference", "account_id", "claim_id"], listed))
