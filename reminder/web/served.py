"""What the endpoints work with: whatever is in force, which changes while a daemon runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Generic, Protocol, TypeVar

from reminder.app import steady
from reminder.installation import Installation
from reminder.pipeline.deployment import Deployment

__all__ = ["Kept", "Served", "Standing"]

Found = TypeVar("Found")


class Served(Protocol):
    """An installation and its deployment, both as they are in force at the moment of asking."""

    @property
    def installation(self) -> Installation:
        """What the files say."""

    @property
    def deployment(self) -> Deployment:
        """What is made of it."""


@dataclass(frozen=True)
class Standing:
    """What stays in force as long as the process runs."""

    installation: Installation
    deployment: Deployment


class Kept(Generic[Found]):
    """An answer that is good for some seconds: however many ask, the database is asked once in that time."""

    def __init__(self, ask: Callable[[], Found], seconds: float, *, elapsed: Callable[[], float] = steady) -> None:
        self._ask = ask
        self._seconds = seconds
        self._elapsed = elapsed
        self._lock = Lock()
        self._found: tuple[float, Found] | None = None

    def __call__(self) -> Found:
        """Return the answer, asking where there is none or it is too old; raises what asking raises."""
        with self._lock:
            now = self._elapsed()
            if self._found is None or not 0 <= now - self._found[0] < self._seconds:
                self._found = now, self._ask()
            return self._found[1]
