"""Fixtures of the config room: a folder to write files into, and what reading them says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from reminder.config.policies import LoadedPolicies, load_policies
from reminder.config.policy_file import read_policy
from reminder.config.profiles import load_profiles
from reminder.config.settings import LoadedSettings, read_settings
from reminder.domain.policy import Policy
from reminder.domain.profile import Profile
from reminder.errors import ConfigError

REPOSITORY = Path(__file__).resolve().parents[2]

HEAD = "policy: loans\ntimezone: Asia/Shanghai\ngrace_days: 3\nroute: {sms: [console]}\n"
STEPS = "steps:\n  - {id: due, at: 0, template: grace/due_today, until: 3}\n"


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def profiles() -> Mapping[str, Profile]:
    """Return the profiles that come with the program."""
    return load_profiles(REPOSITORY / "config" / "profiles").profiles


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a file below a fresh folder."""

    def write_file(text: str | bytes, name: str = "file.yaml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write_file


@pytest.fixture
def policy_of(write: Callable[..., Path], profiles: Mapping[str, Profile]) -> Callable[..., Policy]:
    """Return a function that reads a policy from the lines after the head, which takes four lines."""

    def read(body: str = STEPS, head: str = HEAD) -> Policy:
        return read_policy(write(head + body), profiles).policy

    return read


@pytest.fixture
def complaints(write: Callable[..., Path], profiles: Mapping[str, Profile]) -> Callable[..., list[str]]:
    """Return a function that reads a broken policy and gives `line:column: message` of each problem."""

    def read(body: str = STEPS, head: str = HEAD) -> list[str]:
        path = write(head + body)
        with pytest.raises(ConfigError) as caught:
            read_policy(path, profiles)
        return [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]

    return read


@pytest.fixture
def folder_of(write: Callable[..., Path], profiles: Mapping[str, Profile]) -> Callable[..., LoadedPolicies]:
    """Return a function that loads a folder of policies given as name of file → text."""

    def read(**texts: str) -> LoadedPolicies:
        for name, text in texts.items():
            write(text, f"policies/{name}.yaml")
        return load_policies(write("", "policies/.keep").parent, profiles)

    return read


@pytest.fixture
def settings_of(write: Callable[..., Path]) -> Callable[..., LoadedSettings]:
    """Return a function that reads settings from their text, in a folder `config`."""

    def read(text: str, environ: Mapping[str, str] | None = None) -> LoadedSettings:
        return read_settings(write(text, "config/reminder.yaml").parent, environ or {})

    return read


@pytest.fixture
def settings_complaints(settings_of: Callable[..., LoadedSettings]) -> Callable[..., list[str]]:
    """Return a function that reads broken settings and gives `line:column: message` of each problem."""

    def read(text: str, environ: Mapping[str, str] | None = None) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            settings_of(text, environ)
        return [f"{problem.line}:{problem.column}: {problem.message}" for problem in caught.value.problems]

    return read
