"""How fast a gateway may be used: never faster, by whomever, and as fast as allowed where somebody wants to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder.domain.rate import AHEAD_SECONDS_MAX, Rate, grant

NOW = 1_790_000_000.0


@pytest.mark.parametrize(
    ("tat", "wanted", "calls"),
    [
        pytest.param(0.0, 3, 3, id="rested, few wanted"),
        pytest.param(0.0, 99, 20, id="rested, the burst"),
        pytest.param(NOW, 99, 20, id="just paid for"),
        pytest.param(NOW + 1.0, 99, 10, id="half of the burst is used"),
        pytest.param(NOW + 2.0, 99, 0, id="all of it is used"),
        pytest.param(NOW + 1.9, 99, 1, id="one slot is free"),
        pytest.param(NOW + 1.91, 99, 0, id="not quite one"),
        pytest.param(0.0, 0, 0, id="nothing wanted"),
    ],
)
def test_what_is_let_through(tat: float, wanted: int, calls: int) -> None:
    """Ten a second with bursts of twenty: the burst after a rest, then one every tenth of a second."""
    assert grant(Rate(10, 20), tat, NOW, wanted).calls == calls


def test_the_wait_is_until_the_next_slot() -> None:
    """Who is turned away is told when it is worth coming back, and is let through then."""
    first = grant(Rate(0.5, 1), 0.0, NOW, 5)
    assert (first.calls, first.wait_seconds) == (1, 2.0)
    assert grant(Rate(0.5, 1), first.tat, NOW + 1.9, 5).calls == 0
    assert grant(Rate(0.5, 1), first.tat, NOW + 2.0, 5).calls == 1


def test_a_clock_that_went_wrong_stops_nobody_for_long() -> None:
    """A tat of tomorrow, written by a clock that was put forward, is no debt; one a little ahead is."""
    rate = Rate(10, 20)
    wild = grant(rate, NOW + 86_400, NOW, 5)
    assert (wild.calls, wild.tat) == (0, NOW + 2)
    assert grant(rate, wild.tat, NOW + 0.1, 5).calls == 1
    skewed = grant(rate, NOW + 2 + AHEAD_SECONDS_MAX, NOW, 5)
    assert skewed.tat == NOW + 2 + AHEAD_SECONDS_MAX


@given(
    per_second=st.floats(0.05, 500),
    burst=st.integers(1, 200),
    asks=st.lists(st.tuples(st.floats(0, 3), st.integers(0, 300)), max_size=60),
)
def test_no_second_holds_more_than_rate_and_burst(per_second: float, burst: int, asks: list[tuple[float, int]]) -> None:
    """Whoever asks, how often and for how many: in any second at most rate + burst, and never more than is wanted."""
    rate, tat, now = Rate(per_second, burst), 0.0, NOW
    made: list[tuple[float, int]] = []
    for passed, wanted in asks:
        now += passed
        granted = grant(rate, tat, now, wanted)
        assert 0 <= granted.calls <= wanted
        assert granted.tat >= tat
        tat = granted.tat
        made.append((now, granted.calls))
    for start, _ in made:
        within = sum(calls for at, calls in made if start <= at < start + 1)
        assert within <= per_second + burst + 1e-3


@given(per_second=st.floats(0.05, 500), burst=st.integers(1, 200))
def test_the_rate_is_reached(per_second: float, burst: int) -> None:
    """Who comes back when told gets a slot each time: nothing is lost to rounding."""
    rate, tat, now = Rate(per_second, burst), 0.0, NOW
    for _ in range(30):
        granted = grant(rate, tat, now, 1)
        assert granted.calls == 1
        tat = granted.tat
        now += granted.wait_seconds
