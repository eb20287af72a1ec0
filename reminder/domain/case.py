"""A case: everything that one decision is made from, read from live data at one instant."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from reminder.domain.account import Account
from reminder.domain.agreement import Agreed, breach_of
from reminder.domain.caps import CapScope, Contacts, Key
from reminder.domain.consent import Consent
from reminder.domain.hold import Hold, Suppression
from reminder.domain.phone import PhoneNumber
from reminder.domain.policy import Policy, Step
from reminder.domain.reminder import Reminder
from reminder.domain.zones import known_zone, plausible_zones

__all__ = ["Case"]


@dataclass(frozen=True)
class Case:
    """A reminder with all that speaks for or against it.

    `accounts` is what the book has under the account's key: one, unless the book is in error. `policy` is the first
    one now in force that is for this account. `phone` is None where the book has no usable number, and
    `phone_problem` says why. `claim_id` is the debt that the account is part of, or the account itself. `contacts` are
    those within the horizon of the caps, with whom this case concerns and maybe others. `condition` is the answer of
    the step's `when`, or the reason why it has none. `stale_book` says why the book can't be trusted now, if so.
    `paused_until` is when the first gateway of the route can send again, if none can now. `agreed`
    are the promises and plans on the account, whatever became of them; where the reminder is about a part of a plan,
    `accounts` has that part's day and amount.
    """

    reminder: Reminder
    accounts: tuple[Account, ...]
    policy: Policy | None
    phone: PhoneNumber | None = None
    phone_problem: str = ""
    holds: tuple[Hold, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    bad_number: str | None = None
    claim_id: str = ""
    contacts: Contacts = field(default_factory=dict)
    condition: bool | str = True
    stale_book: str = ""
    paused_until: datetime | None = None
    consents: tuple[Consent, ...] = ()
    agreed: tuple[Agreed, ...] = ()

    @property
    def account(self) -> Account | None:
        """The account, where the book has exactly one under the key."""
        return self.accounts[0] if len(self.accounts) == 1 else None

    @cached_property
    def step(self) -> Step | None:
        """The step as the policy now in force has it."""
        if self.policy is None or self.policy.name != self.reminder.policy:
            return None
        broken = breach_of(self.agreed, self.reminder.step) if self.agreed else None
        if broken is not None:
            return broken.breach
        step = self.policy.step(self.reminder.step)
        return step if step is not None and step.leg == self.reminder.leg else None

    def concerns(self) -> tuple[Key, ...]:
        """Return all whom a text about it would concern."""
        customer_id = self.account.customer_id if self.account else self.reminder.customer_id
        return (
            (CapScope.CUSTOMER, customer_id),
            (CapScope.ACCOUNT, self.reminder.account_id),
            (CapScope.CLAIM, self.claim_id or self.reminder.account_id),
            (CapScope.NUMBER, self.phone.e164 if self.phone else ""),
        )

    @cached_property
    def zones(self) -> frozenset[str]:
        """Return the time zones in which the customer may be."""
        account, policy = self.account, self.policy
        own = known_zone(account.timezone) if account else None
        by_number = self.phone.zones if self.phone else frozenset()
        return plausible_zones(own, by_number, policy.timezone if policy else "UTC")
