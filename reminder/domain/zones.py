"""Zones: whose clock counts for a customer, and which of several when nobody knows for sure."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from reminder.errors import DataError

__all__ = ["ZoneError", "known_zone", "plausible_zones", "zone_clock"]

PLAUSIBLE_CACHE_MAX = 4_096

_NO_PLACE = frozenset({"Factory", "localtime"})
# `Factory` is an unset clock; `localtime` is whatever the machine that runs this was set to.


class ZoneError(DataError):
    """A name that is no IANA zone."""


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(available_timezones()) - _NO_PLACE


def known_zone(name: str | None) -> str | None:
    """Return the name where it is an IANA zone, such as `Asia/Shanghai`, and None for anything else.

    Only names on the list of zones pass, so that no text of a book is ever looked up as a path.
    """
    return name if name in _names() else None


def zone_clock(name: str) -> ZoneInfo:
    """Return the clock of a zone, or raise ZoneError."""
    if known_zone(name) is None:
        raise ZoneError(f"expected an IANA zone such as Asia/Shanghai, found {name[:40]!r}; correct the name")
    return ZoneInfo(name)


@lru_cache(maxsize=PLAUSIBLE_CACHE_MAX)
def plausible_zones(account_zone: str | None, phone_zones: frozenset[str], fallback: str) -> frozenset[str]:
    """Return the zones a customer may be in: contact must be allowed in each of them (law 8).

    Those are the account's own zone and, where the number belongs to none such place, the number's as well: nobody
    knows then which of the two is right (12 CFR 1006.6(b)(1), official interpretation, on conflicting location data).
    A number that may be in the account's zone, as a mobile number of a large country often may, adds no doubt. Without
    an own zone all of the number's count, and without those the fallback.
    """
    own = known_zone(account_zone)
    by_number = frozenset(zone for zone in phone_zones if known_zone(zone))
    if own is None:
        return by_number or frozenset({fallback})
    return frozenset({own}) if own in by_number else by_number | {own}
