"""Give columns of personal texts the room that they need when they are sealed."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0010"
down_revision = "0009"

_COLUMNS: tuple[tuple[str, str, int, int, dict[str, Any]], ...] = (
    ("account", "name", 200, 1120, {"existing_nullable": True}),
    ("account", "phone", 64, 394, {"existing_nullable": True}),
    ("attempt", "number", 20, 160, {"existing_nullable": False, "existing_comment": "E.164"}),
    ("bad_number", "number", 20, 160, {"existing_nullable": False, "existing_comment": "E.164"}),
    ("consent", "number", 20, 160, {"existing_nullable": True, "existing_comment": "E.164"}),
    (
        "inbound",
        "number",
        64,
        394,
        {"existing_nullable": False, "existing_comment": "the sender, as the provider writes it; E.164 as a rule"},
    ),
    ("suppression", "number", 20, 160, {"existing_nullable": True, "existing_comment": "E.164"}),
)
"""Table, column, characters before and after, and what stays as it is."""


def upgrade() -> None:
    """Widen the columns; rows are kept as they are."""
    for table, column, before, after, kept in _COLUMNS:
        with op.batch_alter_table(table) as batch:
            batch.alter_column(column, existing_type=sa.String(before), type_=sa.String(after), **kept)
