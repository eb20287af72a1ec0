"""Pseudonyms: what stands in place of a number that was erased and must still be left alone.

A STOP outlives the data of whoever sent it. So a suppression of an erased number keeps a keyed hash (HMAC-SHA256, cut
to 114 bits so that it fits the column), and whoever is about to text a number asks for both. The key lies in this
database: it keeps numbers from a reader of exports and logs, not from somebody who has all of it and tries them all.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from secrets import token_hex

from sqlalchemy import Connection, select

from reminder.store.rows import upsert
from reminder.store.schema import secret

__all__ = ["MARK", "make", "of"]

MARK = "#"
"""What a pseudonym begins with; no number does."""

_NAME = "numbers"
_CHARACTERS = 19
_KEY = select(secret.c.value).where(secret.c.name == _NAME)


def of(connection: Connection, numbers: Iterable[str]) -> dict[str, str]:
    """Return the pseudonym of each of these numbers (E.164); nothing while none was ever made."""
    key = connection.scalar(_KEY)
    return {} if key is None else {number: _pseudonym(key, number) for number in numbers}


def make(connection: Connection, numbers: Iterable[str]) -> dict[str, str]:
    """Return the pseudonym of each of these numbers (E.164), making the key where there is none yet."""
    fresh = {"name": _NAME, "value": token_hex(32)}
    upsert(connection, secret, fresh, keep_if=secret.c.value != "", decisive="value")
    return of(connection, numbers)


def _pseudonym(key: str, number: str) -> str:
    digest = hmac.digest(bytes.fromhex(key), number.encode(), "sha256")
    return MARK + urlsafe_b64encode(digest).decode()[:_CHARACTERS]
