"""A new deployment: the sample `config/` and `templates/`, copied to where they can be edited."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import reminder
from reminder.errors import ConfigError, Problem

__all__ = ["KINDS", "bundled", "write_deployment"]

KINDS: Final = ("config", "templates")
"""Folders that make a deployment."""


def bundled(kind: str) -> Path:
    """Return the sample folder of this kind (`config` or `templates`) that came with the program.

    A wheel carries it inside the package, a checkout beside it. Raises ConfigError where neither has it.
    """
    package = Path(reminder.__file__).resolve().parent
    for folder in (package / "_bundled" / kind, package.parent / kind):
        if kind in KINDS and folder.is_dir():
            return folder
    raise ConfigError([Problem(str(package), 0, 0, f"has no sample `{kind}`; install the program again")])


def write_deployment(target: Path) -> list[Path]:
    """Copy the samples into `target` and return the files written, by name.

    Nothing is overwritten: raises ConfigError naming every file that is there already, and then writes none.
    """
    plan = [(source, target / kind / name) for kind in KINDS for source, name in _files(bundled(kind))]
    message = "is there already; choose an empty folder, or move it away"
    problems = [Problem(str(path), 0, 0, message) for _, path in plan if path.exists()]
    if problems:
        raise ConfigError(problems)
    for source, path in plan:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path)
    return sorted(path for _, path in plan)


def _files(folder: Path) -> Iterator[tuple[Path, Path]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and not any(part.startswith((".", "__")) for part in name.parts):
            yield path, name
