"""What a text can say: the one dictionary a template sees, made from the decision and from nowhere else.

Amount, date, tier and step come from the decided account, so a text can't disagree with the verdict behind it. What
the book leaves out is left out here too: printing it refuses the text and names it (law 8), while
`{% if account.name %}` lets a text do without. Text from the book is cleaned and is never read as a template (law 11).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, lru_cache

from reminder.domain.account import Account
from reminder.domain.money import Money
from reminder.domain.policy import Step, Tier
from reminder.message.filters import Listing, Total
from reminder.message.languages import nearest, normal
from reminder.message.sandbox import Fields
from reminder.message.strangers import links_in

__all__ = [
    "ACCOUNT_FIELDS", "CONDITION_FIELDS", "LENDER_FIELDS", "TEXT_MAX_CHARS", "VARIABLES",
    "Lender", "Missed", "TextFacts", "clean", "condition_values", "text_values",
]  # fmt: skip

TEXT_MAX_CHARS = 40
"""How much of a name, a product or any other text of the book a message prints; enough for all but the longest."""

_LENDER_TEXT_MAX_CHARS = 120

ACCOUNT_FIELDS = ("id", "customer_id", "name", "product", "language", "timezone")
"""What `account.` has besides the lender's own attributes, in templates and in `when`."""

CONDITION_FIELDS = (*ACCOUNT_FIELDS, "amount_due", "currency", "due_date")
"""What `account.` has in `when`: `amount_due` is a decimal number in major units."""

LENDER_FIELDS = ("name", "hotline", "app", "pay")
"""What `lender.` has: who signs, whom to call, and the two ways to pay."""

VARIABLES = (
    "amount", "currency", "due_date", "today", "grace_ends", "step_ends", "dpd", "days_until_due", "days_overdue",
    "tier", "step", "number", "check_code", "agreed.amount", "agreed.day", "agreed.missing",
    "accounts.count", "accounts.total", "accounts.list",
    *(f"lender.{name}" for name in LENDER_FIELDS), *(f"account.{name}" for name in ACCOUNT_FIELDS),
)  # fmt: skip
"""Every value a template can print, besides `account.<attribute>`."""


@dataclass(frozen=True, slots=True)
class Missed:
    """What a customer had agreed to pay until the end of a day, and how much of it the book does not show."""

    day: date
    amount: Money
    missing: Money


@dataclass(frozen=True, slots=True)
class TextFacts:
    """What was decided about one account, as its text needs it.

    `dpd` is whole days past due. `grace_ends` is the last day of grace, `today` the policy's calendar day. `missed` is
    what a broken promise or plan was about, in the text of that breach.
    """

    account: Account
    amount: Money
    due_date: date
    dpd: int
    tier: Tier
    step: Step
    grace_ends: date
    today: date
    missed: Missed | None = None


@dataclass(frozen=True)
class Lender:
    """Who sends: each field by language tag, with `""` for every language that has no text of its own.

    `name` signs the text, `hotline` is the number to call, `app` names the app or the page to pay in, `pay` is a link.
    `hosts` are those that links in texts may lead to. What is left out can't be printed; a text can ask
    `{% if lender.pay %}`.
    """

    name: Mapping[str, str] = field(default_factory=dict)
    hotline: Mapping[str, str] = field(default_factory=dict)
    app: Mapping[str, str] = field(default_factory=dict)
    pay: Mapping[str, str] = field(default_factory=dict)
    hosts: frozenset[str] = frozenset()

    @cached_property
    def _told(self) -> dict[str, Fields]:
        """What was found for a language already: every text asks, and there are as many as there are templates'."""
        return {}

    def in_language(self, language: str) -> Fields:
        """Return the fields that this language has, in it, or in the nearest that they are given in."""
        if language not in self._told:
            found = ((name, _in_language(getattr(self, name), language)) for name in LENDER_FIELDS)
            self._told[language] = Fields("lender", {name: text for name, text in found if text})
        return self._told[language]


def _in_language(texts: Mapping[str, str], language: str) -> str:
    if len(texts) == 1 and "" in texts:
        return clean(texts[""], _LENDER_TEXT_MAX_CHARS)
    tag = nearest(normal(language), frozenset(texts) - {""}) or ""
    return clean(texts.get(tag, ""), _LENDER_TEXT_MAX_CHARS)


def text_values(
    facts: TextFacts, lender: Lender, language: str, others: Sequence[TextFacts] = (), check_code: str | None = None
) -> dict[str, object]:
    """Return everything a template can print about a decided account; `others` are listed with it, in their order.

    `days_until_due` is there only until the due date and `days_overdue` only from it on, so that no text can call an
    overdue amount "due in 0 days". `check_code` is there only where the deployment has a key for it.
    """
    step = facts.step
    values: dict[str, object] = {
        "lender": lender.in_language(language),
        "account": Fields("account", _fit_to_print(_account_values(facts.account), lender.hosts)),
        "accounts": _all_of((facts, *others)),
        "amount": facts.amount,
        "currency": facts.amount.currency,
        "due_date": facts.due_date,
        "today": facts.today,
        "grace_ends": facts.grace_ends,
        "step_ends": _day_after(facts.due_date, step.closes),
        "dpd": facts.dpd,
        "tier": facts.tier.value,
        "step": step.id,
        "number": step.number,
    }
    if facts.missed is not None:
        told = {"amount": facts.missed.amount, "day": facts.missed.day, "missing": facts.missed.missing}
        values["agreed"] = Fields("agreed", told)
    if facts.dpd <= 0:
        values["days_until_due"] = -facts.dpd
    if facts.dpd >= 0:
        values["days_overdue"] = facts.dpd
    if check_code is not None:
        values["check_code"] = check_code
    return values


def condition_values(account: Account) -> dict[str, object]:
    """Return everything that the `when` of a step can ask about an account: `account.autopay`, `account.amount_due`."""
    fields = _account_values(account)
    if account.amount_due is not None:
        fields |= {"amount_due": account.amount_due.amount, "currency": account.amount_due.currency}
    if account.due_date is not None:
        fields["due_date"] = account.due_date
    return {"account": Fields("account", fields)}


def _all_of(facts: Sequence[TextFacts]) -> Fields:
    listing = Listing(tuple((clean(one.account.account_id), one.amount, one.due_date) for one in facts))
    total = Total(_totals(one.amount for one in facts))
    return Fields("accounts", {"count": len(facts), "total": total, "list": listing})


def _totals(amounts: Iterable[Money]) -> tuple[Money, ...]:
    """Return one sum for each currency, in order of first appearance; two currencies are never added."""
    sums: dict[str, Money] = {}
    for amount in amounts:
        known = sums.get(amount.currency)
        sums[amount.currency] = amount if known is None else known + amount
    return tuple(sums.values())


@lru_cache(maxsize=4096)
def _day_after(day: date, days: int) -> date:
    return date.fromordinal(day.toordinal() + days)


def _fit_to_print(values: dict[str, object], hosts: frozenset[str]) -> dict[str, object]:
    """Return the values without those that would lead a customer to a stranger's page: these count as missing.

    Whoever can write a name into the book must not be able to send a link in the lender's name (law 11).
    """
    return {
        name: value
        for name, value in values.items()
        if not (isinstance(value, str) and "." in value and any(links_in(value, hosts)))
    }


def _account_values(account: Account) -> dict[str, object]:
    values: dict[str, object] = {
        name: clean(value) if isinstance(value, str) else value for name, value in account.attributes.items()
    }
    values["id"] = clean(account.account_id)
    values["customer_id"] = clean(account.customer_id)
    for name in ("name", "product", "language", "timezone"):
        text = getattr(account, name)
        # An attribute must not pass for a field that the book leaves out.
        values.pop(name, None)
        if text is not None and (cleaned := clean(text)):
            values[name] = cleaned
    return values


# Joiners without which Persian, Hindi and some emoji can't be spelled; every other invisible character goes.
_JOINERS = "\u200c\u200d"


def clean(text: str, max_chars: int = TEXT_MAX_CHARS) -> str:
    """Return text from outside as one short line: no control characters, line breaks or changes of direction."""
    if not text.isprintable():
        text = " ".join("".join(map(_visible, text)).split())
    return text[:max_chars].strip()


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cc", "Zs", "Zl", "Zp"):
        return " "
    return "" if category[0] == "C" and character not in _JOINERS else character
