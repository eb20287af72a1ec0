"""A policy says which step an account deserves on which day, in its own calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder.domain.policy import Action, Step, Tier, tier_of
from support.worlds import ALWAYS, DAYTIME, policy, step

STEPS = (step("ahead", -7, -1), step("due", 0, 3), step("late", 4, 30), step("over", 46, 60, to="collections"))
DUE = date(2026, 3, 8)


def utc(text: str) -> datetime:
    """Return an instant from `2026-03-08 07:00`, UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("dpd", "grace_days", "tier"),
    [
        pytest.param(-1, 3, Tier.PRE_DUE, id="the day before"),
        pytest.param(0, 3, Tier.GRACE, id="due today"),
        pytest.param(3, 3, Tier.GRACE, id="the last day of grace"),
        pytest.param(4, 3, Tier.ESCALATION, id="the day after grace"),
        pytest.param(0, 0, Tier.GRACE, id="due today without grace"),
        pytest.param(1, 0, Tier.ESCALATION, id="a day late without grace"),
    ],
)
def test_tier_follows_from_the_day(dpd: int, grace_days: int, tier: Tier) -> None:
    """Nobody is told that they are overdue while their days of grace last."""
    assert tier_of(dpd, grace_days) is tier


@pytest.mark.parametrize(
    ("dpd", "key"),
    [
        pytest.param(-8, None, id="before the first"),
        pytest.param(-7, "ahead", id="the first's first day"),
        pytest.param(-1, "ahead", id="its last"),
        pytest.param(0, "due", id="the next one's first"),
        pytest.param(30, "late", id="the last day before a hole"),
        pytest.param(31, None, id="in the hole"),
        pytest.param(46, "over", id="behind the hole"),
        pytest.param(61, None, id="behind the last"),
    ],
)
def test_a_day_has_its_step(dpd: int, key: str | None) -> None:
    """A step is a window of days: on any of them an account deserves it, and outside all of them nothing."""
    found = policy(steps=STEPS).step_on(dpd)
    assert (found.key if found else None) == key


@given(st.integers(-30, 90))
def test_a_day_has_at_most_one_step(dpd: int) -> None:
    """Law 6: windows never overlap, so no day has two texts for one account."""
    inside = [one for one in STEPS if one.opens <= dpd <= one.closes]
    assert inside == [found for found in [policy(steps=STEPS).step_on(dpd)] if found]


def test_a_step_is_found_by_its_key() -> None:
    """A reminder names its step; a policy that has lost it says so."""
    found = policy(steps=STEPS).step("late")
    assert found is not None
    assert (found.opens, found.closes) == (4, 30)
    assert policy(steps=STEPS).step("gone") is None


def test_leg_follows_from_what_a_step_does() -> None:
    """A step that hands over uses no channel: no window, number or cap is asked of it."""
    assert step("due", 0, 3).leg == "sms"
    assert step("over", 4, 9, to="collections").leg == "event"
    assert Step("x", "x", 1, 0, 1, Tier.GRACE, Action.HAND_OVER).leg == "event"


@pytest.mark.parametrize(
    ("zone", "at", "dpd"),
    [
        pytest.param("Asia/Shanghai", "2026-03-07 15:59", -1, id="a minute before Shanghai's midnight"),
        pytest.param("Asia/Shanghai", "2026-03-07 16:00", 0, id="at Shanghai's midnight"),
        pytest.param("America/New_York", "2026-03-08 04:59", -1, id="a minute before New York's"),
        pytest.param("America/New_York", "2026-03-08 05:00", 0, id="at New York's"),
        pytest.param("America/New_York", "2026-03-09 03:59", 0, id="the end of its day of 23 hours"),
        pytest.param("America/New_York", "2026-03-09 04:00", 1, id="the day after"),
        pytest.param("Pacific/Kiritimati", "2026-03-07 10:00", 0, id="14 hours ahead"),
    ],
)
def test_days_are_counted_in_the_policys_zone(zone: str, at: str, dpd: int) -> None:
    """DPD is whole calendar days where the policy lives, whatever the server's clock calls them."""
    assert policy(timezone=zone).dpd(DUE, utc(at)) == dpd


@pytest.mark.parametrize(
    ("zone", "due_date", "closes", "instant"),
    [
        pytest.param("Asia/Shanghai", DUE, 3, "2026-03-11 16:00", id="a zone without changes"),
        pytest.param("America/New_York", DUE, -1, "2026-03-08 05:00", id="midnight before the clocks go forward"),
        pytest.param("America/New_York", DUE, 0, "2026-03-09 04:00", id="midnight after it"),
        pytest.param("America/New_York", date(2026, 11, 1), 0, "2026-11-02 05:00", id="midnight after they go back"),
        pytest.param("America/Havana", date(2026, 3, 7), 0, "2026-03-08 05:00", id="a midnight that does not exist"),
        pytest.param("UTC", date(2028, 2, 28), 0, "2028-02-29 00:00", id="into a leap day"),
    ],
)
def test_a_step_closes_at_midnight(zone: str, due_date: date, closes: int, instant: str) -> None:
    """Law 6: a step stops being true at the midnight after its last day, on the policy's clock, days of 23 h too."""
    assert policy(timezone=zone).closes_at(step("s", -7, closes), due_date) == utc(instant)


@given(
    st.sampled_from(["Asia/Shanghai", "America/New_York", "America/Havana", "Europe/London", "Pacific/Apia"]),
    st.dates(date(2020, 1, 1), date(2035, 1, 1)),
    st.integers(-10, 60),
)
def test_closing_and_counting_agree(zone: str, due_date: date, closes: int) -> None:
    """The instant at which a step closes is the first at which its day has passed: planning and decision agree."""
    one = policy(timezone=zone)
    closes_at = one.closes_at(step("s", -10, closes), due_date)

    assert one.dpd(due_date, closes_at) == closes + 1
    assert one.dpd(due_date, closes_at - timedelta(microseconds=1)) == closes


def test_a_text_must_fit_every_window() -> None:
    """Law 7: the profile's hours count as well as the policy's own."""
    assert policy(window=DAYTIME).layers == (ALWAYS, DAYTIME)
