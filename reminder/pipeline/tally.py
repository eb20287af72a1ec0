"""Tallies: what a dispatch did, counted as it goes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from reminder.domain.lifecycle import State
from reminder.domain.verdict import Reason

__all__ = ["DispatchReport"]


@dataclass
class DispatchReport:
    """What one dispatch did: reminders by the state they came to, and by the reason why they wait."""

    states: Counter[State] = field(default_factory=Counter)
    reasons: Counter[Reason] = field(default_factory=Counter)
    texts: int = 0
    segments: int = 0
    claimed: int = 0

    def __iadd__(self, other: DispatchReport) -> DispatchReport:
        """Add another report to this one."""
        self.states += other.states
        self.reasons += other.reasons
        self.texts += other.texts
        self.segments += other.segments
        self.claimed += other.claimed
        return self
