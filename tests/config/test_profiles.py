"""Profiles: the floor, as data with its source."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time
from pathlib import Path

import pytest

from reminder.config.profiles import load_profiles, read_profile
from reminder.domain.window import ContactWindow, HolidayRule, Hours
from reminder.errors import ConfigError

CONFIG = Path(__file__).parents[2] / "config"
Write = Callable[..., Path]
TEXT = (
    "profile: moon\ndescription: Nobody yet\nsource: House rule\nas_of: '2026-11'\nconfidence: L\n"
    "rules:\n  - rule: hours\n    source: Moon Act 1\n"
    "    windows:\n      - {days: mon-sat, from: '08:00', to: '20:00', holidays: skip, calendar: US-FL}\n"
)


def test_a_profile_is_read_with_its_source(write: Write) -> None:
    """Law 7: every floor can be looked up where it comes from."""
    profile, _ = read_profile(write(TEXT))

    assert (profile.name, profile.source, profile.as_of, profile.confidence) == ("moon", "House rule", "2026-11", "L")
    (rule,) = profile.rules
    assert (rule.name, rule.source, rule.as_of, rule.confidence) == ("hours", "Moon Act 1", "2026-11", "L")
    assert rule.binds == {"lender", "agency"}
    assert rule.hours == Hours(
        (ContactWindow(frozenset(range(6)), time(8), time(20), HolidayRule.SKIP, "US-FL"),), "moon (Moon Act 1)"
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(
            "source: House rule\n",
            "",
            "1:1: `source` is missing: Where the rules stand, so that they can be looked up. "
            "Example: `source: GB/T 45251-2025`.",
            id="no-source",
        ),
        pytest.param(
            "confidence: L",
            "confidence: X",
            "5:13: confidence: expected 'H', 'M', 'L' or 'U', found 'X'",
            id="trust",
        ),
        pytest.param(
            "'2026-11'",
            "lately",
            "4:8: as_of: expected text of the form ^\\d{4}(-\\d{2}){0,2}$, found 'lately'",
            id="when",
        ),
        pytest.param("windows:", "windws:", "9:5: unknown key `rules[0].windws`; did you mean `windows`?", id="key"),
        pytest.param(
            "    source: Moon Act 1\n",
            "",
            "7:5: `rules[0].source` is missing: Where the rule stands, to the paragraph. "
            "Example: `source: 12 CFR 1006.6(b)`.",
            id="no-source-of-a-rule",
        ),
        pytest.param(
            "'20:00'",
            "'08:00'",
            "10:44: window: opens and closes at the same minute, so it is never open; "
            "for the whole day write 00:00 to 24:00",
            id="never-open",
        ),
        pytest.param(
            "calendar: US-FL}\n",
            "calendar: US-FL}\n"
            "  - {rule: sundays, source: x, windows: [{days: sun, from: '09:00', to: '20:00'}]}\n",
            "7:3: rules: no hour is in all of them, so contact would never be allowed; a moment must lie in each",
            id="no-common-hour",
        ),
    ],
)  # fmt: skip
def test_a_wrong_profile_is_named_at_its_place(write: Write, old: str, new: str, expected: str) -> None:
    """A floor that is unclear is no floor: the file is refused, at line and column."""
    path = write(TEXT.replace(old, new))

    with pytest.raises(ConfigError) as caught:
        read_profile(path)

    assert expected in [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]


def test_one_broken_profile_stops_no_other(write: Write) -> None:
    """Law 9: the sound ones are loaded, the others listed."""
    folder = write(TEXT, "profiles/moon.yaml").parent
    write("profile: [", "profiles/broken.yaml")
    write(TEXT, "profiles/moon-again.yaml")

    loaded = load_profiles(folder)

    assert list(loaded.profiles) == ["moon"]
    assert [Path(problem.path).name for problem in loaded.problems] == ["broken.yaml", "moon.yaml"]
    assert loaded.problems[1].message == "profile: the name `moon` is taken by another file; choose another"


def test_rules_of_a_profile_narrow_each_other(write: Write) -> None:
    """A moment must be allowed by every rule, and by any window of each."""
    second = (
        "  - rule: short-fridays\n    source: Moon Act 2\n    as_of: '2025'\n    confidence: H\n    binds: [agency]\n"
        "    windows:\n      - {days: mon-thu, from: '09:00', to: '19:00'}\n"
        "      - {days: fri, from: '09:00', to: '12:00', to_included: true}\n"
    )

    profile, _ = read_profile(write(TEXT + second))

    assert [str(hours) for hours in profile.layers_on(0)] == [
        "mon-sat 08:00-20:00, not on holidays of US-FL",
        "mon-thu 09:00-19:00 or fri 09:00-12:00 included",
    ]
    rule = profile.rules[1]
    assert (rule.as_of, rule.confidence, rule.binds) == ("2025", "H", frozenset({"agency"}))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        pytest.param(
            "{rule: idle, source: x}",
            "11:12: rules[1]: `idle` has neither `windows`, `caps`, `consent` nor `wording`; "
            "say the rest in `leaves_to_lender`",
            id="says nothing",
        ),
        pytest.param(
            "{rule: cap, source: x, from_dpd: 1, caps: {per_account: [{max: 1, per: day}]}}",
            "11:38: rules[1].from_dpd: caps count on every day past due; move them to a rule without it",
            id="a cap for some days",
        ),
        pytest.param(
            "{rule: odd, source: x, from_dpd: 9, until_dpd: 3, windows: [{days: mon, from: '09:00', to: '10:00'}]}",
            "11:52: rules[1].until_dpd: ends before it begins on day 9; exchange the two",
            id="ends before it begins",
        ),
        pytest.param(
            "{rule: odd, source: x, windows: [{days: mon, from: '09:00', to: '10:00', calendar: ZZ}]}",
            "11:88: window.calendar: expected a calendar of public holidays (ISO 3166), found 'ZZ'; ",
            id="holidays of nowhere",
        ),
    ],
)
def test_a_rule_that_makes_no_sense_is_named_at_its_place(write: Write, rule: str, expected: str) -> None:
    """Law 7: what can't be kept isn't taken for a rule."""
    path = write(f"{TEXT}  - {rule}\n")

    with pytest.raises(ConfigError) as caught:
        read_profile(path)

    (problem,) = caught.value.problems
    assert str(problem).removeprefix(f"{path}:").startswith(expected)


def test_a_rule_knows_the_days_on_which_it_binds(write: Write) -> None:
    """Some hours are for the first days past due only, and then lifted."""
    profile, _ = read_profile(write(TEXT.replace("    windows:", "    from_dpd: 1\n    until_dpd: 15\n    windows:")))

    assert [len(profile.layers_on(dpd)) for dpd in (0, 1, 15, 16)] == [0, 1, 1, 0]
    assert profile.turns == (1, 16)
    assert not profile.rules[0].lasting


def test_caps_name_the_rule_they_come_from(write: Write) -> None:
    """A text that waits for a cap says whose."""
    caps = "{per_claim: [{max: 7, per: 7 days}]}"
    profile, _ = read_profile(write(TEXT + f"  - {{rule: cap, source: Moon Act 3, caps: {caps}}}\n"))

    assert [(str(cap), cap.source) for cap in profile.caps] == [("7 per 7 days for a claim", "moon (Moon Act 3)")]


def test_what_a_calendar_file_says_reaches_the_windows(write: Write) -> None:
    """A day off that only this deployment knows is a holiday to its profiles."""
    profiles = write(TEXT.replace("US-FL", "CN"), "profiles/moon.yaml").parent
    calendars = write("calendar: CN\nsource: x\nholidays: ['2026-06-01']\n", "calendars/cn.yaml").parent

    loaded = load_profiles(profiles, calendars)

    (hours,) = loaded.profiles["moon"].layers_on(0)
    assert [hours.windows[0].opens_on(date(2026, 6, day)) for day in (1, 2)] == [False, True]


def test_a_broken_calendar_is_told_with_the_profiles(write: Write) -> None:
    """Law 9: it stops no profile, and is listed first."""
    profiles = write(TEXT, "profiles/moon.yaml").parent
    calendars = write("calendar: CN\n", "calendars/cn.yaml").parent

    loaded = load_profiles(profiles, calendars)

    assert list(loaded.profiles) == ["moon"]
    assert [Path(problem.path).name for problem in loaded.problems] == ["cn.yaml"]


def test_a_rule_that_wants_consent_names_itself(write: Write) -> None:
    """Law 7: a text that a rule of consent stops says which one, and on which days it binds."""
    text = TEXT + "  - {rule: consent, source: Moon Act 2, from_dpd: 1, consent: required}\n"
    profile, _ = read_profile(write(text))

    assert profile.consent_sources(0) == ()
    assert profile.consent_sources(1) == ("moon (Moon Act 2)",)


def test_consent_is_wanted_just_where_the_law_wants_it() -> None:
    """From the table of jurisdictions: New York City wants written consent, Colombia authorised channels.

    For reminders of one's own credit, no other place on it does.
    """
    shipped = load_profiles(CONFIG / "profiles", CONFIG / "calendars").profiles
    wanting = {name for name, profile in shipped.items() if profile.consent_sources(1)}

    assert wanting == {"us-nyc-2026", "co-ley2300"}
