"""A book in another database: the same outbox as if it were in ours, in memory that does not grow with it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from reminder.pipeline.plan import CHUNK_ROWS, imagine
from reminder.store.engine import open_engine
from reminder.store.schema import metadata
from support.lender_books import add_loans, lender_book, loan
from support.worlds import DAYTIME, World, policy, step

DUE = date(2026, 11, 23)
PLANNED = ("account_id", "customer_id", "due_date", "policy", "step", "leg", "not_before", "expires_at", "state")


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    """Lend an engine."""
    engine = open_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An engine for another database than the outbox's."""
    url = f"sqlite:///{tmp_path}/book.db"
    if request.param != "sqlite":
        url = request.getfixturevalue(f"{request.param}_url")
    with opened(url) as engine:
        yield engine


def loans() -> list[dict[str, Any]]:
    """Return a book with all that a plan tells apart: days, zones, paid ones, doubles, ids too long, no ids."""
    zones = ("Asia/Shanghai", "America/New_York", None, "Mars/Olympus")
    rows = [
        loan(f"L{index:03}", DUE - timedelta(days=index % 45 - 10), tz=zones[index % 4], cust_no=f"C{index % 7}")
        for index in range(90)
    ]
    rows += [loan("twice", DUE), loan("twice", DUE, cust_no="other"), loan("x" * 65, DUE), loan(None, DUE)]
    rows += [loan("paid", DUE, unpaid="0"), loan("no amount", DUE, unpaid=None), loan("no date", None)]
    return rows


def world_of(engine: Engine, **given: Any) -> World:
    """Return a world with a window and two policies, the second for what the first leaves."""
    window_open_later = policy(window=DAYTIME, steps=(step("due", 0, 3), step("late", 4, 30)))
    before = policy("before", steps=(step("ahead", -7, -1),))
    world = World(engine, policies=(window_open_later, before), **given)
    world.later(hours=10)
    return world


def planned(world: World) -> set[tuple[Any, ...]]:
    """Return the outbox without its numbers."""
    return {tuple(getattr(row, name) for name in PLANNED) for row in world.rows() if row.account_id != "twice"}


def test_it_is_the_same_outbox(elsewhere: Engine, sqlite_engine: Engine) -> None:
    """Where the book lives changes nothing of what is planned; planned again, nothing is added."""
    with lender_book(sqlite_engine, *loans()) as book:
        at_home = world_of(sqlite_engine, book=book)
        at_home.plan()
        expected = planned(at_home)
        at_home.clear()
    with lender_book(elsewhere, *loans(), same_database=False) as book:
        apart = world_of(sqlite_engine, book=book)
        first, second = apart.plan(), apart.plan()

        assert planned(apart) == expected
        assert len(expected) > 30
        assert [row.account_id for row in apart.rows()].count("twice") == 1
        assert (first, second) == (len(expected) + 1, 0)


def test_a_preview_imagines_what_is_planned(elsewhere: Engine, sqlite_engine: Engine) -> None:
    """Law 1: the preview of a book in another database is what its plan writes."""
    with lender_book(elsewhere, *loans(), same_database=False) as book:
        world = world_of(sqlite_engine, book=book)
        with sqlite_engine.connect() as connection, elsewhere.connect() as lender:
            imagined = [
                (one.account_id, one.step, one.not_before)
                for one in imagine(world.deployment(), connection, lender, world.at)
            ]
        world.plan()

        with sqlite_engine.connect() as connection, elsewhere.connect() as lender:
            assert list(imagine(world.deployment(), connection, lender, world.at)) == []
        assert len(imagined) == len(set(imagined))
        assert sorted(imagined) == sorted((row.account_id, row.step, row.not_before) for row in world.rows())


def test_it_is_true_when_sent(elsewhere: Engine, sqlite_engine: Engine) -> None:
    """Law 5: what a book in another database says at the moment of sending is what counts."""
    with lender_book(elsewhere, loan("A", DUE), loan("B", DUE), same_database=False) as book:
        world = World(sqlite_engine, policies=(policy(),), book=book)
        world.plan()
        with elsewhere.begin() as connection:
            connection.exec_driver_sql("UPDATE lender_loan SET unpaid = 0 WHERE loan_no = 'A'")
            connection.exec_driver_sql("UPDATE lender_loan SET unpaid = 77 WHERE loan_no = 'B'")
        world.dispatch()

        assert world.states() == {("A", "due"): "cancelled", ("B", "due"): "sent"}
        assert "77.00" in world.recorder.taken[0].body


def peak_of_planning(folder: Path, rows: int) -> int:
    """Return the most memory, in bytes, that planning a book of so many due rows took."""
    folder.mkdir()
    with opened(f"sqlite:///{folder}/book.db") as lender, opened(f"sqlite:///{folder}/outbox.db") as ours:
        metadata.create_all(ours)
        with lender_book(lender, same_database=False) as book:
            for start in range(0, rows, 10_000):
                add_loans(lender, (loan(f"L{index}", DUE) for index in range(start, min(rows, start + 10_000))))
            world = World(ours, policies=(policy(steps=(step("due", 0, 3),)),), book=book)
            tracemalloc.start()
            try:
                assert world.plan() == rows
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()


def test_memory_is_flat(tmp_path: Path) -> None:
    """Law 12: three times the book takes the same memory to plan: that of one chunk of keys."""
    peak_of_planning(tmp_path / "warm", 500)
    small = peak_of_planning(tmp_path / "small", 2 * CHUNK_ROWS)
    large = peak_of_planning(tmp_path / "large", 6 * CHUNK_ROWS)
    assert large < small * 1.3
