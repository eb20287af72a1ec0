"""Findings: what is wrong or doubtful about a book, each with a code that documentation and scripts can rely on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reminder.errors import DataError

__all__ = ["BookError", "BookReport", "Finding", "Severity"]


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"  #: Nothing, or the wrong thing, would be sent; correct it before the first run.
    WARNING = "warning"  #: Some accounts would be refused, each with its reason.
    INFO = "info"  #: Good to know.


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: `code` (B and three digits), how much it matters, and on how many rows.

    `part` is the mapped part or column it is about. `examples` are account ids or other values that name no one;
    never phone numbers.
    """

    code: str
    severity: Severity
    part: str
    message: str
    count: int = 0
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the finding on one line."""
        shown = f" (for example {', '.join(self.examples)})" if self.examples else ""
        return f"{self.code} {self.severity}: {self.part}: {self.message}{shown}"


@dataclass(frozen=True, slots=True)
class BookReport:
    """What a check of the book found; `rows` is how many accounts it has, `owed` how many of them owe something."""

    rows: int
    owed: int
    findings: tuple[Finding, ...]

    @property
    def fit(self) -> bool:
        """Whether nothing found is an error."""
        return all(finding.severity is not Severity.ERROR for finding in self.findings)


class BookError(DataError):
    """A book can't be used as it is mapped. `findings` holds everything that is wrong with the mapping."""

    def __init__(self, findings: list[Finding] | tuple[Finding, ...]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join(str(finding) for finding in self.findings))
