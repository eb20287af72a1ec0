"""Keep the check code that a text carries, and find texts by it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column and its index; texts that were sent before have no code."""
    comment = "by which the hotline knows it; null where there is no key"
    op.add_column("attempt", sa.Column("check_code", sa.String(8), comment=comment))
    op.create_index("ix_attempt_check_code", "attempt", ["check_code"])
