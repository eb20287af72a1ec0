"""A policy above its floor: several profiles, several windows, and hours that none of their rules forbids (law 7)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reminder.domain.policy import Policy

PolicyOf = Callable[..., Policy]
Complaints = Callable[..., list[str]]
ONE = "steps: [{id: a, at: 0, template: a, until: 5}]\n"


def test_several_profiles_are_all_in_force(policy_of: PolicyOf) -> None:
    """Federal law and a state's: the hours of both, the caps of both, and the policy's own."""
    policy = policy_of(
        "profile: [us-nyc-2026, us-ma-agency]\n"
        "caps: {per_customer: [{max: 1, per: day}], per_claim: [{max: 2, per: 7 days, counts: attempts}]}\n" + ONE
    )

    assert policy.profile.name == "us-nyc-2026 + us-ma-agency"
    assert [str(hours) for hours in policy.layers] == ["mon-sun 08:00-21:00 included", "mon-sun 08:01-21:00"]
    assert [(str(cap), cap.source) for cap in policy.caps] == [
        (
            "3 per 7 days for an account counting every attempt",
            "us-nyc-2026 (6 RCNY 5-77, three contacts or attempts in seven days)",
        ),
        (
            "2 per 7 days for a claim counting every attempt",
            "us-ma-agency (209 CMR 18.16(1), calls and texts, two in seven days)",
        ),
        ("1 per day for a customer", "policy"),
    ]
    assert (policy.profile.confidence, policy.profile.as_of) == ("M", "2026-11")


def test_a_profile_named_twice_is_one(policy_of: PolicyOf) -> None:
    """Saying it again changes nothing."""
    assert policy_of("profile: [us-regf, us-regf]\n" + ONE).profile == policy_of("profile: us-regf\n" + ONE).profile


def test_the_weakest_source_says_how_sure_a_stack_is(policy_of: PolicyOf) -> None:
    """One rule that is only hearsay makes the whole no better than that."""
    assert policy_of("profile: [us-regf, house-default]\n" + ONE).profile.confidence == "U"


def test_windows_may_differ_by_weekday(policy_of: PolicyOf) -> None:
    """A list of windows is open in any of them."""
    policy = policy_of(
        "profile: au-rg96\n"
        "window:\n"
        "  - {days: mon-fri, from: '09:00', to: '20:00', holidays: skip, calendar: AU-*}\n"
        "  - {days: sat, from: '10:00', to: '14:00', holidays: skip, calendar: AU-*}\n" + ONE
    )

    assert policy.window is not None
    assert str(policy.window) == (
        "mon-fri 09:00-20:00, not on holidays of AU-* or sat 10:00-14:00, not on holidays of AU-*"
    )
    assert [window.holidays.value for window in policy.window.windows] == ["skip", "skip"]


def test_an_empty_window_is_none(policy_of: PolicyOf) -> None:
    """A key without a value says nothing."""
    assert policy_of("window:\n" + ONE).window is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            "profile: [us-regf, us-ma-agncy]\n",
            "5:20: profile: expected the name of a profile, found 'us-ma-agncy'; did you mean `us-ma-agency`?",
            id="unknown jurisdiction",
        ),
        pytest.param("profile: []\n", "5:10: profile: expected at least 1 of them, found an empty list", id="none"),
        pytest.param(
            "profile: uk-conc\n",
            "5:10: profile: `uk-conc` sets no hours on day 0, and there is no `window`; add one, "
            "or a profile with hours, such as `house-default`",
            id="a place without hours",
        ),
        pytest.param(
            "profile: [us-regf, au-rg96]\nwindow: {days: mon-sun, from: '08:00', to: '20:00'}\n",
            "6:9: window: mon-sun 08:00-20:00 is too wide: profile `au-rg96` allows mon-fri 07:30-21:00 included, "
            "not on holidays of AU-* or sat-sun 09:00-21:00 included, not on holidays of AU-* and no more "
            "(RG 96 part 2 section 4, reasonable hours by weekday, never on public holidays); narrow it",
            id="shorter weekends and no holidays",
        ),
        pytest.param(
            "profile: us-ma-agency\nwindow: {days: mon-sun, from: '08:00', to: '20:00'}\n",
            "6:9: window: mon-sun 08:00-20:00 is too wide: profile `us-ma-agency` allows mon-sun 08:01-21:00 "
            "and no more (209 CMR 18.16, hours at the consumer's location); narrow it",
            id="the first minute",
        ),
        pytest.param(
            "profile: us-regf\nwindow: [{days: mon-sun, from: '08:00', to: '21:01', to_included: true}]\n",
            "6:9: window: mon-sun 08:00-21:01 included is too wide: profile `us-regf` allows mon-sun 08:00-21:00 "
            "included and no more (12 CFR 1006.6(b)(1), inconvenient times, at the consumer's location); narrow it",
            id="after the last minute",
        ),
        pytest.param(
            "window: [{days: mon, from: '09:00', to: '10:00'}, {days: tue, from: '09:00', to: '09:00'}]\n",
            "5:82: window: opens and closes at the same minute, so it is never open; "
            "for the whole day write 00:00 to 24:00",
            id="one of several",
        ),
    ],
)
def test_what_lies_below_the_floor_is_named_at_its_place(complaints: Complaints, body: str, expected: str) -> None:
    """Law 7: the rule, its source, and where in the file it is broken."""
    assert expected in complaints(body + ONE)


@pytest.mark.parametrize(
    ("first", "until", "fits"),
    [pytest.param(0, 20, False, id="from the due date"), pytest.param(16, 40, True, id="after it was lifted")],
)
def test_hours_bind_the_days_they_are_for(
    policy_of: PolicyOf, complaints: Complaints, first: int, until: int, fits: bool
) -> None:
    """A rule that is lifted after 15 days past due doesn't bind a policy that begins after them."""
    steps = f"steps: [{{id: a, at: {first}, template: a, until: {until}}}]\n"
    body = "profile: ph-secmc18\nwindow: {days: mon-sun, from: '05:00', to: '23:00'}\n" + steps
    if fits:
        assert str(policy_of(body).window) == "mon-sun 05:00-23:00"
    else:
        assert ["is too wide" in problem for problem in complaints(body)] == [True]


def test_a_policy_says_hours_for_the_days_on_which_its_profile_has_none(complaints: Complaints) -> None:
    """Where the law lets go, nothing would keep a text from going out at night but the policy itself."""
    steps = "steps: [{id: a, at: 0, template: a, until: 20}]\n"

    (problem,) = complaints("profile: ph-secmc18\n" + steps)

    assert problem.startswith("5:10: profile: `ph-secmc18` sets no hours on day 16, and there is no `window`")


def test_a_policy_asks_for_consent_on_top_of_its_profile_and_never_less(policy_of: PolicyOf) -> None:
    """Law 7: what the profile wants is wanted whatever the policy says, and there is no word to say that it is not."""
    by_law = "us-nyc-2026 (6 RCNY 5-77, texts, e-mail and social media only with prior written and revocable consent)"

    assert policy_of("profile: us-regf\n" + ONE).consent_wanted_by(0) == ()
    assert policy_of("profile: us-regf\nconsent: required\n" + ONE).consent_wanted_by(0) == ("the policy",)
    assert policy_of("profile: [us-regf, us-nyc-2026]\n" + ONE).consent_wanted_by(0) == (by_law,)
    assert policy_of("profile: us-nyc-2026\nconsent: required\n" + ONE).consent_wanted_by(9) == (by_law, "the policy")


@pytest.mark.parametrize("word", ["none", "false", "not required", "{required: false}"])
def test_no_word_in_a_policy_lifts_the_need_for_consent(complaints: Complaints, word: str) -> None:
    """Law 7: trying to is an error when the file is loaded."""
    assert any("consent: expected" in told for told in complaints(f"profile: us-nyc-2026\nconsent: {word}\n" + ONE))
