"""What a broken policy file still says: whose policy it would be, so that its accounts stay silent (laws 8 and 9).

Without this, the accounts of a broken file would fall to the next policy, with texts and hours that are meant for
others. A shadow stands in the file's place: a policy without steps that takes the accounts the file may own, so that
nothing new is planned for them, nothing planned is ended, and all goes on once the file is mended.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from reminder.config.fields import Slug, WholeNumber, Zone
from reminder.config.policy_model import PolicyModel
from reminder.config.policy_selector import check_selector, selector_of, sound_conditions
from reminder.config.yaml_document import Document, YamlValue, document_of, read_document
from reminder.domain.policy import Policy
from reminder.domain.profile import Profile
from reminder.domain.selector import Selector
from reminder.domain.window import Hours
from reminder.errors import ConfigError, Problem

__all__ = ["BEFORE_ALL", "put_aside", "shadow"]

BEFORE_ALL: Final = -1
"""The priority of a shadow that may come before any policy: no file can claim a lower one."""

_TOP_LEVEL: Final = re.compile(r"^(?=[A-Za-z_\"'][^\n:]*:)", re.MULTILINE)
"""Where a top-level key begins."""

_EMPTY: Final = re.compile(r"(?:\s*(?:#[^\n]*|---)?\s*\n?)*")
"""What may stand before the first key: blank lines, comments, the mark of a document's start."""

_ANYTHING: Final = "\0"
"""Text of which nothing is known."""

_NO_PROFILE: Final = Profile("", "", "", "", "", ())
_NEVER: Final = Hours((), "none")


@dataclass(frozen=True, slots=True)
class _Parts:
    """Top-level values that can be read by themselves, and the text of all that can't."""

    data: Mapping[str, YamlValue]
    unreadable: str


def put_aside(policy: Policy, path: Path, problem: Problem) -> Policy:
    """Return the policy as its own shadow: no steps, and why."""
    return replace(policy, steps=(), broken=_why(path, problem))


def shadow(path: Path, problems: Sequence[Problem]) -> Policy:
    """Return a policy without steps for the accounts that a broken file may own; `broken` says what is wrong with it.

    What can be read on its own of name, priority and `applies_to` is believed. A condition that can't be read is left
    out, which makes the shadow wider, never narrower; a priority that is in doubt is before all others. Never raises.
    """
    parts = _readable(path)
    return Policy(
        name=_sound(Slug, parts.data.get("policy"), path.stem),
        description="",
        priority=_priority(parts),
        selector=_selector(path, parts.data.get("applies_to")),
        profile=_NO_PROFILE,
        timezone=_sound(Zone, parts.data.get("timezone"), "UTC"),
        grace_days=0,
        window=_NEVER,
        caps=(),
        route=(),
        steps=(),
        broken=_why(path, problems[0]),
    )


def _why(path: Path, problem: Problem) -> str:
    return str(replace(problem, path=f"{path.parent.name}/{path.name}"))


def _readable(path: Path) -> _Parts:
    try:
        data = read_document(path).data
        return _Parts(data if isinstance(data, dict) else {}, "" if isinstance(data, dict) else _ANYTHING)
    except ConfigError:
        pass
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return _Parts({}, _ANYTHING)
    return _by_key(path, text)


def _by_key(path: Path, text: str) -> _Parts:
    """Return what the top-level keys of a text that is no YAML as a whole say, each read by itself."""
    data: dict[str, YamlValue] = {}
    unreadable = []
    blocks = _TOP_LEVEL.split(text)
    times = Counter(block.partition(":")[0] for block in blocks)
    for block in blocks:
        value = _block(path, block) if times[block.partition(":")[0]] == 1 else None
        if value is not None:
            data |= value
        elif not _EMPTY.fullmatch(block):
            unreadable.append(block)
    return _Parts(data, "\n".join(unreadable) if data else _ANYTHING)


def _block(path: Path, block: str) -> dict[str, YamlValue] | None:
    try:
        data = document_of(path, block).data
    except ConfigError:
        return None
    return data if isinstance(data, dict) else None


def _sound(kind: Any, value: YamlValue, otherwise: str) -> str:  # noqa: ANN401 - an annotated type of `fields`
    try:
        return str(TypeAdapter(kind).validate_python(value))
    except ValidationError:
        return otherwise


def _priority(parts: _Parts) -> int:
    """Return the file's priority; BEFORE_ALL where it may have meant one that can't be read."""
    if "priority" in parts.data:
        given = _sound(WholeNumber, parts.data["priority"], str(BEFORE_ALL))
        return max(int(given), BEFORE_ALL)
    misspelt = parts.data.keys() - PolicyModel.model_fields.keys()
    if misspelt or parts.unreadable == _ANYTHING or "prio" in parts.unreadable:
        return BEFORE_ALL
    return int(PolicyModel.model_fields["priority"].default)


def _selector(path: Path, raw: YamlValue) -> Selector:
    """Return what of the selector can be read; without terms it is for every account."""
    document = Document(path, raw, "", {}, {})
    sound = {
        field: wanted
        for field, wanted in sound_conditions(raw).items()
        if not check_selector({field: wanted}, document)
    }
    return selector_of(sound)
