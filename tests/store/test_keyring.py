"""Keys: what they seal opens again, and nothing else does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder.errors import StoreError
from reminder.store.keyring import Keyring, mark_of, stored_chars

OLD, NEW = b"o" * 64, b"n" * 64
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)


@given(TEXTS, st.booleans())
def test_what_is_sealed_opens_again(text: str, compared: bool) -> None:
    """Any text comes back byte for byte, and fits the column that was made for it."""
    ring = Keyring([NEW, OLD])
    sealed = ring.seal(text, "name", compared=compared)

    assert ring.open(sealed, "name", compared=compared) == text
    assert len(sealed) <= stored_chars(len(text))
    assert sealed.startswith(mark_of(ring.newest))


def test_only_what_is_compared_gives_the_same_value_twice() -> None:
    """A number is found by asking for it; that two people have the same name is nobody's to see."""
    ring = Keyring([NEW])

    assert len({ring.seal("+8613800138000", "number", compared=True) for _ in range(5)}) == 1
    assert len({ring.seal("Ann", "name", compared=False) for _ in range(5)}) == 5


def test_older_keys_open_and_the_newest_seals() -> None:
    """What was sealed before a rotation can be read during it."""
    sealed = Keyring([OLD]).seal("Ann", "name", compared=False)
    ring = Keyring([NEW, OLD])

    assert ring.open(sealed, "name", compared=False) == "Ann"
    assert not ring.seal("Ann", "name", compared=False).startswith(sealed[:10])


@pytest.mark.parametrize("compared", [True, False])
def test_what_was_changed_is_told_and_not_shown(compared: bool) -> None:
    """A value that somebody edited, cut or put into another kind of column does not open as something else."""
    ring = Keyring([NEW])
    sealed = ring.seal("+8613800138000", "number", compared=compared)
    edited = sealed[:-4] + ("AAAA" if sealed[-4:] != "AAAA" else "BBBB")

    for value, use in ((edited, "number"), (sealed[:20], "number"), (sealed[:11], "number"), (sealed, "name")):
        with pytest.raises(StoreError, match="changed since"):
            ring.open(value, use, compared=compared)


@pytest.mark.parametrize("text", ["Hello", "~", "~deadbeef:", "~deadbeef:AAAA", "# a note", "~12:AB"])
def test_plain_text_stays_what_it_is(text: str) -> None:
    """Rows from before there was a key are read as they are, also those that begin like a sealed one (law 9)."""
    assert Keyring([NEW]).open(text, "reply", compared=False) == text
