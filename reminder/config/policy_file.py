"""One policy file → one `Policy`, or every reason why not, at its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from reminder.config.calendars import NO_CALENDARS, Calendars
from reminder.config.cap_model import caps_of
from reminder.config.places_model import PlacesModel
from reminder.config.policy_floor import check_floor, unbounded
from reminder.config.policy_model import BreachModel, PolicyModel, StepModel, WindowModel
from reminder.config.policy_selector import check_selector, selector_of, sound_conditions
from reminder.config.policy_steps import check_steps, expand
from reminder.config.windows import hours_of
from reminder.config.wording import problems_of
from reminder.config.yaml_document import Document, read_document
from reminder.domain.caps import Cap
from reminder.domain.places import Places
from reminder.domain.policy import BreachRule, Policy
from reminder.domain.profile import Profile, combined
from reminder.errors import ConfigError, Problem

__all__ = ["PolicyFile", "read_policy"]

_VERSION_LENGTH: Final = 12


@dataclass(frozen=True)
class PolicyFile:
    """A policy as it was read: the file's places, its shape, and what it means to the domain."""

    document: Document
    model: PolicyModel
    policy: Policy


def read_policy(path: Path, profiles: Mapping[str, Profile], calendars: Calendars = NO_CALENDARS) -> PolicyFile:
    """Return the policy in a file; raise ConfigError with every problem that was found in it.

    `calendars` is what the deployment knows of public holidays beside the library.
    """
    document = read_document(path)
    try:
        model = PolicyModel.model_validate(document.data)
    except ValidationError as error:
        problems = problems_of(error, document, model=PolicyModel) + _salvage(document, profiles)
        raise ConfigError(_in_order(problems)) from error
    problems = [
        *check_selector(model.applies_to, document),
        *check_steps(tuple(enumerate(model.steps)), document),
        *check_floor(model.profiles, model.window, model.steps, document, profiles),
        *_taken_ids(model, document),
        *_places(model, document, profiles),
        *_notices(model, document, profiles),
    ]
    if problems:
        raise ConfigError(_in_order(problems))
    return PolicyFile(document, model, _policy(model, document, profiles, calendars))


def _places(model: PolicyModel, document: Document, profiles: Mapping[str, Profile]) -> Iterator[Problem]:
    """Find places whose profiles set no hours, where the policy sets none either."""
    if not isinstance(model.profile, PlacesModel) or model.window or not set(model.profiles) <= set(profiles):
        return
    for place, names in {**model.profile.places, "otherwise": model.profile.fallback}.items():
        yield from unbounded([profiles[name] for name in names], model.steps, document, f" in {place}")


def _notices(model: PolicyModel, document: Document, profiles: Mapping[str, Profile]) -> Iterator[Problem]:
    """Find notices that no cap exempts: only the rule that sets a cap can lift it."""
    rules = (cap for name in model.profiles if name in profiles for cap in profiles[name].caps)
    if any(cap.exempts_notices for cap in (*rules, *caps_of(model.caps))):
        return
    for index, step in enumerate(model.steps):
        if step.notice:
            message = f"steps[{index}].notice: no cap of this policy or its profile exempts notices; delete it"
            yield document.problem(("steps", index, "notice"), message)


def _in_order(problems: list[Problem]) -> list[Problem]:
    return sorted(dict.fromkeys(problems), key=lambda problem: (problem.line, problem.column))


def _salvage(document: Document, profiles: Mapping[str, Profile]) -> list[Problem]:
    """Check what can be checked in a file of which some part has the wrong shape, so that nothing is told in turns."""
    problems = check_steps(tuple(_sound_steps(document.value(("steps",)))), document)
    problems += check_selector(sound_conditions(document.value(("applies_to",))), document)
    return problems + check_floor(_sound_names(document), _sound_windows(document), (), document, profiles)


def _sound_names(document: Document) -> tuple[str, ...]:
    raw = document.value(("profile",)) or PolicyModel.model_fields["profile"].default
    return tuple(name for name in (raw if isinstance(raw, list | tuple) else [raw]) if isinstance(name, str))


def _sound_windows(document: Document) -> tuple[WindowModel, ...]:
    """Return the windows if every one can be read; half of them would say that others are missing."""
    raw = document.value(("window",))
    try:
        return tuple(map(WindowModel.model_validate, raw if isinstance(raw, list) else [raw])) if raw else ()
    except ValidationError:
        return ()


def _sound_steps(raw: object) -> Iterator[tuple[int, StepModel]]:
    for index, item in enumerate(raw if isinstance(raw, list) else ()):
        try:
            yield index, StepModel.model_validate(item)
        except ValidationError:
            continue


def _policy(model: PolicyModel, document: Document, profiles: Mapping[str, Profile], calendars: Calendars) -> Policy:
    profile, own = combined([profiles[name] for name in model.profiles]), caps_of(model.caps)
    # Caps that count the same are one; the profile's goes first, so that it is the one named.
    caps = dict.fromkeys((*profile.caps, *own))
    return Policy(
        name=model.policy,
        description=model.description,
        priority=model.priority,
        selector=selector_of(model.applies_to),
        profile=profile,
        timezone=model.timezone,
        grace_days=model.grace_days,
        window=hours_of(model.window, "policy", calendars) if model.window else None,
        caps=tuple(caps),
        route=model.route.sms,
        steps=expand(model.steps, model.grace_days),
        consolidated="consolidated" if model.consolidate else None,
        version=document.digest[:_VERSION_LENGTH],
        consent=model.consent is not None,
        broken_promise=_breach(model.broken_promise),
        broken_plan=_breach(model.broken_plan),
        places=_by_place(model, own, profiles),
    )


def _by_place(model: PolicyModel, own: tuple[Cap, ...], profiles: Mapping[str, Profile]) -> Places | None:
    chosen = model.profile
    if not isinstance(chosen, PlacesModel):
        return None
    known = {name: profiles[name] for name in model.profiles}
    return Places(chosen.by, chosen.places, chosen.fallback, known, own)


def _breach(model: BreachModel | None) -> BreachRule | None:
    return BreachRule(model.id, model.template, model.within) if model else None


def _taken_ids(model: PolicyModel, document: Document) -> Iterator[Problem]:
    """Find breaches whose id is that of a step, or of the other breach: ids are identity."""
    taken = {step.id: f"steps[{index}]" for index, step in enumerate(model.steps)}
    for key, breach in (("broken_promise", model.broken_promise), ("broken_plan", model.broken_plan)):
        if breach is not None and breach.id in taken:
            message = f"{key}.id: `{breach.id}` is taken by {taken[breach.id]}; ids are identity, choose another"
            yield document.problem((key, "id"), message)
        if breach is not None:
            taken.setdefault(breach.id, key)
