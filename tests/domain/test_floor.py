"""Law 7: hours that allow what other hours forbid are found, whatever the weekday, the holiday and the zone."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reminder.domain.floor import within
from reminder.domain.window import ContactWindow, Hours
from support.clocks import (
    GRAIN,
    ODD_ZONES,
    SHORTER_HOLIDAYS,
    SHORTER_WEEKENDS,
    WORKDAYS,
    hours,
    instants,
    layers_strategy,
    shows_open_hour,
    utc,
    window,
)


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
        pytest.param(
            hours(window("22:00", "02:00")),
            hours(window("22:00", "02:00", skip="CN"), window("22:00", "24:00")),
            False,
            id="the night after a holiday",
        ),
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
