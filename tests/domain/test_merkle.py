"""Merkle trees: the roots that Certificate Transparency publishes, and paths that prove one item and no other."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder.domain.merkle import EMPTY, Tree, leaf_hash, node_hash, path, root, root_by_path

# The inputs and roots of the reference implementation's own tests (google/certificate-transparency, merkletree).
ITEMS = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}

lists = st.lists(st.binary(max_size=4), min_size=1, max_size=40)


@pytest.mark.parametrize("size", ROOTS)
def test_roots_are_those_that_others_reckon(size: int) -> None:
    """Law 14: a third party's own tool gets our roots, for they are RFC 6962's."""
    assert root(leaf_hash(item) for item in ITEMS[:size]).hex() == ROOTS[size]


def by_definition(leaves: list[bytes]) -> bytes:
    """Return the root as RFC 6962 section 2.1 defines it, recursively."""
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return node_hash(by_definition(leaves[:half]), by_definition(leaves[half:]))


@given(lists)
def test_root_taken_in_one_by_one_is_the_defined_one(items: list[bytes]) -> None:
    """Reckoning while leaves stream by gives the root of the definition, at every length on the way."""
    tree, leaves = Tree(), [leaf_hash(item) for item in items]
    assert tree.root() == EMPTY
    for number, leaf in enumerate(leaves, 1):
        tree.add(leaf)
        assert tree.root() == by_definition(leaves[:number])


@given(lists, st.data())
def test_path_proves_the_item_in_its_place(items: list[bytes], data: st.DataObject) -> None:
    """A path leads from its leaf to the root, and from another leaf, place or length it does not."""
    leaves = [leaf_hash(item) for item in items]
    index = data.draw(st.integers(0, len(leaves) - 1))
    steps, whole = path(leaves, index), root(leaves)

    assert root_by_path(leaves[index], index, len(leaves), steps) == whole
    assert root_by_path(leaf_hash(b"something else"), index, len(leaves), steps) != whole
    assert root_by_path(leaves[index], index, len(leaves), [*steps, EMPTY]) is None
    assert root_by_path(leaves[index], len(leaves), len(leaves), steps) is None


@given(lists, st.data())
def test_every_step_of_a_path_counts(items: list[bytes], data: st.DataObject) -> None:
    """No hash of a path can be another one."""
    leaves = [leaf_hash(item) for item in items]
    index = data.draw(st.integers(0, len(leaves) - 1))
    steps = path(leaves, index)
    for number in range(len(steps)):
        bent = [*steps[:number], leaf_hash(b"bent"), *steps[number + 1 :]]
        assert root_by_path(leaves[index], index, len(leaves), bent) != root(leaves)


def test_no_path_to_a_leaf_that_is_not_there() -> None:
    """Asked for a place outside the list, it says so instead of proving something else."""
    with pytest.raises(IndexError, match="below 1, found 1"):
        path([leaf_hash(b"a")], 1)


def test_node_is_no_leaf() -> None:
    """An inner node can't be passed off as an item: the two are hashed apart."""
    left, right = leaf_hash(b"a"), leaf_hash(b"b")

    assert node_hash(left, right) != leaf_hash(left + right)
