"""Windows, zones and instants to try hours with, and the rule itself, asked of one instant on the customer's clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from reminder.domain.calendar import is_holiday
from reminder.domain.window import ContactWindow, HolidayRule, Hours

ALL_DAYS = frozenset(range(7))
MINUTE = timedelta(minutes=1)
GRAIN = timedelta(minutes=5)
DAY = timedelta(days=1)

ODD_ZONES = (
    "Asia/Shanghai", "America/New_York", "Europe/London", "Europe/Dublin", "Australia/Lord_Howe", "Asia/Kathmandu",
    "America/St_Johns", "Africa/Casablanca", "America/Sao_Paulo", "Antarctica/Troll", "Antarctica/Casey",
    "Pacific/Apia", "Pacific/Kiritimati", "Etc/GMT+12", "America/Havana", "Africa/Cairo",
)  # fmt: skip
ODD_DAYS = (
    datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 3, 29, tzinfo=UTC),
    datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 4, 4, tzinfo=UTC), datetime(2011, 12, 30, tzinfo=UTC),
    datetime(2018, 11, 4, tzinfo=UTC), datetime(2018, 3, 10, tzinfo=UTC), datetime(2026, 2, 15, tzinfo=UTC),
    datetime(2026, 7, 3, tzinfo=UTC), datetime(2026, 2, 19, tzinfo=UTC), datetime(2024, 4, 26, tzinfo=UTC),
)  # fmt: skip


def window(
    opens: str, closes: str, days: frozenset[int] = ALL_DAYS, skip: str | None = None, *, included: bool = False
) -> ContactWindow:
    """Return a window from two times as a policy spells them; `24:00` is the end of the day."""
    rule = HolidayRule.SKIP if skip else HolidayRule.ALLOW
    opened, closed = time.fromisoformat(opens), time.fromisoformat(closes.replace("24", "00"))
    return ContactWindow(days, opened, closed, rule, skip, included)


def layers(*windows: ContactWindow) -> tuple[Hours, ...]:
    """Return a layer for each window: all of them must be open."""
    return tuple(Hours((each,)) for each in windows)


def hours(*windows: ContactWindow) -> Hours:
    """Return one layer: any of the windows may be open."""
    return Hours(windows)


def utc(text: str) -> datetime:
    """Return an instant from `2026-03-08 07:00`, UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def shows_open_hour(stack: tuple[Hours, ...], zones: frozenset[str], instant: datetime) -> bool:
    """Return whether every zone's clock shows an hour that every layer allows: the rule, asked of one instant."""
    walls = [instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for zone in zones]
    return all(
        any(on_day(w, wall, wall.date() - DAY * back) for w in layer.windows for back in (0, 1))
        for wall in walls
        for layer in stack
    )


def on_day(w: ContactWindow, wall: datetime, day: date) -> bool:
    """Return whether a wall time lies in the hours of a window that belong to one day."""
    if day.weekday() not in w.days or (w.holidays is HolidayRule.SKIP and is_holiday(day, str(w.calendar))):
        return False
    opens, closes = (moment.hour * 60 + moment.minute for moment in (w.opens, w.closes))
    if closes == 0 or closes < opens:
        closes += 1440
    closes += w.to_included
    return opens <= (wall - datetime.combine(day, time())) / MINUTE < closes


clock_times = st.integers(0, 287).map(lambda five: time(five // 12, five % 12 * 5))
windows_strategy = st.builds(
    ContactWindow,
    days=st.frozensets(st.integers(0, 6), min_size=1) | st.just(ALL_DAYS),
    opens=clock_times,
    closes=clock_times,
    holidays=st.sampled_from(HolidayRule),
    calendar=st.sampled_from(["CN", "US-FL"]),
    to_included=st.booleans(),
)
layers_strategy = st.lists(windows_strategy, min_size=1, max_size=3).map(lambda windows: Hours(tuple(windows)))
stacks = st.lists(layers_strategy, min_size=1, max_size=3).map(tuple)
zone_sets = st.frozensets(st.sampled_from(ODD_ZONES), min_size=1, max_size=3)
any_instants = st.timedeltas(timedelta(), 19 * 365 * DAY).map(lambda since: utc("2011-01-01 00:00") + since)
odd_instants = st.builds(lambda day, shift: day + shift, st.sampled_from(ODD_DAYS), st.timedeltas(-2 * DAY, 2 * DAY))
instants = odd_instants | any_instants

WORKDAYS, WEEKEND = frozenset(range(5)), frozenset({5, 6})
SHORTER_WEEKENDS = hours(window("08:00", "22:00", WORKDAYS), window("09:00", "20:00", WEEKEND))
SHORTER_HOLIDAYS = hours(window("08:00", "22:00", WORKDAYS, "CN"), window("09:00", "20:00"))
