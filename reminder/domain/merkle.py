"""Merkle trees as RFC 6962 section 2.1 has them: one hash stands for a list, a short path proves that an item is in it.

Leaves and inner nodes are hashed apart (`0x00` and `0x01` in front), so that a node can never pass for an item.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

__all__ = ["EMPTY", "Tree", "leaf_hash", "node_hash", "path", "root", "root_by_path"]

EMPTY = sha256().digest()
"""The root of a list without items."""


def leaf_hash(item: bytes) -> bytes:
    """Return the hash of one item of the list."""
    return sha256(b"\x00" + item).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two subtrees beside each other."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """A root that is reckoned while leaves come in, in memory that grows with the logarithm of their number."""

    def __init__(self) -> None:
        self._whole: list[tuple[int, bytes]] = []  # (leaves, hash) of full subtrees, the widest first

    def add(self, leaf: bytes) -> None:
        """Take in the next leaf's hash."""
        size = 1
        while self._whole and self._whole[-1][0] == size:
            leaf = node_hash(self._whole.pop()[1], leaf)
            size *= 2
        self._whole.append((size, leaf))

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        if not self._whole:
            return EMPTY
        _, found = self._whole[-1]
        for _, left in reversed(self._whole[:-1]):
            found = node_hash(left, found)
        return found


def root(leaves: Iterable[bytes]) -> bytes:
    """Return the root over the hashes of leaves, in their order."""
    tree = Tree()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()


def path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the hashes that lead from the leaf at `index` to the root, the nearest first.

    Raises IndexError where the list has no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise IndexError(f"expected an index below {len(leaves)}, found {index}")
    if len(leaves) == 1:
        return []
    half = _split(len(leaves))
    if index < half:
        return [*path(leaves[:half], index), root(leaves[half:])]
    return [*path(leaves[half:], index - half), root(leaves[:half])]


def root_by_path(leaf: bytes, index: int, size: int, steps: Sequence[bytes]) -> bytes | None:
    """Return the root that a path leads to from a leaf's hash, or None where the path has another length than it must.

    Whoever holds the root of a list of `size` compares: they are equal only if the leaf is at `index` of that list.
    """
    if not 0 <= index < size:
        return None
    sides: list[bool] = []  # whether the leaf lies in the left half, from the root down
    while size > 1:
        half = _split(size)
        sides.append(index < half)
        index, size = (index, half) if index < half else (index - half, size - half)
    if len(sides) != len(steps):
        return None
    found = leaf
    for on_the_left, step in zip(reversed(sides), steps, strict=True):
        found = node_hash(found, step) if on_the_left else node_hash(step, found)
    return found


def _split(size: int) -> int:
    """Return the largest power of two below `size`, which is at least 2."""
    return 1 << ((size - 1).bit_length() - 1)
