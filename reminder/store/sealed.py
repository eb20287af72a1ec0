"""The column type of what is personal: sealed in the database where the engine has keys, plain in the program."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Dialect, Engine, String, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from reminder.store.keyring import Keyring, stored_chars
from reminder.store.types import LongText

__all__ = ["SealedText", "keyring_of", "use_keyring"]

_ATTRIBUTE = "reminder_keyring"


def use_keyring(engine: Engine, keyring: Keyring | None) -> None:
    """Seal what this engine writes, and open what it reads. Its dialect, which is its own, carries the keys."""
    setattr(engine.dialect, _ATTRIBUTE, keyring)


def keyring_of(dialect: Dialect) -> Keyring | None:
    """Return the keys of the engine that this dialect belongs to; None where it writes plain text."""
    return getattr(dialect, _ATTRIBUTE, None)


class SealedText(TypeDecorator[str]):
    """A text for a `use`, at most `length` characters as people write it; sealed where the engine has keys.

    Only `compared` ones can be asked for by equality. No part of a sealed text can be asked for: no LIKE, no order.
    The empty text is never sealed: it is nobody's.
    """

    impl = String
    cache_ok = True

    def __init__(self, use: str, length: int | None = None, *, compared: bool = False, medium: bool = False) -> None:
        super().__init__()
        self.use = use
        self.length = length
        self.compared = compared
        self.medium = medium

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return a column in which the longest text has room when it is sealed; `medium` is MariaDB's 16 MB."""
        if self.length is not None:
            return String(stored_chars(self.length))
        return LongText().load_dialect_impl(dialect) if self.medium else Text()

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the text as it is kept."""
        keyring = keyring_of(dialect)
        return value if keyring is None or not value else keyring.seal(value, self.use, compared=self.compared)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the text as it was written."""
        keyring = keyring_of(dialect)
        return value if keyring is None or not value else keyring.open(value, self.use, compared=self.compared)
