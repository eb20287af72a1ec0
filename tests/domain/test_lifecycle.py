"""The table of what may follow what is the whole life of a reminder, and it keeps laws 3 and 4."""

from __future__ import annotations

import ast
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder.domain import lifecycle
from reminder.domain.lifecycle import (
    FINAL,
    OPEN,
    TRANSITIONS,
    Event,
    IllegalTransitionError,
    State,
    advance,
    sources,
    target,
)
from reminder.errors import StoreError

LIFE = """
planned      reserve    sending      | sending    accept     sent         | in_doubt     accept    sent
planned      cancel     cancelled    | sending    print      printed      | in_doubt     print     printed
planned      suppress   suppressed   | sending    postpone   planned      | in_doubt     postpone  planned
planned      supersede  superseded   | sending    refuse     failed       | in_doubt     refuse    failed
planned      expire     expired      | sending    lose       in_doubt     | in_doubt     confirm   sent
planned      hand_over  handed_over  | sent       deliver    delivered    | in_doubt     disprove  planned
failed       replan     planned      | sent       miscarry   undelivered  | in_doubt     abandon   failed
printed      replan     planned      | undelivered deliver   delivered
"""
"""Written a second time, by hand, so that no slip in the table passes for the truth."""

WORDS = LIFE.replace("|", "\n").split()
EXPECTED = {
    (State(state), Event(event)): State(then)
    for state, event, then in zip(WORDS[::3], WORDS[1::3], WORDS[2::3], strict=True)
}


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)), ids=lambda word: str(word))
def test_every_pair_is_settled(state: State, event: Event) -> None:
    """Law 4: each state and event either go together in one way, or are refused and say why."""
    if (state, event) in EXPECTED:
        assert advance(state, event) is EXPECTED[state, event]
    else:
        with pytest.raises(IllegalTransitionError, match=f"a reminder that is {state} can't {event}") as caught:
            advance(state, event)
        assert (caught.value.state, caught.value.event) == (state, event)


def test_the_table_can_not_be_changed() -> None:
    """What may follow what is the same for every process, from its first moment to its last."""
    with pytest.raises(TypeError, match="does not support item assignment"):
        TRANSITIONS[State.SENT, Event.RESERVE] = State.SENDING  # type: ignore[index]


def test_open_and_final_are_all_states() -> None:
    """Law 4: open + final = planned, always."""
    assert frozenset(State) == OPEN | FINAL
    assert not OPEN & FINAL
    assert {State.PLANNED, State.SENDING, State.IN_DOUBT} == OPEN


def reachable(start: State, *, without: frozenset[Event] = frozenset()) -> set[State]:
    """Return the states that can follow `start`, itself included, by any way that avoids some events."""
    seen, todo = {start}, [start]
    while todo:
        here = todo.pop()
        todo += (after := {then for (s, e), then in TRANSITIONS.items() if s is here and e not in without} - seen)
        seen |= after
    return seen


def test_every_state_can_be_reached() -> None:
    """A state that no reminder can be in would be a lie in the reports."""
    assert reachable(State.PLANNED) == set(State)


@pytest.mark.parametrize("state", sorted(OPEN))
def test_no_open_state_is_a_trap(state: State) -> None:
    """Law 4: whatever is open can still come to an end."""
    assert reachable(state) & FINAL


def test_doubt_is_only_settled_by_proof_or_a_person() -> None:
    """Law 3: what is in doubt is sent again only once it was disproved, refused after all, or planned by a person."""
    proof = frozenset({Event.DISPROVE, Event.POSTPONE, Event.REPLAN})
    assert State.SENDING not in reachable(State.IN_DOUBT, without=proof)
    assert sources(Event.DISPROVE) == {State.IN_DOUBT}


@pytest.mark.parametrize("state", [State.SENT, State.DELIVERED, State.UNDELIVERED])
def test_what_was_taken_is_never_sent_again(state: State) -> None:
    """Laws 2 and 3: once a provider has taken it, no event leads back to a sending."""
    assert State.SENDING not in reachable(state)


def test_only_dispatch_begins_a_sending() -> None:
    """Law 5: the only way into `sending` is a reservation from `planned`, right after a decision."""
    into = {pair for pair, then in TRANSITIONS.items() if then is State.SENDING}
    assert into == {(State.PLANNED, Event.RESERVE)}


def test_a_late_receipt_never_moves_backwards() -> None:
    """Receipts are ranked: delivered is the last word, undelivered may still be bettered."""
    assert not {state for state, _ in TRANSITIONS} & {State.DELIVERED}
    assert reachable(State.UNDELIVERED) == {State.UNDELIVERED, State.DELIVERED}


def test_only_a_person_reopens_what_has_ended() -> None:
    """Law 4: a final state stays final, but for a person who plans a failed or merely printed one again."""
    reopening = {(state, event) for (state, event), then in TRANSITIONS.items() if state in FINAL and then in OPEN}
    assert reopening == {(State.FAILED, Event.REPLAN), (State.PRINTED, Event.REPLAN)}


@pytest.mark.parametrize("event", sorted(Event))
def test_sources_are_where_an_event_is_legal(event: Event) -> None:
    """The store's compare-and-swap asks `sources`: they are the states from which `advance` agrees, and never none."""
    assert sources(event) == {state for state, happening in EXPECTED if happening is event} != set()


@pytest.mark.parametrize("event", sorted(Event))
def test_an_event_leads_to_one_state(event: Event) -> None:
    """The store writes `target` wherever `sources` hold: an event means the same from each of them."""
    assert {target(event)} == {then for (_, happening), then in EXPECTED.items() if happening is event}


def test_a_late_answer_says_what_it_would_have_said_in_time() -> None:
    """Law 3: the call's own answer is proof, so it settles a doubt as it would have ended the sending."""
    answers = {Event.ACCEPT, Event.PRINT, Event.POSTPONE, Event.REFUSE}
    assert all(advance(State.IN_DOUBT, answer) is advance(State.SENDING, answer) for answer in answers)


@given(st.lists(st.sampled_from(Event), max_size=40))
def test_any_story_ends_in_a_state_of_the_table(events: list[Event]) -> None:
    """Law 4: whatever happens in whatever order, refused events change nothing and the count never drifts."""
    state, sendings, returns = State.PLANNED, 0, 0
    for event in events:
        try:
            state = advance(state, event)
        except IllegalTransitionError:
            continue
        sendings += event is Event.RESERVE
        returns += event in {Event.POSTPONE, Event.DISPROVE, Event.REPLAN}
    assert (state in OPEN) is (state not in FINAL)
    assert sendings <= returns + 1, "every sending but the first needs proof or a person"


def test_an_illegal_transition_teaches() -> None:
    """The error says what was found, and which states it would have taken."""
    error = IllegalTransitionError(State.SENT, Event.REPLAN)
    assert isinstance(error, StoreError)
    assert str(error) == "a reminder that is sent can't replan: that takes one that is failed, printed"


def test_every_word_has_its_sentence() -> None:
    """Each state and event says in the source what it means, beginning with a capital and ending with a full stop."""
    source = Path(lifecycle.__file__).read_text(encoding="utf-8")
    lines = source.splitlines()
    enums = [
        node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name in ("State", "Event")
    ]
    members = [node for enum in enums for node in enum.body if isinstance(node, ast.Assign)]
    assert len(members) == len(State) + len(Event)
    for member in members:
        said = " ".join(lines[member.lineno - 1 : member.end_lineno]).partition("#: ")[2].strip(" )")
        assert said[:1].isupper(), member.lineno
        assert said.endswith("."), member.lineno
