"""The folder of policies: every file that can be read, in order, and what is wrong with the others (law 9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reminder.config.calendars import NO_CALENDARS, Calendars
from reminder.config.policy_file import PolicyFile, read_policy
from reminder.config.salvage import put_aside, shadow
from reminder.config.yaml_document import Document, Loc, Place, yaml_files
from reminder.domain.policy import Policy
from reminder.domain.profile import Profile
from reminder.errors import ConfigError, Problem

__all__ = ["LoadedPolicies", "load_policies"]


@dataclass(frozen=True)
class LoadedPolicies:
    """What a folder of policies says: `files` by priority and name, `problems` of the files that were left out.

    Each file that was left out has a shadow, which keeps its accounts from falling to policies meant for others.
    """

    files: tuple[PolicyFile, ...]
    problems: tuple[Problem, ...]
    shadows: tuple[Policy, ...] = ()

    @property
    def policies(self) -> tuple[Policy, ...]:
        """Return the policies and shadows, in the order in which an account tries them: priority, then name."""
        return tuple(sorted((*(file.policy for file in self.files), *self.shadows), key=_order))

    @property
    def documents(self) -> dict[str, Document]:
        """Return the file of each policy, by the policy's name."""
        return {file.policy.name: file.document for file in self.files}

    def file(self, policy: str) -> PolicyFile:
        """Return the file of a policy by its name; raise KeyError where none was loaded."""
        return {file.policy.name: file for file in self.files}[policy]

    def place(self, policy: str, loc: Loc, *, key: bool = False) -> Place:
        """Return line and column of a value of a policy, such as `("steps", 2, "when")`."""
        return self.file(policy).document.locate(loc, key=key)

    def problem(self, policy: str, loc: Loc, message: str, *, warning: bool = False) -> Problem:
        """Return a problem at a value of a policy, such as `("route", "sms", 0)`."""
        return self.file(policy).document.problem(loc, message, warning=warning)

    def step_problem(self, policy: str, step_id: str, field: str, message: str, *, warning: bool = False) -> Problem:
        """Return a problem at a field of a step, found by the step's id (`step.id` of the domain)."""
        steps = self.file(policy).model.steps
        index = next(index for index, step in enumerate(steps) if step.id == step_id)
        return self.problem(policy, ("steps", index, field), message, warning=warning)


def load_policies(folder: Path, profiles: Mapping[str, Profile], calendars: Calendars = NO_CALENDARS) -> LoadedPolicies:
    """Return every policy of the folder that can be read; problems and shadows of those that can't. Never raises."""
    files: dict[str, PolicyFile] = {}
    problems: list[Problem] = []
    shadows: list[Policy] = []
    for path in yaml_files(folder):
        try:
            file = read_policy(path, profiles, calendars)
        except ConfigError as error:
            problems += error.problems
            shadows.append(shadow(path, error.problems))
            continue
        name = file.policy.name
        if name in files:
            other = files[name].document.path.name
            message = f"policy: the name `{name}` is taken by {other}; names are identity, choose another"
            problems.append(file.document.problem(("policy",), message))
            shadows.append(put_aside(file.policy, path, problems[-1]))
            continue
        files[name] = file
    ordered = sorted(files.values(), key=lambda file: _order(file.policy))
    return LoadedPolicies(tuple(ordered), tuple(problems), tuple(sorted(shadows, key=_order)))


def _order(policy: Policy) -> tuple[int, str]:
    return policy.priority, policy.name
