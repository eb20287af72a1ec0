"""Holds and suppressions: why somebody is left alone, and until when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from reminder.domain.selector import Selector

__all__ = ["NEVER_CONTACT", "RESUME_HOURS_MAX", "Hold", "HoldKind", "Suppression"]


RESUME_HOURS_MAX = 30 * 24
"""The longest that the accounts of a selection take to come back after its end, in hours."""


class HoldKind(StrEnum):
    """Why an account or a customer is paused."""

    DISPUTE = "dispute"  #: The customer contests the debt; a person settles it.
    PROMISE = "promise"  #: The customer promised to pay by a day.
    HARDSHIP = "hardship"  #: Illness, unemployment, disaster: reminders would only hurt.
    REPAYMENT_PLAN = "repayment_plan"  #: New dates were agreed.
    BREATHING_SPACE = "breathing_space"  #: The law gives the customer a time of rest; a profile has its term.
    LEGAL = "legal"  #: A court, a regulator or counsel asked for silence.
    MANUAL = "manual"  #: Somebody decided; the reason says why.
    DECEASED = "deceased"  #: The customer has died. Never contact.
    INSOLVENT = "insolvent"  #: Insolvency proceedings. Never contact.
    REPRESENTED = "represented"  #: A lawyer or adviser speaks for the customer. Never contact.
    MORATORIUM = "moratorium"  #: A court or the law forbids asking for payment. Never contact.
    WRONG_PERSON = "wrong_person"  #: Whom the book names is not who owes it. Never contact.
    MINOR = "minor"  #: The customer is a child. Never contact.
    FRAUD_VICTIM = "fraud_victim"  #: Somebody else borrowed in the customer's name. Never contact.


NEVER_CONTACT = frozenset(
    {
        HoldKind.DECEASED,
        HoldKind.INSOLVENT,
        HoldKind.REPRESENTED,
        HoldKind.MORATORIUM,
        HoldKind.WRONG_PERSON,
        HoldKind.MINOR,
        HoldKind.FRAUD_VICTIM,
    }
)
"""Kinds that stop every reminder to the customer, whatever a policy says, until a person says why not any more."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A dated pause, in force in `[starts_at, until)`; `until` is None for one that a person must release.

    It is on an account, on a customer, or, with a `selector`, on every account that is in the selection at the moment
    of a decision. A selection comes back over `resume_hours` after its end and not all at once.
    """

    kind: HoldKind
    reason: str
    starts_at: datetime
    until: datetime | None = None
    hold_id: int | None = None
    account_id: str | None = None
    customer_id: str | None = None
    who: str = ""
    selector: Selector | None = None
    resume_hours: int = 0

    @property
    def whom(self) -> str:
        """Who is paused, in words: `account LN-1`, `customer C-7`, or `where region is Sichuan`."""
        if self.account_id is not None:
            return f"account {self.account_id}"
        return f"customer {self.customer_id}" if self.customer_id is not None else f"where {self.selector}"

    def of_customer(self, customer_id: str) -> Hold:
        """Return the hold as it is for one customer: with an end of its own within the hours of coming back.

        The same customer always gets the same end, whoever asks (law 1), and all of a customer's accounts one.
        """
        if self.until is None or not self.resume_hours:
            return self
        drawn = int.from_bytes(sha256(f"{self.hold_id}:{customer_id}".encode()).digest()[:8])
        return replace(self, until=self.until + timedelta(hours=self.resume_hours) * (drawn / 2**64))

    def in_force(self, at: datetime) -> bool:
        """Return whether this hold pauses reminders at the instant `at` (aware)."""
        return self.starts_at <= at and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class Suppression:
    """A number (E.164), a customer or an account that nobody must be contacted at or about on a channel.

    `*` means every channel. One of an account silences that debt only, whoever owes it.
    """

    source: str
    created_at: datetime
    channel: str = "*"
    number: str | None = None
    customer_id: str | None = None
    who: str = ""
    suppression_id: int | None = None
    account_id: str | None = None

    def covers(self, *, channel: str, number: str | None, customer_id: str, account_id: str | None = None) -> bool:
        """Return whether a message on `channel` to this number or customer, or about this account, is forbidden."""
        if self.channel not in ("*", channel):
            return False
        pairs = ((self.number, number), (self.customer_id, customer_id), (self.account_id, account_id))
        return any(forbidden is not None and forbidden == given for forbidden, given in pairs)
