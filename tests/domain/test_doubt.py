"""What a provider's answer proves, and what it takes before a text whose answer was lost is sent again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder.domain.doubt import (
    ASK_AGAIN_SECONDS_MAX,
    MISSES_APART_SECONDS,
    Asked,
    CannotTell,
    Confirm,
    Disprove,
    Found,
    NotFound,
    Seen,
    Sighting,
    Wait,
    follow,
    judge,
)

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
APART = timedelta(seconds=MISSES_APART_SECONDS)

ONE = Sighting("SM1", "delivered", exact=True)
TWO = Sighting("SM2", "queued", exact=True)
LIKE = Sighting("SM3", "sent", exact=False)
LIKE_TOO = Sighting("SM4", "sent", exact=False)


@pytest.mark.parametrize(
    ("sightings", "bound", "finding"),
    [
        pytest.param((), set(), NotFound(), id="nothing"),
        pytest.param((ONE,), set(), Found("SM1", "delivered"), id="one"),
        pytest.param((ONE,), {"SM1"}, NotFound(), id="another attempt's"),
        pytest.param((ONE, TWO), {"SM1"}, Found("SM2", "queued"), id="one of two is another attempt's"),
        pytest.param((ONE, LIKE), set(), Found("SM1", "delivered"), id="the very text beside one like it"),
        pytest.param((LIKE,), {"SM3"}, NotFound(), id="one like it, another attempt's"),
    ],
)
def test_what_is_seen_and_free_decides(
    sightings: tuple[Sighting, ...], bound: set[str], finding: Found | NotFound
) -> None:
    """A message that belongs to another attempt is never taken for this one, and one that is free and equal is."""
    assert judge(Seen(sightings), bound, rivals=False) == finding


@pytest.mark.parametrize(
    ("sightings", "rivals", "word"),
    [
        pytest.param((ONE, TWO), False, "equally like it: SM1, SM2", id="two equals"),
        pytest.param((LIKE,), False, "may be it: SM3", id="only alike"),
        pytest.param((LIKE, LIKE_TOO), False, "may be it: SM3, SM4", id="several alike"),
        pytest.param((ONE,), True, "once more", id="a rival may own it"),
    ],
)
def test_what_may_be_it_is_left_to_a_person(sightings: tuple[Sighting, ...], rivals: bool, word: str) -> None:
    """Law 3: where it can't be told which message is the text, nothing is confirmed and nothing is sent again."""
    finding = judge(Seen(sightings), set(), rivals=rivals)
    assert isinstance(finding, CannotTell)
    assert word in finding.reason


def test_no_answer_is_no_answer_whatever_the_rest() -> None:
    """Law 3: a gateway that could not ask has proven nothing."""
    assert judge(CannotTell("500"), {"SM1"}, rivals=False) == CannotTell("500")
    assert judge(Seen(()), set(), rivals=True) == NotFound()


def test_found_once_is_enough() -> None:
    """A message that is there will not go away: the doubt ends with it."""
    assert follow(Asked(7, 1, AT), Found("SM1", "sent"), AT) == Confirm("SM1", "sent")


def test_the_first_miss_only_makes_us_ask_again() -> None:
    """Law 3: lists of messages lag behind, so one empty one proves nothing."""
    wait = follow(Asked(), NotFound(), AT)
    assert isinstance(wait, Wait)
    assert (wait.asked, wait.ask_at) == (Asked(1, 1, AT), AT + APART)


@pytest.mark.parametrize(
    ("later", "disproved"),
    [
        pytest.param(timedelta(), False, id="at once"),
        pytest.param(APART - timedelta(microseconds=1), False, id="a moment too early"),
        pytest.param(APART, True, id="a minute later"),
        pytest.param(timedelta(days=3), True, id="days later"),
        pytest.param(-timedelta(days=1), False, id="clock put back"),
    ],
)
def test_two_misses_a_minute_apart_disprove(later: timedelta, disproved: bool) -> None:
    """Law 3: it is sent again only after two answers, at least a minute apart, that it is not there."""
    first = follow(Asked(), NotFound(), AT)
    assert isinstance(first, Wait)
    second = follow(first.asked, NotFound(), AT + later)
    assert isinstance(second, Disprove) is disproved
    if isinstance(second, Wait):
        assert second.ask_at > AT + later


def test_misses_count_only_in_a_row() -> None:
    """Law 3: an answer that says nothing comes between two misses, so the second one is the first again."""
    missed = follow(Asked(), NotFound(), AT)
    assert isinstance(missed, Wait)
    silent = follow(missed.asked, CannotTell("500"), AT + APART)
    assert isinstance(silent, Wait)
    assert silent.asked == Asked(2, 0, None)
    assert isinstance(follow(silent.asked, NotFound(), AT + 3 * APART), Wait)


def test_waits_grow_to_an_hour_and_no_further() -> None:
    """What stays unclear is asked for less and less, but never given up."""
    waits = [follow(Asked(asks), CannotTell("?"), AT) for asks in (0, 1, 2, 5, 30_000)]
    seconds = [(wait.ask_at - AT).total_seconds() for wait in waits if isinstance(wait, Wait)]
    assert seconds == [120, 240, 480, ASK_AGAIN_SECONDS_MAX, ASK_AGAIN_SECONDS_MAX]
    assert [wait.note for wait in waits if isinstance(wait, Wait)] == ["?"] * 5


ANSWERS = st.sampled_from([NotFound(), CannotTell("?"), Found("SM1", "sent")])
STEPS = st.lists(st.tuples(ANSWERS, st.integers(-100, 400)), max_size=40)


@given(STEPS)
def test_no_history_disproves_without_a_minute_of_misses(steps: list[tuple[object, int]]) -> None:
    """Law 3, whatever is answered and whenever: sent again only after misses in a row that span a minute or more."""
    asked, at, misses = Asked(), AT, list[datetime]()
    for answer, seconds in steps:
        at += timedelta(seconds=seconds)
        misses = [*misses, at] if isinstance(answer, NotFound) else []
        then = follow(asked, answer, at)  # type: ignore[arg-type]
        if isinstance(then, Confirm):
            assert isinstance(answer, Found)
            return
        if isinstance(then, Disprove):
            assert len(misses) >= 2
            assert misses[-1] - min(misses) >= APART
            return
        assert then.ask_at > at
        assert then.asked.asks == asked.asks + 1
        asked = then.asked
