"""Verifying the record: every entry, place, block and personal part against what was sealed.

Blocks are read one after the other, so memory stays flat however long the record is. One fault does not hide the next:
each block is judged by itself, so that one changed entry is one fault, with its number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, select

from reminder.bulk import among
from reminder.domain.merkle import Tree
from reminder.domain.record import commitment, iso, leaf_of
from reminder.store.licences import Licences
from reminder.store.rows import chunks
from reminder.store.schema import record, record_block, record_leaf, record_private
from reminder.store.sealing import FIRST, Block, blocks, floor, sealable, unsealed

__all__ = ["FAULTS_TOLD_MAX", "Fault", "Verification", "verify"]

FAULTS_TOLD_MAX = 50
"""How many faults are kept to be told; all are counted."""

_BLOCKS_AT_ONCE = 100

_UNREADABLE: Final = (ValueError, TypeError)
"""What reading a column raises that is of another type than it was, which only SQLite lets happen."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it was sealed: what, in which block and, where it is known, at which entry."""

    what: str
    block_no: int | None = None
    entry_id: int | None = None


@dataclass
class Verification:
    """What was looked at and what was found.

    `gone` counts personal parts that were removed by an erasure or a retention on record; `unsealed` entries that are
    in no block yet, about which nothing can be said.
    """

    blocks: int = 0
    entries: int = 0
    gone: int = 0
    unsealed: int = 0
    head: Block | None = None
    faults: list[Fault] = field(default_factory=list)
    faults_count: int = 0

    @property
    def sound(self) -> bool:
        """Return whether everything is as it was sealed."""
        return self.faults_count == 0

    def blame(self, what: str, *, block: int | None = None, entry: int | None = None) -> None:
        """Add a fault."""
        self.faults_count += 1
        if len(self.faults) < FAULTS_TOLD_MAX:
            self.faults.append(Fault(what, block, entry))


def verify(
    connection: Connection, *, anchors: Sequence[str] = (), on_block: Callable[[int], None] = lambda _: None
) -> Verification:
    """Compare the whole record with its seals, and with anchors that were kept elsewhere; return what was found.

    An anchor is what `Block.anchor` gives, or the hash alone. `on_block` hears how many entries each block had.
    To be run in one read-only transaction; entries that are written meanwhile do no harm.
    """
    found, wanted = Verification(), _wanted(anchors)
    licences = Licences(connection)
    for block in _chain(connection, found):
        _judge_head(found, block)
        _judge_entries(connection, found, block, licences)
        _meet(found, block, wanted)
        found.head = block
        on_block(block.entries)
    for anchor, number in wanted.items():
        _judge_missing(found, anchor, number)
    _judge_strays(connection, found)
    return found


def _chain(connection: Connection, found: Verification) -> Iterator[Block]:
    """Yield the blocks in order, up to the first one that is no block any more."""
    while True:
        last = found.head.block_no if found.head else 0
        try:
            page = blocks(connection, after=last, limit=_BLOCKS_AT_ONCE)
        except _UNREADABLE as error:
            found.blame(f"a block behind {last} can't be read, nor can what follows it: {error}", block=last + 1)
            return
        if not page:
            return
        yield from page


def _wanted(anchors: Iterable[str]) -> dict[str, int | None]:
    """Return the hashes that must be found, each with the number of its block where that was kept too."""
    wanted: dict[str, int | None] = {}
    for anchor in anchors:
        number, _, digest = anchor.strip().rpartition(":")
        wanted[digest.lower()] = int(number) if number.isdigit() else None
    return wanted


def _judge_head(found: Verification, block: Block) -> None:
    """Compare the head of a block with its own hash and with the block before it."""
    before = found.head
    number = before.block_no + 1 if before else 1
    if block.block_no != number:
        missing = f"{number}" if block.block_no == number + 1 else f"{number} to {block.block_no - 1}"
        found.blame(f"expected block {number}, found {block.block_no}: {missing} was removed", block=number)
    elif block.previous != (before.hash if before else FIRST):
        found.blame("it does not follow the block before it: one of the two was replaced", block=block.block_no)
    elif block.first_position != (before.first_position + before.entries if before else 1):
        found.blame("its first place is not the one behind the block before it", block=block.block_no)
    if block.hash != block.reckoned():
        found.blame("its head was changed: the hash is not that of what it says", block=block.block_no)
    found.blocks += 1


def _judge_entries(connection: Connection, found: Verification, block: Block, licences: Licences) -> None:
    """Compare the entries of a block with their leaves, and the leaves with the block's root."""
    query = (
        select(record_leaf.c.position, record_leaf.c.leaf, record_leaf.c.entry_id.label("sealed_id"), record)
        .outerjoin(record, record.c.entry_id == record_leaf.c.entry_id)
        .where(record_leaf.c.block_no == block.block_no)
        .order_by(record_leaf.c.position)
    )
    before = found.faults_count
    tree, rows = Tree(), _readable(connection, found, query, block)
    for place, row in enumerate(rows, block.first_position):
        if row.position != place:
            found.blame(f"expected place {place}, found {row.position}", block=block.block_no, entry=row.sealed_id)
            break
        if row.entry_id is None:
            found.blame("it was deleted", block=block.block_no, entry=row.sealed_id)
        elif leaf_of(sealable(row)).hex() != row.leaf:
            found.blame("it was changed", block=block.block_no, entry=row.sealed_id)
        tree.add(_bytes(row.leaf))
    if len(rows) != block.entries and found.faults_count == before:
        found.blame(f"expected {block.entries} entries, found {len(rows)}", block=block.block_no)
    if tree.root().hex() != block.root and found.faults_count == before:
        found.blame("its entries are not those that were sealed, or not in their order", block=block.block_no)
    found.entries += len(rows)
    _judge_private(connection, found, block, [row for row in rows if row.commitment is not None], licences)


def _readable(connection: Connection, found: Verification, query: Select[Any], block: Block) -> Sequence[Row[Any]]:
    """Return the rows of a block. SQLite keeps what is no instant as one: then those that can be read, one by one."""
    try:
        return connection.execute(query).all()
    except _UNREADABLE:
        rows: list[Row[Any]] = []
    for place in range(block.first_position, block.first_position + block.entries):
        try:
            rows += connection.execute(query.where(record_leaf.c.position == place)).all()
        except _UNREADABLE as error:
            found.blame(f"the entry in place {place} can't be read any more: {error}", block=block.block_no)
    return rows


def _bytes(leaf: str) -> bytes:
    """Return a leaf as bytes; one that is no hexadecimal any more is another one anyway."""
    try:
        return bytes.fromhex(leaf)
    except ValueError:
        return leaf.encode()


def _judge_private(
    connection: Connection, found: Verification, block: Block, rows: Sequence[Row[Any]], licences: Licences
) -> None:
    """Compare personal parts with their commitments; those that are gone must have been removed by right."""
    try:
        apart = _private_of(connection, [row.commitment for row in rows])
    except _UNREADABLE as error:
        found.blame(f"the personal part of one of its entries can't be read any more: {error}", block=block.block_no)
        return
    gone = [row for row in rows if row.commitment not in apart]
    for row in rows:
        part = apart.get(row.commitment)
        if part is None:
            continue
        if commitment(part.salt, part.content) != row.commitment:
            found.blame("its personal part was changed", block=block.block_no, entry=row.entry_id)
        elif (part.kind, iso(part.happened_at)) != (row.kind, iso(row.happened_at)):
            found.blame(
                "its personal part was filed under another kind or time", block=block.block_no, entry=row.entry_id
            )
    for row in licences.without(connection, gone):
        what = "its personal part is gone, and no erasure and no retention on record says why"
        found.blame(what, block=block.block_no, entry=row.entry_id)
    found.gone += len(gone)


def _private_of(connection: Connection, commitments: Sequence[str]) -> Mapping[str, Row[Any]]:
    apart: dict[str, Row[Any]] = {}
    for chunk in chunks(commitments):
        query = select(record_private).where(among(record_private.c.commitment, chunk))
        apart |= {row.commitment: row for row in connection.execute(query)}
    return apart


def _meet(found: Verification, block: Block, wanted: dict[str, int | None]) -> None:
    """Strike the anchors that this block is."""
    number = wanted.pop(block.hash, block.block_no)
    if number not in (None, block.block_no):
        found.blame(
            f"the anchor says {number} of this block's hash: a block was removed or added", block=block.block_no
        )


def _judge_missing(found: Verification, anchor: str, number: int | None) -> None:
    """Tell of an anchor that no block has: the record was cut off before it, or written anew."""
    last = found.head.block_no if found.head else 0
    if number is not None and number > last:
        found.blame(
            f"the anchor is of block {number}, and the record ends at {last}: its end was cut off", block=number
        )
    elif number is not None:
        found.blame(f"block {number} is not the one of the anchor: the record was written anew", block=number)
    else:
        found.blame(f"no block has the hash {anchor[:16]}…: the record was cut off before it, or written anew")


def _judge_strays(connection: Connection, found: Verification) -> None:
    """Look for places in no block, and entries that stand in no block though their time to be sealed is over."""
    orphan = (
        select(record_leaf.c.block_no, record_leaf.c.entry_id)
        .outerjoin(record_block, record_block.c.block_no == record_leaf.c.block_no)
        .where(record_block.c.block_no.is_(None))
        .order_by(record_leaf.c.position)
        .limit(FAULTS_TOLD_MAX)
    )
    for place in connection.execute(orphan):
        found.blame("its block was removed", block=place.block_no, entry=place.entry_id)
    settled = floor(connection, found.head)
    for entry_id in unsealed(connection):
        if entry_id <= settled:
            found.blame("it was inserted among sealed ones, or its transaction took over an hour", entry=entry_id)
        else:
            found.unsealed += 1
