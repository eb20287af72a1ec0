"""Evidence packs: everything on record about a customer, in order, with the proof of each entry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from reminder.domain.merkle import path
from reminder.domain.record import iso
from reminder.store import entries
from reminder.store.entries import Recorded
from reminder.store.erasure import numbers_of
from reminder.store.schema import record_block, record_leaf
from reminder.store.sealing import Block, blocks

__all__ = ["pack_of"]

_BLOCKS_AT_ONCE = 1_000


def pack_of(
    connection: Connection, customer_id: str, *, region: str | None, at: datetime, anchor: str | None = None
) -> dict[str, Any]:
    """Return all that is on record about a customer, as JSON can say it.

    Each sealed entry has its path to the root of its block, and the heads of the blocks lead from the first of them to
    the newest: an anchor of any of these proves what stands before it. They begin at the block of `anchor`, where one
    is given that is older. `region` is where numbers without a country code are read; entries about the customer's
    numbers belong to the pack too.
    """
    numbers = numbers_of(connection, customer_id, region)
    accounts = entries.accounts_of(connection, customer_id)
    named = entries.about_numbers(connection, numbers)
    found = list(entries.of_customer(connection, customer_id, accounts, named))
    sealed = [one.block_no for one in found if one.block_no is not None]
    first_blocks = sorted({*sealed, *_of_anchor(connection, anchor)})
    heads = list(_chain(connection, first_blocks[0])) if first_blocks else []
    leaves: dict[int, list[bytes]] = {number: _leaves(connection, number) for number in sorted(set(sealed))}
    first = {block.block_no: block.first_position for block in heads}
    return {
        "format": 1,
        "customer": customer_id,
        "accounts": accounts,
        "made_at": iso(at),
        "anchor": heads[-1].anchor if heads else None,
        "entries": [_item(one, leaves, first) for one in found],
        "blocks": [asdict(block) | {"sealed_at": iso(block.sealed_at)} for block in heads],
    }


def _chain(connection: Connection, number: int) -> Iterator[Block]:
    """Yield the blocks from this one to the newest."""
    last = number - 1
    while page := blocks(connection, after=last, limit=_BLOCKS_AT_ONCE):
        yield from page
        last = page[-1].block_no


def _of_anchor(connection: Connection, anchor: str | None) -> list[int]:
    """Return the number of the block that an anchor is of; nothing where there is none, or no such block."""
    if anchor is None:
        return []
    digest = anchor.strip().rpartition(":")[2].lower()
    return list(connection.scalars(select(record_block.c.block_no).where(record_block.c.hash == digest)))


def _leaves(connection: Connection, block_no: int) -> list[bytes]:
    query = select(record_leaf.c.leaf).where(record_leaf.c.block_no == block_no).order_by(record_leaf.c.position)
    return [bytes.fromhex(leaf) for leaf in connection.scalars(query)]


def _item(one: Recorded, leaves: dict[int, list[bytes]], first: dict[int, int]) -> dict[str, Any]:
    proof = None
    if one.block_no is not None and one.position is not None:
        steps = path(leaves[one.block_no], one.position - first[one.block_no])
        proof = {"block_no": one.block_no, "position": one.position, "path": [step.hex() for step in steps]}
    entry = asdict(one.entry) | {"happened_at": iso(one.entry.happened_at)}
    return {"entry": entry, "salt": one.salt, "content": one.content, "proof": proof}
