"""Inserts that meet a row with the same key, in the words of each database: it is left as it is, or written over.

SQLAlchemy has these words in a package a database, with every driver there is: only who has that database loads it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Insert, Table
from sqlalchemy.sql.base import ReadOnlyColumnCollection

__all__ = ["Changes", "insert_new", "insert_over"]

Changes = Callable[[ReadOnlyColumnCollection[str, Any]], Sequence[tuple[str, ColumnElement[Any]]]]
"""Gives, for the columns of the row that could not be inserted, what is set in the one that is there, in this order."""


def insert_new(dialect: str, table: Table, key: Sequence[str]) -> Insert:
    """Return an insert that passes over rows whose key is there already."""
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table).on_conflict_do_nothing(index_elements=key)
    if dialect == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table).on_conflict_do_nothing(index_elements=key)
    from sqlalchemy.dialects import mysql

    # Not INSERT IGNORE: that would also swallow texts too long and dates out of range.
    column = table.primary_key.columns[0]
    return mysql.insert(table).on_duplicate_key_update({column.name: column})


def insert_over(dialect: str, table: Table, key: Sequence[str], changes: Changes) -> Insert:
    """Return an insert that changes the row with the same key, where there is one."""
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        on_server = postgresql.insert(table)
        return on_server.on_conflict_do_update(index_elements=key, set_=dict(changes(on_server.excluded)))
    if dialect == "sqlite":
        from sqlalchemy.dialects import sqlite

        in_file = sqlite.insert(table)
        return in_file.on_conflict_do_update(index_elements=key, set_=dict(changes(in_file.excluded)))
    from sqlalchemy.dialects import mysql

    on_mariadb = mysql.insert(table)
    return on_mariadb.on_duplicate_key_update(list(changes(on_mariadb.inserted)))
