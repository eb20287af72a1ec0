"""What `reminder doctor` may find: every code, what it says, and the shape of a finding.

`RM-E…` are errors: something is broken, or nothing can be sent. `RM-W…` are warnings: somebody should look. A code
keeps its meaning for ever, so that scripts and alerts can rely on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["CODES", "PARTS", "Diagnosis", "Finding"]

PARTS = ("files", "calendars", "database", "schema", "clock", "gateways", "book", "outbox", "plans")
"""What is looked at, in this order."""

CODES: Mapping[str, str] = MappingProxyType(
    {
        "RM-E001": "a file of the deployment is wrong",
        "RM-W002": "something in a file is doubtful",
        "RM-E003": "a daemon goes on with its last good files: those of now are wrong",
        "RM-W004": "texts carry no check code: there is no key for it",
        "RM-E010": "the database can't be reached",
        "RM-E011": "the tables are not of this release",
        "RM-W012": "the database's clock is another one than ours",
        "RM-E013": "numbers and texts are sealed with another key than the newest",
        "RM-E020": "the book can't be used as it is",
        "RM-W021": "some accounts of the book will be refused",
        "RM-E030": "the public holidays of this year are not known for good",
        "RM-W031": "the public holidays of next year are not known for good, and it begins soon",
        "RM-E040": "a policy has no gateway that could take its texts",
        "RM-W041": "a gateway is not configured",
        "RM-W042": "a gateway is paused",
        "RM-E050": "reminders are in a state that is none: open + final is not what was planned",
        "RM-E051": "reminders are gone from the outbox",
        "RM-E052": "reminders were sent without an attempt on record",
        "RM-E053": "attempts were made for no reminder",
        "RM-W054": "a lease ended while a text was being sent",
        "RM-W055": "reminders have been in doubt for more than a day",
        "RM-W056": "leases end far in the future: a clock was wrong",
        "RM-W057": "reminders whose time has come are not being sent",
        "RM-W060": "a plan began and has not ended",
        "RM-E061": "runs are paused by a guard: nothing is sent",
        "RM-W062": "no daemon leads: the last one died, and slots are not planned",
        "RM-E070": "no daemon does its work",
        "RM-E071": "a time of the schedule came and nobody planned",
        "RM-W072": "a gateway has not answered for a while",
        "RM-W073": "texts wait for a person to say what became of them",
    }
)
"""Every code and what it says, whatever the case."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong or doubtful: its code, the part it is about, and what was expected, found and is to be done.

    `count` is how many things are like that; `examples` are ids that name no one.
    """

    code: str
    part: str
    expected: str
    found: str
    hint: str
    count: int = 1
    examples: tuple[str, ...] = ()

    @property
    def is_error(self) -> bool:
        """Whether something is broken; otherwise somebody should look."""
        return self.code.startswith("RM-E")

    @property
    def found_with_examples(self) -> str:
        """What was found, with its examples."""
        return f"{self.found} (for example {', '.join(self.examples)})" if self.examples else self.found


class Diagnosis:
    """What was looked at so far, and what was found. A part that nobody could look at is in neither."""

    def __init__(self) -> None:
        self._found: dict[str, list[Finding]] = {}

    def add(self, part: str, findings: Sequence[Finding] = ()) -> None:
        """Keep that this part was looked at, and what was found there."""
        self._found.setdefault(part, []).extend(findings)

    @property
    def looked_at(self) -> tuple[str, ...]:
        """The parts that were looked at, in the order of PARTS."""
        return tuple(part for part in PARTS if part in self._found)

    @property
    def not_looked_at(self) -> tuple[str, ...]:
        """The parts that nobody could look at, because something before them is broken, or nobody asked for."""
        return tuple(part for part in PARTS if part not in self._found)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All that was found, part by part, errors first."""
        ordered = (sorted(self._found[part], key=lambda each: not each.is_error) for part in self.looked_at)
        return tuple(finding for findings in ordered for finding in findings)

    @property
    def well(self) -> bool:
        """Whether nothing that was found is an error."""
        return not any(finding.is_error for finding in self.findings)
