"""How long to wait after a refusal: longer each time, never beyond a bound, and over after the last try."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder.domain.retry import Backoff

MINUTES = Backoff(base_seconds=60, max_seconds=3600, attempts_max=10)

backoffs = st.builds(Backoff, st.floats(0.1, 600), st.floats(600, 86_400), st.integers(1, 2_000))


@pytest.mark.parametrize(
    ("attempts", "jitter", "seconds"),
    [
        pytest.param(1, 0.0, 30, id="the first waits at least half"),
        pytest.param(1, 1.0, 60, id="and at most the whole"),
        pytest.param(2, 1.0, 120, id="the second twice as long"),
        pytest.param(6, 0.5, 1440, id="half the dice, three quarters"),
        pytest.param(7, 1.0, 3600, id="never beyond the bound"),
        pytest.param(9, 0.0, 1800, id="nor far below it"),
        pytest.param(10, 0.0, None, id="the last refusal ends it"),
        pytest.param(11, 0.0, None, id="as does any later one"),
    ],
)
def test_each_wait(attempts: int, jitter: float, seconds: float | None) -> None:
    """A provider that is overloaded is asked less and less often, and not for ever."""
    assert MINUTES.delay_seconds(attempts, jitter) == seconds


@given(backoffs, st.integers(1, 2_500), st.floats(0, 1))
def test_every_wait_is_within_bounds(backoff: Backoff, attempts: int, jitter: float) -> None:
    """However many tries: there is a wait, finite and at most the bound, exactly while tries are left."""
    delay = backoff.delay_seconds(attempts, jitter)

    assert (delay is None) == (attempts >= backoff.attempts_max)
    assert delay is None or 0 < delay <= backoff.max_seconds


@given(backoffs, st.integers(1, 2_500), st.floats(0, 1), st.floats(0, 1))
def test_dice_spread_the_crowd(backoff: Backoff, attempts: int, one: float, other: float) -> None:
    """Reminders refused in the same second come back spread out: more dice, more wait, over half of the whole."""
    low, high = (backoff.delay_seconds(attempts, jitter) for jitter in sorted((one, other)))
    assert (low is None) == (high is None)
    if low is not None and high is not None:
        assert low <= high <= 2 * low * (1 + 1e-9)
