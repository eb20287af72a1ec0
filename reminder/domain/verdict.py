"""What a decision says: send, wait, or stay silent, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

__all__ = ["Defer", "GateAnswer", "Reason", "Send", "Skip", "Verdict", "passed"]


class Reason(StrEnum):
    """Why a reminder was not sent, or not yet. Kept in the outbox; a sentence each for people."""

    PAID = "paid"  #: Nothing is owed any more.
    GONE = "gone"  #: The book no longer has the account.
    AMBIGUOUS = "ambiguous"  #: The book has the account more than once.
    MOVED = "moved"  #: The due date is another one now; a new cycle has begun.
    POLICY = "policy"  #: The policy now in force has no such step for this account.
    NEVER_CONTACT = "never_contact"  #: Deceased, insolvent, represented, a child or not the debtor.
    HOLD = "hold"  #: A dispute, promise, plan or other pause is in force.
    SUPPRESSED = "suppressed"  #: The number or the customer must not be contacted.
    CONSENT = "consent"  #: The profile or the policy wants a consent, and none is on record.
    INCOMPLETE = "incomplete"  #: The book misses or garbles something that the text or the rules need.
    NUMBER = "number"  #: There is no usable mobile number.
    WHEN = "when"  #: The step's own condition says no.
    STALE_BOOK = "stale_book"  #: The book was not refreshed in time to be trusted.
    SUPERSEDED = "superseded"  #: A later step is deserved now.
    EXPIRED = "expired"  #: The days in which this step was true are over.
    NOT_YET = "not_yet"  #: Planned for later, or waiting after a refusal.
    WINDOW = "window"  #: Contact is not allowed at this hour or day.
    CAP = "cap"  #: The customer was contacted as often as is allowed.
    RATE = "rate"  #: Its gateway is used as fast as it may be; it waits for its slot.
    PAUSED = "paused"  #: Every gateway of the route is paused.
    TEMPLATE = "template"  #: The text could not be made.
    ATTEMPTS = "attempts"  #: The gateway refused as often as is allowed.
    REFUSED = "refused"  #: The gateway refused for good.
    OPERATOR = "operator"  #: A person decided.


@dataclass(frozen=True, slots=True)
class Send:
    """Send it now; the text must arrive before `valid_until` (UTC), when its window or its step closes."""

    valid_until: datetime


@dataclass(frozen=True, slots=True)
class Defer:
    """Not now; ask again at `until` (UTC)."""

    until: datetime
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Skip:
    """Stay silent. Unless `final`, the cause may end while the step is still true, so it is asked again."""

    reason: Reason
    detail: str
    final: bool


Verdict = Send | Defer | Skip


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """What one gate said: None lets the reminder pass, anything else stops or delays it."""

    gate: str
    detail: str
    stops: Defer | Skip | None = None


@lru_cache(maxsize=4_096)
def passed(gate: str, detail: str) -> GateAnswer:
    """Return the answer of a gate that lets a reminder pass: most say the same of every one."""
    return GateAnswer(gate, detail)
