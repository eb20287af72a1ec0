"""`reminder profile`: what the law of each place allows, and what of it nobody knows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

Run = Callable[..., Result]
Edit = Callable[..., Path]


def test_profiles_are_listed_with_hours_and_caps(reminder: Run) -> None:
    """One line for each place: hours, caps, and how sure the source is."""
    listed = reminder("profile", "list")
    data = json.loads(reminder("profile", "list", "--json").stdout)

    assert listed.exit_code == 0
    assert "us-ma-agency" in listed.stdout
    assert "none: a policy must say its own" in listed.stdout
    assert "mon-sun 06:00-22:00 included until day 15" in listed.stdout
    assert [each["profile"] for each in data] == sorted(each["profile"] for each in data)
    assert {each["profile"] for each in data} >= {"house-default", "cn-gbt45251", "ru-230fz"}


def test_a_profile_is_shown_with_every_source(reminder: Run) -> None:
    """A compliance officer can look each rule up, and sees what no data can keep."""
    shown = reminder("profile", "show", "us-ma-agency").stdout
    data = json.loads(reminder("profile", "show", "us-ma-agency", "--json").stdout)

    assert "hours: binds agency" in shown
    assert "contact mon-sun 08:01-21:00" in shown
    assert "209 CMR 18.16(1), calls and texts, two in seven days (as of 2026-11, confidence H)" in shown
    assert "at most 2 per 7 days for a claim counting every attempt" in shown
    assert "Left to the lender:" in shown
    assert [rule["rule"] for rule in data["rules"]] == ["hours", "twice-in-seven-days"]
    assert data["rules"][0]["binds"] == ["agency"]


def test_an_unknown_place_is_answered_with_the_nearest(reminder: Run) -> None:
    """Usage error, exit code 2."""
    result = reminder("profile", "show", "us-reggf")

    assert result.exit_code == 2
    assert "did you mean `us-regf`?" in result.stderr


def test_a_check_finds_no_error_in_what_is_shipped(reminder: Run) -> None:
    """Warnings may tell of holidays that nobody has announced yet; errors there are none."""
    result = reminder("profile", "check")

    assert result.exit_code == 0
    assert "21 profiles: 0 errors" in result.stdout
    assert all("warning: the official holidays of" in line for line in result.stdout.splitlines()[:-1])


def test_a_check_names_a_broken_profile_and_calendar(reminder: Run, edit: Edit) -> None:
    """Exit code 3, each at its place."""
    edit("config/profiles/house-default.yaml", 'to: "21:00"', "to: nine")
    edit("config/calendars/cn.yaml", "calendar: CN", "calendar: CHINA")

    result = reminder("profile", "check")
    data = json.loads(reminder("profile", "check", "--json").stdout)

    assert result.exit_code == 3
    assert "cn.yaml:7:11: calendar: expected a calendar" in result.stdout
    assert "house-default.yaml:12:" in result.stdout
    assert data["errors"] == 2
