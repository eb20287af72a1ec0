"""Keys that seal what is personal in our tables: AES-SIV (RFC 5297), so that even a repeated text is safe to seal.

A sealed value is `~`, the first eight hexadecimal digits of its key's fingerprint, `:`, and the rest in base64. Numbers
are sealed to the same value each time, so that equality, keys and indexes work as they do on plain text; whoever reads
the tables sees which rows have the same number, and no more. What is never compared is sealed differently each time.
What a value is for is bound into it, so that none can be put in the place of another kind.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NoBase64
from collections.abc import Sequence
from hashlib import sha256
from secrets import token_bytes
from typing import TYPE_CHECKING

from reminder.errors import StoreError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

__all__ = ["KEY_BYTES", "Keyring", "mark_of", "stored_chars"]

KEY_BYTES = 64
"""The length of a key: AES-256 twice, as AES-SIV has it."""

_SEALED = re.compile(r"~([0-9a-f]{8}):([A-Za-z0-9_-]+)")
_MARK_CHARS = 10
_NONCE_BYTES = 16
_TAG_BYTES = 16
_UTF8_BYTES_MAX = 4


def stored_chars(length: int) -> int:
    """Return how many characters a text of `length` characters, whatever they are, may take when it is sealed."""
    return _MARK_CHARS + -(-(_UTF8_BYTES_MAX * length + _TAG_BYTES + _NONCE_BYTES) * 4 // 3)


def mark_of(fingerprint: str) -> str:
    """Return what every value begins with that the key of this fingerprint has sealed."""
    return f"~{fingerprint}:"


class Keyring:
    """The keys of a deployment, the newest first: it seals, all of them open.

    Raises StoreError where the library that does the work is not installed.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        try:
            from cryptography.hazmat.primitives.ciphers.aead import (
                AESSIV,
            )  # not at the top: only who has a key needs it
        except ModuleNotFoundError as exc:
            raise StoreError(
                "expected the library cryptography for `encryption_key_file`, found none installed: "
                'run `pip install "reminder-dispatcher[encryption]"`'
            ) from exc
        self._ciphers: dict[str, AESSIV] = {_fingerprint(key): AESSIV(key) for key in keys}
        self.fingerprints: tuple[str, ...] = tuple(self._ciphers)

    @property
    def newest(self) -> str:
        """The fingerprint of the key that seals."""
        return self.fingerprints[0]

    def seal(self, text: str, use: str, *, compared: bool) -> str:
        """Return the text sealed for a use; `compared` says that the same text must give the same value."""
        nonce = b"" if compared else token_bytes(_NONCE_BYTES)
        sealed = nonce + self._ciphers[self.newest].encrypt(
            text.encode(), [use.encode(), nonce] if nonce else [use.encode()]
        )
        return mark_of(self.newest) + urlsafe_b64encode(sealed).decode().rstrip("=")

    def open(self, value: str, use: str, *, compared: bool) -> str:
        """Return what was sealed, or the value itself where it is plain: written before there was a key.

        Raises StoreError where one of our keys has sealed it and it was changed since.
        """
        found = _SEALED.fullmatch(value)
        cipher = self._ciphers.get(found[1]) if found else None
        if found is None or cipher is None:
            return value
        from cryptography.exceptions import InvalidTag

        try:
            sealed = urlsafe_b64decode(found[2] + "=" * (-len(found[2]) % 4))
            nonce, rest = (b"", sealed) if compared else (sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:])
            return cipher.decrypt(rest, [use.encode(), nonce] if nonce else [use.encode()]).decode()
        except (InvalidTag, NoBase64, ValueError) as exc:
            raise StoreError(
                f"expected a {use} sealed with the key {found[1]}, found one that was changed since: "
                "see who edited the database, and restore the row from a backup"
            ) from exc


def _fingerprint(key: bytes) -> str:
    return sha256(b"reminder key\0" + key).hexdigest()[:8]
