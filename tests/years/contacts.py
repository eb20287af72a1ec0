"""Who was texted when, counted as the words of caps have it, from what providers have seen (law 10)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from years.lender import Loan
from years.memory import Rule, broken, zones_of

__all__ = ["Contact", "Contacts"]


@dataclass(frozen=True)
class Contact:
    """A call that a provider saw, and whether it took the text."""

    reference: str
    at: datetime
    template: str
    taken: bool


@dataclass
class Contacts:
    """Every call by whom it was about; `lost` are the texts that a receipt says have not arrived.

    Less is counted than may be: only what is certain, so that whoever breaks a cap by these books has broken it.
    """

    of: dict[tuple[str, str], list[Contact]] = field(default_factory=lambda: defaultdict(list))
    lost: set[str] = field(default_factory=set)

    def note(self, row: Any, at: datetime, *, taken: bool, loans: Sequence[Loan] = ()) -> None:
        """Write down one call. `row` is its attempt, `loans` what its text spoke of, where that is known."""
        contact = Contact(row.reference, at, row.template, taken)
        keys = {("customer", row.customer_id), ("number", row.number), ("account", row.account_id)}
        keys |= {("account", loan.loan_no) for loan in loans} | {("claim", claim_of(loan)) for loan in loans}
        for key in keys:
            self.of[key].append(contact)

    def judge(self, rule: Rule, row: Any, loans: Sequence[Loan], at: datetime) -> None:
        """Raise where one text more, at an instant, is one too many by a cap of the policy."""
        for scope, caps in rule.said.get("caps", {}).items():
            for key in sorted(_keys(scope, row, loans)):
                for cap in caps:
                    self._judge(rule, cap, scope, key, row, loans[0], at)

    def _judge(
        self, rule: Rule, cap: dict[str, Any], scope: str, key: tuple[str, str], row: Any, lead: Loan, at: datetime
    ) -> None:
        made = [one for one in self.of[key] if self._counts(one, cap.get("counts", "accepted"))]
        if scope == "per_number_and_template":
            made = [one for one in made if one.template == row.template]
        for zone in _calendars(cap, rule, lead):
            within = [one for one in made if _same(cap["per"], one.at, at, zone)]
            if len(within) >= cap["max"]:
                most = f"{cap['max']} per {cap['per']}"
                raise broken(10, f"{key}: {len(within) + 1} texts, {most} is the most ({scope}, {zone})")

    def _counts(self, contact: Contact, how: str) -> bool:
        if how == "attempts":
            return True
        return contact.taken and (how == "accepted" or contact.reference not in self.lost)


def claim_of(loan: Loan) -> str:
    """Return the debt that an account is part of: by the book's own attribute, or else itself."""
    return loan.contract or loan.loan_no


def _keys(scope: str, row: Any, loans: Sequence[Loan]) -> set[tuple[str, str]]:
    if scope == "per_customer":
        return {("customer", row.customer_id)}
    if scope == "per_account":
        return {("account", loan.loan_no) for loan in loans}
    if scope == "per_claim":
        return {("claim", claim_of(loan)) for loan in loans}
    return {("number", row.number)}


def _calendars(cap: dict[str, Any], rule: Rule, lead: Loan) -> Iterator[ZoneInfo]:
    zone = cap.get("zone")
    if zone == "customer":
        yield from map(ZoneInfo, sorted(zones_of(lead, rule.said["timezone"])))
    else:
        yield ZoneInfo(zone) if zone else rule.zone


def _same(per: str, then: datetime, at: datetime, zone: ZoneInfo) -> bool:
    """Return whether two instants are within one period."""
    first, second = (each.astimezone(zone).date() for each in (then, at))
    if per == "day":
        return first == second
    if per == "week":
        return _week(first) == _week(second)
    if per == "month":
        return (first.year, first.month) == (second.year, second.month)
    return at - then < timedelta(days=int(per.split()[0]))


def _week(day: date) -> tuple[int, int]:
    return day.isocalendar()[:2]
