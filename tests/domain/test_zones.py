"""A customer's zones: the account's, the number's where they contradict it, or the fallback; never a made-up one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder.domain.zones import ZoneError, known_zone, plausible_zones, zone_clock
from reminder.errors import DataError

NUMBER = frozenset({"America/New_York", "America/Chicago"})


@pytest.mark.parametrize("name", ["Asia/Shanghai", "America/Argentina/Buenos_Aires", "Etc/UTC", "UTC", "PRC"])
def test_an_iana_zone_is_known(name: str) -> None:
    """Current names and old ones both have a clock."""
    assert known_zone(name) == name
    assert zone_clock(name).key == name


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="nothing"),
        pytest.param("Mars/Phobos", id="no such place"),
        pytest.param("asia/shanghai", id="lower case: not on the list, and lists aren't guessed"),
        pytest.param("Asia/Shanghai ", id="a blank behind"),
        pytest.param("UTC+8", id="an offset"),
        pytest.param("../../etc/passwd", id="a path upwards"),
        pytest.param("/etc/localtime", id="an absolute path"),
        pytest.param("Asia", id="a folder"),
        pytest.param("tzdata.zi", id="a file that is no zone"),
        pytest.param("Asia/Shanghai\x00", id="a null byte"),
        pytest.param("localtime", id="whatever the machine was set to"),
        pytest.param("Factory", id="an unset clock"),
    ],
)
def test_anything_else_is_no_zone(name: str) -> None:
    """Laws 8 and 11: a text of the book is looked up on a list, never on the disk."""
    assert known_zone(name) is None
    with pytest.raises(ZoneError, match="expected an IANA zone"):
        zone_clock(name)


def test_no_zone_is_no_zone() -> None:
    """A book without zones has none, which is no error."""
    assert known_zone(None) is None


def test_a_zone_error_is_short_and_about_data() -> None:
    """Law 9: a hostile name refuses one account, and doesn't flood the log."""
    with pytest.raises(DataError) as caught:
        zone_clock("x" * 5_000)
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize(
    ("own", "number", "zones"),
    [
        pytest.param("America/Chicago", NUMBER, {"America/Chicago"}, id="the account's own, where the number may be"),
        pytest.param("Asia/Tokyo", NUMBER, NUMBER | {"Asia/Tokyo"}, id="both, where they contradict each other"),
        pytest.param("Asia/Tokyo", frozenset(), {"Asia/Tokyo"}, id="the account's own alone"),
        pytest.param(None, NUMBER, NUMBER, id="else all of the number's"),
        pytest.param("Mars/Phobos", NUMBER, NUMBER, id="an unknown own one is none"),
        pytest.param(None, frozenset(), {"Asia/Shanghai"}, id="else the fallback"),
        pytest.param("", frozenset({"Etc/Nowhere"}), {"Asia/Shanghai"}, id="unknown ones are none at all"),
        pytest.param(None, NUMBER | {"Etc/Nowhere"}, NUMBER, id="an unknown one among known ones"),
    ],
)
def test_plausible_zones(own: str | None, number: frozenset[str], zones: set[str]) -> None:
    """Law 8: where the zone is in doubt, every candidate counts."""
    assert plausible_zones(own, number, "Asia/Shanghai") == zones


@given(st.text() | st.none(), st.frozensets(st.text()))
def test_every_customer_has_a_clock(own: str | None, number: frozenset[str]) -> None:
    """Law 9: whatever the book holds, there is at least one zone and each can be reckoned in."""
    zones = plausible_zones(own, number, "Asia/Shanghai")
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert zones
    assert all(
        abs(noon.astimezone(zone_clock(zone)).utcoffset() or timedelta()) <= timedelta(hours=14) for zone in zones
    )
