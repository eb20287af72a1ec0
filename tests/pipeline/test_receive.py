"""Receipts: kept, believed in any order, and never the cause of a second text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select

from reminder.domain.lifecycle import Event, State
from reminder.domain.message import Refusal
from reminder.domain.receipt import Progress, Receipt, event_for
from reminder.domain.record import Kind
from reminder.gateways.twilio_receiving import PROGRESS
from reminder.pipeline.receive import receive_receipts
from reminder.store import attempts, numbers, suppressions, unanswered
from reminder.store.schema import attempt, receipt, record
from support.worlds import World, account_row

NUMBER = "+8613800138000"
REFERENCE = "test:1-1"


def say(status: str, reference: str | None = REFERENCE, code: str | None = None, **given: Any) -> Receipt:
    """Return a receipt with this word of Twilio's."""
    return Receipt(**{"provider_id": "P-1", "status": status, "progress": PROGRESS.get(status, Progress.UNCLEAR),
                      "reference": reference, "code": code} | given)  # fmt: skip


def take(world: World, *found: Receipt, gateway: str = "recorder") -> list[str]:
    """Let the receipts have their effect."""
    return receive_receipts(world.deployment(), gateway, found)


def texted(world: World, due: date, answer: str = "accept") -> World:
    """Send one text that gets this answer."""
    world.recorder.answer_with(answer)
    world.add_accounts(account_row("A", due))
    world.run()
    return world


def state(world: World) -> str:
    """Return the state of the only reminder."""
    (row,) = world.rows()
    return str(row.state)


def kept(world: World) -> list[Any]:
    """Return every receipt that is kept."""
    with world.engine.connect() as connection:
        return list(connection.execute(select(receipt).order_by(receipt.c.receipt_id)))


def attempt_now(world: World) -> Any:
    """Return the only attempt."""
    with world.engine.connect() as connection:
        return connection.execute(select(attempt)).one()


def bad(world: World) -> dict[str, str]:
    """Return the codes of the numbers that are marked."""
    with world.engine.connect() as connection:
        return numbers.bad_among(connection, [NUMBER])


@pytest.mark.parametrize(
    ("status", "ends"),
    [
        pytest.param("queued", "sent", id="queued"),
        pytest.param("sent", "sent", id="sent"),
        pytest.param("delivered", "delivered", id="delivered"),
        pytest.param("undelivered", "undelivered", id="undelivered"),
        pytest.param("failed", "undelivered", id="failed"),
        pytest.param("teleported", "sent", id="new-word"),
    ],
)
def test_a_receipt_moves_what_was_sent(real_world: World, due: date, status: str, ends: str) -> None:
    """Each status has its state, on every database; what it came with is kept."""
    texted(real_world, due)
    take(real_world, say(status, code="30006" if ends == "undelivered" else None))

    assert state(real_world) == ends
    assert [(row.status, row.reference, row.provider_id) for row in kept(real_world)] == [(status, REFERENCE, "P-1")]


@pytest.mark.parametrize(
    ("status", "ends"),
    [
        pytest.param("sent", "sent", id="sent"),
        pytest.param("delivered", "delivered", id="delivered"),
        pytest.param("failed", "undelivered", id="failed"),
        pytest.param("teleported", "in_doubt", id="a-new-word-proves-nothing"),
    ],
)
def test_a_receipt_settles_a_doubt(real_world: World, due: date, status: str, ends: str) -> None:
    """Law 3: a receipt with our reference proves that the provider took the text whose answer was lost."""
    texted(real_world, due, "lost after taking it")
    assert state(real_world) == "in_doubt"
    take(real_world, say(status, provider_id="P-9"))

    assert state(real_world) == ends
    if ends != "in_doubt":
        found = attempt_now(real_world)
        assert (found.outcome, found.provider_id, found.counted) == ("accepted", "P-9", True)
    real_world.later(days=1)
    real_world.dispatch()
    assert len(real_world.recorder.taken) == 1


def test_a_receipt_may_come_before_the_answer(world: World, due: date) -> None:
    """Law 3: a receipt during the call binds the text; the call's own answer then changes nothing."""
    texted(world, due)
    _back_to_sending(world)
    take(world, say("delivered", provider_id="P-9"))
    assert state(world) == "delivered"

    late = attempts.Answer(REFERENCE, Event.LOSE, "unknown", "the answer was lost", counted=True)
    with world.engine.begin() as connection:
        attempts.record(connection, [late], at=world.at)
    assert (state(world), attempt_now(world).provider_id) == ("delivered", "P-9")


def _back_to_sending(world: World) -> None:
    from reminder.store.schema import outbox

    with world.engine.begin() as connection:
        connection.execute(outbox.update().values(state=State.SENDING.value))
        connection.execute(attempt.update().values(outcome="", provider_id=None))


STATUSES = sorted(PROGRESS)


def _ends(world: World, order: Sequence[str], begin: str) -> tuple[str, dict[str, str]]:
    """Return state and marks after these receipts, from a fresh world whose text had this answer."""
    world.clear()
    world.numbers = iter(range(1, 100))
    texted(world, date(2026, 11, 23), begin)
    for status in order:
        refusal = Refusal.NUMBER if PROGRESS[status] is Progress.MISCARRIED else None
        take(world, say(status, code="30006" if refusal else None, refusal=refusal))
    return state(world), bad(world)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data(), st.sampled_from(["accept", "lost after taking it"]))
def test_the_order_of_receipts_makes_no_difference(world: World, data: st.DataObject, begin: str) -> None:
    """Late, repeated and reordered receipts end in one state, which the best of them decides; so do marks on a number.

    Which of several refusals marked the number may differ, not whether it is marked.
    """
    came = data.draw(st.lists(st.sampled_from(STATUSES), min_size=1, max_size=6))
    other = data.draw(st.permutations(came + data.draw(st.lists(st.sampled_from(came), max_size=3))))
    best = {PROGRESS[status] for status in came}
    ends = "delivered" if Progress.ARRIVED in best else "undelivered" if Progress.MISCARRIED in best else "sent"

    assert _ends(world, came, begin) == _ends(world, other, begin)
    assert state(world) == ends
    assert bool(bad(world)) == (ends == "undelivered")


def _told(world: World, said: Sequence[tuple[int, str]], *, together: bool) -> tuple[object, ...]:
    """Return effects, states, marks, receipts and record after these words on three texts, two of one number."""
    world.clear()
    world.numbers = iter(range(1, 100))
    world.recorder.answer_with("accept", "lost after taking it", "accept")
    for name, phone in (("A", "13800138000"), ("B", "13800138000"), ("C", "13800138001")):
        world.add_accounts(account_row(name, date(2026, 11, 23), phone=phone))
    world.run()
    with world.engine.connect() as connection:
        texts = connection.scalars(select(attempt.c.reference).order_by(attempt.c.reference)).all()
    found = [
        say(status, texts[i % len(texts)], provider_id=f"P-{i}", code="30006" if refusal else None, refusal=refusal)
        for i, status in said
        for refusal in [Refusal.NUMBER if PROGRESS[status] is Progress.MISCARRIED else None]
    ]
    effects = take(world, *found) if together else [effect for each in found for effect in take(world, each)]
    with world.engine.connect() as connection:
        entries = connection.execute(
            select(record.c.reference, record.c.data).where(record.c.kind == "receipt").order_by(record.c.entry_id)
        ).all()
    receipts = {(row.provider_id, row.status, row.effect) for row in kept(world)}
    states = [(row.reference, row.state, row.reason) for row in world.rows()]
    return effects, states, bad(world), receipts, sorted(map(str, entries))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(STATUSES)), min_size=1, max_size=8))
def test_receipts_taken_together_do_what_they_do_one_by_one(world: World, said: list[tuple[int, str]]) -> None:
    """Which transaction a receipt goes into is a matter of speed: effects, states, marks and record are the same."""
    assert _told(world, said, together=True) == _told(world, said, together=False)


def test_many_receipts_cost_as_many_statements_as_one(real_world: World, due: date) -> None:
    """What a batch costs at the database does not grow with it, so that a burst of receipts is taken in."""
    for i in range(12):
        real_world.add_accounts(account_row(f"A{i}", due, customer_id=f"C{i}", phone=f"138001380{i:02}"))
    real_world.run()
    with real_world.engine.connect() as connection:
        texts = connection.scalars(select(attempt.c.reference)).all()
    statements: list[str] = []
    event.listen(real_world.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    take(real_world, say("delivered", texts[0], provider_id="P-0"))
    for_one = len(statements)
    take(real_world, *(say("delivered", text, provider_id=f"P-{i}") for i, text in enumerate(texts[1:], 1)))

    assert len(texts) == 12
    assert len(statements) - for_one == for_one


def test_a_repeated_receipt_is_kept_once(real_world: World, due: date) -> None:
    """Providers repeat what they are not sure we heard; the first one's effect stays written."""
    texted(real_world, due)
    assert take(real_world, say("delivered"), say("delivered")) == ["delivered", "none"]
    assert [row.effect for row in kept(real_world)] == ["delivered"]
    with real_world.engine.connect() as connection:
        told = connection.scalars(select(record.c.data).where(record.c.kind == Kind.RECEIPT)).all()
    assert [json.loads(each)["effect"] for each in told] == ["delivered"]


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(say("delivered", "somebody-else's"), id="unknown-reference"),
        pytest.param(say("delivered", None, provider_id="P-unknown"), id="unknown-id"),
        pytest.param(say("delivered", "x" * 300, provider_id="p" * 300), id="longer-than-any-of-ours"),
    ],
)
def test_a_receipt_of_no_text_of_ours_is_kept(real_world: World, due: date, found: Receipt) -> None:
    """Nothing inbound is thrown away, and nothing of ours moves for it."""
    texted(real_world, due)
    assert take(real_world, found) == ["unknown"]
    assert (state(real_world), len(kept(real_world))) == ("sent", 1)


def test_a_receipt_without_our_reference_is_found_by_the_providers_id(world: World, due: date) -> None:
    """Providers that don't echo our reference name their own id."""
    texted(world, due)
    assert take(world, say("delivered", None, provider_id=f"P-{REFERENCE}")) == ["delivered"]


def test_another_gateway_cannot_speak_for_this_one(world: World, due: date) -> None:
    """A provider's signature proves things about its own texts only."""
    texted(world, due)
    assert take(world, say("failed"), gateway="another") == ["unknown"]
    assert state(world) == "sent"


def test_a_dead_number_is_marked_and_not_texted_again(world: World, due: date) -> None:
    """What the error table calls a bad number is marked by a receipt as by a refusal; the next step stays silent."""
    texted(world, due)
    take(world, say("undelivered", code="30006", refusal=Refusal.NUMBER))
    assert bad(world) == {NUMBER: "30006"}

    world.later(days=4)
    world.run()
    assert len(world.recorder.taken) == 1


def test_an_opt_out_that_the_provider_tells_is_a_suppression(world: World, due: date) -> None:
    """21610 in a receipt suppresses the number, whatever state its reminder is in."""
    texted(world, due)
    take(world, say("delivered"), say("failed", code="21610", refusal=Refusal.OPTED_OUT))
    with world.engine.connect() as connection:
        (entry,) = suppressions.covering(connection, numbers=[NUMBER], customer_ids=[])
    assert (entry.channel, entry.who, "21610" in entry.source) == ("sms", "recorder", True)


def test_a_text_that_arrived_after_all_is_not_sent_again(world: World, due: date) -> None:
    """Law 3: a doubt that was disproved, and a receipt says it arrived: the second text is cancelled."""
    texted(world, due, "lost after taking it")
    with world.engine.begin() as connection:
        unanswered.resolve(connection, REFERENCE, event=Event.DISPROVE, reason="not in its log", who="ana", at=world.at)
    assert state(world) == "planned"
    take(world, say("delivered"))

    assert state(world) == "cancelled"
    world.later(hours=1)
    world.dispatch()
    assert len(world.recorder.taken) == 1


def test_a_receipt_against_a_persons_word_is_told(world: World, due: date) -> None:
    """What a person gave up stays given up; that it arrived after all is written down with the receipt."""
    texted(world, due, "lost after taking it")
    world.settle_doubts()
    assert take(world, say("delivered")) == ["contradicted"]
    assert (state(world), kept(world)[0].effect) == ("failed", "contradicted")


@pytest.mark.parametrize("progress", list(Progress))
@pytest.mark.parametrize("before", list(State))
def test_receipts_ask_only_for_what_the_table_allows(before: State, progress: Progress) -> None:
    """No receipt asks for a transition that the lifecycle does not have, nor ever leaves `delivered`."""
    from reminder.domain.lifecycle import TRANSITIONS

    event = event_for(before, progress)
    assert event is None or (before, event) in TRANSITIONS
    assert not (before is State.DELIVERED and event)
