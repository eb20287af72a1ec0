"""What was promised, and who agreed to be texted, in notes of the judge's own, by the words and not by our code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from years.lender import Loan

__all__ = ["BREACHES", "Consented", "Pledge"]

BREACHES = {"promise-broken": "promise", "plan-broken": "plan"}
"""The steps of breaches in these years' policies, and what is broken."""

BREACH_DAYS = 3
"""For how many days such a step is true there."""


@dataclass
class Pledge:
    """A promise or a plan on an account: `parts` are (day, minor units), `owed` is what it owed in the cycle `due`.

    `over` is what nothing brings back: kept as the book has shown it, or cancelled. Whether one whose day has passed
    is broken yet depends on when somebody looked: `missed` says that nothing is certain of it any more.
    """

    number: int
    kind: str
    account: str
    due: date
    owed: int
    parts: tuple[tuple[date, int], ...]
    grace_days: int
    cancelled: bool = False
    over: bool = False
    missed: bool = False

    def open_part(self, loan: Loan) -> tuple[date, int] | None:
        """Return the first part that is not paid by what the lender has, and what is missing of it."""
        paid, due = self.owed - loan.minor, 0
        for day, minor in self.parts:
            due += minor
            if paid < due:
                return day, min(due - paid, due)
        return None

    def last_day(self, day: date) -> date:
        """Return the last day on which the payment of a part may be booked."""
        return day + timedelta(days=self.grace_days)

    def follow(self, loan: Loan, today: date) -> None:
        """Take note of what the lender has now."""
        part = self.open_part(loan)
        if not loan.owed or loan.due > self.due or part is None:
            self.over = True
        elif today > self.last_day(part[0]):
            self.missed = True

    def certain(self) -> bool:
        """Return whether it is in force beyond doubt."""
        return not (self.cancelled or self.over or self.missed)

    def wants(self, loan: Loan, due: date) -> int | None:
        """Return what a reminder of the plan's cycle `due` must ask for, in minor units; None where it has none."""
        part = self.open_part(loan)
        alive = self.kind == "plan" and not (self.cancelled or self.over)
        return part[1] if alive and part is not None and part[0] == due else None

    def breach(self, loan: Loan, today: date, seen_on: date) -> str | None:
        """Return why a text about its breach is wrong on a day, or None where it is right."""
        part = self.open_part(loan)
        if self.cancelled or part is None or not loan.owed or loan.due > self.due:
            return "it is kept, or was taken back"
        last = self.last_day(part[0])
        if seen_on <= last:
            return f"the book was loaded on {seen_on}, when {last} was not over"
        if not 1 <= (today - last).days <= BREACH_DAYS:
            return f"{today} is not among the days after {last}"
        return None


@dataclass
class Consented:
    """A customer agreed to texts, to one number or to any of theirs, from `since` until it is taken back."""

    customer: str
    number: str | None
    since: datetime
    until: datetime | None = None
    stopped_by: str | None = None

    def covers(self, loan: Loan, number: str | None, at: datetime) -> bool:
        """Return whether it allows a text about this account to a number at an instant."""
        theirs = loan.cust_no == self.customer and self.number in (None, number)
        return theirs and self.since <= at and (self.until is None or at < self.until)
