"""From the text of a YAML file to its nodes, without what YAML allows and this program does not.

Two scanners do it. libyaml's is several times as fast, and every command reads dozens of files; whatever it does not
take is read again by PyYAML's own, which says best what is wrong, and where.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Final

from yaml._yaml import CParser
from yaml.composer import Composer
from yaml.error import Mark, MarkedYAMLError, YAMLError
from yaml.events import AliasEvent, Event, NodeEvent
from yaml.nodes import Node
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from reminder.errors import ConfigError, Problem

__all__ = ["DEPTH_MAX", "TAG", "Place", "compose", "place_of"]

Place = tuple[int, int]
"""Line and column, both counted from 1."""

DEPTH_MAX: Final = 24

TAG: Final = "tag:yaml.org,2002:"
"""What the tags of plain values begin with: `str`, `int`, `decimal`, `bool`, `null`."""


_LAX: Final = frozenset("\t\ufeff")
"""What libyaml takes in places where PyYAML's own scanner refuses it, or sees something else in it."""


class _CoreResolver(BaseResolver):
    """Knows only the scalars that can't be mistaken for text."""


for _name, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("null", r"~|null|", ["~", "n", ""]),
    # Longer digits than a 64-bit integer holds are a name, not a number: they stay text.
    ("int", r"-?(?:0|[1-9][0-9]{0,17})", "-0123456789"),
    ("decimal", r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,18}", "-0123456789"),
):
    _CoreResolver.add_implicit_resolver(TAG + _name, re.compile(rf"^(?:{_pattern})$"), list(_first))


class _RefusedError(MarkedYAMLError):
    """Something that YAML allows and this program does not."""


class _Strict(Composer):
    """Composes nodes, refusing anchors, aliases, tags and nesting beyond `DEPTH_MAX`."""

    _depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        """Compose one node, or raise _RefusedError at its mark."""
        event: Event = self.peek_event()  # type: ignore[attr-defined]  # the parser's, which both loaders have
        _refuse_cleverness(event)
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise _refusal(f"nested deeper than {DEPTH_MAX} levels", event)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


class _PlainLoader(_Strict, Reader, Scanner, Parser, _CoreResolver):
    """Reads by PyYAML's own scanner."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        _CoreResolver.__init__(self)


class _FastLoader(_Strict, CParser, _CoreResolver):
    """Reads by libyaml's."""

    def __init__(self, text: str) -> None:
        CParser.__init__(self, text)
        Composer.__init__(self)
        _CoreResolver.__init__(self)


def _refusal(message: str, event: Event) -> _RefusedError:
    mark = event.start_mark
    return _RefusedError(problem=message, problem_mark=mark if isinstance(mark, Mark) else None)


def _refuse_cleverness(event: Event) -> None:
    if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor is not None):
        name = "alias `*" if isinstance(event, AliasEvent) else "anchor `&"
        problem = f"{name}{event.anchor}` is not allowed; write the value out where it is needed"
        raise _refusal(problem, event)
    if getattr(event, "tag", None) is not None:
        raise _refusal("tags (`!…`) are not allowed; write the plain value", event)


def compose(path: Path, text: str) -> Node:
    """Return the root node, or raise ConfigError for what isn't YAML or isn't allowed in it."""
    node = None
    if not _LAX & set(text):
        with suppress(YAMLError, ValueError, OverflowError):
            node = _FastLoader(text).get_single_node()
    return node or _compose_plainly(path, text)


def _compose_plainly(path: Path, text: str) -> Node:
    try:
        loader = _PlainLoader(text)
    except ReaderError as error:
        raise ConfigError([_unreadable(path, text, error)]) from error
    try:
        node = loader.get_single_node()
    except MarkedYAMLError as error:
        raise ConfigError([_syntax_problem(path, error)]) from error
    except (ValueError, OverflowError) as error:
        # An escape such as "\\UFFFFFFFF" that no character has: PyYAML lets Python's own error through.
        mark = loader.get_mark()
        message = "an escape here is no character; write the character itself"
        raise ConfigError([Problem(str(path), mark.line + 1, mark.column + 1, message)]) from error
    if node is None:
        raise ConfigError([Problem(str(path), 0, 0, "is empty; expected keys and values")])
    return node


def place_of(text: str, offset: int) -> Place:
    """Return the line and column of the character with this number, counted from 0."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def _unreadable(path: Path, text: str, error: ReaderError) -> Problem:
    line, column = place_of(text, error.position)
    message = f"control character U+{ord(text[error.position]):04X} can't stand in YAML; delete it"
    return Problem(str(path), line, column, message)


def _syntax_problem(path: Path, error: MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    message = error.problem or "is not YAML"
    if "'\\t'" in message:
        message = "a tab; YAML is indented with spaces"
    elif not isinstance(error, _RefusedError):
        message = f"is not YAML here: {f'{error.context}, ' if error.context else ''}{message}"
    return Problem(str(path), line, column, message)
