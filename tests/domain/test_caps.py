"""A cap lets go exactly when one contact more is allowed again (law 10's arithmetic)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reminder.domain.caps import Cap, CapPeriod, horizon, next_free

TICK = timedelta(microseconds=1)
ZONES = ("Asia/Shanghai", "America/New_York", "America/Havana", "Antarctica/Casey", "Pacific/Apia", "Africa/Cairo")

caps_strategy = st.builds(Cap, st.integers(1, 4), st.sampled_from(CapPeriod), st.integers(1, 40))
ages = st.lists(st.timedeltas(timedelta(), timedelta(days=70)), max_size=8)
begin = datetime(2010, 1, 1, tzinfo=UTC)
instants = st.timedeltas(timedelta(), timedelta(days=365 * 20)).map(lambda since: begin + since)


def utc(text: str) -> datetime:
    """Return an instant from `2026-03-08 07:00`, UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def counted(cap: Cap, contact: datetime, at: datetime, zone: str) -> bool:
    """Return whether a contact counts at an instant, said as a lawyer would and not as the code does."""
    if cap.period is CapPeriod.ROLLING:
        return at - contact < timedelta(days=cap.days)
    then, now = (instant.astimezone(ZoneInfo(zone)).date() for instant in (contact, at))
    if cap.period is CapPeriod.DAY:
        return then >= now
    if cap.period is CapPeriod.WEEK:
        return then.isocalendar()[:2] >= now.isocalendar()[:2]
    return (then.year, then.month) >= (now.year, now.month)


@pytest.mark.parametrize(
    ("cap", "zone", "contact", "free"),
    [
        pytest.param(
            Cap(1, CapPeriod.DAY), "Asia/Shanghai", "2026-05-06 15:59", "2026-05-06 16:00", id="a minute to midnight"
        ),
        pytest.param(Cap(1, CapPeriod.DAY), "Asia/Shanghai", "2026-05-06 16:00", "2026-05-07 16:00", id="midnight"),
        pytest.param(
            Cap(1, CapPeriod.DAY), "America/New_York", "2026-03-08 05:00", "2026-03-09 04:00", id="a day of 23 hours"
        ),
        pytest.param(
            Cap(1, CapPeriod.DAY), "America/New_York", "2026-11-01 04:00", "2026-11-02 05:00", id="a day of 25 hours"
        ),
        pytest.param(
            Cap(1, CapPeriod.DAY), "Antarctica/Casey", "2018-03-10 14:00", "2018-03-11 16:00", id="a day of 27 hours"
        ),
        pytest.param(
            Cap(1, CapPeriod.DAY), "Pacific/Apia", "2011-12-29 20:00", "2011-12-30 10:00", id="a day left out"
        ),
        pytest.param(
            Cap(1, CapPeriod.DAY), "America/Havana", "2026-03-07 12:00", "2026-03-08 05:00", id="a midnight left out"
        ),
        pytest.param(
            Cap(1, CapPeriod.WEEK), "Asia/Shanghai", "2026-05-10 15:00", "2026-05-10 16:00", id="Sunday's last hour"
        ),
        pytest.param(
            Cap(1, CapPeriod.WEEK), "Asia/Shanghai", "2026-05-10 16:00", "2026-05-17 16:00", id="Monday's first"
        ),
        pytest.param(
            Cap(1, CapPeriod.MONTH), "Asia/Shanghai", "2026-02-28 15:00", "2026-02-28 16:00", id="February's end"
        ),
        pytest.param(
            Cap(1, CapPeriod.MONTH), "Asia/Shanghai", "2026-12-15 00:00", "2026-12-31 16:00", id="over the year"
        ),
        pytest.param(
            Cap(1, CapPeriod.ROLLING, 1), "Asia/Shanghai", "2026-05-06 09:30", "2026-05-07 09:30", id="24 hours"
        ),
        pytest.param(
            Cap(1, CapPeriod.ROLLING, 7), "America/New_York", "2026-03-05 12:00", "2026-03-12 12:00", id="7 × 24 hours"
        ),
    ],
)
def test_a_contact_counts_until_its_period_ends(cap: Cap, zone: str, contact: str, free: str) -> None:
    """Law 10: a calendar period ends at the zone's own midnight, a rolling one to the microsecond."""
    made = utc(contact)
    assert cap.frees_at(made, zone) == utc(free)
    assert next_free([cap], [made], utc(free) - TICK, zone) == (utc(free), cap)
    assert next_free([cap], [made], utc(free), zone) is None


@given(caps_strategy, ages, instants, st.sampled_from(ZONES))
@example(Cap(1, CapPeriod.DAY), [timedelta(hours=26)], datetime(2018, 3, 11, 15, 59, tzinfo=UTC), "Antarctica/Casey")
def test_counting_is_by_the_calendar_of_the_zone(cap: Cap, since: list[timedelta], at: datetime, zone: str) -> None:
    """Law 10: a cap blocks exactly when as many contacts count as it allows."""
    contacts = [at - age for age in since]
    used = sum(counted(cap, contact, at, zone) for contact in contacts)
    assert (next_free([cap], contacts, at, zone) is not None) is (used >= cap.max)


@given(st.lists(caps_strategy, max_size=4), ages, instants, st.sampled_from(ZONES))
def test_the_answer_is_the_first_free_instant(caps: list[Cap], since: list[timedelta], at: datetime, zone: str) -> None:
    """Law 10: at the instant given one contact more fits, and a microsecond earlier it doesn't."""
    contacts = [at - age for age in since]
    blocked = next_free(caps, contacts, at, zone)
    if blocked is not None:
        free, cap = blocked
        assert free > at
        assert cap in caps
        assert next_free(caps, contacts, free, zone) is None
        assert next_free(caps, contacts, free - TICK, zone) == (free, cap)


@given(st.lists(caps_strategy, max_size=4), ages, instants, st.sampled_from(ZONES))
def test_the_horizon_reaches_every_contact_that_counts(
    caps: list[Cap], since: list[timedelta], at: datetime, zone: str
) -> None:
    """Law 10: contacts older than the horizon needn't be read, for they change no answer."""
    contacts = [at - age for age in since]
    recent = [contact for contact in contacts if contact >= at - horizon(caps)]
    assert next_free(caps, recent, at, zone) == next_free(caps, contacts, at, zone)


@given(st.lists(caps_strategy, max_size=3), caps_strategy, ages, instants, st.sampled_from(ZONES))
def test_one_cap_more_never_frees_sooner(
    caps: list[Cap], more: Cap, since: list[timedelta], at: datetime, zone: str
) -> None:
    """Caps add up: whatever one of them forbids stays forbidden."""
    contacts = [at - age for age in since]
    few, many = next_free(caps, contacts, at, zone), next_free([*caps, more], contacts, at, zone)
    assert few is None or (many is not None and many[0] >= few[0])


def test_the_tightest_cap_is_named() -> None:
    """`explain` says which cap holds a reminder back: the one that lets go last, the first of equals."""
    day, week = Cap(1, CapPeriod.DAY), Cap(2, CapPeriod.ROLLING, 7)
    contacts = [utc("2026-05-06 02:00"), utc("2026-05-04 02:00")]
    assert next_free([day, week], contacts, utc("2026-05-06 03:00"), "Asia/Shanghai") == (utc("2026-05-11 02:00"), week)
    again = Cap(1, CapPeriod.DAY, 9)
    assert next_free([day, again], contacts, utc("2026-05-06 03:00"), "Asia/Shanghai") == (utc("2026-05-06 16:00"), day)
    assert next_free([day, week], contacts[:1], utc("2026-05-06 03:00"), "Asia/Shanghai") == (
        utc("2026-05-06 16:00"),
        day,
    )


def test_a_cap_of_none_never_frees() -> None:
    """At most zero contacts means none, with or without a history."""
    never = Cap(0, CapPeriod.DAY)
    blocked = next_free([never], [], utc("2026-05-06 03:00"), "Asia/Shanghai")
    assert blocked is not None
    assert blocked[0].year == 9999


def test_a_contact_being_made_counts_as_made() -> None:
    """Law 10: a contact recorded a moment ahead of this process's clock, by another process, counts."""
    cap, at = Cap(1, CapPeriod.DAY), utc("2026-05-06 03:00")
    assert next_free([cap], [at + timedelta(seconds=2)], at, "Asia/Shanghai") is not None


def test_instants_may_be_written_in_any_zone() -> None:
    """A rolling day is 24 hours of real time, also over a night when clocks are changed."""
    cap, at = Cap(1, CapPeriod.ROLLING, 1), utc("2026-03-08 12:00")
    local = at.astimezone(ZoneInfo("America/New_York"))
    assert cap.start(local, "Asia/Shanghai") == at - timedelta(days=1) + TICK
    assert cap.frees_at(utc("2026-03-07 20:00").astimezone(local.tzinfo), "Asia/Shanghai") == utc("2026-03-08 20:00")
    assert next_free([cap], [at.astimezone(timezone(timedelta(hours=8)))], at, "Asia/Shanghai") is not None


@pytest.mark.parametrize(
    ("cap", "text"),
    [
        pytest.param(Cap(3, CapPeriod.ROLLING, 7), "3 per 7 days", id="rolling"),
        pytest.param(Cap(1, CapPeriod.DAY), "1 per day", id="calendar day"),
        pytest.param(Cap(2, CapPeriod.ROLLING), "2 per 1 day", id="rolling day"),
        pytest.param(Cap(10, CapPeriod.MONTH), "10 per month", id="calendar month"),
    ],
)
def test_a_cap_is_said_as_a_policy_says_it(cap: Cap, text: str) -> None:
    """What `explain` prints can be found in the file."""
    assert str(cap) == text


def test_no_caps_look_back_a_little() -> None:
    """Without caps nothing blocks, and hardly anything needs to be read."""
    assert next_free([], [utc("2026-05-06 03:00")], utc("2026-05-06 03:00"), "Asia/Shanghai") is None
    assert horizon([]) == timedelta(days=2)
