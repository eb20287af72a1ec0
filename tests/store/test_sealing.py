"""Sealing: every entry gets one place in one block, whoever wrote it and in whatever order it showed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Event

import pytest
from sqlalchemy import Engine, func, select

from reminder.store import record, sealing
from reminder.store.engine import open_engine
from reminder.store.schema import record as entries
from reminder.store.schema import record_block, record_leaf
from reminder.store.sealing import FIRST
from support.records import AT, MINUTE, text_entry, verified, write, write_and_seal


def test_blocks_follow_each_other(engine: Engine) -> None:
    """Each block carries the hash of the one before, and its places follow."""
    first, second, third = write_and_seal(engine, 2, 3, 1)

    assert [block.block_no for block in (first, second, third)] == [1, 2, 3]
    assert [block.first_position for block in (first, second, third)] == [1, 3, 6]
    assert (first.previous, second.previous, third.previous) == (FIRST, first.hash, second.hash)
    assert all(block.hash == block.reckoned() for block in (first, second, third))
    with engine.connect() as connection:
        assert sealing.head(connection) == third
        assert sealing.blocks(connection, after=1, limit=1) == [second]


def test_nothing_to_seal_makes_no_block(engine: Engine) -> None:
    """A quiet night leaves no trace: a block says that something happened."""
    assert sealing.seal(engine, at=AT) == []
    write_and_seal(engine, 1)
    assert sealing.seal(engine, at=AT + MINUTE) == []


def test_large_backlog_is_sealed_in_blocks_of_bounded_size(
    sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After days without sealing, memory stays flat: block by block, in the order of the acts."""
    monkeypatch.setattr(sealing, "BLOCK_ENTRIES_MAX", 4)
    write(sqlite_engine, *[text_entry()] * 10)

    assert [block.entries for block in sealing.seal(sqlite_engine, at=AT)] == [4, 4, 2]
    with sqlite_engine.connect() as connection:
        placed = connection.scalars(select(record_leaf.c.entry_id).order_by(record_leaf.c.position)).all()
    assert placed == sorted(placed)


def test_sealing_ends_when_asked(sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon that is to stop does not seal a backlog first; the next one goes on there."""
    monkeypatch.setattr(sealing, "BLOCK_ENTRIES_MAX", 1)
    write(sqlite_engine, *[text_entry()] * 3)
    asked = iter([False, True])

    assert len(sealing.seal(sqlite_engine, at=AT, stopping=lambda: next(asked))) == 1
    assert len(sealing.seal(sqlite_engine, at=AT, blocks_max=1)) == 1
    assert len(sealing.seal(sqlite_engine, at=AT)) == 1


def test_clock_put_back_makes_no_block_older_than_the_last(engine: Engine) -> None:
    """Blocks don't go back in time, so that what is settled stays settled."""
    write_and_seal(engine, 1)
    write(engine, text_entry())
    (block,) = sealing.seal(engine, at=AT - timedelta(days=1))

    assert block.sealed_at == AT


@pytest.mark.parametrize("hours", [0, 5])
def test_entry_that_shows_late_is_sealed_late(server_url: str, hours: int) -> None:
    """A lower number that shows after higher ones were sealed is in the next block; nothing is passed over.

    Also when nobody sealed for hours in between.
    """
    engine = open_engine(server_url)
    written, sealed = Event(), Event()

    def slow() -> None:
        with engine.begin() as connection:
            record.append(connection, [text_entry("slow")], at=AT)
            written.set()
            sealed.wait(30)

    with ThreadPoolExecutor() as pool:
        late = pool.submit(slow)
        assert written.wait(30)
        write(engine, text_entry("fast"))
        (first,) = sealing.seal(engine, at=AT)
        sealed.set()
        late.result(30)
    (second,) = sealing.seal(engine, at=AT + timedelta(hours=hours))

    with engine.connect() as connection:
        query = select(entries.c.customer_id).join(record_leaf).order_by(record_leaf.c.position)
        assert connection.scalars(query).all() == ["fast", "slow"]
    assert (first.entries, second.entries) == (1, 1)
    assert verified(engine, first.anchor, second.anchor).sound
    engine.dispose()


def test_every_entry_has_one_place_under_concurrent_writers_and_sealers(server_url: str) -> None:
    """Writers are never kept waiting and never overtaken: all that is committed is sealed, once, in a sound chain."""
    writers, rounds = 4, 25
    engine = open_engine(server_url)
    start = Barrier(writers + 2)

    def writer(number: int) -> None:
        start.wait(30)
        for turn in range(rounds):
            with engine.connect() as connection:
                record.append(connection, [text_entry(f"C-{number}-{turn}")] * (1 + turn % 3), at=AT)
                connection.commit() if turn % 5 else connection.rollback()

    def sealer() -> None:
        start.wait(30)
        for _ in range(rounds):
            sealing.seal(engine, at=AT)

    with ThreadPoolExecutor(writers + 2) as pool:
        work = [pool.submit(writer, number) for number in range(writers)] + [pool.submit(sealer) for _ in range(2)]
        for each in work:
            each.result(120)
    sealing.seal(engine, at=AT)

    with engine.connect() as connection:
        committed = set(connection.scalars(select(entries.c.entry_id)))
        placed = connection.scalars(select(record_leaf.c.entry_id)).all()
        heads = connection.scalar(select(func.sum(record_block.c.entries)))
    assert len(committed) == writers * sum(1 + turn % 3 for turn in range(rounds) if turn % 5)
    assert (set(placed), len(placed), int(heads or 0)) == (committed, len(committed), len(committed))
    found = verified(engine)
    assert (found.sound, found.unsealed) == (True, 0)
    engine.dispose()
