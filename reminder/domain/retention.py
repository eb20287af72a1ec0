"""Retention: how long what is personal is kept, and which entries of the record have a part in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from reminder.domain.record import Kind

__all__ = ["FLOORS", "PARTS", "Matter", "Retention"]


class Matter(StrEnum):
    """What has an age of its own. Suppressions, consents and marks of numbers have none: they protect, or prove."""

    TEXTS = "texts"  #: Numbers and words of texts, and what the gates said of people.
    REPLIES = "replies"  #: Numbers and words of what customers wrote.
    RECEIPTS = "receipts"  #: Delivery receipts; the record says what each of them said.
    WORDS = "words"  #: What people wrote about holds, promises and plans that are over.


FLOORS: Mapping[Matter, timedelta] = MappingProxyType(
    {
        # A cap may count the texts to a number over 366 days (law 10), and needs the numbers for it.
        Matter.TEXTS: timedelta(days=400),
        # By then nothing is asked for any more that a receipt or a reply could still settle.
        Matter.REPLIES: timedelta(days=30),
        Matter.RECEIPTS: timedelta(days=30),
        Matter.WORDS: timedelta(days=30),
    }
)
"""The least age at which something may go: until then this program works with it."""

PARTS: Mapping[Matter, tuple[Kind, ...]] = MappingProxyType(
    {
        Matter.TEXTS: (Kind.TEXT, Kind.ANSWER, Kind.SILENCE, Kind.HAND_OVER, Kind.DOUBT, Kind.REQUEUE),
        Matter.REPLIES: (Kind.INBOUND, Kind.REPLY),
        Matter.RECEIPTS: (),
        Matter.WORDS: (Kind.HOLD, Kind.PROMISE, Kind.REPAYMENT_PLAN),
    }
)
"""Kinds of entries whose personal parts go with each matter. Entries themselves stay for good."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long each matter is kept after it came or was over; what is not named is kept for good."""

    ages: Mapping[Matter, timedelta] = field(default_factory=dict)

    def before(self, matter: Matter, at: datetime) -> datetime | None:
        """Return the instant before which this matter is to go, seen from the instant `at` (UTC); None for never."""
        age = self.ages.get(matter)
        return None if age is None else at - age
