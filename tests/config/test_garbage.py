"""Sound files with one part replaced by anything at all: read, or refused in our words, at a place in the file."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reminder.config.policies import load_policies
from reminder.config.policy_check import check_policies
from reminder.config.policy_file import read_policy
from reminder.config.profiles import read_profile
from reminder.config.settings import read_settings
from reminder.config.yaml_document import read_document
from reminder.domain.profile import Profile
from reminder.errors import ConfigError

CONFIG = Path(__file__).resolve().parents[2] / "config"

HINTS = ["", "x", "09:00", "mon-fri", "7 days", "${X}", "${X:-1}", "{0}", "{{ 7*7 }}", "Asia/Shanghai", "CNY"]
KEYS = ["id", "at", "not", "at_least", "max", "per", "from", "type", "zzz"]
LETTERS = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"], exclude_characters="\ufeff")
SCALARS = (
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.sampled_from(HINTS) | st.text(LETTERS, max_size=8)
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=6,
)


def _plain(value: Any) -> Any:
    """Return a value as safe YAML can write it."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from _paths(item, (*path, key))


def _with(data: Any, path: tuple[str | int, ...], new: Any) -> Any:
    changed = copy.deepcopy(data)
    target = changed
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = new
    return changed


def _sample(name: str) -> Any:
    return _plain(read_document(CONFIG / name).data)


def _spoilt(name: str) -> st.SearchStrategy[str]:
    """Return texts of a sample in which one value has become something else."""
    data = _sample(name)
    return st.builds(
        lambda path, new: yaml.safe_dump(_with(data, path, new), allow_unicode=True, sort_keys=False),
        st.sampled_from(list(_paths(data))),
        ANYTHING,
    )


def _refused(read: Callable[[Path], object], text: str, name: str = "file.yaml") -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_text(text, encoding="utf-8")
        lines = len(text.splitlines()) + 1
        try:
            read(path)
        except ConfigError as error:
            problems = error.problems
        else:
            return
    assert problems
    for problem in problems:
        assert problem.path.endswith(name)
        assert 0 <= problem.line <= lines
        assert problem.message
        assert "\n" not in problem.message


@settings(deadline=None)
@given(text=_spoilt("policies/consumer-loan.yaml"))
def test_a_spoilt_policy_is_read_or_refused(profiles: Mapping[str, Profile], text: str) -> None:
    """Law 9: whatever an author's slip makes of a policy, no other exception comes out of it."""
    _refused(lambda path: read_policy(path, profiles), text)


@settings(deadline=None)
@given(text=_spoilt("policies/consumer-loan.yaml"))
def test_a_folder_with_a_spoilt_policy_loads_and_is_checked(profiles: Mapping[str, Profile], text: str) -> None:
    """Law 9: loading and checking a folder never raise; the sound file beside is always there."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "spoilt.yaml").write_text(text, encoding="utf-8")
        sound = (CONFIG / "policies" / "international.yaml").read_text(encoding="utf-8")
        (Path(folder) / "sound.yaml").write_text(sound, encoding="utf-8")

        loaded = load_policies(Path(folder), profiles)
        warnings = check_policies(loaded, attributes=["autopay"], gateways=["console", "twilio"])

    assert "international" in [file.policy.name for file in loaded.files] or any(
        "is taken by" in problem.message for problem in loaded.problems
    )
    assert all(warning.line for warning in warnings)


@settings(deadline=None)
@given(text=_spoilt("profiles/cn-consumer-credit.yaml"))
def test_a_spoilt_profile_is_read_or_refused(text: str) -> None:
    """Law 9: the same holds for the floor under policies."""
    _refused(read_profile, text)


@settings(deadline=None)
@given(
    text=_spoilt("reminder.yaml"), environ=st.dictionaries(st.sampled_from(["X", "TWILIO_FROM"]), st.text(max_size=5))
)
def test_spoilt_settings_are_read_or_refused(text: str, environ: dict[str, str]) -> None:
    """Law 9: and for settings, whatever the environment holds."""
    _refused(lambda path: read_settings(path.parent, environ), text, "reminder.yaml")
