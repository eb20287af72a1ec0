"""Texts whose answer was lost: asked for, and settled by what the provider says; never sent twice, never forgotten."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select, update
from structlog.testing import capture_logs

from reminder.domain.lifecycle import FINAL, Event, State
from reminder.domain.rate import Rate
from reminder.domain.selector import Selector, Term
from reminder.pipeline.reconcile import ASKS_MAX, ReconcileReport, reconcile
from reminder.store import doubts, unanswered
from reminder.store.engine import open_engine
from reminder.store.schema import attempt, doubt, metadata, outbox
from support.provider import Provider
from support.worlds import World, account_row, policy

LOST, TAKEN = "lost", "lost after taking it"

ANN, BOB = "A-70001", "B-70001"
"""Two accounts that a text can't tell apart: it shows the end of their names."""


def provide(world: World, *script: str, **given_: Any) -> Provider:
    """Let a provider that can be asked take the recorder's place, answering calls as the script says."""
    provider = Provider(lambda: world.at, script=script, **given_)
    world.recorder = provider
    return provider


def ask(world: World) -> ReconcileReport:
    """Ask for what is in doubt now."""
    return asyncio.run(reconcile(world.deployment()))


def states(world: World) -> Counter[str]:
    """Count the outbox by state."""
    return Counter(row.state for row in world.rows())


def attempts_of(engine: Engine) -> list[Any]:
    """Return every attempt, in the order of their references."""
    with engine.connect() as connection:
        return list(connection.execute(select(attempt).order_by(attempt.c.reference)))


def doubts_of(world: World) -> list[Any]:
    """Return what the store lists as open doubts."""
    with world.engine.connect() as connection:
        return list(doubts.listing(connection, limit=100))


def test_a_text_that_was_taken_is_confirmed(real_world: World, due: date) -> None:
    """Law 3: the provider has it, so it was sent, with the provider's id, and counts as a contact."""
    world, provider = real_world, provide(real_world, TAKEN)
    world.add_accounts(account_row("A", due))
    world.run()
    assert states(world) == {"in_doubt": 1}

    world.later(minutes=2)
    assert ask(world).found == {"confirm": 1}

    assert states(world) == {"sent": 1}
    (made,) = attempts_of(world.engine)
    assert (made.outcome, made.counted, made.provider_id) == ("accepted", True, f"P-{made.reference}")
    assert "recorder has it as P-" in world.rows()[0].reason
    world.later(days=1)
    world.run()
    assert len(provider.taken) == 1


def test_a_text_that_was_never_taken_is_sent_after_all(real_world: World, due: date) -> None:
    """Laws 3 and 4: not there, twice, a minute apart: it is planned again, was no contact, and goes out once."""
    world, provider = real_world, provide(real_world, LOST)
    world.add_accounts(account_row("A", due))
    world.run()
    provider.answer_with("accept")

    world.later(minutes=2)
    assert ask(world).found == {"wait": 1}
    world.later(seconds=59)
    assert ask(world).found == {}
    assert world.run().texts == 0
    world.later(seconds=1)
    assert ask(world).found == {"disprove": 1}

    assert states(world) == {"planned": 1}
    assert [made.counted for made in attempts_of(world.engine)] == [False]
    assert world.run().texts == 1
    assert states(world) == {"sent": 1}
    assert len(provider.taken) == 1


def test_nobody_asks_before_the_provider_has_settled(world: World, due: date) -> None:
    """Law 3: lists lag behind, so the gateway's settling time is waited out before the first question."""
    provider = provide(world, TAKEN, lag_seconds=90)
    world.add_accounts(account_row("A", due))
    world.run()

    assert ask(world).opened == 1
    world.later(seconds=119)
    ask(world)
    assert provider.questions == []
    world.later(seconds=1)
    assert ask(world).found == {"confirm": 1}


def test_what_appears_between_two_questions_is_found(world: World, due: date) -> None:
    """Law 3: a list that lags longer than expected is why one empty answer proves nothing."""
    provider = provide(world, TAKEN, lag_seconds=150)
    world.add_accounts(account_row("A", due))
    world.run()
    world.later(minutes=2)
    assert ask(world).found == {"wait": 1}
    world.later(minutes=1)
    assert ask(world).found == {"confirm": 1}
    assert len(provider.taken) == 1


@pytest.mark.parametrize("mood", ["silent", "raise"])
def test_a_provider_that_says_nothing_leaves_it_in_doubt(world: World, due: date, mood: str) -> None:
    """Law 3: no answer is no proof. It is asked for again, later and later, and said why; never sent on a guess."""
    provider = provide(world, LOST, moods=(mood,))
    world.add_accounts(account_row("A", due))
    world.run()

    for _ in range(50):
        world.later(minutes=10)
        assert set(ask(world).found) <= {"wait"}
        assert world.run().texts == 0

    assert states(world) == {"in_doubt": 1}
    assert 10 < len(provider.questions) < 30
    (listed,) = doubts_of(world)
    assert listed.note in ("it is out", "recorder failed to ask: RuntimeError")
    assert (listed.misses, listed.reminders) == (0, 1)
    assert listed.ask_at > world.at
    provider.be("well")
    world.later(hours=1)
    ask(world)
    world.later(hours=1)
    assert ask(world).found == {"disprove": 1}


def test_a_gateway_that_cannot_be_asked_leaves_it_to_a_person(world: World, due: date) -> None:
    """Law 3: without the port the text stays in doubt, listed with what to do, until a person settles it."""
    world.recorder.answer_with(LOST)
    world.add_accounts(account_row("A", due))
    world.run()
    for _ in range(3):
        world.later(hours=2)
        assert ask(world).found == {"wait": 1}
    assert states(world) == {"in_doubt": 1}
    (listed,) = doubts_of(world)
    assert listed.note == "recorder can't be asked: a person must look, and say it with `outbox resolve`"

    world.settle_doubts()
    assert doubts_of(world) == []
    world.later(hours=2)
    assert ask(world).found == {}


def test_an_answer_of_a_gateway_that_is_none_settles_nothing(
    world: World, due: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Law 9: a plug-in that answers with something else is told apart from one that says it is not there."""
    provider = provide(world, LOST)

    async def nonsense(**_: object) -> bool:
        return False

    monkeypatch.setattr(provider, "find", nonsense)
    world.add_accounts(account_row("A", due))
    world.run()
    world.later(minutes=2)
    assert ask(world).found == {"wait": 1}
    assert doubts_of(world)[0].note == "recorder answered with bool, which is no answer"


def test_a_poisoned_gateway_leaves_the_others_settled(world: World, due: date) -> None:
    """Law 9: of two gateways one raises whatever it is asked; the doubts of the other are settled."""
    poisoned = Provider(lambda: world.at, name="poisoned", script=(TAKEN,), moods=("raise",))
    provide(world, TAKEN)
    world.gateways = {"poisoned": poisoned}
    world.policies = (
        replace(
            policy("other"), priority=1, route=("poisoned",), selector=Selector((Term("product", frozenset({"B"})),))
        ),
        policy(),
    )
    world.add_accounts(account_row("A", due), account_row("B", due, product="B"))
    world.run()
    world.later(minutes=2)
    assert ask(world).found == {"confirm": 1, "wait": 1}
    assert states(world) == {"sent": 1, "in_doubt": 1}


def test_a_message_of_another_attempt_is_never_taken_for_this_one(real_world: World, due: date) -> None:
    """Law 4: two customers share a number and their texts are equal; the one that arrived is only one of them."""
    world = real_world
    provider = provide(world, "accept", LOST)
    world.add_accounts(account_row(ANN, due), account_row(BOB, due))
    world.run()
    assert states(world) == {"sent": 1, "in_doubt": 1}

    world.later(minutes=2)
    assert ask(world).found == {"wait": 1}
    world.later(minutes=1)
    assert ask(world).found == {"disprove": 1}
    provider.answer_with("accept")
    world.run()
    assert states(world) == {"sent": 2}
    assert len(provider.taken) == 2


def test_one_message_settles_one_of_two_equal_doubts(real_world: World, due: date) -> None:
    """Laws 3 and 4: both texts are in doubt and one was taken: one is confirmed, the other sent, and that makes two."""
    world, provider = real_world, provide(real_world, TAKEN, LOST)
    world.add_accounts(account_row(ANN, due), account_row(BOB, due))
    world.run()
    world.later(minutes=2)
    assert ask(world).found == {"confirm": 1, "wait": 1}
    world.later(minutes=1)
    assert ask(world).found == {"disprove": 1}
    provider.answer_with("accept")
    world.run()
    assert (states(world), len(provider.taken)) == ({"sent": 2}, 2)
    ids = [made.provider_id for made in attempts_of(world.engine) if made.provider_id]
    assert len(set(ids)) == 2


def test_two_equal_messages_are_left_to_a_person(world: World, due: date) -> None:
    """Law 3: where two messages may each be the text, none is taken for it and nothing is sent."""
    provider = provide(world, TAKEN)
    world.add_accounts(account_row("A", due))
    world.run()
    (_, message), *_ = provider.book
    provider.book.append((world.at, replace(message, reference="stranger")))
    world.later(minutes=2)
    assert ask(world).found == {"wait": 1}
    assert "several messages are equally like it" in doubts_of(world)[0].note


def test_a_call_under_way_may_own_the_message(world: World, due: date) -> None:
    """Law 3: while the same text to the same number is in another call, what is seen may be that one's.

    Check codes make texts differ, so this is about a deployment that has none.
    """
    world.check_key = None
    provide(world, TAKEN)
    world.add_accounts(account_row(ANN, due), account_row(BOB, due))
    world.run()
    with world.engine.begin() as connection:
        connection.execute(
            update(outbox)
            .where(outbox.c.account_id == BOB)
            .values(state=State.SENDING, lease_until=world.at + timedelta(hours=1))
        )
    world.later(minutes=2)
    assert ask(world).found == {"wait": 1}
    assert "once more" in doubts_of(world)[0].note


@pytest.mark.parametrize(("seconds", "found"), [(0.0, [ASKS_MAX, ASKS_MAX, 10, 0]), (60.0, [50, 0, 0, 0])])
def test_the_time_of_asking_is_bounded(
    world: World, due: date, seconds: float, found: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bad day leaves many in doubt: each pass asks in rounds, the longest waiting first, until its time is over."""
    monkeypatch.setattr("reminder.pipeline.reconcile.ROUNDS_SECONDS_MAX", seconds)
    provider = provide(world, TAKEN, TAKEN, "accept")
    world.add_accounts(*(account_row(f"A{number:03}", due, phone=f"138{number:08}") for number in range(75)))
    world.run()
    world.later(minutes=2)
    assert [ask(world).found["confirm"] for _ in range(4)] == found
    assert len({reference for _, reference in provider.questions}) == len(provider.questions) == 50


def test_nobody_asks_faster_than_a_gateway_may_be_used(world: World, due: date) -> None:
    """A rate that an operator set for a gateway bounds the questions too: fifty of them take a quarter of a second."""
    provide(world, TAKEN, TAKEN, "accept")
    world.add_accounts(*(account_row(f"A{number:03}", due, phone=f"138{number:08}") for number in range(75)))
    world.run()
    world.later(minutes=2)
    deployment = replace(world.deployment(), rates={"recorder": Rate(200.0, 1)})
    began = time.monotonic()
    report = asyncio.run(reconcile(deployment))

    assert report.found["confirm"] == 50
    assert time.monotonic() - began >= 2 * ASKS_MAX / 200.0


@pytest.mark.timeout(60)
def test_a_slow_gateway_holds_nothing_up(world: World, due: date) -> None:
    """What is due to be sent never waits for a rate of one question a minute: the other doubts are for later passes."""
    provide(world, TAKEN, TAKEN, "accept")
    world.add_accounts(*(account_row(f"A{number:03}", due, phone=f"138{number:08}") for number in range(75)))
    world.run()
    world.later(minutes=2)
    deployment = replace(world.deployment(), rates={"recorder": Rate(1 / 60, 1)})

    assert [asyncio.run(reconcile(deployment)).found["confirm"] for _ in range(3)] == [ASKS_MAX, ASKS_MAX, 10]


def test_a_process_that_dies_while_asking_loses_nothing(world: World, due: date) -> None:
    """Law 4: a question whose process died is asked again by another; until then nobody else asks it."""
    provider = provide(world, TAKEN)
    world.add_accounts(account_row("A", due))
    world.run()
    ask(world)
    world.later(minutes=2)
    with world.engine.begin() as connection:
        assert len(doubts.claim(connection, at=world.at, lease_seconds=300, limit=9)) == 1
    world.later(seconds=299)
    assert ask(world).found == {}
    world.later(seconds=1)
    assert ask(world).found == {"confirm": 1}
    assert len(provider.questions) == 1


def test_a_late_question_changes_nothing_that_is_settled(
    world: World, due: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Law 3: an answer to a question that another process has asked meanwhile, or a person has settled, is dropped."""
    provider = provide(world, LOST)
    world.add_accounts(account_row("A", due))
    world.run()
    find = provider.find

    async def settled_meanwhile(**given_: Any) -> Any:
        told = await find(**given_)
        with world.engine.begin() as connection:
            unanswered.resolve(
                connection, given_["reference"], event=Event.ABANDON, reason="ann: enough", who="ana", at=world.at
            )
        return told

    world.later(minutes=2)
    ask(world)
    world.later(minutes=1)
    monkeypatch.setattr(provider, "find", settled_meanwhile)
    assert ask(world).found == {"late": 1}
    assert states(world) == {"failed": 1}


def test_of_two_processes_one_answer_counts(world: World, due: date) -> None:
    """Law 3: two processes that ask at once make one miss, not two, so nothing is sent before its time."""
    provide(world, LOST)
    world.add_accounts(account_row("A", due))
    world.run()
    ask(world)
    world.later(minutes=2)
    with world.engine.begin() as connection:
        (question,) = doubts.claim(connection, at=world.at, lease_seconds=1, limit=9)
        asked = replace(question.asked, asks=1, misses=1, missed_since=world.at)
        assert doubts.keep(connection, question, asked, ask_at=world.at, note="first")
        assert not doubts.keep(connection, question, replace(asked, misses=2), ask_at=world.at, note="second")
        assert connection.scalar(select(doubt.c.misses)) == 1


def test_a_stop_asks_nothing(world: World, due: date) -> None:
    """A daemon that is to end does not begin to ask."""
    provider = provide(world, TAKEN)
    world.add_accounts(account_row("A", due))
    world.run()
    world.later(minutes=2)
    assert asyncio.run(reconcile(world.deployment(), stopping=lambda: True)).found == {}
    assert provider.questions == []


HISTORY = st.lists(st.sampled_from(["accept", LOST, TAKEN, "retry"]), min_size=1, max_size=6)
MOODS = st.lists(st.sampled_from(["well", "well", "silent", "raise"]), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(
    script=HISTORY,
    moods=MOODS,
    lag=st.integers(0, 119),
    shared=st.booleans(),
    waits=st.lists(st.integers(1, 900), min_size=5, max_size=30),
)
def test_no_history_makes_a_second_text(
    script: list[str], moods: list[str], lag: int, shared: bool, waits: list[int]
) -> None:
    """Laws 3 and 4: whatever is lost, and however slow, silent or broken the answers, each text is taken once at most.

    In the end every reminder is sent, and was taken, or is in doubt, and listed; what is final is never wrong.
    """
    engine = open_engine("sqlite://")
    metadata.create_all(engine)
    world = World(engine, policies=(policy(),), attempts_max=20)
    provider = provide(world, *script, moods=tuple(moods), lag_seconds=float(lag))
    phones = ("13800138000", "13800138000" if shared else "13800138001")
    today = date(2026, 11, 23)
    world.add_accounts(account_row(ANN, today, phone=phones[0]), account_row(BOB, today, phone=phones[1]))
    with capture_logs():
        world.run()
        for wait in waits:
            world.later(seconds=wait)
            ask(world)
            world.dispatch()
            _require_once(world, provider)
    engine.dispose()


def _require_once(world: World, provider: Provider) -> None:
    rows = world.rows()
    sent = sum(row.state == State.SENT for row in rows)
    doubtful = sum(row.state == State.IN_DOUBT for row in rows)
    assert len(provider.taken) <= len(rows)
    assert sent <= len(provider.taken) <= sent + doubtful
    assert {row.state for row in rows if State(row.state) in FINAL} <= {State.SENT}
    assert len(doubts_of(world)) == doubtful
