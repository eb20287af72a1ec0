"""One policy file → one `Policy`, or every reason why not, at its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from reminder.config.fields import WEEK_DAYS
from reminder.config.policy_model import CapModel, PolicyModel, StepModel, WindowModel
from reminder.config.policy_selector import check_selector, selector_of, sound_conditions
from reminder.config.policy_steps import check_steps, expand
from reminder.config.wording import nearest, problems_of
from reminder.config.yaml_document import Document, read_document
from reminder.domain.calendar import CalendarError, is_holiday
from reminder.domain.caps import Cap
from reminder.domain.policy import Policy
from reminder.domain.profile import Profile
from reminder.domain.window import ContactWindow, HolidayRule, within
from reminder.errors import ConfigError, Problem

__all__ = ["PolicyFile", "contact_window", "read_policy", "spell_window"]

_VERSION_LENGTH: Final = 12


@dataclass(frozen=True)
class PolicyFile:
    """A policy as it was read: the file's places, its shape, and what it means to the domain."""

    document: Document
    model: PolicyModel
    policy: Policy


def read_policy(path: Path, profiles: Mapping[str, Profile]) -> PolicyFile:
    """Return the policy in a file; raise ConfigError with every problem that was found in it."""
    document = read_document(path)
    try:
        model = PolicyModel.model_validate(document.data)
    except ValidationError as error:
        problems = problems_of(error, document, model=PolicyModel) + _salvage(document, profiles)
        raise ConfigError(_in_order(problems)) from error
    problems = [
        *check_selector(model.applies_to, document),
        *check_steps(tuple(enumerate(model.steps)), document),
        *_check_floor(model.profile, model.window, document, profiles),
    ]
    if problems:
        raise ConfigError(_in_order(problems))
    return PolicyFile(document, model, _policy(model, document, profiles[model.profile]))


def _in_order(problems: list[Problem]) -> list[Problem]:
    return sorted(dict.fromkeys(problems), key=lambda problem: (problem.line, problem.column))


def _salvage(document: Document, profiles: Mapping[str, Profile]) -> list[Problem]:
    """Check what can be checked in a file of which some part has the wrong shape, so that nothing is told in turns."""
    problems = check_steps(tuple(_sound_steps(document.value(("steps",)))), document)
    problems += check_selector(sound_conditions(document.value(("applies_to",))), document)
    name = document.value(("profile",)) or PolicyModel.model_fields["profile"].default
    try:
        raw = document.value(("window",))
        window = WindowModel.model_validate(raw) if raw is not None else None
    except ValidationError:
        window = None
    if isinstance(name, str):
        problems += _check_floor(name, window, document, profiles)
    return problems


def _sound_steps(raw: object) -> Iterator[tuple[int, StepModel]]:
    for index, item in enumerate(raw if isinstance(raw, list) else ()):
        try:
            yield index, StepModel.model_validate(item)
        except ValidationError:
            continue


def _check_floor(
    name: str, window: WindowModel | None, document: Document, profiles: Mapping[str, Profile]
) -> list[Problem]:
    """Return what is wrong with the profile, the window, and the one under the other (law 7)."""
    profile = profiles.get(name)
    problems: list[Problem] = []
    if profile is None:
        message = f"profile: expected the name of a profile, found {name!r}{nearest(name, profiles)}"
        problems.append(document.problem(("profile",), message))
    if window is None:
        return problems
    problems += check_window(window, document, ("window",))
    if profile is not None and not problems:
        problems += _wider(contact_window(window, "policy"), profile, document)
    return problems


def check_window(window: WindowModel, document: Document, loc: tuple[str | int, ...]) -> list[Problem]:
    """Return what is wrong within one window of a file."""
    problems: list[Problem] = []
    if window.opens == window.closes and window.closes != time(0):
        message = "opens and closes at the same minute, so it is never open; for the whole day write 00:00 to 24:00"
        problems.append(document.problem((*loc, "to"), f"window: {message}"))
    if window.holidays == "skip" and window.calendar is None:
        message = "`holidays: skip` needs to know whose; add `calendar`, such as `calendar: CN`"
        problems.append(document.problem((*loc, "holidays"), f"window: {message}"))
    if window.calendar is not None:
        try:
            is_holiday(date(2026, 1, 1), window.calendar)
        except CalendarError as error:
            problems.append(document.problem((*loc, "calendar"), f"window.calendar: {error}"))
    return problems


def _wider(window: ContactWindow, profile: Profile, document: Document) -> Iterator[Problem]:
    for floor in profile.windows:
        if not within(window, floor):
            allowed = f"allows {spell_window(floor)} and no more ({profile.source})"
            message = f"window: {spell_window(window)} is too wide: profile `{profile.name}` {allowed}; narrow it"
            yield document.problem(("window",), message)


def spell_window(window: ContactWindow) -> str:
    """Return a window as people say it: `mon-fri 09:00-20:00, not on holidays of CN`."""
    days = sorted(window.days)
    run = days == list(range(days[0], days[-1] + 1)) if days else False
    names = [WEEK_DAYS[day] for day in days]
    spelt = f"{names[0]}-{names[-1]}" if run and len(names) > 1 else ",".join(names)
    closes = "24:00" if window.closes == time(0) else f"{window.closes:%H:%M}"
    holidays = f", not on holidays of {window.calendar}" if window.holidays is HolidayRule.SKIP else ""
    return f"{spelt} {window.opens:%H:%M}-{closes}{holidays}"


def contact_window(window: WindowModel, source: str) -> ContactWindow:
    """Return the domain's form of a window; `source` names the rule it comes from."""
    return ContactWindow(
        days=window.days,
        opens=window.opens,
        closes=window.closes,
        holidays=HolidayRule(window.holidays),
        calendar=window.calendar,
        source=source,
    )


def _cap(cap: CapModel) -> Cap:
    period, days = cap.per
    return Cap(cap.max, period, days)


def _policy(model: PolicyModel, document: Document, profile: Profile) -> Policy:
    window = contact_window(model.window, "policy") if model.window else profile.windows[0]
    return Policy(
        name=model.policy,
        description=model.description,
        priority=model.priority,
        selector=selector_of(model.applies_to),
        profile=profile,
        timezone=model.timezone,
        grace_days=model.grace_days,
        window=window,
        caps=tuple(map(_cap, model.caps.per_customer)),
        route=model.route.sms,
        steps=expand(model.steps, model.grace_days),
        consolidated="consolidated" if model.consolidate else None,
        version=document.digest[:_VERSION_LENGTH],
    )
