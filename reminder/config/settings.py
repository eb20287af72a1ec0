"""`config/reminder.yaml` → `Settings`, with the environment's values in it and paths made absolute."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from reminder.config.environment import expand_variables, inline_secrets
from reminder.config.settings_model import Settings
from reminder.config.wording import problems_of
from reminder.config.yaml_document import Document, YamlValue, read_document
from reminder.errors import ConfigError, Problem

__all__ = ["SETTINGS_FILE", "LoadedSettings", "Settings", "read_settings"]

SETTINGS_FILE: Final = "reminder.yaml"

_RELATIVE_SQLITE: Final = re.compile(r"(sqlite(?:\+\w+)?:///)(?![/:]|file:)(.+)")


@dataclass(frozen=True)
class LoadedSettings:
    """Settings of a deployment, the file they stood in, and the folder (of `config/`) it lies in."""

    settings: Settings
    document: Document
    folder: Path

    @property
    def root(self) -> Path:
        """Return the deployment's folder: the parent of `config/`."""
        return self.folder.parent

    @property
    def templates(self) -> Path:
        """Return the folder of templates, absolute."""
        return Path(self.settings.templates)

    @property
    def policies(self) -> Path:
        """Return the folder of policies, absolute."""
        return self.folder / "policies"

    @property
    def profiles(self) -> Path:
        """Return the folder of profiles, absolute."""
        return self.folder / "profiles"

    @property
    def calendars(self) -> Path:
        """Return the folder of calendars, absolute."""
        return self.folder / "calendars"


def read_settings(folder: Path, environ: Mapping[str, str]) -> LoadedSettings:
    """Return the settings in `folder`/reminder.yaml; raise ConfigError with every problem that was found.

    `environ` gives the values of `${VAR}`. A relative SQLite file and the folder of templates come back absolute.
    """
    folder = folder.resolve()
    path = folder / SETTINGS_FILE
    if not path.is_file():
        message = "isn't there; `reminder init DIR` writes a deployment to start from"
        raise ConfigError([Problem(str(path), 0, 0, message)])
    document = read_document(path)
    data, missing = expand_variables(document, environ)
    problems = [*inline_secrets(document), *missing]
    settings, wrong = _validated(document, data)
    # A variable that is missing makes its value wrong as well; that is said once.
    places = {(problem.line, problem.column) for problem in problems}
    problems += [problem for problem in wrong if (problem.line, problem.column) not in places]
    if settings is None or problems:
        raise ConfigError(sorted(problems, key=lambda problem: (problem.line, problem.column)))
    return LoadedSettings(_with_paths(settings, folder), document, folder)


def _validated(document: Document, data: YamlValue) -> tuple[Settings | None, list[Problem]]:
    try:
        return Settings.model_validate(data), []
    except ValidationError as error:
        return None, problems_of(error, document, model=Settings)


def _with_paths(settings: Settings, folder: Path) -> Settings:
    """Return the settings with what is relative seen from the deployment, not from where the program was started."""
    update: dict[str, object] = {
        "database": _absolute(settings.database, folder.parent),
        "templates": str((folder / settings.templates).resolve()),
        "check_key_file": str(folder.parent / settings.check_key_file),
    }
    if settings.encryption_key_file is not None:
        update["encryption_key_file"] = str(folder.parent / settings.encryption_key_file)
    if settings.book is not None and settings.book.url is not None:
        url = _absolute(settings.book.url, folder.parent)
        update["book"] = settings.book.model_copy(update={"url": url})
    return settings.model_copy(update=update)


def _absolute(url: str, root: Path) -> str:
    match = _RELATIVE_SQLITE.fullmatch(url)
    return f"{match[1]}{root / match[2]}" if match else url
