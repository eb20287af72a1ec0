"""The errors of this program, in one tree.

::

    ReminderError                 anything this program says went wrong, in words for its user
    ├── ConfigError               a file of the deployment is wrong; carries `file:line:column` problems
    ├── DataError                 a value is not what it should be: money, phone, zone, a row of the book
    ├── TemplateError             a template can't be loaded or rendered
    ├── StoreError                our tables refuse: schema too old, a row that isn't there, a lost race
    └── GatewayError              a gateway can't be built or asked

Leaves live beside the code that raises them; errors of other libraries are translated once, with `from`.
A message says what was expected, what was found and what to do.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "ConfigError",
    "DataError",
    "GatewayError",
    "Problem",
    "ReminderError",
    "StoreError",
    "TemplateError",
]


class ReminderError(Exception):
    """Root of every error that is meant to be read by a person."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong (or doubtful) in a file: where, and what to do about it.

    `line` and `column` count from 1; 0 means that the place is the whole file.
    """

    path: str
    line: int
    column: int
    message: str
    warning: bool = False

    def __str__(self) -> str:
        """Return `path:line:column: message`, as editors and compilers print it."""
        place = f"{self.path}:{self.line}:{self.column}" if self.line else self.path
        return f"{place}: {'warning: ' if self.warning else ''}{self.message}"


class ConfigError(ReminderError):
    """A file of the deployment is wrong. `problems` holds every one that was found, in file order."""

    def __init__(self, problems: list[Problem] | tuple[Problem, ...]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class DataError(ReminderError):
    """A value is not what it should be. The message names the value's kind, never a whole phone number."""


class TemplateError(ReminderError):
    """A template can't be loaded or rendered; nothing is sent in its place."""


class StoreError(ReminderError):
    """Our tables refuse what was asked."""


class GatewayError(ReminderError):
    """A gateway can't be built or asked."""
