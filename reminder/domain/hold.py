"""Holds and suppressions: why somebody is left alone, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

__all__ = ["NEVER_CONTACT", "Hold", "HoldKind", "Suppression"]


class HoldKind(StrEnum):
    """Why an account or a customer is paused."""

    DISPUTE = "dispute"  #: The customer contests the debt; a person settles it.
    PROMISE = "promise"  #: The customer promised to pay by a day.
    HARDSHIP = "hardship"  #: Illness, unemployment, disaster: reminders would only hurt.
    REPAYMENT_PLAN = "repayment_plan"  #: New dates were agreed.
    LEGAL = "legal"  #: A court, a regulator or counsel asked for silence.
    MANUAL = "manual"  #: Somebody decided; the reason says why.
    DECEASED = "deceased"  #: The customer has died. Never contact.
    INSOLVENT = "insolvent"  #: Insolvency or moratorium proceedings. Never contact.
    REPRESENTED = "represented"  #: A lawyer or adviser speaks for the customer. Never contact.
    WRONG_PERSON = "wrong_person"  #: The number belongs to somebody else. Never contact.


NEVER_CONTACT = frozenset(
    {HoldKind.DECEASED, HoldKind.INSOLVENT, HoldKind.REPRESENTED, HoldKind.WRONG_PERSON},
)
"""Kinds that stop every reminder to the customer for good, whatever a policy says."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A dated pause, in force in `[starts_at, until)`; `until` is None for one that a person must release."""

    kind: HoldKind
    reason: str
    starts_at: datetime
    until: datetime | None = None
    hold_id: int | None = None
    account_id: str | None = None
    customer_id: str | None = None
    who: str = ""

    def in_force(self, at: datetime) -> bool:
        """Return whether this hold pauses reminders at the instant `at` (aware)."""
        return self.starts_at <= at and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class Suppression:
    """A number (E.164) or a customer that must not be contacted on a channel; `*` means every channel."""

    source: str
    created_at: datetime
    channel: str = "*"
    number: str | None = None
    customer_id: str | None = None
    who: str = ""
    suppression_id: int | None = None

    def covers(self, *, channel: str, number: str | None, customer_id: str) -> bool:
        """Return whether a message on `channel` to this number or customer is forbidden."""
        if self.channel not in ("*", channel):
            return False
        by_number = self.number is not None and self.number == number
        return by_number or (self.customer_id is not None and self.customer_id == customer_id)
