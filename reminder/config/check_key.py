"""The key of check codes: a file of its own beside `config/`, which only its owner reads."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from reminder.domain.check_code import KEY_CHARS_MIN
from reminder.errors import ConfigError, Problem

__all__ = ["CHECK_KEY_FILE", "read_check_key", "write_check_key"]

CHECK_KEY_FILE = "check.key"
"""Where the key lies in a deployment's folder, if its settings don't say otherwise."""

_KEY_BYTES = 32


def read_check_key(path: Path) -> bytes | None:
    """Return the key in the file, or None where there is no such file: texts then carry no code.

    Raises ConfigError for a file that can't be read, and for a key that is too short.
    """
    try:
        key = path.read_bytes().strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"expected a key that can be read, found: {error.strerror}; give its owner the right to"
        raise ConfigError([Problem(str(path), 0, 0, message)]) from error
    if len(key) < KEY_CHARS_MIN:
        message = (
            f"expected a key of at least {KEY_CHARS_MIN} characters, found {len(key)}; move the file away and run "
            "`reminder message new-key`"
        )
        raise ConfigError([Problem(str(path), 1, 1, message)])
    return key


def write_check_key(path: Path) -> None:
    """Write a new random key; raise ConfigError where a file is there already: its codes are in texts by now."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        message = "is there already, and texts carry its codes; move it away first if you want another one"
        raise ConfigError([Problem(str(path), 0, 0, message)]) from error
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(_KEY_BYTES) + "\n")
