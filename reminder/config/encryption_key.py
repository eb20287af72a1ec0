"""The keys that numbers and texts are sealed with: a file of lines, the newest first, which only its owner reads."""

from __future__ import annotations

import os
import secrets
from base64 import b64decode, b64encode
from binascii import Error as NoBase64
from pathlib import Path
from tempfile import mkstemp

from reminder.errors import ConfigError, Problem

__all__ = ["add_encryption_key", "read_encryption_keys"]

_KEY_BYTES = 64
"""AES-256 twice, as AES-SIV has it."""


def read_encryption_keys(path: Path) -> tuple[bytes, ...]:
    """Return the keys in the file, the newest first; empty lines and those that begin with # are passed over.

    Raises ConfigError for a file that is not there, can't be read or has no key, and for a line that is none.
    """
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError as error:
        message = "expected the keys of `encryption_key_file`, found no file: restore it, or for a new deployment run "
        raise ConfigError([Problem(str(path), 0, 0, message + "`reminder db new-key`")]) from error
    except OSError as error:
        message = f"expected keys that can be read, found: {error.strerror}; give their owner the right to"
        raise ConfigError([Problem(str(path), 0, 0, message)]) from error
    keys = [_key(path, number, line.strip()) for number, line in enumerate(lines, 1) if _is_told(line)]
    if not keys:
        message = "expected a key, found none: restore the file, or for a new deployment run `reminder db new-key`"
        raise ConfigError([Problem(str(path), 1, 1, message)])
    return tuple(dict.fromkeys(keys))


def add_encryption_key(path: Path) -> int:
    """Put a new random key before those in the file, or make the file (mode 0600); return how many there are now.

    Raises ConfigError where the file can't be read or written.
    """
    there = path.exists()
    keys = len(read_encryption_keys(path)) if there else 0
    fresh = b64encode(secrets.token_bytes(_KEY_BYTES))
    try:
        before = path.read_bytes() if there else b""
        handle, draft = mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with mode 0600
        with os.fdopen(handle, "wb") as file:
            file.write(fresh + b"\n" + before)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(path)
    except OSError as error:
        message = f"expected a folder that can be written to, found: {error.strerror}; write the file where it can be"
        raise ConfigError([Problem(str(path), 0, 0, message)]) from error
    return keys + 1


def _is_told(line: bytes) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith(b"#")


def _key(path: Path, number: int, line: bytes) -> bytes:
    try:
        key = b64decode(line, validate=True)
    except NoBase64:
        key = b""
    if len(key) != _KEY_BYTES:
        message = f"expected a key of {_KEY_BYTES} bytes in base64, found something else; restore the line as it was"
        raise ConfigError([Problem(str(path), number, 1, message)])
    return key
