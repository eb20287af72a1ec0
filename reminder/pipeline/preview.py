"""The preview: what a run at this instant would send, defer and skip, and what that would cost. Writes nothing.

It asks the plan's own query for what would be planned, adds what is planned already, and sends both through the same
decision and composition as a live run (law 1).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from reminder.domain.gates import Subject
from reminder.domain.reminder import Reminder
from reminder.domain.verdict import Defer, Reason
from reminder.pipeline.compose import HandOver, Outcome, Text, by_customer, compose
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.facts import gather, paused_gateways, reading
from reminder.pipeline.made import Made
from reminder.pipeline.plan import imagine
from reminder.store import outbox

__all__ = ["Entry", "Totals", "Verb", "preview"]

BATCH_REMINDERS = 500
"""About how many reminders are decided at once; a customer's are never split."""


class Verb(StrEnum):
    """What would become of a reminder."""

    SEND = "send"  #: A text would go out.
    HAND_OVER = "hand_over"  #: An event would be written for another system.
    DEFER = "defer"  #: Not now, but later.
    SKIP = "skip"  #: Silence.


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a preview: one text, hand-over, deferral or silence, with its reason.

    `accounts` are the keys of the accounts it speaks of, the leading one first. `number` is E.164 and is to be masked
    wherever it is shown. `until` is when a deferred one is asked again (UTC). `cost` is in `cost_currency`.
    """

    verb: Verb
    accounts: tuple[str, ...]
    customer_id: str
    policy: str
    step: str
    due_date: date
    tier: str = ""
    dpd: int | None = None
    reason: Reason | None = None
    detail: str = ""
    until: datetime | None = None
    number: str | None = None
    language: str = ""
    template: str = ""
    gateway: str = ""
    instead_of: str | None = None
    body: str = ""
    encoding: str = ""
    segments: int = 0
    cost: Decimal | None = None
    cost_currency: str = ""


@dataclass
class Totals:
    """Sums over the entries of a preview. `by` counts texts under each heading; `silent` counts reminders by reason."""

    verbs: Counter[Verb] = field(default_factory=Counter)
    silent: Counter[Reason] = field(default_factory=Counter)
    by: dict[str, Counter[str]] = field(default_factory=dict)
    segments: int = 0
    cost: dict[str, Decimal] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        """Count one entry."""
        self.verbs[entry.verb] += 1
        if entry.reason is not None:
            self.silent[entry.reason] += 1
        if entry.verb is not Verb.SEND:
            return
        for heading in ("policy", "tier", "step", "language", "gateway"):
            self.by.setdefault(heading, Counter())[getattr(entry, heading)] += 1
        self.segments += entry.segments
        if entry.cost is not None:
            self.cost[entry.cost_currency] = self.cost.get(entry.cost_currency, Decimal(0)) + entry.cost


def preview(deployment: Deployment, at: datetime) -> Iterator[Entry]:
    """Yield what a run at the instant `at` (aware) would do, customer by customer, in order of their keys.

    What is being sent right now by a live process, or is in doubt, is not touched and not listed.
    """
    with reading(deployment) as (connection, book):
        reminders = [*outbox.planned(connection), *imagine(deployment, connection, book, at)]
        paused, made = paused_gateways(connection, at), Made(deployment.policies)
        for batch in _whole_customers(reminders):
            cases = gather(connection, book, deployment, batch, at)
            for group in by_customer(cases):
                for outcome in compose(deployment, group, paused, made, at):
                    yield _entry(deployment, outcome)


def _whole_customers(reminders: list[Reminder]) -> Iterator[list[Reminder]]:
    """Yield the reminders in batches, never splitting a customer's."""
    reminders.sort(key=lambda reminder: reminder.customer_id)
    start = 0
    while start < len(reminders):
        end = min(start + BATCH_REMINDERS, len(reminders))
        while end < len(reminders) and reminders[end].customer_id == reminders[end - 1].customer_id:
            end += 1
        yield reminders[start:end]
        start = end


def _entry(deployment: Deployment, outcome: Outcome) -> Entry:
    if isinstance(outcome, Text):
        return _sent(deployment, outcome)
    if isinstance(outcome, HandOver):
        detail = f"to {outcome.subject.step.to}"
        return Entry(Verb.HAND_OVER, detail=detail, **_about(outcome.subject.case.reminder, outcome.subject))
    verdict = outcome.verdict
    return Entry(
        Verb.DEFER if isinstance(verdict, Defer) else Verb.SKIP,
        reason=verdict.reason,
        detail=verdict.detail,
        until=verdict.until if isinstance(verdict, Defer) else None,
        number=outcome.case.phone.e164 if outcome.case.phone else None,
        **_about(outcome.case.reminder, outcome.subject),
    )


def _about(reminder: Reminder, subject: Subject | None) -> dict[str, Any]:
    """Return what an entry says of the reminder it is about, whatever becomes of it."""
    return {
        "accounts": (reminder.account_id,),
        "customer_id": subject.account.customer_id if subject else reminder.customer_id,
        "policy": reminder.policy,
        "step": reminder.step,
        "due_date": reminder.due_date,
        "tier": subject.step.tier if subject else "",
        "dpd": subject.dpd if subject else None,
    }


def _sent(deployment: Deployment, text: Text) -> Entry:
    lead = text.lead
    gateway, price = text.choice.gateway.name, deployment.prices.get(text.choice.gateway.name)
    about = _about(lead.case.reminder, lead)
    about["accounts"] = tuple(subject.account.account_id for subject in text.subjects)
    return Entry(
        Verb.SEND,
        number=text.number,
        language=text.rendered.language,
        template=text.rendered.template,
        gateway=gateway,
        instead_of=text.choice.instead_of,
        body=text.rendered.text,
        encoding=text.segmentation.encoding,
        segments=text.segmentation.segments,
        cost=price.per_segment * text.segmentation.segments if price else None,
        cost_currency=price.currency if price else "",
        **about,
    )
