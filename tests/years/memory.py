"""What people know who keep their own notes: who must be left alone, what files said, what has happened lately."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import phonenumbers
from phonenumbers.timezone import time_zones_for_number

from years.lender import Loan

_ZONES = frozenset(available_timezones())
LAST_STEP_DAYS = 14
"""How long the last step of a policy is true when it says no `until` (DECISIONS)."""


class LawBrokenError(AssertionError):
    """A law was broken; which one, and by what."""

    def __init__(self, law: int, what: str) -> None:
        super().__init__(f"law {law}: {what}")
        self.law, self.what = law, what


def broken(law: int, what: str) -> LawBrokenError:
    """Return the error that says so."""
    return LawBrokenError(law, what)


@dataclass
class Silence:
    """Somebody is to be left alone from `since` until `until`, by account, customer or number."""

    why: str
    since: datetime
    until: datetime | None = None
    account: str | None = None
    customer: str | None = None
    number: str | None = None
    texts_only: bool = False

    def covers(self, loan: Loan, number: str | None, at: datetime, leg: str) -> bool:
        """Return whether it stands against contact about this account at an instant."""
        if not self.since <= at or (self.until is not None and self.until <= at) or (self.texts_only and leg != "sms"):
            return False
        by_number = self.number is not None and number == self.number
        return by_number or loan.loan_no == self.account or loan.cust_no == self.customer


@dataclass(frozen=True)
class Rung:
    """A step as the words of a policy's file have it: its days, its text or addressee, its condition."""

    key: str
    opens: int
    closes: int
    template: str | None
    when: str | None

    @property
    def leg(self) -> str:
        """The channel."""
        return "sms" if self.template else "event"


@dataclass
class Rule:
    """One policy's file, read by its words alone, and by no code that reads it for the program."""

    said: dict[str, Any]

    def __post_init__(self) -> None:
        """Work out the days of its steps."""
        self.zone = ZoneInfo(self.said["timezone"])
        self.rungs = list(self._rungs())
        self.by_key = {rung.key: rung for rung in self.rungs}

    def _rungs(self) -> Any:
        steps = self.said["steps"]
        for step, following in zip(steps, [*steps[1:], None], strict=True):
            times, every = step.get("times", 1), step.get("every", 0)
            for number in range(times):
                opens = step["at"] + number * every
                if number < times - 1:
                    closes = opens + every - 1
                elif "until" in step:
                    closes = step["until"]
                else:
                    closes = following["at"] - 1 if following else opens + LAST_STEP_DAYS - 1
                key = step["id"] if number == 0 else f"{step['id']}.{number + 1}"
                yield Rung(key, opens, closes, step.get("template"), step.get("when"))

    def takes(self, loan: Loan) -> bool:
        """Return whether it is for this account."""
        fields = {"product": loan.product, "currency": loan.currency}
        for name, wanted in self.said.get("applies_to", {}).items():
            if isinstance(wanted, dict):
                if fields[name] == wanted["not"]:
                    return False
            elif fields[name] not in (wanted if isinstance(wanted, list) else [wanted]):
                return False
        return True

    def dpd(self, loan: Loan, at: datetime) -> int:
        """Return whole calendar days past due in its zone."""
        return (at.astimezone(self.zone).date() - loan.due).days

    def deserved(self, loan: Loan, at: datetime) -> Rung | None:
        """Return the step that an account deserves at an instant, as far as days go."""
        dpd = self.dpd(loan, at)
        return next((rung for rung in self.rungs if rung.opens <= dpd <= rung.closes), None)


def holds_true(condition: str, loan: Loan) -> bool:
    """Return what a `when` of these years answers."""
    answers = {
        "not account.autopay": not loan.autopay,
        "account.amount_due > 100": loan.minor > (100 if loan.currency == "JPY" else 10_000),
        "account.currency == 'USD'": loan.currency == "USD",
    }
    return answers[condition]


def e164(raw: str | None) -> str | None:
    """Return a number as the network writes it, or None where it is none that takes texts."""
    try:
        parsed = phonenumbers.parse(raw or "", "CN")
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def zones_of(loan: Loan, fallback: str) -> frozenset[str]:
    """Return every zone that the customer may be in (law 8)."""
    if loan.zone in _ZONES:
        return frozenset({str(loan.zone)})
    number = e164(loan.mobile)
    known = time_zones_for_number(phonenumbers.parse(number)) if number else ()
    return (frozenset(known) & _ZONES) or frozenset({fallback})


@dataclass
class Journal:
    """The last things that happened, and a fingerprint of all of them."""

    lines: deque[str] = field(default_factory=lambda: deque(maxlen=40))
    whole: Any = field(default_factory=sha256)
    count: int = 0

    def note(self, at: datetime, what: str) -> None:
        """Write down what happened at an instant."""
        line = f"{at:%Y-%m-%d %H:%M:%S}  {what}"
        self.lines.append(line)
        self.whole.update(line.encode())
        self.count += 1
