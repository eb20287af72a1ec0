"""From what a gateway said to what follows, row by row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder.domain.lifecycle import Event
from reminder.domain.message import Accepted, Outcome, Refusal, Refused, Unknown
from reminder.domain.retry import Backoff
from reminder.pipeline.answers import PATIENCE_MAX, Tried, answer_for
from reminder.store.attempts import Answer

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
CLOSES_AT = AT + timedelta(days=30)
BACKOFF = Backoff(base_seconds=60, max_seconds=3600, attempts_max=4)


def answer(outcome: Outcome, **given: Any) -> Answer:
    """Return the answer to this outcome of a first try through the only gateway of its route."""
    known = {"reference": "r", "gateway": "g", "attempts": 0, "turns": 1, "instead_of": None, "closes_at": CLOSES_AT}
    return answer_for(Tried(**(known | given)), outcome, at=AT, backoff=BACKOFF, pause_minutes=15, jitter=1.0)  # type: ignore[arg-type]


def busy(after_seconds: float | None = None) -> Refused:
    """Return a refusal for now."""
    return Refused(Refusal.RETRY, "429", "busy", after_seconds)


@pytest.mark.parametrize(
    ("outcome", "event", "word", "counted"),
    [
        pytest.param(Accepted("SM1"), Event.ACCEPT, "accepted", True, id="accepted"),
        pytest.param(Unknown("timed out"), Event.LOSE, "unknown", True, id="unknown counts as a contact"),
        pytest.param(busy(), Event.POSTPONE, "refused", False, id="refused for now"),
        pytest.param(Refused(Refusal.HELD_BACK, "1"), Event.POSTPONE, "held_back", False, id="held back"),
        pytest.param(Refused(Refusal.NUMBER, "1"), Event.REFUSE, "refused", False, id="a bad number"),
        pytest.param(Refused(Refusal.OPTED_OUT, "1"), Event.REFUSE, "refused", False, id="opted out"),
        pytest.param(Refused(Refusal.CONTENT, "1"), Event.REFUSE, "refused", False, id="a refused text"),
        pytest.param(Refused(Refusal.CONFIGURATION, "1"), Event.POSTPONE, "refused", False, id="a wrong password"),
    ],
)
def test_each_outcome_has_its_event(outcome: Outcome, event: Event, word: str, counted: bool) -> None:
    """Law 3: what may have been taken counts as taken; only proof of refusal frees the contact."""
    found = answer(outcome)
    assert (found.reference, found.event, found.outcome, found.counted) == ("r", event, word, counted)
    assert found.reason


def test_acceptance_keeps_the_providers_name_for_it() -> None:
    """The id that the provider gave is kept, so that it can be asked."""
    found = answer(Accepted("SM1"))
    assert (found.provider_id, found.reason) == ("SM1", "accepted by g")


def test_what_the_console_took_in_place_of_another_is_printed() -> None:
    """Nobody has read a text that the console stood in for: it is never called sent."""
    found = answer(Accepted("c"), instead_of="twilio")
    assert (found.event, found.outcome, found.reason) == (Event.PRINT, "printed", "printed by g in place of twilio")


@pytest.mark.parametrize(
    ("tries", "turns", "after_seconds", "seconds"),
    [
        pytest.param(0, 1, None, 60, id="the first backoff"),
        pytest.param(1, 1, None, 120, id="the second is longer"),
        pytest.param(0, 1, 300.0, 300, id="what the provider asks for, where that is longer"),
        pytest.param(0, 1, 5.0, 60, id="but not where that is shorter"),
        pytest.param(0, 2, 300.0, 0, id="another gateway is asked at once"),
        pytest.param(1, 2, None, 60, id="when all have been asked, the first backoff"),
        pytest.param(2, 2, None, 0, id="then another at once again"),
        pytest.param(1, 3, None, 0, id="the third of three, too"),
    ],
)
def test_when_it_is_tried_again(tries: int, turns: int, after_seconds: float | None, seconds: float) -> None:
    """A refusal for now waits by backoff or as the provider asks, once every gateway of the route has had its turn."""
    found = answer(busy(after_seconds), attempts=tries, turns=turns)
    assert (found.event, found.not_before, found.burns) == (Event.POSTPONE, AT + timedelta(seconds=seconds), True)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_the_last_refusal_ends_it(turns: int) -> None:
    """Attempts run out, whatever the number of gateways, and the reason says how many there were and what was said."""
    found = answer(busy(), attempts=BACKOFF.attempts_max - 1, turns=turns)
    assert (found.event, found.reason) == (Event.REFUSE, "attempts: 4 refused, the last with 429 busy")


@pytest.mark.parametrize(("turns", "minutes"), [(1, 15), (2, 0)])
def test_a_wrong_configuration_burns_no_attempt(turns: int, minutes: int) -> None:
    """The reminder has done nothing wrong: it waits for the gateway, or goes to another one at once."""
    found = answer(Refused(Refusal.CONFIGURATION, "20003", "wrong key"), attempts=3, turns=turns)
    assert (found.burns, found.not_before) == (False, AT + timedelta(minutes=minutes))


@pytest.mark.parametrize("after_seconds", [1e9, 1e18, 1e300, float("inf"), float("nan")])
def test_absurd_patience_is_bounded(after_seconds: float) -> None:
    """Law 9: a provider that says to come back beyond the calendar breaks no one's answer."""
    found = answer(busy(after_seconds))
    assert found.not_before is not None
    assert AT < found.not_before <= AT + PATIENCE_MAX


def test_no_try_is_put_off_beyond_the_texts_own_end() -> None:
    """Law 4: what can't be tried again in time is asked at its end, and ends there with its reason."""
    closes_at = AT + timedelta(seconds=20)
    assert answer(busy(), closes_at=closes_at).not_before == closes_at
    assert answer(Refused(Refusal.CONFIGURATION, "1"), closes_at=closes_at).not_before == closes_at


def test_reasons_hold_no_number() -> None:
    """Law 13: what a provider says of a number is kept without the number, on one line."""
    found = answer(Refused(Refusal.NUMBER, "21211", "+8613800138000 is\x00not\na number"))
    assert found.reason == "refused: 21211 (number) is not a number"
    assert "138" not in answer(Unknown("no route to +8613800138000")).reason


@given(
    st.builds(Refused, st.sampled_from(Refusal), st.text(max_size=9), st.text(), st.none() | st.floats()),
    st.integers(0, 20),
    st.integers(1, 5),
)
def test_whatever_is_said_something_follows(outcome: Refused, tries: int, turns: int) -> None:
    """Law 9: no refusal of any kind makes the answer itself fail; a postponed one always says when."""
    found = answer(outcome, attempts=tries, turns=turns)
    assert found.event in (Event.POSTPONE, Event.REFUSE)
    assert (found.event is Event.POSTPONE) == (found.not_before is not None)
    assert found.not_before is None or AT <= found.not_before <= CLOSES_AT


@pytest.mark.parametrize(
    ("after", "waits"), [(None, 1.0), (7.5, 7.5), (-3.0, 1.0), (1e12, PATIENCE_MAX.total_seconds())]
)
def test_what_was_held_back_has_burnt_nothing(after: float | None, waits: float) -> None:
    """A call that was never made costs no attempt, and waits as long as it is told to, never for nothing (law 9)."""
    found = answer(Refused(Refusal.HELD_BACK, "held-back", after_seconds=after), attempts=99)
    assert (found.burns, found.counted, found.not_before) == (False, False, AT + timedelta(seconds=waits))
