"""The book: the lender's accounts, read and never written.

It knows no clock and no policy. Planning joins its expressions into one statement where the book is in the same
database as the outbox; where it isn't, keys are streamed in bounded chunks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, Engine, FromClause, Row, Select, func, select
from sqlalchemy.exc import SQLAlchemyError

from reminder.book import selectors
from reminder.book.fields import BookFields
from reminder.book.mapping import BookMapping
from reminder.book.rows import to_account, to_instant, unreadable
from reminder.domain.account import Account
from reminder.domain.selector import Selector

__all__ = ["READ_CHUNK_ROWS", "STREAM_CHUNK_ROWS", "Book"]

READ_CHUNK_ROWS = 500
"""How many accounts are asked for in one statement."""

STREAM_CHUNK_ROWS = 5_000
"""How many keys of a book in another database are held in memory at a time."""


class Book:
    """The accounts that a mapping describes, in the database of `engine`.

    `same_database` says that it is the database of the outbox too, so that planning can be one statement.
    """

    def __init__(self, engine: Engine, mapping: BookMapping, *, same_database: bool) -> None:
        self.engine = engine
        self.mapping = mapping
        self.same_database = same_database
        self.columns = BookFields(mapping, engine.dialect.name)

    @property
    def selectable(self) -> FromClause:
        """The table, view or query that the columns belong to."""
        return self.mapping.selectable

    @property
    def fresh_max_age(self) -> timedelta | None:
        """How long ago the book may have been refreshed last; None where nobody said."""
        return self.mapping.fresh_max_age

    @cached_property
    def _accounts(self) -> Select[Any]:
        """The query for whole accounts by their ids: every batch asks it, and its expressions take a while to make."""
        found = select(*self.columns.reading()).select_from(self.selectable)
        return cast("Select[Any]", found.where(self.columns.under_keys()))

    def owed(self) -> ColumnElement[bool]:
        """Return whether something may be owed, as SQL that is never NULL.

        An account whose amount or currency can't be read counts as owed, so that its refusal is on record.
        """
        return self.columns.owed()

    def due_between(self, first: date, last: date) -> ColumnElement[bool]:
        """Return whether an account is due in [first, last] and its ids fit into the outbox, as SQL an index answers.

        Rows without a usable due date or id can't be planned; `book check` counts them.
        """
        return self.columns.due_between(first, last)

    def matching(self, selector: Selector) -> ColumnElement[bool]:
        """Return the selector as SQL: never NULL, and always the answer of `Selector.matches`."""
        return selectors.matching(self.columns, selector)

    def zones(self, connection: Connection, due_from: date, due_to: date) -> list[str | None]:
        """Return the distinct time zones (as written) of accounts that are due in the range, whatever they owe.

        Not asking what they owe lets an index on due date and zone answer it by itself.
        """
        zone = self.columns.timezone
        query = select(zone).where(self.due_between(due_from, due_to)).distinct()
        return sorted(connection.scalars(query.select_from(self.selectable)), key=lambda name: name or "")

    def read(self, connection: Connection, account_ids: Sequence[str]) -> dict[str, list[Account]]:
        """Return the accounts under these ids as they are now; an id that the book has several times has several.

        Never fails for what a row holds: what can't be read is None and named in `Account.problems`.
        """
        found: dict[str, list[Account]] = {}
        wanted = list(dict.fromkeys(account_ids))
        for start in range(0, len(wanted), READ_CHUNK_ROWS):
            for account in self._read_chunk(connection, wanted[start : start + READ_CHUNK_ROWS]):
                found.setdefault(account.account_id, []).append(account)
        return found

    def _read_chunk(self, connection: Connection, keys: list[str]) -> list[Account]:
        """Return the accounts of a few ids; where the driver can't read them all, each half for itself (law 9)."""
        try:
            rows = connection.execute(self._accounts, self.columns.keys(keys)).mappings().all()
        except (SQLAlchemyError, ValueError, OverflowError) as error:
            if not _is_about_a_value(error):
                raise
            if len(keys) == 1:
                return [unreadable(keys[0])]
            middle = len(keys) // 2
            return self._read_chunk(connection, keys[:middle]) + self._read_chunk(connection, keys[middle:])
        return [to_account(row, self.mapping) for row in rows]

    def listing(
        self,
        connection: Connection,
        *,
        limit: int,
        after: str | None = None,
        selector: Selector | None = None,
        owed_only: bool = False,
        customer_id: str | None = None,
    ) -> list[Account]:
        """Return accounts in the order of their ids, at least those of `limit` ids, beginning behind `after`.

        An id that the book has several times is never torn apart between two pages.
        """
        key = self.columns.account_id
        query = select(key).select_from(self.selectable).where(key.is_not(None)).distinct().order_by(key).limit(limit)
        if after is not None:
            query = query.where(key > after)
        if selector is not None:
            query = query.where(self.matching(selector))
        if owed_only:
            query = query.where(self.owed())
        if customer_id is not None:
            query = query.where(self.columns.customer_id == customer_id)
        keys = list(connection.scalars(query))
        found = self.read(connection, keys)
        return [account for each in keys for account in found.get(each, [])]

    def newest_load(self, connection: Connection) -> datetime | None:
        """Return when the book was last refreshed (UTC), or None where it doesn't say."""
        fresh = self.columns.fresh()
        if fresh is None:
            return None
        return to_instant(connection.scalar(select(func.max(fresh)).select_from(self.selectable)))

    def stream_due(
        self,
        connection: Connection,
        condition: ColumnElement[bool],
        columns: Iterable[ColumnElement[Any]],
        chunk: int = STREAM_CHUNK_ROWS,
    ) -> Iterator[Sequence[Row[Any]]]:
        """Yield these columns of the rows that meet the condition, in lists of at most `chunk`, never all at once.

        The connection can't be used for anything else until the last list is taken or the iterator closed.
        """
        query = select(*columns).select_from(self.selectable).where(condition)
        result = connection.execute(query.execution_options(stream_results=True, yield_per=chunk))
        try:
            yield from result.partitions()
        finally:
            result.close()


def _is_about_a_value(error: Exception) -> bool:
    """Return whether a driver stumbled over a value, not over its connection or the statement."""
    original = getattr(error, "orig", error)
    return isinstance(original, ValueError | OverflowError) or "decode" in str(original).lower()
