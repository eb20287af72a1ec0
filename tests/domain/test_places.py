"""Whose law binds: the place's where it is known, every place's that may be it where it is not (law 8)."""

from __future__ import annotations

from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder.domain.account import Account
from reminder.domain.caps import Cap, CapPeriod
from reminder.domain.money import Money
from reminder.domain.places import Places
from reminder.domain.policy import Policy
from reminder.domain.profile import Profile, Rule
from reminder.domain.selector import Selector
from reminder.domain.window import ContactWindow, Hours

NAMES = {"CN": ("cn",), "US": ("federal",), "US-FL": ("federal", "florida"), "US-MA": ("federal", "boston"), "IE": ()}
OWN = Cap(1, CapPeriod.DAY)


def profile(name: str, opens: int) -> Profile:
    """Return a profile with hours from then until nine, and a cap."""
    hours = Hours((ContactWindow(frozenset(range(7)), time(opens), time(21)),), name)
    caps = (Cap(opens, CapPeriod.ROLLING, 7, source=name),)
    return Profile(name, "", name, "2026", "H", (Rule("hours", name, hours, caps),))


PROFILES = {name: profile(name, 6 + n) for n, name in enumerate(("cn", "federal", "florida", "boston", "house"))}
STRICTEST = Places("place", NAMES, ("cn", "federal", "florida", "boston"), PROFILES, (OWN,))
HOUSE = Places("place", NAMES, ("house",), PROFILES, (OWN,))


def account(place: object = None) -> Account:
    """Return an account whose book says this of its place."""
    attributes = {} if place is None else {"place": str(place)}
    return Account("a", "c", date(2026, 1, 1), Money(1, "CNY"), attributes=attributes)


@pytest.mark.parametrize(
    ("place", "region", "names"),
    [
        pytest.param("CN", "CN", ("cn",), id="known and confirmed"),
        pytest.param("CN", None, ("cn",), id="known, no number"),
        pytest.param(None, "CN", ("cn",), id="told by the number"),
        pytest.param(" us-fl ", "US", ("federal", "florida"), id="a state"),
        pytest.param("US-CA", "US", ("federal",), id="a state without a law of its own"),
        pytest.param("US", "US", ("federal", "florida", "boston"), id="which state is not known"),
        pytest.param(None, "US", ("federal", "florida", "boston"), id="the number does not tell the state"),
        pytest.param("US-MA", "CN", ("federal", "boston", "cn"), id="a number from another country"),
        pytest.param("CN", "US", ("cn", "federal", "florida", "boston"), id="a number of some state"),
        pytest.param("DE", "DE", ("house",), id="a place that is not listed"),
        pytest.param("CN", "DE", ("cn", "house"), id="a number of a place that is not listed"),
        pytest.param("nowhere", "CN", ("cn",), id="no place at all"),
        pytest.param(None, None, ("cn", "federal", "florida", "boston", "house"), id="nothing is known"),
        pytest.param("nowhere", None, ("cn", "federal", "florida", "boston", "house"), id="a place and number unknown"),
        pytest.param("", None, ("cn", "federal", "florida", "boston", "house"), id="an empty column"),
    ],
)
def test_every_law_that_may_bind_binds(place: str | None, region: str | None, names: tuple[str, ...]) -> None:
    """Law 8: what is uncertain is taken for all that it may be; what is certain, for itself."""
    assert HOUSE.binding(account(place), region) == names


def test_a_place_that_is_not_listed_may_have_the_strictest() -> None:
    """`otherwise: strictest`: no place is left to a rule that nobody looked up."""
    assert STRICTEST.binding(account("DE"), "DE") == ("cn", "federal", "florida", "boston")


def policy_of(places: Places) -> Policy:
    """Return a policy by place, as a file makes it."""
    rules = tuple(rule for each in PROFILES.values() for rule in each.rules)
    every = Profile("all", "", "x", "2026", "H", rules)
    caps = (*every.caps, OWN)
    return Policy("p", "", 1, Selector(), every, "UTC", 0, None, caps, ("console",), (), places=places)


def test_a_policy_is_as_strict_as_the_place() -> None:
    """Hours and caps are those of the place, beside the policy's own; equal places are the same policy."""
    policy = policy_of(HOUSE)
    florida = policy.where(account("US-FL"), "US")

    assert [rule.name for rule in florida.profile.rules] == ["hours", "hours"]
    assert [layer.source for layer in florida.layers] == ["federal", "florida"]
    assert [(cap.max, cap.source) for cap in florida.caps] == [(7, "federal"), (8, "florida"), (1, "policy")]
    assert policy.where(account("US-FL"), None) is florida
    assert florida.where(account("CN"), "CN") is florida
    assert policy.lasting_layers == ()


places = st.sampled_from([None, "", "CN", "US", "US-FL", "US-MA", "US-CA", "IE", "DE", "xx"])
regions = st.sampled_from([None, "CN", "US", "IE", "DE"])


@given(places, regions, st.sampled_from([HOUSE, STRICTEST]))
def test_knowing_less_never_binds_less(place: str | None, region: str | None, by: Places) -> None:
    """Law 8: whoever leaves out the part or the number's country gets at least the rules of those who say them."""
    known = set(by.binding(account(place), region))
    without_part = set(by.binding(account((place or "").partition("-")[0]), region))

    if place and place.partition("-")[0] in {name.partition("-")[0] for name in NAMES}:
        assert known <= without_part
    if place and region:
        assert set(by.binding(account(place), None)) <= known
    assert known <= set(by.everywhere)
