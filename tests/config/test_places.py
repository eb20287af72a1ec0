"""Profiles by place and by role in files: read, checked, and in force where they bind (law 7)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from reminder.config.policies import load_policies
from reminder.config.profile_check import check_roles
from reminder.config.profiles import load_profiles
from reminder.domain.account import Account
from reminder.domain.money import Money
from reminder.domain.policy import Policy

CONFIG = Path(__file__).resolve().parents[2] / "config"
ONE = "steps: [{id: a, at: 0, template: a, until: 5}]\n"
BY_PLACE = "profile: {by: place, places: {CN: cn-consumer-credit, US: us-regf, US-MA: [us-regf, us-ma-agency]}}\n"
HEAD = "policy: loans\ntimezone: Asia/Shanghai\ngrace_days: 3\nroute: {sms: [console]}\n"

PolicyOf = Callable[..., Policy]
Complaints = Callable[..., list[str]]


def account(place: str) -> Account:
    """Return an account of somebody there."""
    return Account("a", "c", date(2026, 1, 1), Money(1, "USD"), attributes={"place": place})


@pytest.mark.parametrize(
    ("place", "profile"),
    [
        ("CN", "cn-consumer-credit"),
        ("US-TX", "us-regf"),
        ("US-MA", "us-regf + us-ma-agency"),
        ("US", "us-regf + us-ma-agency"),
        ("FR", "cn-consumer-credit + us-regf + us-ma-agency"),
    ],
)
def test_a_policy_by_place_binds_by_place(policy_of: PolicyOf, place: str, profile: str) -> None:
    """Each account has the law of its place; a place that is not listed has the strictest of those that are."""
    policy = policy_of(BY_PLACE + "caps: {per_customer: [{max: 1, per: day}]}\n" + ONE)
    there = policy.where(account(place), None)

    assert there.profile.name == profile
    assert [str(cap) for cap in there.caps if cap.source == "policy"] == ["1 per day for a customer"]
    assert policy.profile.name == "cn-consumer-credit + us-regf + us-ma-agency"


def test_otherwise_may_name_profiles(policy_of: PolicyOf) -> None:
    """A lender who has looked up the rest of the world can say so."""
    policy = policy_of("profile: {by: place, places: {CN: cn-gbt45251}, otherwise: house-default}\n" + ONE)

    assert policy.where(account("FR"), "FR").profile.name == "house-default"
    assert policy.where(account("FR"), "CN").profile.name == "house-default + cn-gbt45251"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            "profile: {by: place, places: {CN: moon}}\n" + ONE,
            "profile: expected the name of a profile, found 'moon'",
            id="no such profile",
        ),
        pytest.param(
            "profile: {by: place, places: {CN: cn-gbt45251, GB: uk-conc}}\n" + ONE,
            "profile: `uk-conc` sets no hours on day 0 in GB, and there is no `window`; add one",
            id="a place without hours",
        ),
        pytest.param(
            "profile: {by: place, places: {CN: house-default, IN: in-rbi}}\n"
            "window: {days: mon-sun, from: '09:00', to: '20:00'}\n" + ONE,
            "window: mon-sun 09:00-20:00 is too wide: profile `in-rbi` allows mon-sun 08:00-19:00 included and no more",
            id="law 7 holds in every place",
        ),
        pytest.param("profile: {by: place, places: {china: cn-gbt45251}}\n" + ONE, "china", id="no code of a place"),
        pytest.param("profile: {places: {CN: cn-gbt45251}}\n" + ONE, "`profile.by` is missing", id="by what"),
        pytest.param("profile: {by: place, places: {}}\n" + ONE, "profile.places: expected at least 1", id="no place"),
    ],
)
def test_what_is_wrong_with_places_is_said(complaints: Complaints, body: str, expected: str) -> None:
    """Law 7 is asked of each place when the file is loaded, and every mistake is named."""
    found = complaints(body)
    assert len(found) == 1
    assert expected in found[0]


@pytest.mark.parametrize(
    ("role", "profile", "kept", "warned"),
    [
        (None, "us-regf", True, False),
        ("agency", "us-regf", True, False),
        ("lender", "us-regf", False, True),
        ("lender", "us-ma-creditor", True, False),
        ("agency", "us-ma-creditor", False, True),
        ("agency", "au-rg96", True, False),
    ],
)
def test_a_rule_binds_whom_it_binds(
    write: Callable[..., Path], role: str | None, profile: str, kept: bool, warned: bool
) -> None:
    """A deployment that says what it is keeps the rules for it; a profile for others is named as such."""
    window = "window: {days: mon-fri, from: '10:00', to: '18:00', holidays: skip, calendar: AU-*}\n"
    folder = write(HEAD + f"profile: {profile}\n" + window + ONE, "policies/loans.yaml").parent
    profiles = load_profiles(CONFIG / "profiles", CONFIG / "calendars", role)
    policies = load_policies(folder, profiles.binding, profiles.calendars)

    problems = [problem.message for problem in check_roles(profiles, policies)]

    assert policies.problems == ()
    assert policies.policies[0].profile.rules == (profiles.profiles[profile].rules if kept else ())
    assert [f"`lender.role` is {role}, so that none of its rules is in force" in problem for problem in problems] == [
        True
    ] * warned


def test_a_role_that_leaves_no_hours_is_an_error(write: Callable[..., Path]) -> None:
    """Law 7: without its rules a profile sets no hours, and a policy must then say its own."""
    folder = write(HEAD + "profile: us-regf\n" + ONE, "policies/loans.yaml").parent
    profiles = load_profiles(CONFIG / "profiles", CONFIG / "calendars", "lender")

    (problem,) = load_policies(folder, profiles.binding, profiles.calendars).problems

    assert "`us-regf` sets no hours on day 0, and there is no `window`" in problem.message
