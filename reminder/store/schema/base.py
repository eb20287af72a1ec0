"""What all tables have in common: one `MetaData`, whose names for keys and indexes are the same on every database."""

from __future__ import annotations

from sqlalchemy import MetaData

__all__ = ["REASON_CHARS_MAX", "metadata"]

REASON_CHARS_MAX = 300

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    },
)
