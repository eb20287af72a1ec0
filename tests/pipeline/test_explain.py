"""Explaining: the same decision as a live run and a preview, with every gate's answer, and why an account is silent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from reminder.domain.caps import Cap, CapPeriod
from reminder.domain.gates import CONTACT
from reminder.domain.hold import HoldKind
from reminder.domain.standing import STANDING
from reminder.domain.verdict import Defer, Send, Skip
from reminder.pipeline import preview
from reminder.pipeline.explain import Explanation, explain
from reminder.pipeline.preview import Verb
from reminder.store import gateway_states, numbers
from support.lender_books import lender_book, loan
from support.recorder import Recorder
from support.worlds import DAYTIME, World, account_row, policy, step

GATES = [name for name, _ in STANDING] + [gate.name for gate in CONTACT]


def explained(world: World, account_id: str = "A") -> Explanation:
    """Return the explanation of an account that the book has."""
    found = explain(world.deployment(), account_id, world.at)
    assert found is not None
    return found


def _in_store(change: Callable[[Any], object]) -> Callable[[World], object]:
    def make(world: World) -> None:
        with world.engine.begin() as connection:
            change(connection)

    return make


NIGHT = datetime(2026, 11, 23, 15, tzinfo=UTC)

STOPPED_BY: dict[str, Callable[[World], object]] = {
    "paid": lambda world: world.change_account("A", amount_due=0),
    "never_contact": lambda world: world.hold(HoldKind.DECEASED, customer_id="customer of A"),
    "hold": lambda world: world.hold(account_id="A"),
    "suppressed": lambda world: world.suppress(number="+8613800138000"),
    "consent": lambda world: setattr(world, "policies", (replace(world.policies[0], consent=True),)),
    "complete": lambda world: world.change_account("A", currency="?"),
    "number": _in_store(lambda connection: numbers.mark_bad(
        connection, "+8613800138000", gateway="g", code="1", at=NIGHT)),
    "when": lambda world: world.change_account("A", attributes={"autopay": "true"}),
    "window": lambda world: setattr(world, "at", NIGHT),
    "cap": lambda world: setattr(world, "policies", (
        policy(caps=(Cap(0, CapPeriod.DAY),), window=DAYTIME, steps=world.policies[0].steps),)),
    "gateway": _in_store(lambda connection: gateway_states.pause(
        connection, "recorder", until=NIGHT, reason="wrong key", at=NIGHT - timedelta(hours=12))),
}  # fmt: skip


@pytest.fixture
def one(world: World, due: date) -> World:
    """Lend a world in which account A deserves its text of the day."""
    world.policies = (policy(window=DAYTIME, steps=(step("due", 0, 3, when="not account.autopay"),)),)
    world.add_accounts(account_row("A", due, attributes={"autopay": "false"}))
    return world


def test_a_text_that_goes_out_is_explained(one: World) -> None:
    """Law 1: where a run sends, every gate let it pass, in their order, each with its words."""
    found = explained(one)

    assert isinstance(found.decision.verdict, Send)  # type: ignore[union-attr]
    assert [answer.gate for answer in found.gates] == GATES
    assert all(answer.stops is None and answer.detail for answer in found.gates)
    assert (found.policy.name, found.step.key, found.dpd, found.silence) == ("loan", "due", 0, "")  # type: ignore[union-attr]
    one.run()
    assert len(one.recorder.taken) == 1


@pytest.mark.parametrize("gate", STOPPED_BY)
@pytest.mark.parametrize("planned", [False, True], ids=["not planned yet", "planned"])
def test_each_gate_is_named(one: World, gate: str, planned: bool) -> None:
    """Law 1: the gate that stops it is shown, and the verdict, the preview and the run agree with it."""
    if planned:
        one.plan()
    STOPPED_BY[gate](one)

    found = explained(one)
    previewed = [entry for entry in one.preview() if entry.accounts == ("A",)]
    first = next(answer for answer in found.gates if answer.stops is not None)
    assert first.gate == gate
    assert found.decision is not None
    assert found.decision.verdict == first.stops
    if previewed:  # what is settled and not planned yet isn't listed at all
        (entry,) = previewed
        assert (entry.reason, entry.detail) == (first.stops.reason, first.stops.detail)
        assert entry.verb is (Verb.DEFER if isinstance(first.stops, Defer) else Verb.SKIP)
    else:
        assert (gate, planned) == ("paid", False)

    one.run()
    assert one.recorder.calls == 0
    if gate == "window" and not planned:  # planned for the opening, so that nothing is claimed only to be put off
        assert isinstance(first.stops, Defer)
        assert [row.not_before for row in one.rows()] == [first.stops.until]
    elif previewed:
        (row,) = one.rows()
        assert row.reason == f"{first.stops.reason}: {first.stops.detail}"


@pytest.mark.parametrize(
    ("change", "silence"),
    [
        pytest.param(lambda world: setattr(world, "policies", ()), "no policy is for this account", id="no policy"),
        pytest.param(lambda world: world.later(days=10), "policy loan has no step for DPD 10", id="no step that day"),
    ],
)
def test_silence_has_its_reason(one: World, change: Callable[[World], object], silence: str) -> None:
    """Nobody has to guess why an account that deserves no step is silent."""
    change(one)
    found = explained(one)
    assert (found.silence, found.decision, found.gates) == (silence, None, ())


def test_an_account_that_the_book_has_not(one: World) -> None:
    """An unknown account is told from a silent one."""
    assert explain(one.deployment(), "none such", one.at) is None


def test_what_is_done_is_told_with_its_history(one: World) -> None:
    """A step that was sent is not decided again: it says since when, and its rows are there, the newest first."""
    one.later(days=-7)
    one.policies = (policy(),)
    one.run()
    one.later(days=7)
    one.run()
    found = explained(one)

    assert found.silence == "due is sent since 2026-11-23 04:00 UTC: accepted by recorder"
    assert [row.step for row in found.history] == ["due", "ahead"]
    assert (found.decision, found.gates) == (None, ())


@pytest.mark.parametrize("mood", ["lost", "content"])
def test_what_failed_or_is_in_doubt_is_told(one: World, mood: str) -> None:
    """Law 3: explain never imagines a text for a step that may have been sent."""
    one.recorder.answer_with(mood)
    one.run()
    (row,) = one.rows()
    assert explained(one).silence.startswith(f"due is {row.state} since")
    assert explained(one).decision is None


def test_an_account_without_a_date(one: World) -> None:
    """Law 8: an account that has no due date in the book says just that."""
    with lender_book(one.engine, loan("A", None)) as book:
        one.book = book
        assert explained(one).silence == "the book has no due date for it"


def test_an_account_twice_in_the_book(one: World, due: date) -> None:
    """Law 8: an account that the book has twice is explained as that."""
    with lender_book(one.engine, loan("A", due), loan("A", due)) as book:
        one.book = book
        found = explained(one)
        assert isinstance(found.decision.verdict, Skip)  # type: ignore[union-attr]
        assert found.gates[0].detail == "the book has this account 2 times"
        assert {answer.detail for answer in found.gates[1:]} == {"not asked: the reminder does not stand"}


def test_a_step_that_sends_nothing_is_asked_fewer_gates(one: World) -> None:
    """A hand-over is explained without number, window, cap and gateway, which it does not need."""
    one.policies = (policy(steps=(step("over", 0, 9, to="collections"),)),)
    found = explained(one)
    unasked = {answer.gate for answer in found.gates if answer.detail == "not asked: this step sends nothing"}
    assert unasked == {"suppressed", "consent", "number", "window", "cap", "gateway"}
    assert [entry.verb for entry in one.preview()] == [Verb.HAND_OVER]


# Previews


def test_a_preview_writes_nothing(real_world: World, due: date) -> None:
    """Law 1 on every database: a dry run lists texts as they would arrive, and leaves no trace."""
    real_world.add_accounts(account_row("A", due), account_row("B", due, phone=None))
    entries = {entry.accounts: entry for entry in real_world.preview()}

    assert real_world.rows() == []
    sent = entries[("A",)]
    assert (sent.verb, sent.number, sent.gateway, sent.tier, sent.dpd) == (
        Verb.SEND, "+8613800138000", "recorder", "grace", 0,
    )  # fmt: skip
    assert entries[("B",)].verb is Verb.SKIP
    real_world.run()
    assert [message.body for message in real_world.recorder.taken] == [sent.body]


def test_a_preview_splits_no_customer(world: World, due: date) -> None:
    """Law 1: a customer with more accounts than fit a batch gets the one text that a run would send."""
    world.policies = (policy(consolidated="consolidated"),)
    world.add_accounts(*(account_row(f"A{number}", due, customer_id=f"C{number // 4}") for number in range(12)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preview, "BATCH_REMINDERS", 3)
        foreseen = sorted(entry.body for entry in world.preview())
    world.run()
    assert foreseen == sorted(message.body for message in world.recorder.taken)
    assert len(foreseen) == 3


def test_a_preview_leaves_out_what_is_under_way_or_in_doubt(world: World, due: date) -> None:
    """Law 3: what may have been sent is not foreseen as a text."""
    world.add_accounts(account_row("A", due))
    world.recorder.answer_with("lost")
    world.run()
    assert world.preview() == []


def test_a_preview_names_the_gateway_of_the_next_try(world: World, due: date) -> None:
    """Law 1: after a refusal the preview names the gateway whose turn it is."""
    world.gateways["second"] = Recorder("second")
    world.policies = (policy(route=("recorder", "second")),)
    world.add_accounts(account_row("A", due))
    world.recorder.answer_with("retry")
    world.gateways["second"].answer_with("retry")  # type: ignore[attr-defined]
    world.run()
    (row,) = world.rows()
    world.at = row.not_before
    (entry,) = world.preview()
    assert (row.attempts, entry.gateway) == (2, "recorder")
