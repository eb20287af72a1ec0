"""A large book is taken in parts: streamed, listed by pages, or read from another database; memory stays flat."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Engine, insert, text

from reminder.book.book import Book
from reminder.book.mapping import BookMapping, mapped_book
from reminder.domain.account import Account
from reminder.domain.money import Money
from reminder.domain.selector import Selector, Term
from reminder.store.engine import open_engine
from reminder.store.schema import account, metadata

OWN_ROW = {
    "account_id": "A-1", "customer_id": "C-1", "name": "王小明", "phone": "13800138000", "due_date": date(2026, 11, 25),
    "amount_due": 123450, "currency": "CNY", "language": "zh-CN", "timezone": "Asia/Shanghai", "product": "cash-loan",
    "closed": False, "attributes": {"autopay": "false", "times_overdue": "2", "branch": "007", "rate": "0.05"},
    "loaded_at": datetime(2026, 11, 22, 1, tzinfo=UTC),
}  # fmt: skip


def read_one(book: Book, key: str) -> Account:
    """Return the only account under a key."""
    with book.engine.connect() as connection:
        (found,) = book.read(connection, [key])[key]
    return found


def test_pages_of_a_listing_meet_without_gap_or_repeat(lender_book: Any, loan: Any) -> None:
    """Page after page lists every account once, and an id that the book has twice is on one page."""
    book = lender_book(*(loan(loan_no=f"L-{number % 7}") for number in range(11)))
    seen: list[str] = []
    after = None
    with book.engine.connect() as connection:
        while page := book.listing(connection, limit=3, after=after):
            seen += [each.account_id for each in page]
            after = page[-1].account_id
    assert seen == sorted(f"L-{number % 7}" for number in range(11))


def test_a_listing_is_filtered(lender_book: Any, loan: Any) -> None:
    """A listing can be narrowed to a selector, a customer and what is owed."""
    book = lender_book(
        loan(loan_no="1"), loan(loan_no="2", prod="card"), loan(loan_no="3", unpaid="0"), loan(loan_no="4", cust_no="D")
    )
    selector = Selector((Term("product", frozenset({"cash-loan"})),))
    with book.engine.connect() as connection:
        assert [each.account_id for each in book.listing(connection, limit=9, selector=selector)] == ["1", "3", "4"]
        assert [each.account_id for each in book.listing(connection, limit=9, owed_only=True)] == ["1", "2", "4"]
        assert [each.account_id for each in book.listing(connection, limit=9, customer_id="D")] == ["4"]


def test_another_database_streams_bounded_chunks(engine: Engine, lender_book: Any, loan: Any, tmp_path: Any) -> None:
    """The keys of a book elsewhere arrive in chunks; each list is bounded, and all of them are there (law 12)."""
    book = lender_book(*(loan(loan_no=f"L-{number:03}") for number in range(25)))
    with engine.connect() as connection:
        chunks = [
            [row.account_id for row in rows]
            for rows in book.stream_due(
                connection, book.owed(), [book.columns.account_id.label("account_id")], chunk=10
            )
        ]
    assert [len(chunk) for chunk in chunks] == [10, 10, 5]
    assert sorted(sum(chunks, [])) == [f"L-{number:03}" for number in range(25)]  # noqa: RUF017 - three short lists


def test_a_stream_left_early_leaves_its_connection_usable(lender_book: Any, loan: Any) -> None:
    """Who stops reading after the first chunk can go on with the connection."""
    book = lender_book(*(loan(loan_no=f"L-{number:03}") for number in range(25)))
    with book.engine.connect() as connection:
        stream = book.stream_due(connection, book.owed(), [book.columns.account_id], chunk=10)
        next(stream)
        stream.close()
        assert connection.scalar(text("SELECT 1")) == 1


def test_memory_stays_flat_while_streaming(sqlite_engine: Engine, own_mapping: BookMapping) -> None:
    """Streaming ten times as many keys takes no more memory (law 12)."""
    book = Book(sqlite_engine, own_mapping, same_database=False)
    peaks = []
    for count in (2_000, 20_000):
        with sqlite_engine.begin() as connection:
            connection.execute(account.delete())
            connection.execute(insert(account), [{**OWN_ROW, "account_id": f"A-{n}"} for n in range(count)])
        with sqlite_engine.connect() as connection:
            tracemalloc.start()
            seen = sum(len(rows) for rows in book.stream_due(connection, book.owed(), [book.columns.account_id], 500))
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert seen == count
    assert peaks[1] < 1.5 * peaks[0]


def test_a_book_in_another_database(engine: Engine, tmp_path: Any, loan: Any) -> None:
    """The book may be elsewhere: here in a SQLite file of its own, whatever database the outbox is in."""
    elsewhere = open_engine(f"sqlite:///{tmp_path}/lender.db")
    metadata.create_all(elsewhere, tables=[account])
    with elsewhere.begin() as connection:
        connection.execute(insert(account), [OWN_ROW])
    book = Book(elsewhere, mapped_book(elsewhere, table="account", amount_unit="minor"), same_database=False)
    assert read_one(book, "A-1").amount_due == Money(123450, "CNY")
    assert not book.same_database
    elsewhere.dispose()
