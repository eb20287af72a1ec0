"""What the small rooms share: chunks, texts that fit, a row written over an older one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from reminder.errors import DataError
from reminder.store.rows import CHUNK_VALUES, chunks, cut, require_fit, upsert
from reminder.store.schema import customer_lock, gateway_state, hold

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)


@given(st.lists(st.integers(0, 2_000), max_size=3_000))
def test_chunks_hold_every_value_once(values: list[int]) -> None:
    """A query by chunks asks for each value exactly once and never for more than the limit at a time."""
    found = list(chunks(values))

    assert sorted(value for chunk in found for value in chunk) == sorted(set(values))
    assert all(0 < len(chunk) <= CHUNK_VALUES for chunk in found)


@pytest.mark.parametrize(("length", "fits"), [(299, True), (300, True), (301, False)])
def test_text_of_a_person_must_fit(length: int, fits: bool) -> None:
    """A reason is kept whole or refused with its limit; SQLite alone would take any length."""
    values = {"reason": "x" * length}
    if fits:
        require_fit(hold, values)
    else:
        with pytest.raises(DataError, match="expected at most 300 characters for the reason of a hold, found 301"):
            require_fit(hold, values)


def test_values_other_than_texts_always_fit() -> None:
    """Instants, numbers and missing values have no length to exceed."""
    require_fit(hold, {"reason": None, "until": AT, "hold_id": 10**12})


@pytest.mark.parametrize(("length", "kept"), [(0, 0), (63, 63), (64, 64), (65, 64)])
def test_text_of_a_provider_is_cut(length: int, kept: int) -> None:
    """A provider's endless error text does not keep the refusal from being recorded (law 9)."""
    assert cut(gateway_state, {"gateway": "x" * length, "changed_at": AT}) == {"gateway": "x" * kept, "changed_at": AT}


@pytest.mark.parametrize("kept", [True, False], ids=["condition true", "condition false"])
@pytest.mark.parametrize("order", [("paused_until", "reason"), ("reason", "paused_until")], ids=["first", "last"])
def test_condition_is_asked_of_the_old_row(engine: Engine, order: tuple[str, str], kept: bool) -> None:
    """Trap 5: MariaDB assigns from left to right; all columns change or none does, wherever the caller names them."""
    old = {"gateway": "twilio", "paused_until": AT, "reason": "old", "changed_at": AT}
    new = {"paused_until": AT + timedelta(hours=1), "reason": "new"}
    limit = AT if kept else AT + timedelta(seconds=1)
    with engine.begin() as connection:
        upsert(connection, gateway_state, old)
        upsert(
            connection, gateway_state,
            {"gateway": "twilio", **{name: new[name] for name in order}, "changed_at": AT + timedelta(minutes=1)},
            keep_if=gateway_state.c.paused_until >= limit, decisive="paused_until",
        )  # fmt: skip
        row = connection.execute(select(gateway_state)).one()

    changed = ("twilio", AT + timedelta(hours=1), "new", AT + timedelta(minutes=1))
    assert tuple(row) == (("twilio", AT, "old", AT) if kept else changed)


def test_row_that_is_all_key_is_written_once(engine: Engine) -> None:
    """A row that exists only to be locked is there after the first time and no error after the second."""
    with engine.begin() as connection:
        upsert(connection, customer_lock, {"customer_id": "c-1"})
        upsert(connection, customer_lock, {"customer_id": "c-1"})

        assert connection.execute(select(customer_lock.c.customer_id)).scalars().all() == ["c-1"]
