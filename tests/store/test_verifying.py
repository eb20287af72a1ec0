"""Tampering with the record is found, wherever it is done, and the place is named (law 14)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Engine,
    FromClause,
    Integer,
    Table,
    delete,
    func,
    insert,
    select,
    text,
    update,
)  # fmt: skip

from reminder.domain.record import Actor, Entry, Kind, leaf_of
from reminder.store import sealing
from reminder.store.schema import record, record_block, record_leaf, record_private
from reminder.store.types import UtcDateTime
from reminder.store.verifying import FAULTS_TOLD_MAX, Fault, verify
from support.records import AT, MINUTE, bending, text_entry, verified, write, write_and_seal

SEALED = [record, record_leaf, record_block, record_private]


def bent(column: Column[Any], value: Any) -> Any:
    """Return another value of the same kind, as near as can be: one step, one microsecond, one character."""
    if isinstance(column.type, UtcDateTime | DateTime):
        return value.replace(microsecond=(value.microsecond + 1) % 1_000_000)
    if isinstance(value, int) or (value is None and isinstance(column.type, Integer)):
        return (value or 0) + 1_000_003
    if not value:
        return "x"
    return value[:-1] + ("0" if value[-1] != "0" else "1")


def key_of(table: FromClause) -> Column[Any]:
    """Return the key of a table."""
    return next(iter(table.primary_key))  # type: ignore[arg-type]  # the columns of a table are columns


@pytest.mark.parametrize("table", SEALED, ids=str)
def test_any_column_bent_is_found(engine: Engine, table: Table) -> None:
    """Law 14: whatever column is changed in the first or the last row of a table, `audit verify` says so."""
    write_and_seal(engine, 3, 5)
    key = key_of(table)
    for column, edge in product(table.columns, (func.min, func.max)):
        with engine.connect() as connection:
            number = connection.scalar(select(edge(key)))
            before = connection.scalar(select(column).where(key == number))
        after = bent(column, before)
        with bending(engine) as connection:
            connection.execute(update(table).where(key == number).values({column.name: after}))

        assert not verified(engine).sound, f"{column} was {before!r}"
        number = after if column is key else number
        with bending(engine) as connection:
            connection.execute(update(table).where(key == number).values({column.name: before}))
        assert verified(engine).sound, "put back as it was, nothing is wrong any more"


@pytest.mark.parametrize("column", [record.c.data, record.c.commitment, record_private.c.content], ids=str)
def test_every_byte_counts(sqlite_engine: Engine, column: Column[Any]) -> None:
    """No position of a text is outside what is sealed."""
    write_and_seal(sqlite_engine, 2)
    key = key_of(column.table)
    with sqlite_engine.connect() as connection:
        number, before = connection.execute(select(key, column).order_by(key)).first() or (0, "")

    for position, character in enumerate(before):
        other = before[:position] + chr(ord(character) ^ 1) + before[position + 1 :]
        with bending(sqlite_engine) as connection:
            connection.execute(update(column.table).where(key == number).values({column.name: other}))
        assert not verified(sqlite_engine).sound, f"character {position} of {before!r}"
    with bending(sqlite_engine) as connection:
        connection.execute(update(column.table).where(key == number).values({column.name: before}))
    assert verified(sqlite_engine).sound


def without_entry(connection: Connection) -> None:
    """Delete an entry and leave its place."""
    connection.execute(delete(record).where(record.c.entry_id == 5))


def without_place(connection: Connection) -> None:
    """Delete an entry and its place."""
    connection.execute(delete(record_leaf).where(record_leaf.c.entry_id == 5))
    connection.execute(delete(record).where(record.c.entry_id == 5))


def without_block(connection: Connection) -> None:
    """Delete a block and leave its entries."""
    connection.execute(delete(record_block).where(record_block.c.block_no == 2))


def without_a_whole_block(connection: Connection) -> None:
    """Delete a block with its places and entries."""
    inside = select(record_leaf.c.entry_id).where(record_leaf.c.block_no == 2).scalar_subquery()
    connection.execute(delete(record).where(record.c.entry_id.in_(inside)))
    connection.execute(delete(record_leaf).where(record_leaf.c.block_no == 2))
    without_block(connection)


def places_swapped(connection: Connection) -> None:
    """Let two entries change places, leaves and all."""
    found = connection.execute(select(record_leaf).where(record_leaf.c.entry_id.in_([5, 6]))).all()
    connection.execute(delete(record_leaf).where(record_leaf.c.entry_id.in_([5, 6])))
    rows = [row._asdict() for row in found]
    rows[0]["position"], rows[1]["position"] = rows[1]["position"], rows[0]["position"]
    connection.execute(insert(record_leaf), rows)


def entries_swapped(connection: Connection) -> None:
    """Let two entries change their words."""
    first, second = connection.execute(select(record).where(record.c.entry_id.in_([5, 6]))).all()
    for number, row in ((5, second), (6, first)):
        values = {name: value for name, value in row._asdict().items() if name != "entry_id"}
        connection.execute(update(record).where(record.c.entry_id == number).values(values))


def rewritten(connection: Connection) -> None:
    """Change an entry together with its leaf, as somebody would who knows how it is reckoned."""
    connection.execute(update(record).where(record.c.entry_id == 5).values(who="somebody else"))
    row = connection.execute(select(record).where(record.c.entry_id == 5)).one()
    leaf = leaf_of(sealing.sealable(row)).hex()
    connection.execute(update(record_leaf).where(record_leaf.c.entry_id == 5).values(leaf=leaf))


def part_removed(connection: Connection) -> None:
    """Delete a personal part without an erasure."""
    mine = select(record.c.commitment).where(record.c.entry_id == 5).scalar_subquery()
    connection.execute(delete(record_private).where(record_private.c.commitment == mine))


@pytest.mark.parametrize(
    ("act", "faults"),
    [
        (without_entry, [Fault("it was deleted", 2, 5)]),
        (without_place, [Fault("expected place 5, found 6", 2, 6)]),
        (without_a_whole_block, [Fault("expected block 2, found 3: 2 was removed", 2)]),
        (places_swapped, [Fault("its entries are not those that were sealed, or not in their order", 2)]),
        (entries_swapped, [Fault("it was changed", 2, 5), Fault("it was changed", 2, 6)]),
        (rewritten, [Fault("its entries are not those that were sealed, or not in their order", 2)]),
        (
            part_removed,
            [Fault("its personal part is gone, and no erasure and no retention on record says why", 2, 5)],
        ),
    ],
)
def test_what_was_done_is_named_with_its_place(
    sqlite_engine: Engine, act: Callable[[Connection], None], faults: list[Fault]
) -> None:
    """One act of tampering is told as what it was, in its block and at its entry, and blames no other."""
    write_and_seal(sqlite_engine, 3, 4, 2)
    with bending(sqlite_engine) as connection:
        act(connection)

    assert verified(sqlite_engine).faults == faults


def test_block_without_head_is_found_by_its_entries(engine: Engine) -> None:
    """A head that is removed leaves its entries in no block: both are told."""
    write_and_seal(engine, 1, 2, 1)
    with bending(engine) as connection:
        without_block(connection)

    found = verified(engine)
    assert [fault.what for fault in found.faults] == [
        "expected block 2, found 3: 2 was removed",
        "its block was removed",
        "its block was removed",
    ]


@pytest.mark.parametrize("with_entries", [False, True])
def test_cut_tail_is_found_by_an_anchor(engine: Engine, with_entries: bool) -> None:
    """What was sealed last can only be missed by whoever kept its anchor; with it, it is."""
    *_, last = write_and_seal(engine, 2, 2, 2)
    assert verified(engine, last.anchor, last.hash).sound
    with bending(engine) as connection:
        connection.execute(delete(record_leaf).where(record_leaf.c.block_no == 3))
        connection.execute(delete(record_block).where(record_block.c.block_no == 3))
        if with_entries:
            top = connection.scalar(select(func.max(record_leaf.c.entry_id)))
            connection.execute(delete(record).where(record.c.entry_id > top))

    assert verified(engine).sound, "nothing in the database itself can tell"
    with_number, with_hash = verified(engine, last.anchor), verified(engine, last.hash.upper())
    assert [fault.what for fault in with_number.faults] == [
        "the anchor is of block 3, and the record ends at 2: its end was cut off"
    ]
    assert "the record was cut off before it, or written anew" in with_hash.faults[0].what


def test_record_written_anew_is_found_by_an_anchor(sqlite_engine: Engine) -> None:
    """Whoever changes an entry and seals everything anew makes a sound record, and another one."""
    _, second = write_and_seal(sqlite_engine, 2, 2)
    with bending(sqlite_engine) as connection:
        connection.execute(update(record).where(record.c.entry_id == 1).values(who="nobody"))
        for table in (record_leaf, record_block):
            connection.execute(delete(table))
    sealing.seal(sqlite_engine, at=AT)
    sealing.seal(sqlite_engine, at=AT)

    assert verified(sqlite_engine).sound
    (fault,) = verified(sqlite_engine, second.anchor).faults
    assert fault.block_no == 2


def test_entry_inserted_among_sealed_ones_is_found(engine: Engine) -> None:
    """An entry that turns up with a number long sealed is nobody's act: no sealing takes it in, verifying names it."""
    write(engine, *[text_entry()] * 3)
    with engine.begin() as connection:
        gap = connection.scalar(select(func.min(record.c.entry_id))) + 1
        connection.execute(delete(record).where(record.c.entry_id == gap))
    for hours in (0, 2, 4):
        write(engine, text_entry(), at=AT + hours * 60 * MINUTE)
        sealing.seal(engine, at=AT + hours * 60 * MINUTE)
    assert verified(engine).sound

    with engine.begin() as connection:
        row = connection.execute(select(record).order_by(record.c.entry_id.desc()).limit(1)).one()
        connection.execute(insert(record).values(row._asdict() | {"entry_id": gap, "commitment": None}))

    assert sealing.seal(engine, at=AT + 300 * MINUTE) == []
    (fault,) = verified(engine).faults
    assert (fault.entry_id, fault.what[:31]) == (gap, "it was inserted among sealed on")


def test_unsealed_entries_are_said_as_such(engine: Engine) -> None:
    """Nothing is claimed of entries that no block holds yet: they are counted, and are no fault."""
    write_and_seal(engine, 2)
    write(engine, text_entry(), text_entry())

    found = verified(engine)
    assert (found.sound, found.blocks, found.entries, found.unsealed) == (True, 1, 2, 2)


def test_empty_record_is_sound(engine: Engine) -> None:
    """A new deployment has nothing to prove; an anchor of something else is still missed."""
    assert verified(engine).sound
    assert verified(engine).head is None
    assert not verified(engine, "1:" + "ab" * 32).sound


@pytest.mark.parametrize(
    ("column", "named"),
    [
        (record.c.happened_at, "the entry in place 2 can't be read any more"),
        (record_private.c.happened_at, "can't be read any more"),
        (record_block.c.sealed_at, "a block behind 0 can't be read"),
    ],
    ids=str,
)
def test_nonsense_is_a_fault_and_no_crash(sqlite_engine: Engine, column: Column[Any], named: str) -> None:
    """SQLite keeps a word where an instant was; verifying says so and goes on."""
    write_and_seal(sqlite_engine, 3)
    key = key_of(column.table)
    with bending(sqlite_engine) as connection:
        where = f"{key.name} = 2" if column.table is record else "1 = 1"
        connection.execute(text(f"UPDATE {column.table.name} SET {column.name} = 'nonsense' WHERE {where}"))

    assert named in " ".join(fault.what for fault in verified(sqlite_engine).faults)


def test_many_faults_are_counted_and_some_told(sqlite_engine: Engine) -> None:
    """A record that was changed throughout is told in a page, with the count of all."""
    write_and_seal(sqlite_engine, 80)
    with bending(sqlite_engine) as connection:
        connection.execute(update(record).values(who="x"))

    found = verified(sqlite_engine)
    assert (len(found.faults), found.faults_count) == (FAULTS_TOLD_MAX, 80)


def test_erasure_and_retention_on_record_explain_what_is_gone(engine: Engine) -> None:
    """Law 14: personal parts that were removed by right leave the record green, and those of others do not."""
    write_and_seal(engine, 4)
    write(engine, Entry(Kind.INBOUND, Actor.PROVIDER, "twilio", private={"number": "+86138"}))
    with engine.begin() as connection:
        first = connection.scalar(select(func.min(record.c.entry_id)))
        connection.execute(delete(record_private))
    write(
        engine,
        Entry(Kind.ERASURE, Actor.OPERATOR, "li.na", customer_id="C-0-0"),
        Entry(Kind.ERASURE, Actor.OPERATOR, "li.na", account_id="A-C-0-1"),
        Entry(Kind.ERASURE, Actor.OPERATOR, "li.na", data={"entries": [first + 2]}),
        Entry(Kind.RETENTION, Actor.PROCESS, "host:1", data={"kinds": ["inbound"], "before": AT + MINUTE}),
    )
    sealing.seal(engine, at=AT + MINUTE)

    found = verified(engine)
    assert [(fault.entry_id, fault.block_no) for fault in found.faults] == [(first + 3, 1)]
    assert found.gone == 5


def test_erasure_covers_nothing_that_came_after_it(engine: Engine) -> None:
    """An old erasure is no licence to remove what is written later."""
    write(engine, Entry(Kind.ERASURE, Actor.OPERATOR, "li.na", customer_id="C-1"))
    write(engine, text_entry("C-1"))
    sealing.seal(engine, at=AT)
    with engine.begin() as connection:
        connection.execute(delete(record_private))

    assert len(verified(engine).faults) == 1


def test_progress_is_told_by_blocks(sqlite_engine: Engine) -> None:
    """Whoever waits hears of every block."""
    write_and_seal(sqlite_engine, 3, 4)
    heard: list[int] = []
    with sqlite_engine.connect() as connection:
        verify(connection, on_block=heard.append)

    assert heard == [3, 4]
