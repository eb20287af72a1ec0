"""Contact is made only when the customer's own clock shows an hour that every rule allows (laws 5, 7 and 8)."""

from __future__ import annotations

import time as stopwatch
from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reminder.domain.calendar import is_holiday
from reminder.domain.floor import within
from reminder.domain.window import OPENS_WITHIN_DAYS, ContactWindow, HolidayRule, Hours, Span, closed_by, opening

ALL_DAYS = frozenset(range(7))
MINUTE = timedelta(minutes=1)
GRAIN = timedelta(minutes=5)
DAY = timedelta(days=1)

ODD_ZONES = (
    "Asia/Shanghai", "America/New_York", "Europe/London", "Europe/Dublin", "Australia/Lord_Howe", "Asia/Kathmandu",
    "America/St_Johns", "Africa/Casablanca", "America/Sao_Paulo", "Antarctica/Troll", "Antarctica/Casey",
    "Pacific/Apia", "Pacific/Kiritimati", "Etc/GMT+12", "America/Havana", "Africa/Cairo",
)  # fmt: skip
ODD_DAYS = (
    datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 3, 29, tzinfo=UTC),
    datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 4, 4, tzinfo=UTC), datetime(2011, 12, 30, tzinfo=UTC),
    datetime(2018, 11, 4, tzinfo=UTC), datetime(2018, 3, 10, tzinfo=UTC), datetime(2026, 2, 15, tzinfo=UTC),
    datetime(2026, 7, 3, tzinfo=UTC), datetime(2026, 2, 19, tzinfo=UTC), datetime(2024, 4, 26, tzinfo=UTC),
)  # fmt: skip


def window(
    opens: str, closes: str, days: frozenset[int] = ALL_DAYS, skip: str | None = None, *, included: bool = False
) -> ContactWindow:
    """Return a window from two times as a policy spells them; `24:00` is the end of the day."""
    rule = HolidayRule.SKIP if skip else HolidayRule.ALLOW
    opened, closed = time.fromisoformat(opens), time.fromisoformat(closes.replace("24", "00"))
    return ContactWindow(days, opened, closed, rule, skip, included)


def layers(*windows: ContactWindow) -> tuple[Hours, ...]:
    """Return a layer for each window: all of them must be open."""
    return tuple(Hours((each,)) for each in windows)


def hours(*windows: ContactWindow) -> Hours:
    """Return one layer: any of the windows may be open."""
    return Hours(windows)


def utc(text: str) -> datetime:
    """Return an instant from `2026-03-08 07:00`, UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def shows_open_hour(stack: tuple[Hours, ...], zones: frozenset[str], instant: datetime) -> bool:
    """Return whether every zone's clock shows an hour that every layer allows: the rule, asked of one instant."""
    walls = [instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for zone in zones]
    return all(
        any(on_day(w, wall, wall.date() - DAY * back) for w in layer.windows for back in (0, 1))
        for wall in walls
        for layer in stack
    )


def on_day(w: ContactWindow, wall: datetime, day: date) -> bool:
    """Return whether a wall time lies in the hours of a window that belong to one day."""
    if day.weekday() not in w.days or (w.holidays is HolidayRule.SKIP and is_holiday(day, str(w.calendar))):
        return False
    opens, closes = (moment.hour * 60 + moment.minute for moment in (w.opens, w.closes))
    if closes == 0 or closes < opens:
        closes += 1440
    closes += w.to_included
    return opens <= (wall - datetime.combine(day, time())) / MINUTE < closes


clock_times = st.integers(0, 287).map(lambda five: time(five // 12, five % 12 * 5))
windows_strategy = st.builds(
    ContactWindow,
    days=st.frozensets(st.integers(0, 6), min_size=1) | st.just(ALL_DAYS),
    opens=clock_times,
    closes=clock_times,
    holidays=st.sampled_from(HolidayRule),
    calendar=st.sampled_from(["CN", "US-FL"]),
    to_included=st.booleans(),
)
layers_strategy = st.lists(windows_strategy, min_size=1, max_size=3).map(lambda windows: Hours(tuple(windows)))
stacks = st.lists(layers_strategy, min_size=1, max_size=3).map(tuple)
zone_sets = st.frozensets(st.sampled_from(ODD_ZONES), min_size=1, max_size=3)
any_instants = st.timedeltas(timedelta(), 19 * 365 * DAY).map(lambda since: utc("2011-01-01 00:00") + since)
odd_instants = st.builds(lambda day, shift: day + shift, st.sampled_from(ODD_DAYS), st.timedeltas(-2 * DAY, 2 * DAY))
instants = odd_instants | any_instants


@given(stacks, zone_sets, instants)
@settings(deadline=None, max_examples=150)
@example(layers(window("02:30", "04:00")), frozenset({"America/New_York"}), utc("2026-03-08 00:00"))
@example(layers(window("01:30", "04:00")), frozenset({"America/New_York"}), utc("2026-11-01 05:45"))
@example(layers(window("22:00", "06:00")), frozenset({"Pacific/Apia"}), utc("2011-12-30 08:00"))
@example(layers(window("00:00", "24:00")), frozenset({"Australia/Lord_Howe"}), utc("2026-04-04 15:00"))
def test_a_span_is_exactly_the_open_instants(stack: tuple[Hours, ...], zones: frozenset[str], at: datetime) -> None:
    """Law 8: from `at` on, nothing before the span is open, all within it is, and nothing right behind it."""
    span = opening(stack, zones, at)
    cut = datetime.combine(at.date(), time(), UTC) + DAY * (OPENS_WITHIN_DAYS + 2)
    start, end = (span.start, span.end) if span else (at + DAY * OPENS_WITHIN_DAYS, cut)
    grid = datetime.combine(at.date(), time(), UTC)
    for step in range((min(end, at + 4 * DAY) - grid) // GRAIN + 2):
        instant = grid + GRAIN * step
        if at <= instant:
            expected = shows_open_hour(stack, zones, instant)
            assert expected is (span is not None and start <= instant < end) or instant >= end, instant
    if span:
        assert at < end
        assert all(shows_open_hour(stack, zones, inside) for inside in (max(start, at), end - timedelta.resolution))
        assert end == cut or not shows_open_hour(stack, zones, end)
        begun = datetime.combine(at.date(), time(), UTC) - DAY
        assert start == begun or not shows_open_hour(stack, zones, start - timedelta.resolution)


@given(stacks, zone_sets, instants)
@settings(deadline=None, max_examples=60)
def test_nothing_means_nothing_for_a_month(stack: tuple[Hours, ...], zones: frozenset[str], at: datetime) -> None:
    """Law 8: `None` and a late start are both the truth: no instant before them is open, however far away."""
    span = opening(stack, zones, at)
    until = span.start if span else at + DAY * OPENS_WITHIN_DAYS
    first = datetime.combine(at.date(), time(), UTC)
    hours = (first + timedelta(minutes=25) * step for step in range(int((until - first) / timedelta(minutes=25))))
    assert not any(shows_open_hour(stack, zones, hour) for hour in hours if hour >= at)


@given(layers_strategy, layers_strategy, zone_sets, instants)
@settings(deadline=None, max_examples=100)
def test_rules_and_zones_only_ever_narrow(one: Hours, other: Hours, zones: frozenset[str], at: datetime) -> None:
    """Laws 7 and 8: with one more layer, or one more plausible zone, contact is never allowed sooner."""
    wide = opening((one,), frozenset({min(zones)}), at)
    narrow = opening((one, other), zones, at)
    assert narrow is None or (wide is not None and max(wide.start, at) <= max(narrow.start, at))


@pytest.mark.parametrize(
    ("opens", "closes", "zone", "at", "start", "end"),
    [
        pytest.param(
            "09:00", "20:00", "Asia/Shanghai", "2026-05-06 00:00", "2026-05-06 01:00", "2026-05-06 12:00", id="later"
        ),
        pytest.param(
            "09:00", "20:00", "Asia/Shanghai", "2026-05-06 01:00", "2026-05-06 01:00", "2026-05-06 12:00", id="opening"
        ),
        pytest.param(
            "09:00", "20:00", "Asia/Shanghai", "2026-05-06 12:00", "2026-05-07 01:00", "2026-05-07 12:00", id="closing"
        ),
        pytest.param(
            "02:30", "09:00", "America/New_York", "2026-03-08 00:00", "2026-03-08 07:00", "2026-03-08 13:00",
            id="opens in the hour that is skipped: right after it",
        ),
        pytest.param(
            "01:00", "02:30", "America/New_York", "2026-03-08 00:00", "2026-03-08 06:00", "2026-03-08 07:00",
            id="closes in the hour that is skipped: right before it",
        ),
        pytest.param(
            "02:10", "02:50", "America/New_York", "2026-03-08 00:00", "2026-03-09 06:10", "2026-03-09 06:50",
            id="all in the hour that is skipped: not on that day",
        ),
        pytest.param(
            "01:30", "09:00", "America/New_York", "2026-11-01 05:45", "2026-11-01 05:30", "2026-11-01 06:00",
            id="opens in the hour that is repeated: the clock then shows 01:00 again",
        ),
        pytest.param(
            "01:30", "09:00", "America/New_York", "2026-11-01 06:00", "2026-11-01 06:30", "2026-11-01 14:00",
            id="opens twice where its opening is shown twice",
        ),
        pytest.param(
            "22:00", "06:00", "Asia/Kolkata", "2026-05-06 20:00", "2026-05-06 16:30", "2026-05-07 00:30",
            id="over midnight",
        ),
        pytest.param(
            "09:00", "20:00", "Pacific/Apia", "2011-12-30 06:30", "2011-12-30 19:00", "2011-12-31 06:00",
            id="after Thursday comes Saturday",
        ),
    ],
)  # fmt: skip
def test_days_that_people_ask_about(opens: str, closes: str, zone: str, at: str, start: str, end: str) -> None:
    """The clock on the customer's wall decides, also on the days when it is changed."""
    assert opening(layers(window(opens, closes)), frozenset({zone}), utc(at)) == Span(utc(start), utc(end))


def test_unsure_zones_share_few_hours() -> None:
    """Law 8: somebody who may be in New York or in Los Angeles is texted when both clocks allow it."""
    span = opening(
        layers(window("08:00", "21:00")),
        frozenset({"America/New_York", "America/Los_Angeles"}),
        utc("2026-06-01 05:00"),
    )
    assert span == Span(utc("2026-06-01 15:00"), utc("2026-06-02 01:00"))


def test_zones_around_the_world_may_share_none() -> None:
    """Law 8: where no hour is allowed in every plausible zone, none is."""
    zones = frozenset({"Asia/Shanghai", "America/New_York"})
    assert opening(layers(window("09:00", "17:00")), zones, utc("2026-06-01 00:00")) is None


def test_without_a_zone_nothing_is_open() -> None:
    """Law 8: nobody's clock is no permission."""
    assert opening(layers(window("00:00", "24:00")), frozenset(), utc("2026-06-01 00:00")) is None


def test_whole_days_are_one_span() -> None:
    """A window that never closes doesn't break at midnight; its span is cut a day back and about a month ahead."""
    span = opening(layers(window("00:00", "24:00")), frozenset({"Asia/Shanghai"}), utc("2026-06-10 13:00"))
    assert span == Span(utc("2026-06-09 00:00"), utc("2026-07-13 00:00"))


def test_weekends_join_at_midnight() -> None:
    """Saturday and Sunday, all day, are one stretch: a text may stay valid over the midnight between."""
    span = opening(layers(window("00:00", "24:00", frozenset({5, 6}))), frozenset({"Etc/UTC"}), utc("2026-06-12 00:00"))
    assert span == Span(utc("2026-06-13 00:00"), utc("2026-06-15 00:00"))


def test_a_window_of_no_length_never_opens() -> None:
    """Law 8: from nine to nine may mean all day or never; doubt is closed."""
    assert opening(layers(window("09:00", "09:00")), frozenset({"Etc/UTC"}), utc("2026-06-12 00:00")) is None


def test_holidays_are_skipped_where_the_window_says_so() -> None:
    """Nobody is dunned over the Spring Festival: closed from 15 to 23 February 2026, open on the worked 14th."""
    spring = layers(window("09:00", "20:00", skip="CN"))
    saturday = opening(spring, frozenset({"Asia/Shanghai"}), utc("2026-02-13 13:00"))
    after = opening(spring, frozenset({"Asia/Shanghai"}), utc("2026-02-14 13:00"))
    assert saturday == Span(utc("2026-02-14 01:00"), utc("2026-02-14 12:00"))
    assert after == Span(utc("2026-02-24 01:00"), utc("2026-02-24 12:00"))


def test_skipping_the_holidays_of_nowhere_skips_every_day() -> None:
    """Law 8: a window that must not open on holidays but names no calendar can't tell, so it stays closed."""
    blind = ContactWindow(ALL_DAYS, time(9), time(20), HolidayRule.SKIP)
    assert opening(layers(blind), frozenset({"Etc/UTC"}), utc("2026-06-12 00:00")) is None


def test_an_opening_beyond_a_month_is_none() -> None:
    """A span is looked for 31 days ahead: on the holidays' and weekdays' whims nobody waits longer."""
    april = layers(window("09:00", "10:00", frozenset({0})), window("09:00", "10:00", frozenset({1})))
    assert opening(april, frozenset({"Etc/UTC"}), utc("2026-06-12 00:00")) is None


def test_any_aware_instant_may_be_asked() -> None:
    """The same instant gives the same answer, whatever zone it is written in; a naive one is refused."""
    rules, zones = layers(window("09:00", "20:00")), frozenset({"Asia/Shanghai"})
    at = utc("2026-05-06 23:30")
    assert opening(rules, zones, at.astimezone(timezone(timedelta(hours=-9)))) == opening(rules, zones, at)
    with pytest.raises(ValueError, match="an instant with its zone"):
        opening(rules, zones, at.replace(tzinfo=None))


def test_a_repeated_question_is_cheap() -> None:
    """Planning asks for every account: microseconds when the day and the rules are the same, not milliseconds."""
    rules, zones = layers(window("08:00", "21:00"), window("09:00", "20:00")), frozenset({"Asia/Shanghai"})
    at, rounds, best = utc("2026-05-06 05:00"), 5_000, float("inf")
    for _ in range(5):
        start = stopwatch.perf_counter()
        for step in range(rounds):
            opening(rules, zones, at + timedelta(seconds=step))
        best = min(best, stopwatch.perf_counter() - start)
    assert best / rounds < 15e-6, f"{best / rounds * 1e6:.1f} us"


@pytest.mark.parametrize(
    ("inner", "outer", "inside"),
    [
        pytest.param(window("09:00", "20:00"), window("08:00", "21:00"), True, id="narrower"),
        pytest.param(window("08:00", "21:00"), window("08:00", "21:00"), True, id="the same"),
        pytest.param(window("07:59", "20:00"), window("08:00", "21:00"), False, id="a minute early"),
        pytest.param(window("09:00", "21:01"), window("08:00", "21:00"), False, id="a minute late"),
        pytest.param(window("09:00", "24:00"), window("08:00", "21:00"), False, id="to the end of the day"),
        pytest.param(window("09:00", "24:00"), window("08:00", "24:00"), True, id="both to the end of the day"),
        pytest.param(window("09:00", "20:00"), window("08:00", "21:00", frozenset({0, 1})), False, id="more days"),
        pytest.param(
            window("09:00", "20:00", frozenset({1})), window("08:00", "21:00", frozenset({0, 1})), True, id="fewer"
        ),
        pytest.param(window("22:00", "06:00"), window("08:00", "21:00"), False, id="over midnight"),
        pytest.param(window("22:00", "06:00"), window("00:00", "24:00"), True, id="over midnight in whole days"),
        pytest.param(
            window("22:00", "06:00", frozenset({6})),
            window("00:00", "24:00", frozenset({6, 0})),
            True,
            id="Sunday night",
        ),
        pytest.param(
            window("22:00", "06:00", frozenset({6})), window("00:00", "24:00", frozenset({6})), False, id="into Monday"
        ),
        pytest.param(window("01:00", "05:00"), window("22:00", "06:00"), True, id="early hours of a night"),
        pytest.param(window("09:00", "09:00"), window("10:00", "11:00"), True, id="one that never opens"),
        pytest.param(
            window("09:00", "20:00", skip="CN"), window("08:00", "21:00"), True, id="skipping where one needn't"
        ),
        pytest.param(window("09:00", "20:00"), window("08:00", "21:00", skip="CN"), False, id="not skipping"),
        pytest.param(
            window("09:00", "20:00", skip="US"), window("08:00", "21:00", skip="CN"), False, id="other holidays"
        ),
        pytest.param(window("09:00", "20:00", skip="CN"), window("08:00", "21:00", skip="CN"), True, id="both skip"),
        pytest.param(
            window("08:00", "21:00", skip="CN"), window("08:00", "21:00", skip="CN"), True, id="both, the same"
        ),
        pytest.param(window("07:00", "20:00", skip="CN"), window("08:00", "21:00", skip="CN"), False, id="both, early"),
        pytest.param(
            window("09:00", "22:00", skip="CN"), window("08:00", "21:00", skip="CN"), False, id="both skip, late"
        ),
        pytest.param(
            window("22:00", "02:00", skip="CN"), window("00:00", "24:00", skip="CN"), False, id="a night into a holiday"
        ),
        pytest.param(
            window("09:00", "09:00"), window("08:00", "21:00", skip="CN"), True, id="never, on holidays either"
        ),
    ],
)
def test_the_law_is_a_floor(inner: ContactWindow, outer: ContactWindow, inside: bool) -> None:
    """Law 7: a policy's window that allows one hour which its profile forbids is found when the file is loaded."""
    assert within(hours(inner), hours(outer)) is inside


WORKDAYS, WEEKEND = frozenset(range(5)), frozenset({5, 6})
SHORTER_WEEKENDS = hours(window("08:00", "22:00", WORKDAYS), window("09:00", "20:00", WEEKEND))
SHORTER_HOLIDAYS = hours(window("08:00", "22:00", WORKDAYS, "CN"), window("09:00", "20:00"))


@pytest.mark.parametrize(
    ("inner", "outer", "inside"),
    [
        pytest.param(SHORTER_WEEKENDS, SHORTER_WEEKENDS, True, id="the same"),
        pytest.param(hours(window("09:00", "20:00")), SHORTER_WEEKENDS, True, id="what all days share"),
        pytest.param(hours(window("08:00", "20:00")), SHORTER_WEEKENDS, False, id="too early on a weekend"),
        pytest.param(hours(window("08:00", "22:00", WORKDAYS)), SHORTER_WEEKENDS, True, id="on workdays only"),
        pytest.param(SHORTER_WEEKENDS, SHORTER_HOLIDAYS, False, id="holidays are shorter"),
        pytest.param(SHORTER_HOLIDAYS, SHORTER_WEEKENDS, True, id="shorter on holidays as well"),
        pytest.param(
            hours(window("08:00", "22:00")),
            hours(window("08:00", "14:00"), window("14:00", "22:00")),
            True,
            id="two windows that meet are one",
        ),
        pytest.param(
            hours(window("08:00", "22:00")),
            hours(window("08:00", "14:00"), window("14:01", "22:00")),
            False,
            id="a minute between them",
        ),
        pytest.param(hours(), SHORTER_WEEKENDS, True, id="hours that never open"),
        pytest.param(SHORTER_WEEKENDS, hours(), False, id="under a rule that never opens"),
        pytest.param(
            hours(window("08:00", "21:00", included=True)), hours(window("08:00", "21:00")), False, id="the last minute"
        ),
        pytest.param(
            hours(window("08:00", "21:00")), hours(window("08:00", "21:00", included=True)), True, id="without it"
        ),
        pytest.param(
            hours(window("08:00", "21:00", skip="AU-*")),
            hours(window("08:00", "21:00", skip="AU-NSW")),
            True,
            id="the holidays of all parts",
        ),
        pytest.param(
            hours(window("08:00", "21:00", skip="AU-NSW")),
            hours(window("08:00", "21:00", skip="AU-*")),
            False,
            id="the holidays of one part",
        ),
    ],
)
def test_hours_that_differ_by_day_are_a_floor_too(inner: Hours, outer: Hours, inside: bool) -> None:
    """Law 7: a rule with shorter weekends or holidays is kept on those days as well."""
    assert within(inner, outer) is inside


@given(layers_strategy, layers_strategy, st.sampled_from(ODD_ZONES), instants)
@settings(deadline=None, max_examples=300)
def test_within_agrees_with_the_clock(inner: Hours, outer: Hours, zone: str, at: datetime) -> None:
    """Law 7: where `within` says yes, no instant of any zone is open in the one and closed in the other."""
    if within(inner, outer):
        zones = frozenset({zone})
        for step in range(3 * 288):
            instant = at.replace(minute=0, second=0, microsecond=0) + GRAIN * step
            assert shows_open_hour((outer,), zones, instant) or not shows_open_hour((inner,), zones, instant)


@given(layers_strategy, layers_strategy)
@settings(deadline=None, max_examples=200)
def test_within_misses_nothing_without_holidays(inner: Hours, outer: Hours) -> None:
    """Law 7 isn't stricter than it says: without holidays, hours inside others are always recognised."""
    plain, floor = (
        Hours(tuple(ContactWindow(w.days, w.opens, w.closes) for w in each.windows)) for each in (inner, outer)
    )
    week = [utc("2026-06-01 00:00") + GRAIN * step for step in range(7 * 288)]
    zones = frozenset({"Etc/UTC"})
    truth = all(shows_open_hour((floor,), zones, i) or not shows_open_hour((plain,), zones, i) for i in week)
    assert within(plain, floor) is truth


@given(stacks, zone_sets, instants)
@settings(deadline=None, max_examples=100)
def test_a_denial_names_every_rule_that_forbids(stack: tuple[Hours, ...], zones: frozenset[str], at: datetime) -> None:
    """A denial is explained: the layers named are those that forbid contact now, and there is one for each denial."""
    denied = closed_by(stack, zones, at)
    assert denied == tuple(layer for layer in stack if not shows_open_hour((layer,), zones, at))
    assert bool(denied) is not shows_open_hour(stack, zones, at)


def test_the_last_minute_counts_where_a_rule_says_after() -> None:
    """A rule against contact after nine allows it while clocks show 21:00, and not from 21:01 on."""
    rule, zones = layers(window("08:00", "21:00", included=True)), frozenset({"Etc/UTC"})
    assert opening(rule, zones, utc("2026-06-01 09:00")) == Span(utc("2026-06-01 08:00"), utc("2026-06-01 21:01"))


@pytest.mark.parametrize(
    ("spoken", "spelt"),
    [
        pytest.param(hours(window("08:00", "21:00")), "mon-sun 08:00-21:00", id="range"),
        pytest.param(hours(window("08:00", "21:00", frozenset({0, 2}))), "mon,wed 08:00-21:00", id="list"),
        pytest.param(hours(window("00:00", "24:00", frozenset({6}))), "sun 00:00-24:00", id="whole day"),
        pytest.param(hours(window("08:00", "21:00", included=True)), "mon-sun 08:00-21:00 included", id="last minute"),
        pytest.param(
            SHORTER_HOLIDAYS, "mon-fri 08:00-22:00, not on holidays of CN or mon-sun 09:00-20:00", id="several"
        ),
        pytest.param(hours(), "never", id="none"),
    ],
)
def test_hours_are_spelt_for_people(spoken: Hours, spelt: str) -> None:
    """Errors and explanations speak of windows as files do."""
    assert str(spoken) == spelt
