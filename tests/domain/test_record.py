"""Entries of the record: what is hashed, byte for byte, as `reminder/AUDIT.md` tells others."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from hashlib import sha256

import pytest

from reminder.domain.record import Actor, Entry, Kind, Sealable, block_hash, commitment, compact, iso, leaf_of

AT = datetime(2026, 7, 28, 2, 0, 0, 120, tzinfo=UTC)
ENTRY = Sealable(
    entry_id=7, kind="hold", actor="operator", who="li.na", subject="12", account_id="LN-1", customer_id=None,
    reminder_id=None, reference=None, happened_at=AT, data='{"to":"dispute"}', commitment="ab" * 32,
)  # fmt: skip
BYTES = (
    '[1,7,"hold","operator","li.na","12","LN-1",null,null,null,"2026-07-28T02:00:00.000120Z",'
    '"{\\"to\\":\\"dispute\\"}","' + "ab" * 32 + '"]'
)


def test_leaf_is_the_hash_of_the_documented_bytes() -> None:
    """Law 14: whoever has the entry and the page can reckon its leaf; the bytes stand here as on the page."""
    assert leaf_of(ENTRY) == sha256(b"\x00" + BYTES.encode()).digest()


@pytest.mark.parametrize(
    "change",
    [
        {"entry_id": 8}, {"kind": "holds"}, {"actor": "process"}, {"who": "li"}, {"subject": "13"},
        {"account_id": "LN-2"}, {"account_id": None}, {"customer_id": ""}, {"reminder_id": 0}, {"reference": "r"},
        {"happened_at": AT + timedelta(microseconds=1)}, {"data": '{"to": "dispute"}'}, {"commitment": None},
    ],
    ids=str,
)  # fmt: skip
def test_no_part_of_an_entry_is_left_out(change: dict[str, object]) -> None:
    """Whatever is changed, the leaf is another one; nothing and an empty text are two things."""
    assert leaf_of(replace(ENTRY, **change)) != leaf_of(ENTRY)  # type: ignore[arg-type]  # a change of any field


def test_same_instant_in_another_zone_is_the_same_leaf() -> None:
    """What a driver gives back in another zone is the same act."""
    moved = replace(ENTRY, happened_at=AT.astimezone(timezone(timedelta(hours=8))))

    assert leaf_of(moved) == leaf_of(ENTRY)


def test_parts_can_not_flow_into_each_other() -> None:
    """A character moved from one field into the next is found: the fields are a list, not a text."""
    one = replace(ENTRY, who="ab", subject="c")

    assert leaf_of(one) != leaf_of(replace(ENTRY, who="a", subject="bc"))


def test_commitment_needs_salt_and_words() -> None:
    """A commitment tells nothing without its salt, and fits one content only."""
    known = commitment("00" * 16, "{}")

    assert known == sha256(b"\x03" + b"00" * 16 + b"\x00" + b"{}").hexdigest()
    assert len({known, commitment("01" * 16, "{}"), commitment("00" * 16, "[]")}) == 3


def test_block_carries_the_one_before() -> None:
    """Each part of a block's head is hashed, the block before it too."""
    head = {
        "block_no": 2, "first_position": 5, "entries": 4, "root": "aa", "previous": "bb", "sealed_at": AT,
    }  # fmt: skip
    listed = '[1,2,5,4,"aa","bb","2026-07-28T02:00:00.000120Z"]'

    assert block_hash(**head) == sha256(b"\x02" + listed.encode()).hexdigest()  # type: ignore[arg-type]  # from a dict
    for name, other in (("block_no", 3), ("first_position", 6), ("entries", 5), ("root", "ab"), ("previous", "bc")):
        assert block_hash(**(head | {name: other})) != block_hash(**head)  # type: ignore[arg-type]  # from a dict


def test_open_part_tells_the_change_first() -> None:
    """From what to what comes before the rest; values that JSON lacks are written as text."""
    entry = Entry(
        Kind.HOLD, Actor.OPERATOR, "li.na", was="in force", became="released",
        data={"until": AT, "due": date(2026, 3, 1), "amount": Decimal("1.50"), "kind": Kind.HOLD, "ids": {2, 1}},
    )  # fmt: skip

    assert entry.open_part() == (
        '{"from":"in force","to":"released","until":"2026-07-28T02:00:00.000120Z","due":"2026-03-01","amount":"1.50",'
        '"kind":"hold","ids":[1,2]}'
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param("欠款 é \u2028", '"欠款 é \u2028"', id="no escapes that are not needed"),
        pytest.param('"\\\n\x00\x1f', '"\\"\\\\\\n\\u0000\\u001f"', id="the escapes of RFC 8785"),
        pytest.param("a\ud800b", '"a?b"', id="half of a pair, which has no UTF-8"),
    ],
)
def test_compact_is_canonical(value: str, text: str) -> None:
    """The same value has one text, the one that RFC 8785 gives it, and it can always be stored."""
    assert compact(value) == text


def test_what_is_no_data_is_refused() -> None:
    """An object that JSON can't tell is an error where it is written, not a `repr` in the record for ever."""
    with pytest.raises(TypeError, match="found object"):
        compact(object())


def test_iso_has_every_digit() -> None:
    """Instants are always written with microseconds, so that one instant has one text."""
    assert iso(datetime(2026, 1, 2, tzinfo=UTC)) == "2026-01-02T00:00:00.000000Z"
