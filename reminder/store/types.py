"""Column types that keep what they are given, on every database.

Each one cures a silent loss: SQLite and MariaDB drop the zone of a timestamp and MariaDB cuts its microseconds, and
long texts. That it compares texts by every character is said where tables are made, in the migrations.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

__all__ = ["BigId", "LongText", "UtcDateTime"]

BigId = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit key that also counts up by itself on SQLite, where only INTEGER does."""


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: refuses a naive datetime, stores UTC with microseconds, gives back an aware one in UTC."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the widest timestamp the database has."""
        if dialect.name in ("mysql", "mariadb"):
            from sqlalchemy.dialects.mysql import DATETIME  # only who has that database loads its package

            return dialect.type_descriptor(DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the instant as the driver wants it: aware UTC where zones are kept, naive UTC elsewhere."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"expected an aware datetime, found {value!r} without a zone: give it one")
        moment = value.astimezone(UTC)
        return moment if dialect.name == "postgresql" else moment.replace(tzinfo=None)

    def process_result_value(self, value: datetime | str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the base class fixes the signature
        """Return the instant as an aware datetime in UTC."""
        if value is None:
            return None
        if isinstance(value, str):  # MariaDB gives an instant that a query merely repeats back as it was written to it
            value = datetime.fromisoformat(value)
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class LongText(TypeDecorator[str]):
    """A text of any length; on MariaDB of 16 MB, where a plain TEXT ends at 64 kB."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type that has room."""
        if dialect.name in ("mysql", "mariadb"):
            from sqlalchemy.dialects.mysql import MEDIUMTEXT

            return MEDIUMTEXT()
        return Text()
