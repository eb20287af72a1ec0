"""What an edit of policies and templates changes for the people in today's book: both are asked, as ever (law 1).

Both previews are of the same book, tables and instant; what differs between them is the edit's doing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from reminder.pipeline.deployment import Deployment
from reminder.pipeline.preview import Entry, Verb, preview

__all__ = ["Change", "Difference", "Line", "compare"]


class Change(StrEnum):
    """What becomes of somebody's text."""

    ADDED = "added"  #: Would be texted now, and would not before.
    REMOVED = "removed"  #: Would have been texted, and would not now.
    MOVED = "moved"  #: Would be texted for another step.
    REWORDED = "reworded"  #: Would be told the same step in other words, or elsewhere.


@dataclass(frozen=True, slots=True)
class Line:
    """One account whose text changes: its step before and after, as `policy/step`; empty where there is none."""

    change: Change
    account_id: str
    before: str
    after: str


@dataclass
class Difference:
    """What changes. `again` counts texts that go out because their step has an id that its policy did not have."""

    at: datetime
    changes: Counter[Change] = field(default_factory=Counter)
    lines: list[Line] = field(default_factory=list)
    new_steps: tuple[str, ...] = ()
    gone_steps: tuple[str, ...] = ()
    again: int = 0


@dataclass(frozen=True, slots=True)
class _Text:
    """What one account is told: for which step, and a mark of the words and the way."""

    step: str
    words: int


def compare(before: Deployment, after: Deployment, at: datetime, *, limit: int | None = None) -> Difference:
    """Return what a run at the instant `at` (aware) would do otherwise under `after`; writes nothing.

    At most `limit` lines of each change are kept, counts are of all. Memory grows with the texts of one run.
    """
    known, wanted = _texts(before, at), _texts(after, at)
    steps, new = _steps(before), _steps(after)
    found = Difference(at, new_steps=tuple(sorted(new - steps)), gone_steps=tuple(sorted(steps - new)))
    for account_id in sorted(known.keys() | wanted.keys()):
        old, text = known.get(account_id), wanted.get(account_id)
        change = _change(old, text)
        if change is None:
            continue
        found.changes[change] += 1
        found.again += text is not None and text.step in found.new_steps
        if limit is None or found.changes[change] <= limit:
            found.lines.append(Line(change, account_id, old.step if old else "", text.step if text else ""))
    return found


def _steps(deployment: Deployment) -> set[str]:
    return {f"{policy.name}/{step.key}" for policy in deployment.policies for step in policy.steps}


def _texts(deployment: Deployment, at: datetime) -> dict[str, _Text]:
    """Return what everybody would be told, by account; one that goes with another's text has that one's step."""
    return {
        account_id: _text(entry)
        for entry in preview(deployment, at)
        if entry.verb is Verb.SEND
        for account_id in entry.accounts
    }


def _text(entry: Entry) -> _Text:
    return _Text(f"{entry.policy}/{entry.step}", hash((entry.body, entry.number, entry.gateway)))


def _change(old: _Text | None, text: _Text | None) -> Change | None:
    if old is None or text is None:
        return None if old is text else Change.ADDED if old is None else Change.REMOVED
    if old.step != text.step:
        return Change.MOVED
    return Change.REWORDED if old.words != text.words else None
