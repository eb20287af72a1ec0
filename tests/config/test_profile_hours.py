"""What each profile allows, minute by minute, against hours written down from the rules themselves (laws 7 and 8).

`HOURS` says for a day, on the clock of one zone, the first and the last minute that is allowed; a last minute of 20:59
is an hour that ends before nine, one of 21:00 an hour that ends after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reminder.config.profiles import load_profiles
from reminder.domain.policy import Policy
from reminder.domain.profile import Profile, combined
from reminder.domain.selector import Selector
from reminder.domain.window import opening

CONFIG = Path(__file__).resolve().parents[2] / "config"
MINUTE = timedelta(minutes=1)
SHANGHAI, NEW_YORK, CHICAGO, BOSTON = "Asia/Shanghai", "America/New_York", "America/Chicago", "America/New_York"
SYDNEY, PERTH, BOGOTA, MOSCOW = "Australia/Sydney", "Australia/Perth", "America/Bogota", "Europe/Moscow"

MONDAY, SATURDAY, SUNDAY = "2026-06-15", "2026-06-13", "2026-06-14"
SPRING, AUTUMN = "2026-03-08", "2026-11-01"
"""Days on which clocks in the United States are changed."""

HOURS = [
    ("cn-consumer-credit", SHANGHAI, MONDAY, "08:00", "21:59"),
    ("cn-gbt45251", SHANGHAI, MONDAY, "08:00", "21:59"),
    ("cn-gbt45251", SHANGHAI, SUNDAY, "08:00", "21:59"),
    ("cn-gbt45251", SHANGHAI, "2026-10-01", "08:00", "21:59"),
    ("cn-cba-2026", SHANGHAI, MONDAY, "08:00", "21:59"),
    ("cn-cba-2026", SHANGHAI, "2026-02-17", "08:00", "21:59"),
    ("us-regf", NEW_YORK, MONDAY, "08:00", "21:00"),
    ("us-regf", "America/Los_Angeles", SUNDAY, "08:00", "21:00"),
    ("us-regf", "Pacific/Honolulu", MONDAY, "08:00", "21:00"),
    ("us-regf", NEW_YORK, "2026-12-25", "08:00", "21:00"),
    ("us-regf", NEW_YORK, SPRING, "08:00", "21:00"),
    ("us-regf", CHICAGO, AUTUMN, "08:00", "21:00"),
    ("us-fl-fccpa", NEW_YORK, MONDAY, "08:00", "20:59"),
    ("us-fl-fccpa", CHICAGO, SPRING, "08:00", "20:59"),
    ("us-fl-fccpa", NEW_YORK, AUTUMN, "08:00", "20:59"),
    ("us-ma-creditor", BOSTON, MONDAY, "08:00", "20:59"),
    ("us-ma-creditor", BOSTON, AUTUMN, "08:00", "20:59"),
    ("us-ma-agency", BOSTON, MONDAY, "08:01", "20:59"),
    ("us-ma-agency", BOSTON, SPRING, "08:01", "20:59"),
    ("us-nyc-2026", NEW_YORK, MONDAY, "08:00", "21:00"),
    ("us-nyc-2026", NEW_YORK, AUTUMN, "08:00", "21:00"),
    ("in-rbi", "Asia/Kolkata", MONDAY, "08:00", "19:00"),
    ("in-rbi", "Asia/Kolkata", SUNDAY, "08:00", "19:00"),
    ("id-seojk19", "Asia/Jakarta", MONDAY, "08:00", "20:00"),
    ("id-seojk19", "Asia/Makassar", SUNDAY, "08:00", "20:00"),
    ("id-seojk19", "Asia/Jayapura", "2026-08-17", "08:00", "20:00"),
    ("ph-secmc18", "Asia/Manila", MONDAY, "06:00", "22:00"),
    ("ph-secmc18", "Asia/Manila", SUNDAY, "06:00", "22:00"),
    ("vn-tt18", "Asia/Ho_Chi_Minh", MONDAY, "07:00", "21:00"),
    ("vn-tt18", "Asia/Ho_Chi_Minh", "2026-09-02", "07:00", "21:00"),
    ("kr-pdpa", "Asia/Seoul", MONDAY, "08:00", "20:59"),
    ("kr-pdpa", "Asia/Seoul", "2026-10-09", "08:00", "20:59"),
    ("jp-mlba21", "Asia/Tokyo", MONDAY, "08:00", "20:59"),
    ("jp-mlba21", "Asia/Tokyo", "2026-05-05", "08:00", "20:59"),
    ("au-rg96", SYDNEY, MONDAY, "07:30", "21:00"),
    ("au-rg96", PERTH, "2026-06-19", "07:30", "21:00"),
    ("au-rg96", SYDNEY, SATURDAY, "09:00", "21:00"),
    ("au-rg96", PERTH, SUNDAY, "09:00", "21:00"),
    ("au-rg96", SYDNEY, "2026-10-04", "09:00", "21:00"),  # clocks go forward
    ("au-rg96", SYDNEY, "2025-04-06", "09:00", "21:00"),  # clocks go back
    ("au-rg96", SYDNEY, "2026-12-25", None, None),  # Christmas Day, a Friday
    ("au-rg96", PERTH, "2026-01-26", None, None),  # Australia Day, a Monday
    ("au-rg96", "Australia/Melbourne", "2026-11-03", None, None),  # Melbourne Cup, a holiday of Victoria
    ("co-ley2300", BOGOTA, MONDAY, None, None),  # Sacred Heart, a Monday off
    ("co-ley2300", BOGOTA, "2026-06-16", "07:00", "19:00"),
    ("co-ley2300", BOGOTA, "2026-06-19", "07:00", "19:00"),
    ("co-ley2300", BOGOTA, SATURDAY, "08:00", "15:00"),
    ("co-ley2300", BOGOTA, SUNDAY, None, None),
    ("co-ley2300", BOGOTA, "2026-07-20", None, None),  # Independence Day
    ("mx-condusef", "America/Mexico_City", MONDAY, "07:00", "22:00"),
    ("mx-condusef", "America/Tijuana", SPRING, "07:00", "22:00"),
    ("mx-condusef", "America/Cancun", SUNDAY, "07:00", "22:00"),
    ("ru-230fz", MOSCOW, MONDAY, "08:00", "22:00"),
    ("ru-230fz", "Asia/Vladivostok", "2026-06-16", "08:00", "22:00"),
    ("ru-230fz", MOSCOW, SATURDAY, "09:00", "20:00"),
    ("ru-230fz", "Europe/Kaliningrad", SUNDAY, "09:00", "20:00"),
    ("ru-230fz", MOSCOW, "2026-06-12", "09:00", "20:00"),  # Russia Day, a Friday
    ("house-default", "Etc/UTC", MONDAY, "08:00", "20:59"),
    ("house-default", "Europe/London", "2026-03-29", "08:00", "20:59"),
    ("house-default", "Australia/Lord_Howe", "2026-04-05", "08:00", "20:59"),
    ("us-fl-fccpa", NEW_YORK, "2026-07-04", "08:00", "20:59"),
    ("us-ma-creditor", BOSTON, SPRING, "08:00", "20:59"),
    ("us-ma-creditor", BOSTON, "2026-12-25", "08:00", "20:59"),
    ("us-ma-agency", BOSTON, AUTUMN, "08:01", "20:59"),
    ("us-ma-agency", BOSTON, "2026-04-20", "08:01", "20:59"),  # Patriots' Day
    ("us-nyc-2026", NEW_YORK, SPRING, "08:00", "21:00"),
    ("us-nyc-2026", NEW_YORK, "2026-11-26", "08:00", "21:00"),
    ("in-rbi", "Asia/Kolkata", "2026-01-26", "08:00", "19:00"),
    ("ph-secmc18", "Asia/Manila", "2026-06-12", "06:00", "22:00"),
    ("mx-condusef", "America/Tijuana", AUTUMN, "07:00", "22:00"),
    ("mx-condusef", "America/Mexico_City", "2026-09-16", "07:00", "22:00"),
    ("cn-consumer-credit", SHANGHAI, "2026-02-14", "08:00", "21:59"),  # a worked Saturday
    ("cn-consumer-credit", SHANGHAI, "2026-10-01", "08:00", "21:59"),
    ("jp-mlba21", "Asia/Tokyo", SUNDAY, "08:00", "20:59"),
    ("kr-pdpa", "Asia/Seoul", SUNDAY, "08:00", "20:59"),
    ("vn-tt18", "Asia/Ho_Chi_Minh", SUNDAY, "07:00", "21:00"),
    ("house-default", "Europe/London", "2026-10-25", "08:00", "20:59"),
    ("house-default", "Europe/London", "2026-12-25", "08:00", "20:59"),
]

ATTEMPTS, DELIVERED = "counting every attempt", "counting what was delivered"
CAPS = {
    "cn-consumer-credit": [
        f"3 per day for a customer in Asia/Shanghai {DELIVERED} by voice",
        f"6 per day for a number in Asia/Shanghai {ATTEMPTS} by voice",
    ],
    "cn-gbt45251": [f"3 per day for a customer in Asia/Shanghai {DELIVERED} by voice"],
    "cn-cba-2026": [f"6 per day for a number in Asia/Shanghai {ATTEMPTS} by voice"],
    "us-regf": [f"7 per 7 days for a claim {ATTEMPTS} by voice"],
    "us-ma-creditor": [f"2 per 7 days for a claim {ATTEMPTS}"],
    "us-ma-agency": [f"2 per 7 days for a claim {ATTEMPTS}"],
    "us-nyc-2026": [f"3 per 7 days for an account {ATTEMPTS}"],
    "ie-cpc2012": [f"3 per month for a customer in Europe/Dublin {DELIVERED}"],
    "vn-tt18": ["5 per day for a customer in Asia/Ho_Chi_Minh"],
    "kr-pdpa": ["7 per 7 days for a claim besides required notices"],
    "au-rg96": [
        f"3 per week for an account in the customer’s zone {DELIVERED}",
        f"10 per month for an account in the customer’s zone {DELIVERED}",
    ],
    "co-ley2300": ["1 per day for a customer in America/Bogota"],
    "ru-230fz": [
        "2 per day for a customer in the customer’s zone by sms",
        "4 per week for a customer in the customer’s zone by sms",
        "16 per month for a customer in the customer’s zone by sms",
    ],
}
WITHOUT_HOURS = {"uk-conc", "ie-cpc2012"}
AGENCIES_ONLY, LENDERS_ONLY = {"us-regf", "us-ma-agency"}, {"us-ma-creditor", "ie-cpc2012"}


@cache
def shipped() -> Mapping[str, Profile]:
    """Return the profiles that come with the program, read once."""
    return load_profiles(CONFIG / "profiles", CONFIG / "calendars").profiles


def allowed(profile: Profile, zone: str, instant: datetime, dpd: int = 0) -> bool:
    """Return whether a customer in one zone may be contacted at an instant."""
    span = opening(profile.layers_on(dpd), frozenset({zone}), instant)
    return span is not None and span.start <= instant


def minutes_of(day: date, zone: str) -> list[datetime]:
    """Return every minute (UTC) while the zone's clock shows this day; some days have 23 or 25 hours."""
    noon = datetime.combine(day, time(12), UTC)
    every = (noon + MINUTE * step for step in range(-40 * 60, 40 * 60))
    return [minute for minute in every if minute.astimezone(ZoneInfo(zone)).date() == day]


@pytest.mark.parametrize(
    ("name", "zone", "day", "first", "last"), HOURS, ids=[f"{row[0]}-{row[1]}-{row[2]}" for row in HOURS]
)
def test_every_minute_of_a_day_is_as_the_rule_says(
    name: str, zone: str, day: str, first: str | None, last: str | None
) -> None:
    """Law 7: from midnight to midnight of the customer's clock, also where it is changed, and on holidays."""
    minutes = minutes_of(date.fromisoformat(day), zone)
    shown = {minute: f"{minute.astimezone(ZoneInfo(zone)):%H:%M}" for minute in minutes}

    expected = [
        minute for minute in minutes if first is not None and last is not None and first <= shown[minute] <= last
    ]

    assert [minute for minute in minutes if allowed(shipped()[name], zone, minute)] == expected
    assert len(minutes) in (23 * 60, 24 * 60, 25 * 60, 24 * 60 + 30)


@pytest.mark.parametrize("name", sorted({row[0] for row in HOURS}))
def test_the_last_allowed_minute_is_allowed_to_its_end(name: str) -> None:
    """A minute is the finest grain of a rule: its last second is as allowed as its first, the next one is not."""
    _, zone, day, _, last = next(row for row in HOURS if row[0] == name and row[4] is not None)
    assert last is not None
    begins = datetime.combine(date.fromisoformat(day), time.fromisoformat(last), ZoneInfo(zone)).astimezone(UTC)

    seconds = [begins, begins + MINUTE - timedelta(microseconds=1), begins + MINUTE]

    assert [allowed(shipped()[name], zone, second) for second in seconds] == [True, True, False]


def test_every_profile_is_in_the_table() -> None:
    """Nothing is shipped whose hours nobody wrote down."""
    assert load_profiles(CONFIG / "profiles", CONFIG / "calendars").problems == ()
    assert {row[0] for row in HOURS} | WITHOUT_HOURS == set(shipped())
    assert {name for name, each in shipped().items() if not each.layers_on(0)} == WITHOUT_HOURS


def test_caps_are_those_of_the_rules() -> None:
    """Law 10: whose contacts, which, within what, on whose calendar: as the rule says."""
    assert {name: [str(cap) for cap in each.caps] for name, each in shipped().items() if each.caps} == CAPS


def test_every_rule_has_its_source_and_whom_it_binds() -> None:
    """A floor whose origin nobody knows can't be checked; what no data can keep is said in words."""
    for name, profile in shipped().items():
        assert profile.rules or profile.leaves_to_lender
        assert name == "house-default" or profile.leaves_to_lender
        for rule in profile.rules:
            assert rule.source
            assert rule.as_of
            assert rule.confidence in "HMLU"
    only = {name: {rule.binds for rule in each.rules} for name, each in shipped().items() if each.rules}
    assert {name for name, binds in only.items() if binds == {frozenset({"agency"})}} == AGENCIES_ONLY
    assert {name for name, binds in only.items() if binds == {frozenset({"lender"})}} == LENDERS_ONLY


@pytest.mark.parametrize(("role", "others"), [("lender", AGENCIES_ONLY), ("agency", LENDERS_ONLY)])
def test_each_role_has_the_hours_and_caps_that_bind_it(role: str, others: set[str]) -> None:
    """Law 7: a rule binds lenders, agencies or both, as its origin says; for whom it binds it is the same rule."""
    for name, profile in shipped().items():
        bound = profile.bound(role)
        expected = ((), ()) if name in others else (profile.layers_on(0), profile.caps)
        assert (bound.layers_on(0), bound.caps) == expected
        assert profile.bound(None) is profile


@pytest.mark.parametrize(("dpd", "asleep"), [(-3, True), (0, True), (15, True), (16, False)])
def test_hours_in_the_philippines_are_lifted_beyond_fifteen_days(dpd: int, asleep: bool) -> None:
    """The circular frees contact more than 15 days past due, and not before."""
    night = datetime(2026, 6, 15, 19, tzinfo=UTC)  # 03:00 in Manila

    assert allowed(shipped()["ph-secmc18"], "Asia/Manila", night, dpd) is not asleep


def policy_of(profile: Profile) -> Policy:
    """Return a policy that leaves its hours to the profile."""
    return Policy("p", "", 1, Selector(), profile, "Asia/Manila", 3, None, profile.caps, ("console",), ())


def test_planning_waits_only_for_what_binds_on_every_day() -> None:
    """A reminder isn't planned late for hours that may be lifted when it is due; sending asks again."""
    policy = policy_of(combined([shipped()["ph-secmc18"], shipped()["house-default"]]))

    assert [layer.source.split()[0] for layer in policy.layers] == ["ph-secmc18", "house-default"]
    assert [layer.source.split()[0] for layer in policy.lasting_layers] == ["house-default"]


def test_a_lifted_rule_lets_go_at_midnight() -> None:
    """The next allowed instant minds that other hours bind tomorrow: the day after 15 begins at midnight."""
    policy, manila = policy_of(shipped()["ph-secmc18"]), frozenset({"Asia/Manila"})
    night = datetime(2026, 6, 16, 23, tzinfo=ZoneInfo("Asia/Manila"))

    assert policy.dpd(date(2026, 6, 1), night) == 15
    span = policy.opening(manila, date(2026, 6, 1), night)

    assert span is not None
    assert span.start == datetime(2026, 6, 17, tzinfo=ZoneInfo("Asia/Manila"))


def test_a_span_ends_where_other_hours_begin() -> None:
    """A text must not outlive the hours it was sent in: what is free today may be bound tomorrow."""
    rule = shipped()["ph-secmc18"].rules[0]
    later = Profile("later", "", "x", "2026", "U", (type(rule)("hours", "x", rule.hours, from_dpd=1),))
    at = datetime(2026, 6, 1, 23, 30, tzinfo=ZoneInfo("Asia/Manila"))

    span = policy_of(later).opening(frozenset({"Asia/Manila"}), date(2026, 6, 1), at)

    assert span is not None
    assert span.end == datetime(2026, 6, 2, tzinfo=ZoneInfo("Asia/Manila"))


ZONES = sorted({row[1] for row in HOURS} | {"Europe/London", "Pacific/Apia"})
names = st.sampled_from(sorted(shipped()))
zone_sets = st.frozensets(st.sampled_from(ZONES), min_size=1, max_size=2)
instants = st.timedeltas(timedelta(), timedelta(days=1064)).map(lambda since: datetime(2025, 1, 1, tzinfo=UTC) + since)
due_dates = st.dates(date(2025, 1, 1), date(2027, 12, 31))


@given(st.lists(names, min_size=1, max_size=4), names, zone_sets, due_dates, instants)
@settings(deadline=None, max_examples=200)
def test_a_profile_more_never_allows_what_was_denied(
    stack: list[str], more: str, zones: frozenset[str], due: date, at: datetime
) -> None:
    """Law 7: profiles combine as an intersection: the next allowed instant only ever moves away."""
    few = policy_of(combined([shipped()[name] for name in stack]))
    many = policy_of(combined([shipped()[name] for name in (*stack, more)]))

    wide, narrow = few.opening(zones, due, at), many.opening(zones, due, at)

    assert narrow is None or (wide is not None and max(wide.start, at) <= max(narrow.start, at))
    assert set(few.caps) <= set(many.caps)


@given(st.lists(names, min_size=1, max_size=3), zone_sets, due_dates, instants)
@settings(deadline=None, max_examples=200)
def test_the_next_allowed_instant_is_allowed_and_the_minute_before_is_not(
    stack: list[str], zones: frozenset[str], due: date, at: datetime
) -> None:
    """A denial that says "again from" is true to the minute."""
    policy = policy_of(combined([shipped()[name] for name in stack]))
    span = policy.opening(zones, due, at)
    if span is None or span.start <= at:
        return

    again = policy.opening(zones, due, span.start)
    before = policy.opening(zones, due, max(at, span.start - MINUTE))

    assert again is not None
    assert again.start <= span.start < again.end
    assert before is not None
    assert before.start == span.start


@pytest.mark.parametrize(
    ("stack", "at", "start"),
    [
        pytest.param(("us-regf", "us-ma-agency"), "2026-06-15T08:00", "2026-06-15T08:01", id="federal and state"),
        pytest.param(("us-regf", "us-fl-fccpa"), "2026-06-15T21:00", "2026-06-16T08:00", id="nine is too late in one"),
        pytest.param(("uk-conc", "house-default"), "2026-06-15T22:00", "2026-06-16T08:00", id="words and hours"),
    ],
)
def test_several_profiles_hold_together(stack: tuple[str, ...], at: str, start: str) -> None:
    """Federal law, a state's and a house's: the narrowest hour of each."""
    policy = policy_of(combined([shipped()[name] for name in stack]))
    zone = ZoneInfo(NEW_YORK)

    span = policy.opening(frozenset({NEW_YORK}), date(2026, 6, 1), datetime.fromisoformat(at).replace(tzinfo=zone))

    assert span is not None
    assert span.start == datetime.fromisoformat(start).replace(tzinfo=zone)
