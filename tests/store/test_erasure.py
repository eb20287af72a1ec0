"""Erasing a customer: what is personal is gone everywhere, the proof stays, and so does what protects them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, select

from reminder.domain.hold import HoldKind
from reminder.domain.lifecycle import State
from reminder.domain.receipt import Inbound, Meaning
from reminder.errors import StoreError
from reminder.store import erasure, holds, inbound, numbers, sealing, suppressions
from reminder.store.schema import account, metadata, outbox
from support.outbox_rows import remind, write_attempt
from support.records import text_entry, verified, write
from support.worlds import account_row

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
NUMBER, OTHER = "+8613800138000", "+8613900139000"
SECRETS = (NUMBER, "13800138000", "王小明", "lost my job", "please stop", "owes 123")


def erase(connection: Connection, customer_id: str = "C") -> dict[str, int]:
    """Erase a customer as the operator li.na."""
    return erasure.erase(connection, customer_id, who="li.na", region="CN", at=AT)


def know(connection: Connection, customer_id: str = "C", number: str = NUMBER) -> None:
    """Write into every room what we come to know of a customer in a year."""
    key = f"A-{customer_id}"
    connection.execute(
        insert(account).values(account_row(key, date(2026, 3, 1), customer_id=customer_id, phone=number[3:]))
    )
    write_attempt(connection, f"ref-{customer_id}", customer_id=customer_id, number=number, body="王小明 owes 123")
    remind(connection, key, customer_id=customer_id, state=State.SENT.value, reference=f"ref-{customer_id}")
    remind(connection, key, customer_id=customer_id, step="next", reason="hold: dispute: lost my job")
    holds.add(connection, kind=HoldKind.HARDSHIP, reason="lost my job", who="li.na", at=AT, customer_id=customer_id)
    text = Inbound(f"IM-{customer_id}", number, "+100", "please stop", None)
    one = inbound.write(connection, "twilio", text, meaning=Meaning.STOP, customer_id=customer_id, at=AT)
    inbound.settle(connection, one, acted="suppressed", waits=False)
    suppressions.add(connection, number=number, channel="sms", source="STOP by text", who="twilio", at=AT)
    numbers.mark_bad(connection, number, gateway="twilio", code="30006", at=AT)


def everything(engine: Engine) -> str:
    """Return all that stands in any table, as text."""
    with engine.connect() as connection:
        return "\n".join(repr(row) for table in metadata.sorted_tables for row in connection.execute(select(table)))


@pytest.fixture
def known(engine: Engine) -> Engine:
    """A database that knows two customers, with a sealed record."""
    with engine.begin() as connection:
        know(connection)
        know(connection, "D", OTHER)
    write(engine, text_entry("C", NUMBER), text_entry("D", OTHER), at=AT)
    sealing.seal(engine, at=AT)
    return engine


def test_nothing_personal_is_left_in_any_table(known: Engine) -> None:
    """Numbers, names and words of the customer are in no column of any table any more; those of others are."""
    before = everything(known)
    assert [secret for secret in SECRETS if secret not in before] == []
    with known.begin() as connection:
        erase(connection)
        erase(connection, "D")

    after = everything(known)
    assert [secret for secret in (*SECRETS, OTHER, OTHER[3:]) if secret in after] == []


def test_others_are_left_alone(known: Engine) -> None:
    """One person's erasure touches no other's data."""
    with known.begin() as connection:
        erase(connection)
        kept = connection.execute(select(account.c.customer_id)).scalars().all()
        held = holds.in_force(connection, account_ids=[], customer_ids=["D"], at=AT)

    assert kept == ["D"]
    assert [one.reason for one in held] == ["lost my job"]
    assert OTHER in everything(known)


def test_record_stays_green_and_tells_of_the_erasure(known: Engine) -> None:
    """Law 14: what was sealed is proven as before, with the anchor from before; the erasure itself is on record."""
    with known.connect() as connection:
        anchor = sealing.head(connection)
    assert anchor is not None
    with known.begin() as connection:
        erase(connection)
    sealing.seal(known, at=AT)

    found = verified(known, anchor.anchor)
    assert (found.sound, found.faults, found.gone > 0) == (True, [], True)


def test_erased_stop_still_protects(known: Engine) -> None:
    """Law 5: who said STOP gets no text, though nobody knows the number any more but from being asked about it."""
    with known.begin() as connection:
        erase(connection)
        (entry,) = suppressions.covering(connection, numbers=[NUMBER], customer_ids=[])

        assert entry.covers(channel="sms", number=NUMBER, customer_id="whoever")
        assert numbers.bad_among(connection, [NUMBER]) == {NUMBER: "30006"}
        assert suppressions.covering(connection, numbers=["+8613700137000"], customer_ids=[]) == []


def test_erased_person_may_start_again(known: Engine) -> None:
    """A START from the number lifts the STOP that was erased: its owner decides."""
    with known.begin() as connection:
        erase(connection)
        assert inbound.lift_stops(connection, NUMBER, gateway="twilio", at=AT) == 1
        assert suppressions.covering(connection, numbers=[NUMBER], customer_ids=[]) == []


def test_holds_keep_their_kind_and_lose_their_words(known: Engine) -> None:
    """A hold goes on protecting; why it was made is nobody's business any more."""
    with known.begin() as connection:
        erase(connection)
        (held,) = holds.in_force(connection, account_ids=[], customer_ids=["C"], at=AT)

    assert (held.kind, held.reason) == (HoldKind.HARDSHIP, erasure.ERASED)


def test_planned_reminders_end_and_sent_ones_keep_their_state(known: Engine) -> None:
    """Law 4: erased is a final state with a reason, and what was sent stays sent."""
    with known.begin() as connection:
        erase(connection)
        rows = connection.execute(select(outbox).where(outbox.c.customer_id == "C").order_by(outbox.c.reminder_id))
        found = [(row.state, row.reason) for row in rows]

    assert found == [("sent", ""), ("cancelled", "operator")]


@pytest.mark.parametrize("state", [State.SENDING, State.IN_DOUBT])
def test_erasure_waits_for_what_is_on_its_way(engine: Engine, state: State) -> None:
    """Law 3: a text in doubt is asked for by number and body; without them nobody could settle it."""
    with engine.begin() as connection:
        remind(connection, state=state.value, reference=write_attempt(connection, "r"))
        with pytest.raises(StoreError, match="on its way or in doubt"):
            erase(connection)


def test_erasing_twice_and_strangers_does_no_harm(known: Engine) -> None:
    """What is gone stays gone, and nobody of that name is told as nothing."""
    counts: list[dict[str, Any]] = []
    for customer_id in ("C", "C", "nobody"):
        with known.begin() as connection:
            counts.append(erase(connection, customer_id))

    assert counts[0]["account"] == 1
    assert "account" not in counts[1]
    assert counts[2] == {}
    assert verified(known).sound
