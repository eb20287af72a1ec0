"""A cap lets go exactly when one contact more is allowed again (law 10's arithmetic)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reminder.domain.caps import CUSTOMERS_ZONE, Aim, Cap, CapPeriod, CapScope, Contact, Contacts, Counts, horizon
from reminder.domain.caps import next_free as first_room

TICK = timedelta(microseconds=1)
ZONES = ("Asia/Shanghai", "America/New_York", "America/Havana", "Antarctica/Casey", "Pacific/Apia", "Africa/Cairo")

AIM = Aim("C", "+8613800138000", ("A",), ("A",), "t")
CUSTOMER = (CapScope.CUSTOMER, "C")

caps_strategy = st.builds(Cap, st.integers(1, 4), st.sampled_from(CapPeriod), st.integers(1, 40))
ages = st.lists(st.timedeltas(timedelta(), timedelta(days=70)), max_size=8)
begin = datetime(2010, 1, 1, tzinfo=UTC)
instants = st.timedeltas(timedelta(), timedelta(days=365 * 20)).map(lambda since: begin + since)


def utc(text: str) -> datetime:
    """Return an instant from `2026-03-08 07:00`, UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def next_free(
    caps: Iterable[Cap], contacts: Iterable[datetime], at: datetime, zone: str
) -> tuple[datetime, Cap] | None:
    """Ask for one text more to a customer who had texts at these instants."""
    return first_room(caps, {CUSTOMER: [Contact(instant) for instant in contacts]}, AIM, at, zone)


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
        pytest.param(Cap(3, CapPeriod.ROLLING, 7), "3 per 7 days for a customer", id="rolling"),
        pytest.param(Cap(1, CapPeriod.DAY, scope=CapScope.ACCOUNT), "1 per day for an account", id="calendar day"),
        pytest.param(Cap(2, CapPeriod.ROLLING, zone="Asia/Tokyo"), "2 per 1 day for a customer", id="rolling day"),
        pytest.param(
            Cap(10, CapPeriod.MONTH, zone="Europe/Dublin", counts=Counts.DELIVERED),
            "10 per month for a customer in Europe/Dublin counting what was delivered",
            id="calendar month",
        ),
        pytest.param(
            Cap(6, CapPeriod.DAY, scope=CapScope.NUMBER, counts=Counts.ATTEMPTS, channels=frozenset({"voice"})),
            "6 per day for a number counting every attempt by voice",
            id="dials",
        ),
        pytest.param(
            Cap(7, CapPeriod.DAY, scope=CapScope.CLAIM, zone=CUSTOMERS_ZONE, exempts_notices=True),
            "7 per day for a claim in the customer’s zone besides required notices",
            id="claims",
        ),
    ],
)
def test_a_cap_is_said_as_a_policy_says_it(cap: Cap, text: str) -> None:
    """What `explain` prints says all that the file says."""
    assert str(cap) == text


# What counts: scopes, kinds, channels, notices, calendars

CLOCKS = ("Asia/Shanghai", "Europe/Moscow", "Asia/Kamchatka")
scoped_caps = st.builds(
    Cap,
    max=st.integers(1, 3),
    period=st.sampled_from(CapPeriod),
    days=st.integers(1, 9),
    scope=st.sampled_from(CapScope),
    counts=st.sampled_from(Counts),
    channels=st.sampled_from([frozenset[str](), frozenset({"sms"}), frozenset({"voice"}), frozenset({"sms", "voice"})]),
    zone=st.sampled_from([None, CUSTOMERS_ZONE, "Asia/Kamchatka"]),
    exempts_notices=st.booleans(),
)
few = st.lists(st.sampled_from("XY"), min_size=1, max_size=2, unique=True).map(tuple)
aims = st.builds(
    Aim,
    customer_id=st.sampled_from("XY"),
    number=st.sampled_from("XY"),
    account_ids=few,
    claim_ids=few,
    template=st.sampled_from("tu"),
    channel=st.sampled_from(["sms", "voice"]),
    notice=st.booleans(),
    zones=st.frozensets(st.sampled_from(CLOCKS), max_size=2),
)
fates = st.sampled_from(Counts)
histories = st.lists(st.tuples(aims, st.timedeltas(timedelta(), timedelta(days=20)), fates), max_size=12)


def by_key(history: Iterable[tuple[Aim, timedelta, Counts]], at: datetime) -> Contacts:
    """Return a history as `next_free` takes it: each text under all whom it concerned."""
    found: dict[tuple[CapScope, str], list[Contact]] = {}
    for aim, age, fate in history:
        contact = Contact(at - age, fate, aim.template, aim.channel, aim.notice)
        for key in aim.concerns([CapScope.CUSTOMER, CapScope.ACCOUNT, CapScope.CLAIM, CapScope.NUMBER]):
            found.setdefault(key, []).append(contact)
    return found


def most_counted(cap: Cap, history: Iterable[tuple[Aim, timedelta, Counts]], aim: Aim, at: datetime) -> int:
    """Count by brute force, text by text, the fullest of all that the cap counts for: as a lawyer would."""
    every: dict[Counts, Iterable[Counts]] = {
        Counts.ATTEMPTS: Counts,
        Counts.ACCEPTED: [Counts.ACCEPTED, Counts.DELIVERED],
    }
    kinds = set(every.get(cap.counts, [Counts.DELIVERED]))
    about: Callable[[Aim], set[object]] = {
        CapScope.CUSTOMER: lambda text: {text.customer_id},
        CapScope.ACCOUNT: lambda text: set(text.account_ids),
        CapScope.CLAIM: lambda text: set(text.claim_ids),
        CapScope.NUMBER: lambda text: {text.number},
        CapScope.NUMBER_AND_TEMPLATE: lambda text: {(text.number, text.template)},
    }[cap.scope]
    if cap.zone is None:
        zones = {"Asia/Shanghai"}
    else:
        zones = {cap.zone} if cap.zone != CUSTOMERS_ZONE else set(aim.zones) or {"Asia/Shanghai"}
    return max(
        sum(
            one in about(text)
            and fate in kinds
            and (not cap.channels or text.channel in cap.channels)
            and not (text.notice and cap.exempts_notices)
            and counted(cap, at - age, at, zone)
            for text, age, fate in history
        )
        for one in about(aim)
        for zone in zones
    )


@given(scoped_caps, aims, histories, instants)
def test_a_cap_counts_what_a_recount_finds(
    cap: Cap, aim: Aim, history: list[tuple[Aim, timedelta, Counts]], at: datetime
) -> None:
    """Law 10: scope, kind, channel, notices and calendar: a text waits exactly when a recount says that it must."""
    bound = not (aim.notice and cap.exempts_notices) and (not cap.channels or aim.channel in cap.channels)
    full = bound and most_counted(cap, history, aim, at) >= cap.max

    blocked = first_room([cap], by_key(history, at), aim, at, "Asia/Shanghai")

    assert (blocked is not None) is full
    if blocked is not None:
        later, ages = blocked[0], by_key(history, at)
        assert first_room([cap], ages, aim, later, "Asia/Shanghai") is None
        assert first_room([cap], ages, aim, later - TICK, "Asia/Shanghai") is not None


@pytest.mark.parametrize(
    ("contact", "asked", "free"),
    [
        pytest.param("2026-11-22 23:59", "2026-11-23 00:00", True, id="a minute into the next day"),
        pytest.param("2026-11-23 00:00", "2026-11-23 23:59", False, id="the same day"),
    ],
)
def test_a_cap_counts_on_the_calendar_of_its_own_place(contact: str, asked: str, free: bool) -> None:
    """A rule of Ireland counts Irish days, wherever the policy counts its own."""
    dublin = ZoneInfo("Europe/Dublin")
    made, at = (datetime.fromisoformat(text).replace(tzinfo=dublin) for text in (contact, asked))

    assert (next_free([Cap(1, CapPeriod.DAY, zone="Europe/Dublin")], [made], at, "Asia/Shanghai") is None) is free


def test_a_customer_of_two_possible_zones_is_counted_in_both() -> None:
    """Law 8: as long as it may be the same day for the customer, it is."""
    cap = Cap(1, CapPeriod.DAY, zone=CUSTOMERS_ZONE)
    aim = replace(AIM, zones=frozenset({"Europe/Moscow", "Asia/Kamchatka"}))
    made = {CUSTOMER: [Contact(utc("2026-06-15 09:00"))]}

    assert first_room([cap], made, aim, utc("2026-06-15 12:30"), "UTC") == (utc("2026-06-15 21:00"), cap)


def test_a_month_ends_where_its_clocks_change() -> None:
    """The last Sunday of October 2027 is its last day: the month is an hour longer in Dublin."""
    cap = Cap(1, CapPeriod.MONTH, zone="Europe/Dublin")
    assert next_free([cap], [utc("2027-10-31 00:30")], utc("2027-10-31 12:00"), "UTC") == (utc("2027-11-01 00:00"), cap)


def test_no_caps_look_back_a_little() -> None:
    """Without caps nothing blocks, and hardly anything needs to be read."""
    assert next_free([], [utc("2026-05-06 03:00")], utc("2026-05-06 03:00"), "Asia/Shanghai") is None
    assert horizon([]) == timedelta(days=2)
