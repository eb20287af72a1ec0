"""Secrets that stand in files of their own: Docker's secrets, systemd's credentials, whatever a vault writes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from reminder.errors import ConfigError, Problem

__all__ = ["SecretFiles"]

_SUFFIX: Final = "_FILE"
_CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class SecretFiles(Mapping[str, str]):
    """An environment in which a variable may stand in a file: `NAME_FILE` says where, or systemd's folder has `NAME`.

    Files are read when they are asked for, without the line break at their end. Asking raises ConfigError where a file
    can't be read, and where the variable is set besides: nobody could tell which of them counts.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def __getitem__(self, name: str) -> str:
        """Return the value of a variable; raise KeyError where there is none."""
        path = self._path(name)
        if path is None:
            return self._environ[name]
        if self._environ.get(name):  # an empty one counts as none
            raise ConfigError([_problem(name, f"expected it once, found it here and in {path}: drop one")])
        try:
            return path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            words = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise ConfigError([_problem(name, f"expected its value in {path}, found: {words}")]) from error

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names that are set themselves: who reads all of them opens no stranger's file."""
        return iter(self._environ)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._environ)

    def _path(self, name: str) -> Path | None:
        if name.endswith(_SUFFIX) or not _NAME.fullmatch(name):
            return None
        if told := self._environ.get(name + _SUFFIX):
            return Path(told)
        return self._credentials().get(name)

    def _credentials(self) -> dict[str, Path]:
        folder = self._environ.get(_CREDENTIALS)
        if not folder or not Path(folder).is_dir():
            return {}
        return {path.name: path for path in Path(folder).iterdir() if _NAME.fullmatch(path.name)}


def _problem(name: str, message: str) -> Problem:
    return Problem(f"variable {name}", 0, 0, message)
