"""Contact is made only when the customer's own clock shows an hour that every rule allows (laws 5, 7 and 8)."""

from __future__ import annotations

import time as stopwatch
from datetime import UTC, datetime, time, timedelta, timezone

import pytest
from hypothesis import example, given, settings

from reminder.domain.window import OPENS_WITHIN_DAYS, ContactWindow, HolidayRule, Hours, Span, closed_by, opening
from support.clocks import (
    ALL_DAYS,
    DAY,
    GRAIN,
    SHORTER_HOLIDAYS,
    hours,
    instants,
    layers,
    layers_strategy,
    shows_open_hour,
    stacks,
    utc,
    window,
    zone_sets,
)


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
    """Planning asks for every account: where day and rules are the same, a small part of what a new question costs."""
    zones, at, rounds = frozenset({"Asia/Shanghai"}), utc("2026-05-06 05:00"), 50
    stacks = [layers(window(f"08:{minute:02}", "21:00"), window("09:00", "20:07")) for minute in range(rounds)]

    def seconds() -> float:
        start = stopwatch.process_time()
        for step, stack in enumerate(stacks):
            opening(stack, zones, at + timedelta(seconds=step))
        return stopwatch.process_time() - start

    new = seconds()
    assert min(seconds() for _ in range(5)) < new / 5


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
