"""An installation: what a deployment's files say, read and judged together, without a database or a gateway.

Checks and previews of policies need no more than this; `reminder.app` adds the concrete parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from reminder.config.check_key import read_check_key
from reminder.config.keywords import LoadedKeywords, load_keywords
from reminder.config.policies import LoadedPolicies, load_policies
from reminder.config.profiles import LoadedProfiles, load_profiles
from reminder.config.settings import LoadedSettings, Settings, read_settings
from reminder.config.wording_file import LoadedWording, load_wording
from reminder.errors import ConfigError, Problem, TemplateError
from reminder.message.catalogue import Catalogue
from reminder.message.expression import Condition, compile_condition
from reminder.message.values import Lender
from reminder.pipeline.check import Files
from reminder.pipeline.check_wording import lender_hosts

__all__ = ["Installation", "read_installation"]


@dataclass(frozen=True)
class Installation:
    """What a deployment's files say: settings, profiles, policies and templates, with every problem found in them."""

    loaded: LoadedSettings
    environ: Mapping[str, str]
    profiles: LoadedProfiles
    policies: LoadedPolicies
    catalogue: Catalogue
    conditions: Mapping[str, Condition]
    wording: LoadedWording
    when_problems: tuple[Problem, ...]
    check_key: bytes | None = field(default=None, repr=False)
    key_problems: tuple[Problem, ...] = ()

    @property
    def settings(self) -> Settings:
        """The settings, with the environment's values in them."""
        return self.loaded.settings

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything wrong with profiles, policies, conditions and templates; the other files are in force (law 9)."""
        return (
            *self.profiles.problems,
            *self.policies.problems,
            *self.when_problems,
            *self.catalogue.problems,
            *self.wording.problems,
            *self.key_problems,
        )

    @cached_property
    def keywords(self) -> LoadedKeywords:
        """What customers may write, and what it means; read when it is first asked for."""
        return load_keywords(self.loaded.folder / "keywords")

    @cached_property
    def lender(self) -> Lender:
        """Who sends, by language."""
        lender, hosts = self.settings.lender, lender_hosts(self.settings)
        return Lender(name=lender.name, hotline=lender.hotline, app=lender.app, pay=lender.pay, hosts=hosts)

    @property
    def files(self) -> Files:
        """The files of the deployment, as the checks of `reminder.pipeline.check` take them."""
        has_key = self.check_key is not None
        return Files(self.loaded, self.profiles, self.policies, self.catalogue, self.lender, self.wording, has_key)


def read_installation(folder: Path, environ: Mapping[str, str]) -> Installation:
    """Return what the files below `folder` (the deployment's `config`) say.

    Raises ConfigError only where the settings themselves can't be used; what is wrong elsewhere is in `problems`.
    """
    loaded = read_settings(folder, environ)
    profiles = load_profiles(loaded.profiles, loaded.calendars, loaded.settings.lender.role)
    policies = load_policies(loaded.policies, profiles.binding, profiles.calendars)
    languages = loaded.settings.languages
    catalogue = Catalogue(loaded.templates, default_language=languages.default, fallback=languages.fallback)
    conditions, problems = _conditions(policies)
    key, key_problems = _check_key(loaded.settings)
    wording = load_wording(folder / "wording")
    return Installation(
        loaded, environ, profiles, policies, catalogue, conditions, wording, tuple(problems), key, key_problems
    )


def _check_key(settings: Settings) -> tuple[bytes | None, tuple[Problem, ...]]:
    try:
        return read_check_key(Path(settings.check_key_file)), ()
    except ConfigError as error:
        return None, tuple(error.problems)


def _conditions(policies: LoadedPolicies) -> tuple[dict[str, Condition], list[Problem]]:
    conditions: dict[str, Condition] = {}
    problems: list[Problem] = []
    for policy in policies.policies:
        for step in policy.steps:
            if step.when is None or step.number > 1:
                continue
            try:
                conditions[step.when] = compile_condition(step.when)
            except TemplateError as error:
                problems.append(policies.step_problem(policy.name, step.id, "when", str(error)))
    return conditions, problems
