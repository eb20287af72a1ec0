"""Sealing: entries of the record go into blocks, each with a Merkle root and the hash of the block before it.

Numbers of entries are given at insertion and rows show at commit, so on PostgreSQL and MariaDB a lower number may show
after a higher one. No writer waits for another because of that, and no block has to guess what may still come: a block
lists the entries that it seals (`record_leaf`), and one that shows late goes into a later block. Looked for are
entries behind the *floor*: the highest number of the newest block that is an hour older than the last one. An
act whose transaction took longer than that is not sealed by itself; `audit verify` names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, func, insert, select

from reminder.domain.merkle import root
from reminder.domain.record import Sealable, block_hash, leaf_of
from reminder.store.rows import upsert
from reminder.store.schema import customer_lock, record, record_block, record_leaf

__all__ = ["BLOCK_ENTRIES_MAX", "FIRST", "Block", "blocks", "floor", "head", "seal", "sealable", "to_block", "unsealed"]

BLOCK_ENTRIES_MAX = 4096
"""The most entries of one block: a proof that one is in it has at most twelve hashes, and a block fits in memory."""

FIRST = "0" * 64
"""What the first block carries in place of the hash of the one before it."""

SETTLED = timedelta(hours=1)
"""After how long no transaction is expected to show entries with numbers lower than those that are sealed."""

_SEAL_LOCK = "*seal*"
"""The row of `customer_lock` that the one who seals holds."""


@dataclass(frozen=True, slots=True)
class Block:
    """The head of a block: what it seals, and in which place of the chain. `sealed_at` is UTC, hashes hexadecimal."""

    block_no: int
    first_position: int
    entries: int
    root: str
    previous: str
    sealed_at: datetime
    hash: str

    @property
    def anchor(self) -> str:
        """What to keep elsewhere: whoever has it can tell whether this block, and all before it, were changed."""
        return f"{self.block_no}:{self.hash}"

    def reckoned(self) -> str:
        """Return the hash that the head must have."""
        return block_hash(
            block_no=self.block_no, first_position=self.first_position, entries=self.entries, root=self.root,
            previous=self.previous, sealed_at=self.sealed_at,
        )  # fmt: skip


def seal(
    engine: Engine, *, at: datetime, stopping: Callable[[], bool] = lambda: False, blocks_max: int = 1_000
) -> list[Block]:
    """Seal every entry that can be seen, one block a transaction; return the new blocks.

    Ends early, between two blocks, when `stopping` says so or after `blocks_max`. One process seals at a time; another
    one waits and goes on behind it.
    """
    made: list[Block] = []
    after: int | None = None
    while len(made) < blocks_max and not stopping():
        with engine.begin() as connection:
            sealed = _seal_block(connection, after, at)
        if sealed is None:
            break
        block, after = sealed
        made.append(block)
    return made


def _seal_block(connection: Connection, after: int | None, at: datetime) -> tuple[Block, int] | None:
    """Seal the next entries behind the number `after`; return the block and the last number in it, or None."""
    upsert(connection, customer_lock, {"customer_id": _SEAL_LOCK})
    last = head(connection)
    start = floor(connection, last) if after is None else after
    entries = [sealable(row) for row in connection.execute(_behind(start).limit(BLOCK_ENTRIES_MAX))]
    if not entries:
        return None
    leaves = [leaf_of(entry) for entry in entries]
    block = _next(last, root(leaves).hex(), len(leaves), at)
    connection.execute(insert(record_block).values(_values(block)))
    connection.execute(
        insert(record_leaf),
        [
            {"position": position, "entry_id": entry.entry_id, "block_no": block.block_no, "leaf": leaf.hex()}
            for position, (entry, leaf) in enumerate(zip(entries, leaves, strict=True), block.first_position)
        ],
    )
    return block, entries[-1].entry_id


def _next(last: Block | None, root_hash: str, entries: int, at: datetime) -> Block:
    """Return the block behind the last one. Blocks don't go back in time, whatever the clock of a process says."""
    head_of: dict[str, Any] = {
        "block_no": last.block_no + 1 if last else 1,
        "first_position": last.first_position + last.entries if last else 1,
        "entries": entries,
        "root": root_hash,
        "previous": last.hash if last else FIRST,
        "sealed_at": max(at, last.sealed_at) if last else at,
    }
    return Block(**head_of, hash=block_hash(**head_of))


def _values(block: Block) -> dict[str, Any]:
    return {name: getattr(block, name) for name in record_block.columns.keys()}  # noqa: SIM118 - no mapping


def _behind(start: int) -> Select[Any]:
    """Return the query for entries with numbers above `start` that are in no block, lowest first."""
    return (
        select(record)
        .outerjoin(record_leaf, record_leaf.c.entry_id == record.c.entry_id)
        .where(record.c.entry_id > start, record_leaf.c.entry_id.is_(None))
        .order_by(record.c.entry_id)
    )


def unsealed(connection: Connection) -> Iterator[int]:
    """Yield the numbers of the entries that are in no block, lowest first."""
    query = _behind(0).with_only_columns(record.c.entry_id)
    yield from connection.scalars(query, execution_options={"yield_per": 1_000})


def head(connection: Connection) -> Block | None:
    """Return the newest block, or None while nothing is sealed."""
    row = connection.execute(select(record_block).order_by(record_block.c.block_no.desc()).limit(1)).one_or_none()
    return to_block(row) if row is not None else None


def floor(connection: Connection, last: Block | None) -> int:
    """Return the number above which entries may still show that `last`, the newest block, could not see.

    Every sealing looks at all behind this number. It rests on blocks alone, not on the time of asking: after
    a night in which nobody sealed, nothing is passed over.
    """
    if last is None:
        return 0
    settled = (
        select(record_block.c.block_no)
        .where(record_block.c.sealed_at <= last.sealed_at - SETTLED)
        .order_by(record_block.c.block_no.desc())
        .limit(1)
        .scalar_subquery()
    )
    top = connection.scalar(select(func.max(record_leaf.c.entry_id)).where(record_leaf.c.block_no == settled))
    return int(top or 0)


def blocks(connection: Connection, *, after: int = 0, limit: int) -> list[Block]:
    """Return the blocks with numbers above `after`, lowest first and at most `limit`."""
    query = select(record_block).where(record_block.c.block_no > after).order_by(record_block.c.block_no).limit(limit)
    return [to_block(row) for row in connection.execute(query)]


def to_block(row: Row[Any]) -> Block:
    """Return a row as a block."""
    return Block(**row._asdict())


def sealable(row: Row[Any]) -> Sealable:
    """Return a row that has the columns of `record` as the domain hashes it."""
    return Sealable(**{name: getattr(row, name) for name in Sealable.__dataclass_fields__})
