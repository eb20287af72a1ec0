"""A policy above its floor: the profiles it names, and hours that none of their rules forbids (law 7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from reminder.config.calendars import NO_CALENDARS
from reminder.config.policy_model import StepModel, WindowModel
from reminder.config.windows import check_windows, hours_of
from reminder.config.wording import nearest
from reminder.config.yaml_document import Document, Loc
from reminder.domain.floor import within
from reminder.domain.profile import Profile, Rule
from reminder.domain.window import HolidayRule, Hours, opening
from reminder.errors import Problem

__all__ = ["check_floor", "ever_open", "unbounded"]

_LATEST_DPD: Final = 10**6
_SOME_DAY: Final = datetime(2026, 6, 1, tzinfo=UTC)


def ever_open(layers: tuple[Hours, ...]) -> bool:
    """Return whether some hour of the week lies in all of these layers. No country has holidays for a month.

    So they are left out of it, and nobody who only reads policies waits for the library that knows them.
    """
    weekly = tuple(
        Hours(tuple(replace(window, holidays=HolidayRule.ALLOW) for window in layer.windows), layer.source)
        for layer in layers
    )
    return opening(weekly, frozenset({"Etc/UTC"}), _SOME_DAY) is not None


def check_floor(
    names: Sequence[str],
    windows: Sequence[WindowModel],
    steps: Sequence[StepModel],
    document: Document,
    profiles: Mapping[str, Profile],
) -> list[Problem]:
    """Return what is wrong with the profiles, the windows, and the ones under the others (law 7).

    Without `steps`, the policy may be for any day past due.
    """
    problems = list(_unknown(names, document, profiles))
    known = [profiles[name] for name in dict.fromkeys(names) if name in profiles]
    wrong = check_windows(windows, document, ("window",))
    if windows and not wrong:
        for profile in known:
            problems += _wider(windows, profile, _days(steps), document)
    if not windows and not problems and steps:
        problems += unbounded(known, steps, document)
    if not problems and not wrong:
        problems += _never(known, document)
    return [*problems, *wrong]


def _unknown(names: Sequence[str], document: Document, profiles: Mapping[str, Profile]) -> Iterator[Problem]:
    listed = isinstance(document.value(("profile",)), list)
    for index, name in enumerate(names):
        if name not in profiles:
            loc: Loc = ("profile", index) if listed else ("profile",)
            message = f"profile: expected the name of a profile, found {name!r}{nearest(name, profiles)}"
            yield document.problem(loc, message)


def _days(steps: Sequence[StepModel]) -> tuple[int, int]:
    """Return the first and the last day past due on which a step may be true."""
    if not steps:
        return -_LATEST_DPD, _LATEST_DPD
    last = steps[-1].until
    return steps[0].at, last if last is not None else _LATEST_DPD


def _meets(rule: Rule, days: tuple[int, int]) -> bool:
    """Return whether the rule's hours bind on one of the days."""
    first, last = days
    begins = rule.from_dpd is None or rule.from_dpd <= last
    return begins and (rule.until_dpd is None or first <= rule.until_dpd)


def _wider(
    windows: Sequence[WindowModel], profile: Profile, days: tuple[int, int], document: Document
) -> Iterator[Problem]:
    own = hours_of(windows, "policy", NO_CALENDARS)
    for rule in profile.rules:
        if rule.hours is not None and _meets(rule, days) and not within(own, rule.hours):
            allowed = f"allows {rule.hours} and no more ({rule.source})"
            message = f"window: {own} is too wide: profile `{profile.name}` {allowed}; narrow it"
            yield document.problem(("window",), message)


def unbounded(
    known: Sequence[Profile], steps: Sequence[StepModel], document: Document, where: str = ""
) -> Iterator[Problem]:
    """Find days on which nothing would keep a text from going out at night: no window, and no rule with hours.

    `where` says in which place, if that is not everywhere.
    """
    days = _days(steps)
    rules = [rule for profile in known for rule in profile.rules if rule.hours is not None]
    if any(rule.lasting for rule in rules):
        return
    turns = (turn for profile in known for turn in profile.turns)
    free = [day for day in sorted({days[0], *turns}) if days[0] <= day <= days[1]]
    day = next((day for day in free if not any(rule.binds_on(day) for rule in rules)), None)
    if day is not None:
        names = ", ".join(f"`{profile.name}`" for profile in known)
        message = f"profile: {names} sets no hours on day {day}{where}, and there is no `window`; add one"
        yield document.problem(("profile",), f"{message}, or a profile with hours, such as `house-default`")


def _never(known: Sequence[Profile], document: Document) -> Iterator[Problem]:
    layers = tuple(rule.hours for profile in known for rule in profile.rules if rule.hours is not None)
    if len(known) > 1 and not ever_open(layers):
        names = " and ".join(f"`{profile.name}`" for profile in known)
        yield document.problem(("profile",), f"profile: no hour is allowed by {names} together; name fewer of them")
