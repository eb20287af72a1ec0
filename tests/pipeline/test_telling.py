"""Telling: what a dispatch decided, sent and heard is in the record as it was (law 14)."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from sqlalchemy import select

from reminder.domain.record import Kind
from reminder.store.schema import record, record_private
from support.worlds import World, account_row


def told(world: World, kind: Kind) -> list[tuple[Any, dict[str, Any], dict[str, Any]]]:
    """Return the entries of a kind, oldest first: the row, what is kept for good, what is personal."""
    query = (
        select(record, record_private.c.content)
        .outerjoin(record_private, record_private.c.commitment == record.c.commitment)
        .where(record.c.kind == kind)
        .order_by(record.c.entry_id)
    )
    with world.engine.connect() as connection:
        return [(row, json.loads(row.data), json.loads(row.content or "{}")) for row in connection.execute(query)]


def test_a_text_is_told_with_its_words_and_every_gate(world: World, due: date) -> None:
    """Law 14: why this person got this text at this minute: number, body and each gate's answer, apart."""
    world.add_accounts(account_row("A", due, customer_id="C"))
    world.run()

    ((row, data, private),) = told(world, Kind.TEXT)
    (sent,) = world.recorder.taken
    assert (row.account_id, row.customer_id, row.reference) == ("A", "C", sent.reference)
    assert (data["from"], data["to"], data["step"]) == ("planned", "sending", "due")
    assert (private["number"], private["body"]) == (sent.to, sent.body)
    (gates,) = private["gates"]
    assert list(gates)[:3] == ["book", "paid", "moved"]
    assert {"hold", "suppressed", "window", "cap"} <= set(gates)
    assert sent.to not in row.data


def test_an_answer_is_told_after_its_text(world: World, due: date) -> None:
    """Law 14: what the gateway said is an entry of its own, by the provider, under the same reference."""
    world.recorder.answer_with("retry")
    world.add_accounts(account_row("A", due))
    world.run()

    ((text, _, _),), ((row, data, private),) = told(world, Kind.TEXT), told(world, Kind.ANSWER)
    assert row.entry_id > text.entry_id
    assert (row.reference, row.actor, row.who) == (text.reference, "provider", "recorder")
    assert (data["code"], "busy" in private["reason"]) == ("429", True)


def test_a_lost_answer_is_told_by_us(world: World, due: date) -> None:
    """Law 3: nobody answered, so it is this process that says so."""
    world.recorder.answer_with("lost")
    world.add_accounts(account_row("A", due))
    world.run()

    ((row, data, _),) = told(world, Kind.ANSWER)
    assert (row.actor, row.who, data["event"]) == ("process", world.owner, "lose")


def test_a_repeated_silence_is_told_once(world: World, due: date) -> None:
    """A held reminder is asked every half hour, and the record has one entry of it, with the hold's words apart."""
    world.add_accounts(account_row("A", due, customer_id="C"))
    world.hold(customer_id="C")
    for _ in range(3):
        world.run()
        world.later(minutes=31)

    ((row, data, private),) = told(world, Kind.SILENCE)
    assert (data["reason"], data["from"], data["to"]) == ("hold", "planned", "planned")
    assert "test" in private["gates"]["hold"]
    assert "test" not in row.data


def test_another_reason_and_the_end_are_told_again(world: World, due: date) -> None:
    """Law 4: every change of mind is on record, and the final state with its reason."""
    world.add_accounts(account_row("A", due, customer_id="C"))
    world.hold(customer_id="C")
    world.run()
    world.later(minutes=31)
    world.change_account("A", amount_due=0)
    world.dispatch()

    found = [(data["reason"], data["to"]) for _, data, _ in told(world, Kind.SILENCE)]
    assert found == [("hold", "planned"), ("paid", "cancelled")]
