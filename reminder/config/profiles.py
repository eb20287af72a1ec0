"""Profiles: what the law of a place allows, from `config/profiles/*.yaml`, always with its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from reminder.config.fields import Slug, StrictModel
from reminder.config.policies import yaml_files
from reminder.config.policy_file import check_window, contact_window
from reminder.config.policy_model import WindowModel
from reminder.config.wording import problems_of
from reminder.config.yaml_document import Document, read_document
from reminder.domain.profile import Profile
from reminder.errors import ConfigError, Problem

__all__ = ["LoadedProfiles", "ProfileModel", "load_profiles", "read_profile"]


class ProfileModel(StrictModel):
    """Contact rules of one jurisdiction or house: the floor under every policy that names it."""

    profile: Slug = Field(description="Name of the profile.", examples=["cn-consumer-credit"])
    description: str = Field(description="Whom it binds, for people.", examples=["Consumer credit, mainland China"])
    source: str = Field(
        min_length=1, description="Where the rule stands, so that it can be looked up.", examples=["GB/T 45251-2025"]
    )
    as_of: str = Field(pattern=r"^\d{4}(-\d{2}){0,2}$", description="When the source was read.", examples=["2026-11"])
    confidence: Literal["H", "M", "L", "U"] = Field(
        description="H: primary text read. M: summary read. L: weak source. U: unverified.", examples=["M"]
    )
    windows: tuple[WindowModel, ...] = Field(
        min_length=1,
        max_length=14,
        description="When contact is allowed; a moment must lie in all of them.",
        examples=[[{"days": "mon-sun", "from": "08:00", "to": "22:00"}]],
    )


@dataclass(frozen=True)
class LoadedProfiles:
    """Profiles by name, and the problems of the files that were left out."""

    profiles: Mapping[str, Profile]
    problems: tuple[Problem, ...]


def read_profile(path: Path) -> tuple[Profile, Document]:
    """Return the profile in a file; raise ConfigError with every problem that was found in it."""
    document = read_document(path)
    try:
        model = ProfileModel.model_validate(document.data)
    except ValidationError as error:
        raise ConfigError(problems_of(error, document, model=ProfileModel)) from error
    problems = [
        problem
        for index, window in enumerate(model.windows)
        for problem in check_window(window, document, ("windows", index))
    ]
    if not frozenset.intersection(*(window.days for window in model.windows)):
        message = "windows: no day is in all of them, so contact would never be allowed; a moment must lie in each"
        problems.append(document.problem(("windows",), message))
    if problems:
        raise ConfigError(problems)
    return _profile(model), document


def _profile(model: ProfileModel) -> Profile:
    return Profile(
        name=model.profile,
        description=model.description,
        source=model.source,
        as_of=model.as_of,
        confidence=model.confidence,
        windows=tuple(contact_window(window, f"profile {model.profile}") for window in model.windows),
    )


def load_profiles(folder: Path) -> LoadedProfiles:
    """Return every profile of the folder that can be read, and the problems of those that can't. Never raises."""
    profiles: dict[str, Profile] = {}
    problems: list[Problem] = []
    for path in yaml_files(folder):
        try:
            profile, document = read_profile(path)
        except ConfigError as error:
            problems += error.problems
            continue
        if profile.name in profiles:
            message = f"profile: the name `{profile.name}` is taken by another file; choose another"
            problems.append(document.problem(("profile",), message))
            continue
        profiles[profile.name] = profile
    return LoadedProfiles(profiles, tuple(problems))
