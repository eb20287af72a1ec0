"""Consent: who has agreed to be contacted, on which channel, about which debt, and how we know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["Consent"]


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent of a customer, of the owner of a number (E.164), or of this customer at this number, if both are there.

    It is for one account or (None) for all, on one channel or (`*`) on every one, in force in `[given_at,
    withdrawn_at)`. `source` says how it was given, `proof` its words or where the document lies. `recorded_at` is when
    it was written down here, by `who`. Instants are UTC.
    """

    source: str
    proof: str
    given_at: datetime
    channel: str = "sms"
    number: str | None = None
    customer_id: str | None = None
    account_id: str | None = None
    who: str = ""
    recorded_at: datetime | None = None
    withdrawn_at: datetime | None = None
    withdrawn_by: str | None = None
    withdrawn_because: str | None = None
    consent_id: int | None = None

    def in_force(self, at: datetime) -> bool:
        """Return whether it holds at the instant `at` (aware)."""
        return self.given_at <= at and (self.withdrawn_at is None or at < self.withdrawn_at)

    def covers(self, *, channel: str, number: str | None, customer_id: str, account_id: str) -> bool:
        """Return whether it allows a message on `channel` to this customer at this number about this account.

        Whatever it names must be so: a consent for another number, debt or channel is none (law 8).
        """
        if self.number is None and self.customer_id is None:
            return False
        return (
            self.channel in ("*", channel)
            and self.number in (None, number)
            and self.customer_id in (None, customer_id)
            and self.account_id in (None, account_id)
        )
