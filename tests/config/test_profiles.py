"""Profiles: the floor, as data with its source."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time
from pathlib import Path

import pytest

from reminder.config.profiles import load_profiles, read_profile
from reminder.domain.window import ContactWindow, HolidayRule
from reminder.errors import ConfigError

Write = Callable[..., Path]
TEXT = (
    "profile: moon\ndescription: Nobody yet\nsource: House rule\nas_of: '2026-11'\nconfidence: L\n"
    "windows:\n  - {days: mon-sat, from: '08:00', to: '20:00', holidays: skip, calendar: US-FL}\n"
)


def test_a_profile_is_read_with_its_source(write: Write) -> None:
    """Law 7: every floor can be looked up where it comes from."""
    profile, _ = read_profile(write(TEXT))

    assert (profile.name, profile.source, profile.as_of, profile.confidence) == ("moon", "House rule", "2026-11", "L")
    assert profile.windows == (
        ContactWindow(frozenset(range(6)), time(8), time(20), HolidayRule.SKIP, "US-FL", "profile moon"),
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(
            "source: House rule\n",
            "",
            "1:1: `source` is missing: Where the rule stands, so that it can be looked up. "
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
        pytest.param("windows:", "windws:", "6:1: unknown key `windws`; did you mean `windows`?", id="unknown-key"),
        pytest.param(
            "'20:00'",
            "'08:00'",
            "7:40: window: opens and closes at the same minute, so it is never open; "
            "for the whole day write 00:00 to 24:00",
            id="never-open",
        ),
        pytest.param(
            "calendar: US-FL}\n",
            "calendar: US-FL}\n  - {days: sun, from: '09:00', to: '20:00'}\n",
            "7:3: windows: no day is in all of them, so contact would never be allowed; a moment must lie in each",
            id="no-common-day",
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


def test_windows_of_a_profile_narrow_each_other(write: Write) -> None:
    """A moment must lie in all of them, so two windows that share days are both kept."""
    second = "  - {days: mon-fri, from: '09:00', to: '19:00'}\n"

    profile, _ = read_profile(write(TEXT + second))

    assert [window.opens for window in profile.windows] == [time(8), time(9)]
