"""Strict YAML that remembers where each value stood.

YAML 1.1 turns `21:30` into 1290, `no` into false and `0123` into 83. Here only what nobody can misread is more than
text: `true`, `false`, `null`, whole numbers and decimals written plainly. Anchors, aliases, merge keys and tags are
refused, so that a file means what it looks like and costs what it weighs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from reminder.config.yaml_nodes import TAG, Place, compose, place_of
from reminder.errors import ConfigError, Problem

__all__ = ["SIZE_MAX_BYTES", "Document", "Loc", "Place", "YamlValue", "document_of", "read_document"]

Loc = tuple[str | int, ...]
"""The way to a value: keys and list indexes from the root, such as `("steps", 2, "at")`."""

YamlValue = Any
"""Text, whole number, Decimal, true/false, None, or a list or dict of these."""

SIZE_MAX_BYTES: Final = 1_000_000


@dataclass(frozen=True)
class Document:
    """One YAML file: its value, and where each part of it stood. `digest` is the SHA-256 of its bytes, in hex."""

    path: Path
    data: YamlValue
    digest: str
    values: Mapping[Loc, Place] = field(repr=False)
    keys: Mapping[Loc, Place] = field(repr=False)

    def locate(self, loc: Loc, *, key: bool = False) -> Place:
        """Return the line and column of a value (or of its key), or of the nearest thing around it.

        Parts of `loc` that the file doesn't have are passed over, so that locations from pydantic, which may hold
        names of its own, can be used as they are.
        """
        found: Loc = ()
        for part in loc:
            if (*found, part) in self.values:
                found = (*found, part)
        place = self.keys.get(found) if key else None
        return place or self.values.get(found, (1, 1))

    def problem(self, loc: Loc, message: str, *, warning: bool = False, key: bool = False) -> Problem:
        """Return a problem at the value (or the key) that `loc` leads to."""
        line, column = self.locate(loc, key=key)
        return Problem(str(self.path), line, column, message, warning)

    def value(self, loc: Loc) -> YamlValue:
        """Return the value at `loc`, or None where the file has none."""
        found = self.data
        for part in loc:
            try:
                found = found[part]
            except (KeyError, IndexError, TypeError):
                return None
        return found


def yaml_files(folder: Path) -> list[Path]:
    """Return the YAML files of a folder by name; a folder that isn't there has none."""
    if not folder.is_dir():
        return []
    return sorted(
        path for path in folder.iterdir() if path.suffix in (".yaml", ".yml") and not path.name.startswith(".")
    )


def read_document(path: Path) -> Document:
    """Return the file's value and places; raise ConfigError with everything that keeps it from being read."""
    raw = _read_bytes(path)
    return document_of(path, _decode(path, raw), hashlib.sha256(raw).hexdigest())


def document_of(path: Path, text: str, digest: str = "") -> Document:
    """Return the value and places of YAML text that came from `path`; raise ConfigError for what can't be read."""
    builder = _Builder(path)
    data = builder.build(compose(path, text), ())
    if builder.problems:
        raise ConfigError(builder.problems)
    return Document(path, data, digest, builder.values, builder.keys)


def _read_bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > SIZE_MAX_BYTES:
            size = f"is larger than {SIZE_MAX_BYTES:,} bytes; split it into several files"
            raise ConfigError([Problem(str(path), 0, 0, size)])
        return path.read_bytes()
    except OSError as error:
        raise ConfigError([Problem(str(path), 0, 0, f"can't be read: {error.strerror}")]) from error


def _decode(path: Path, raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8", "replace")
        line, column = place_of(before, len(before))
        message = "is not UTF-8 text here; save the file as UTF-8"
        raise ConfigError([Problem(str(path), line, column, message)]) from error


class _Builder:
    """Turns nodes into values, noting places and what must be refused."""

    def __init__(self, path: Path) -> None:
        self.values: dict[Loc, Place] = {}
        self.keys: dict[Loc, Place] = {}
        self.problems: list[Problem] = []
        self._path = path

    def build(self, node: Node, loc: Loc) -> YamlValue:
        """Return the node's value; note its place and those of all below it."""
        self.values[loc] = _place(node)
        if isinstance(node, MappingNode):
            return self._mapping(node, loc)
        if isinstance(node, SequenceNode):
            return [self.build(item, (*loc, index)) for index, item in enumerate(node.value)]
        if not _printable(node.value):
            message = "half of a surrogate pair is no character; write the character itself"
            self.problems.append(Problem(str(self._path), *_place(node), message))
        return _scalar(node)

    def _mapping(self, node: MappingNode, loc: Loc) -> dict[str, YamlValue]:
        data: dict[str, YamlValue] = {}
        for key_node, value_node in node.value:
            complaint = _complaint(key_node, data)
            if complaint:
                self.problems.append(Problem(str(self._path), *_place(key_node), complaint))
                continue
            key: str = key_node.value
            self.keys[(*loc, key)] = _place(key_node)
            data[key] = self.build(value_node, (*loc, key))
        return data


def _complaint(key_node: Node, known: Mapping[str, YamlValue]) -> str:
    if not isinstance(key_node, ScalarNode) or key_node.tag != TAG + "str":
        return "a key must be text; put it in quotes"
    if key_node.value == "<<":
        return "merge keys (`<<`) are not allowed; write the values out"
    return f"key `{key_node.value}` is given twice; keep one" if key_node.value in known else ""


def _printable(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _place(node: Node) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _scalar(node: Node) -> YamlValue:
    text: str = node.value
    kind = node.tag.removeprefix(TAG)
    if kind == "bool":
        return text == "true"
    if kind == "null":
        return None
    if kind == "int":
        return int(text)
    return Decimal(text) if kind == "decimal" else text
