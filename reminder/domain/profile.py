"""A profile: what the law of a place allows, as data with its source. It is the floor under every policy (law 7)."""

from __future__ import annotations

from dataclasses import dataclass

from reminder.domain.window import ContactWindow

__all__ = ["Profile"]


@dataclass(frozen=True, slots=True)
class Profile:
    """Contact rules of one jurisdiction or house. `source` says where the rule stands, `as_of` when it was read."""

    name: str
    description: str
    source: str
    as_of: str
    confidence: str
    windows: tuple[ContactWindow, ...]
