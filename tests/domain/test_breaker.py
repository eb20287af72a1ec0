"""The breaker: when a gateway is left alone, for how long, and who tries it again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder.domain.breaker import (
    FAILURES_MAX,
    OPEN_SECONDS,
    OPEN_SECONDS_MAX,
    PROBE_SECONDS,
    WITHIN_SECONDS,
    Breaker,
    answered,
    heard,
    probe,
)
from reminder.domain.message import NOT_SENT, Accepted, Outcome, Refusal, Refused, Unknown

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
SHUT = timedelta()
FIRST = timedelta(seconds=OPEN_SECONDS)


@pytest.mark.parametrize(
    ("outcome", "answer"),
    [
        pytest.param(Accepted("SM1"), True, id="accepted"),
        pytest.param(Refused(Refusal.RETRY, "429"), True, id="busy"),
        pytest.param(Refused(Refusal.NUMBER, "21211"), True, id="refused"),
        pytest.param(Unknown("timed out"), False, id="no answer"),
        pytest.param(Refused(Refusal.RETRY, NOT_SENT), False, id="nobody there"),
        pytest.param(Refused(Refusal.HELD_BACK, "held-back"), None, id="never called"),
    ],
)
def test_what_is_an_answer(outcome: Outcome, answer: bool | None) -> None:
    """A refusal is an answer; silence and a closed door are none; a call that was not made says nothing."""
    assert answered(outcome) is answer


@pytest.mark.parametrize(
    ("answers", "opens"),
    [
        pytest.param([False] * (FAILURES_MAX - 1), SHUT, id="not yet enough"),
        pytest.param([False] * FAILURES_MAX, FIRST, id="enough"),
        pytest.param([False] * 200, FIRST, id="a whole batch"),
        pytest.param([False] * (FAILURES_MAX - 1) + [True] + [False] * (FAILURES_MAX - 1), SHUT, id="not in a row"),
        pytest.param([False] * FAILURES_MAX + [True], SHUT, id="the last one answered"),
        pytest.param([], SHUT, id="none"),
    ],
)
def test_silence_in_a_row_opens_it(answers: list[bool], opens: timedelta) -> None:
    """So many calls in a row without an answer open the breaker; one answer among them begins the count anew."""
    assert heard(Breaker(), answers, AT)[1] == opens


@pytest.mark.parametrize(
    ("later", "trips"),
    [
        pytest.param(timedelta(seconds=WITHIN_SECONDS), 1, id="within a minute"),
        pytest.param(timedelta(seconds=WITHIN_SECONDS + 1), 0, id="spread wider"),
        pytest.param(-timedelta(days=1), 0, id="clock put back"),
    ],
)
def test_silences_must_come_close_together(later: timedelta, trips: int) -> None:
    """A lost answer now and then, over hours, is no outage."""
    before, _ = heard(Breaker(), [False] * (FAILURES_MAX - 1), AT)
    assert heard(before, [False], AT + later)[0].trips == trips


def test_it_closes_with_the_first_answer() -> None:
    """Whoever hears an answer, even to a call of long ago, knows that somebody is there."""
    assert heard(Breaker(trips=4), [True], AT) == (Breaker(), SHUT)


def test_late_silences_of_an_open_breaker_say_nothing_new() -> None:
    """The other calls of the batch that opened it come back without an answer too: it opens no longer for them."""
    assert heard(Breaker(trips=1), [False] * 100, AT) == (Breaker(trips=1), SHUT)


def test_each_failed_probe_doubles_the_wait() -> None:
    """A gateway that stays away is tried less and less often, at least every quarter of an hour."""
    breaker, waits = Breaker(trips=1), []
    for _ in range(8):
        able, breaker = probe(breaker, 99, AT)
        assert able == 1
        breaker, opens = heard(breaker, [False], AT)
        waits.append(opens.total_seconds())
    assert waits == [60, 120, 240, 480, OPEN_SECONDS_MAX, OPEN_SECONDS_MAX, OPEN_SECONDS_MAX, OPEN_SECONDS_MAX]


def test_one_probes_and_the_others_wait() -> None:
    """Of all texts, and of all processes, one tries; if it never comes back, another one tries after a while."""
    able, probing = probe(Breaker(trips=1), 50, AT)
    assert able == 1
    assert probe(probing, 50, AT)[0] == 0
    assert probe(probing, 50, AT + timedelta(seconds=PROBE_SECONDS - 1))[0] == 0
    assert probe(probing, 50, AT + timedelta(seconds=PROBE_SECONDS))[0] == 1
    assert probe(probing, 50, AT - timedelta(days=1))[0] == 1
    assert probe(Breaker(failures=3, failing_since=AT), 50, AT)[0] == 50
    assert probe(Breaker(trips=1), 0, AT) == (0, Breaker(trips=1))


@given(st.lists(st.tuples(st.lists(st.booleans(), max_size=8), st.integers(0, 200)), max_size=40))
def test_it_is_never_stuck(history: list[tuple[list[bool], int]]) -> None:
    """Whatever happened, a gateway that answers again is in use again: a probe is let through, and closes it."""
    breaker, at = Breaker(), AT
    for answers, seconds in history:
        at += timedelta(seconds=seconds)
        able, breaker = probe(breaker, len(answers), at)
        breaker, opens = heard(breaker, answers[:able], at)
        assert opens <= timedelta(seconds=OPEN_SECONDS_MAX)
    able, breaker = probe(breaker, 9, at + timedelta(seconds=PROBE_SECONDS))
    assert able >= 1
    assert heard(breaker, [True], at)[0] == Breaker()
