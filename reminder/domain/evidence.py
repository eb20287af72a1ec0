"""Evidence: entries that were taken out of the record, each with the proof that it was in it.

Whoever has such a pack and an anchor needs neither the database nor this program: `reminder/AUDIT.md` says how each
hash is reckoned. What is here does the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from reminder.domain.merkle import root_by_path
from reminder.domain.record import Sealable, block_hash, commitment, iso, leaf_of

__all__ = ["faults_of"]


def faults_of(pack: Mapping[str, Any], anchor: str | None = None) -> Iterator[str]:
    """Yield what is wrong with a pack, compared with an anchor where one is given: nothing if it is all true.

    Raises KeyError, TypeError or ValueError for what is no pack.
    """
    blocks = {block["block_no"]: block for block in pack["blocks"]}
    yield from _chain_faults(pack["blocks"])
    if anchor is not None:
        digest = anchor.strip().rpartition(":")[2].lower()
        if digest not in {block["hash"] for block in pack["blocks"]}:
            yield "no block of it is the one of the anchor: it is of another record, or of one that was changed"
    for item in pack["entries"]:
        number = item["entry"]["entry_id"]
        yield from (f"entry {number}: {what}" for what in _entry_faults(item, blocks))


def _chain_faults(blocks: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    before: Mapping[str, Any] | None = None
    for block in blocks:
        head = {name: block[name] for name in ("block_no", "first_position", "entries", "root", "previous")}
        if block["hash"] != block_hash(**head, sealed_at=_instant(block["sealed_at"])):
            yield f"block {block['block_no']}: its hash is not that of what it says"
        if before is not None and block["previous"] != before["hash"]:
            yield f"block {block['block_no']}: it does not follow block {before['block_no']}"
        before = block


def _entry_faults(item: Mapping[str, Any], blocks: Mapping[int, Mapping[str, Any]]) -> Iterator[str]:
    fields, proof = dict(item["entry"]), item["proof"]
    fields["happened_at"] = _instant(fields["happened_at"])
    entry = Sealable(**fields)
    if item["content"] is not None and commitment(item["salt"], item["content"]) != entry.commitment:
        yield "its personal part is not the one that it was sealed with"
    if proof is None:
        return
    block = blocks[proof["block_no"]]
    index, steps = proof["position"] - block["first_position"], [bytes.fromhex(step) for step in proof["path"]]
    reached = root_by_path(leaf_of(entry), index, block["entries"], steps)
    if reached is None or reached.hex() != block["root"]:
        yield f"it is not in block {proof['block_no']} as it stands here"


def _instant(text: str) -> datetime:
    """Return the instant that is written in the one way in which it is hashed; raise ValueError for any other way."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None or iso(at) != text:
        raise ValueError(f"expected an instant such as 2026-07-28T02:00:00.000120Z, found {text!r}")
    return at
