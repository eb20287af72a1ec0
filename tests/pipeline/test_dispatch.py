"""Dispatch with a provider in every mood: what is tried again, when, by whom, and what is never tried again."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from reminder.domain.caps import Cap, CapPeriod
from reminder.domain.lifecycle import Event, State
from reminder.domain.message import Message, Outcome, Refusal, Refused
from reminder.domain.selector import Selector, Term
from reminder.domain.verdict import Reason
from reminder.gateways.base import GatewayContext
from reminder.gateways.console import ConsoleGateway, ConsoleOptions
from reminder.pipeline.dispatch import dispatch
from reminder.store import numbers, unanswered
from reminder.store.schema import attempt, bad_number, gateway_state, outbox, suppression
from support.recorder import ANSWERS, Recorder
from support.worlds import DAYTIME, World, account_row, policy

HALF_WAY = timedelta(seconds=45)
"""The first backoff of the worlds: a minute, of which the dice take a quarter."""

OTHER_NUMBER = "13900139000"


class Answering(Recorder):
    """A gateway that says exactly this, or fails like this."""

    def __init__(self, what: Any, name: str = "answering") -> None:
        super().__init__(name)
        self.what = what

    async def send(self, message: Message) -> Outcome:
        """Say it, or raise it."""
        self.calls += 1
        if isinstance(self.what, Exception):
            raise self.what
        answer: Outcome = self.what
        return answer


def only_row(world: World) -> Any:
    """Return the only row of the outbox."""
    (row,) = world.rows()
    return row


def everything(world: World, table: Any) -> list[Any]:
    """Return every row of a table."""
    with world.engine.connect() as connection:
        return list(connection.execute(select(table)))


def console() -> ConsoleGateway:
    """Return a console."""
    return ConsoleGateway(ConsoleOptions(), GatewayContext("console", {}))


@pytest.fixture
def one(world: World, due: date) -> World:
    """Lend a world in which one account is due today and planned."""
    world.add_accounts(account_row("A", due))
    world.plan()
    return world


def test_a_text_is_sent_once(real_world: World, due: date) -> None:
    """Law 2 on every database: planned, sent, and not again, however often dispatch runs."""
    real_world.add_accounts(account_row("A", due))
    report = real_world.run()
    assert (report.states[State.SENT], report.texts, report.claimed) == (1, 1, 1)

    real_world.later(hours=1)
    assert real_world.run().claimed == 0

    (message,) = real_world.recorder.taken
    row = only_row(real_world)
    assert (row.state, row.reference, row.reason) == ("sent", message.reference, "accepted by recorder")
    assert (message.to, message.valid_seconds > 0) == ("+8613800138000", True)
    assert message.body == everything(real_world, attempt)[0].body


def test_refused_for_now_waits_longer_each_time(one: World) -> None:
    """A refusal for now is tried again by backoff, and after the last try it has failed, with what was said."""
    one.recorder.answer_with("retry")
    waits = []
    for _ in range(2):
        one.dispatch()
        row = only_row(one)
        assert row.state == "planned"
        waits.append(row.not_before - one.at)
        one.at = row.not_before - timedelta(microseconds=1)
        assert one.dispatch().claimed == 0
        one.at = row.not_before
    report = one.dispatch()

    assert waits == [HALF_WAY, 2 * HALF_WAY]
    row = only_row(one)
    assert (row.state, row.attempts, report.states[State.FAILED]) == ("failed", 2, 1)
    assert row.reason == "attempts: 3 refused, the last with 429 busy"
    assert (one.recorder.calls, one.recorder.taken) == (3, [])
    one.later(days=1)
    assert one.run().claimed == 0


def test_a_refusal_is_no_contact(one: World) -> None:
    """Law 10: a text that was proven not taken leaves the room under the cap to the one that is."""
    one.policies = (policy(caps=(Cap(1, CapPeriod.DAY),)),)
    one.recorder.answer_with("retry", "accept")
    one.dispatch()
    one.later(minutes=1)
    one.dispatch()

    assert [row.counted for row in sorted(everything(one, attempt), key=lambda row: row.started_at)] == [False, True]
    assert only_row(one).state == "sent"


def test_retry_after_is_honoured(one: World) -> None:
    """A provider that says when to come back is not asked before."""
    one.gateways["recorder"] = Answering(Refused(Refusal.RETRY, "429", "busy", after_seconds=1000), "recorder")
    one.dispatch()
    assert only_row(one).not_before == one.at + timedelta(seconds=1000)


def test_another_gateway_is_asked_at_once_after_a_refusal(one: World) -> None:
    """The route's next gateway gets the text in the same dispatch; the first one's refusal is kept."""
    second = Recorder("second")
    one.gateways["second"] = second
    one.policies = (policy(route=("recorder", "second")),)
    one.recorder.answer_with("retry")

    one.dispatch()

    assert (len(second.taken), one.recorder.calls) == (1, 1)
    assert {(row.gateway, row.outcome) for row in everything(one, attempt)} == {
        ("recorder", "refused"),
        ("second", "accepted"),
    }
    assert only_row(one).reference == second.taken[0].reference


def test_no_other_gateway_is_asked_after_an_answer_was_lost(one: World) -> None:
    """Law 3: another gateway would be a second text on a guess."""
    second = Recorder("second")
    one.gateways["second"] = second
    one.policies = (policy(route=("recorder", "second")),)
    one.recorder.answer_with("lost after taking it")

    for _ in range(3):
        one.run()
        one.later(hours=6)

    assert (len(one.recorder.taken), one.recorder.calls, second.calls) == (1, 1, 0)
    assert only_row(one).state == "in_doubt"


def test_the_only_gateway_that_is_left_is_not_hurried(one: World) -> None:
    """With the other one paused, a refusal waits by backoff, and as the provider asks; nobody is asked at once."""
    one.gateways["first"] = Recorder("first", ("configuration",))
    one.gateways["second"] = Answering(Refused(Refusal.RETRY, "429", "busy", after_seconds=300), "second")
    one.policies = (policy(route=("first", "second")),)

    one.dispatch()

    assert one.gateways["second"].calls == 1  # type: ignore[attr-defined]
    assert only_row(one).not_before == one.at + timedelta(seconds=300)


def test_a_gateway_that_can_not_send_is_paused_for_all(one: World, due: date) -> None:
    """A wrong password stops the gateway, burns no attempt, and everything goes out when the pause ends."""
    one.add_accounts(*(account_row(f"B{number}", due) for number in range(3)))
    one.batch_rows = 1
    one.recorder.answer_with("configuration")
    report = one.run()

    assert one.recorder.calls == 1
    (pause,) = everything(one, gateway_state)
    assert (pause.gateway, pause.paused_until) == ("recorder", one.at + timedelta(minutes=15))
    assert {(row.state, row.attempts, row.not_before) for row in one.rows()} == {("planned", 0, pause.paused_until)}
    assert report.reasons[Reason.PAUSED] == 3
    assert "every gateway of the route is paused" in one.rows()[-1].reason

    one.recorder.answer_with("accept")
    one.later(minutes=14)
    assert one.run().texts == 0
    one.later(minutes=1)
    assert one.run().texts == 4


def test_a_bad_number_is_marked_and_another_works(one: World, due: date) -> None:
    """A number that can't be reached is not tried again by any reminder; a new number of the customer is."""
    one.recorder.answer_with("number")
    one.dispatch()
    assert only_row(one).reason == "refused: 21211 no such number"
    (bad,) = everything(one, bad_number)
    assert (bad.number, bad.gateway, bad.code) == ("+8613800138000", "recorder", "21211")

    one.recorder.answer_with("accept")
    one.later(days=5)
    one.add_accounts(account_row("B", due + timedelta(days=5)))
    report = one.run()
    assert (one.recorder.calls, report.reasons[Reason.NUMBER]) == (1, 2)

    one.change_account("B", phone=OTHER_NUMBER)
    one.later(minutes=30)
    one.run()
    assert [message.to for message in one.recorder.taken] == ["+8613900139000"]


def test_who_opted_out_elsewhere_is_suppressed(one: World, due: date) -> None:
    """The provider knows of a stop: it is kept here as a suppression, and no other text goes to that number."""
    one.recorder.answer_with("opted_out")
    one.dispatch()
    (entry,) = everything(one, suppression)
    assert (entry.number, entry.channel, entry.customer_id, entry.who) == ("+8613800138000", "sms", None, "recorder")
    assert "21610" in entry.source

    one.add_accounts(account_row("B", due))
    report = one.run()
    assert (one.recorder.calls, report.reasons[Reason.SUPPRESSED]) == (1, 1)


def test_a_refused_text_says_so_and_harms_no_other(one: World, due: date) -> None:
    """A text that the provider refuses ends its own reminder, marks no number and pauses no gateway."""
    one.add_accounts(account_row("B", due))
    one.recorder.answer_with("content", "accept")
    one.run()

    assert sorted(row.state for row in one.rows()) == ["failed", "sent"]
    assert [everything(one, table) for table in (bad_number, gateway_state, suppression)] == [[], [], []]


@pytest.mark.parametrize(
    "poison",
    [
        pytest.param(RuntimeError("boom"), id="raises"),
        pytest.param(TimeoutError(), id="times out"),
        pytest.param(None, id="answers nothing"),
        pytest.param("sent", id="answers nonsense"),
    ],
)
def test_a_poisoned_gateway_harms_nobody_else(one: World, due: date, poison: Any) -> None:
    """Law 9: what a failing gateway was given is in doubt; what others took in the same batch is sent."""
    poisoned = Answering(poison, "poisoned")
    one.gateways["poisoned"] = poisoned
    one.policies = (
        policy(
            "bad",
            route=("poisoned",),
            selector=Selector((Term("product", frozenset({"bad"})),)),
        ),
        policy(),
    )
    one.add_accounts(account_row("B", due, product="bad"), account_row("C", due))
    report = one.run()

    assert one.states() == {("A", "due"): "sent", ("B", "due"): "in_doubt", ("C", "due"): "sent"}
    assert (report.texts, report.states[State.IN_DOUBT], poisoned.calls) == (2, 1, 1)
    one.later(hours=1)
    one.run()
    assert poisoned.calls == 1


def test_refusals_beyond_the_calendar_break_no_answer(one: World, due: date) -> None:
    """Law 9: one provider's absurd patience does not keep the others' answers from being written."""
    one.gateways["recorder"] = Answering(Refused(Refusal.RETRY, "429", "busy", after_seconds=1e15), "recorder")
    one.add_accounts(account_row("B", due))
    one.run()

    assert {row.state for row in one.rows()} == {"planned"}
    assert all(row.not_before <= row.expires_at for row in one.rows())


# The console


def test_where_nothing_is_configured_the_console_prints(one: World, capsys: pytest.CaptureFixture[str]) -> None:
    """A text that only the operator saw is printed, never sent, and not taken up again by itself."""
    one.gateways["console"] = console()
    one.policies = (policy(route=("twilio", "console")),)
    report = one.dispatch()

    assert (only_row(one).state, report.states[State.PRINTED]) == ("printed", 1)
    assert only_row(one).reason == "printed by console in place of twilio"
    assert "安和" in capsys.readouterr().out
    one.later(hours=1)
    assert one.run().claimed == 0


def test_a_route_that_begins_with_the_console_sends(one: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the console is what the policy asks for, what it shows is sent."""
    one.gateways["console"] = console()
    one.policies = (policy(route=("console",)),)
    one.dispatch()

    assert only_row(one).state == "sent"
    assert capsys.readouterr().out


def test_a_route_without_anything_configured_waits_and_goes_on(one: World) -> None:
    """Nothing lost: it waits, says so, and is sent soon after the operator has configured a gateway."""
    one.policies = (policy(route=("twilio",)),)
    report = one.dispatch()
    row = only_row(one)
    assert (row.state, report.reasons[Reason.PAUSED]) == ("planned", 1)
    assert row.reason.startswith("paused: ")
    assert row.not_before == one.at + timedelta(minutes=30)

    twilio = Recorder("twilio")
    one.gateways["twilio"] = twilio
    one.at = row.not_before
    one.dispatch()
    assert (len(twilio.taken), only_row(one).state) == (1, "sent")


# Crashes between the steps


def test_a_dead_process_leaves_its_calls_in_doubt(one: World) -> None:
    """Law 3: what was reserved and never answered is in doubt once its lease ends, and is not sent again."""
    with one.engine.begin() as connection:
        connection.execute(outbox.update().values(state="sending", lease_owner="dead", lease_until=one.at))
    one.dispatch()
    assert only_row(one).state == "sending"  # without a reference there is no call to doubt

    with one.engine.begin() as connection:
        connection.execute(
            attempt.insert().values(
                reference="dead-1", gateway="recorder", customer_id="customer of A", number="+8613800138000",
                policy="loan", policy_version="", template="t", language="en", body="b", segments=1, counted=True,
                started_at=one.at, valid_until=one.at,
            )
        )  # fmt: skip
        connection.execute(outbox.update().values(reference="dead-1"))
    one.dispatch()
    assert (only_row(one).state, one.recorder.calls) == ("in_doubt", 0)


def test_a_late_answer_of_a_process_taken_for_dead_counts(one: World) -> None:
    """A call that outlives its lease still ends as what the provider said of it."""

    class Slow(Recorder):
        async def send(self, message: Message) -> Outcome:
            """Answer after another process has given the call up."""
            one.later(minutes=5)
            with one.engine.begin() as connection:
                assert unanswered.lose_expired(connection, owner="me:1", at=one.at) == 1
            return await super().send(message)

    one.gateways["recorder"] = slow = Slow("recorder")
    one.dispatch()
    assert (only_row(one).state, len(slow.taken)) == ("sent", 1)


def test_a_person_disproves_a_doubt_and_it_is_sent(one: World) -> None:
    """Law 3: only the word of somebody who knows lets it go out, and then once."""
    one.recorder.answer_with("lost")
    one.dispatch()
    reference = only_row(one).reference
    with one.engine.begin() as connection:
        unanswered.resolve(connection, reference, event=Event.DISPROVE, reason="not there", who="ana", at=one.at)
    one.recorder.answer_with("accept")
    one.dispatch()
    assert (only_row(one).state, len(one.recorder.taken)) == ("sent", 1)


def test_stopping_ends_after_the_batch_under_way(one: World, due: date) -> None:
    """A clean stop finishes what it has begun and leaves the rest planned, for the next process."""
    one.add_accounts(account_row("B", due), account_row("C", due))
    one.plan()
    one.batch_rows = 1
    heard: list[int] = []
    asyncio.run(
        dispatch(one.deployment(), stopping=lambda: bool(heard), on_batch=lambda batch: heard.append(batch.texts))
    )

    assert heard == [1]
    assert sorted(row.state for row in one.rows()) == ["planned", "planned", "sent"]
    assert {row.lease_owner for row in one.rows()} == {None}


def test_the_provider_is_told_how_long_the_text_stays_true(one: World) -> None:
    """Law 6: the provider may try until the window closes, not until the next morning."""
    one.policies = (policy(window=DAYTIME),)
    one.at = datetime(2026, 11, 23, 11, 50, tzinfo=UTC)  # ten minutes to 20:00 in Shanghai
    one.dispatch()
    assert one.recorder.taken[0].valid_seconds == 600
    assert everything(one, attempt)[0].valid_until == datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize("mood", ANSWERS)
def test_whatever_is_answered_nothing_is_lost_or_doubled(real_world: World, due: date, mood: str) -> None:
    """Laws 2 and 4 on every database: in any mood, each ends in one state with a reason, and none went twice."""
    real_world.add_accounts(*(account_row(f"A{number}", due, phone=f"1380013800{number}") for number in range(4)))
    real_world.recorder.answer_with(mood, "accept")
    for _ in range(6):
        real_world.run()
        real_world.later(minutes=20)
    real_world.later(days=60)
    real_world.settle_doubts()
    real_world.dispatch()

    rows = real_world.rows()
    assert len(rows) == 4
    assert {row.state for row in rows} <= {"sent", "failed", "suppressed", "expired", "cancelled"}
    assert all(row.reason and row.lease_owner is None for row in rows)
    bodies = [(message.to, message.body) for message in real_world.recorder.taken]
    assert len(bodies) == len(set(bodies))


def test_a_number_that_was_cleared_is_tried(one: World) -> None:
    """A person can say that a number works again."""
    with one.engine.begin() as connection:
        numbers.mark_bad(connection, "+8613800138000", gateway="g", code="1", at=one.at)
    one.dispatch()
    with one.engine.begin() as connection:
        numbers.clear(connection, "+8613800138000", who="ann", reason="he called from it", at=one.at)
    one.later(minutes=30)
    one.dispatch()
    assert only_row(one).state == "sent"
