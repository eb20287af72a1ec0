"""Files of words, one a language: the deployment's own, and the program's where one is missing or broken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from reminder.config.scaffold import bundled
from reminder.config.yaml_document import yaml_files
from reminder.errors import ConfigError, Problem

__all__ = ["load_by_language"]


class _OfLanguage(Protocol):
    @property
    def language(self) -> str: ...


Model = TypeVar("Model", bound=_OfLanguage)


def load_by_language(
    folder: Path, kind: str, read: Callable[[Path], Model]
) -> tuple[tuple[Model, ...], tuple[Problem, ...]]:
    """Return what `read` makes of each file in the folder, in order of their names, and the problems of the others.

    A language that the folder lacks or breaks is taken from the program's own folder `kind`. Never raises for the
    folder's files; raises ConfigError where the program's own can't be read.
    """
    models: dict[str, Model] = {}
    problems: list[Problem] = []
    for path in yaml_files(folder):
        try:
            models[path.name] = read(path)
        except ConfigError as error:
            problems += error.problems
    spoken = {model.language for model in models.values()}
    for path in yaml_files(bundled("config") / kind):
        if path.name not in models and (shipped := read(path)).language not in spoken:
            models[path.name] = shipped
    return tuple(models[name] for name in sorted(models)), tuple(problems)
