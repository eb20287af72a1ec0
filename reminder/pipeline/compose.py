"""Composing: from the cases of one customer to the texts that go out now, and to all that does not.

Live runs and previews both come through here (law 1). A customer's reminders are taken in order of severity, and every
text counts as a contact for those after it. Where a policy consolidates, one text lists all accounts of the customer
that deserve one now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby

from reminder.domain.case import Case
from reminder.domain.decide import Decision, decide
from reminder.domain.gates import Subject
from reminder.domain.message import Message
from reminder.domain.segments import Segmentation, segment
from reminder.domain.verdict import Defer, Reason, Send, Skip
from reminder.errors import TemplateError
from reminder.message.catalogue import Rendered
from reminder.message.values import TextFacts, text_values
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.routing import Choice, choose

__all__ = ["HandOver", "Held", "Outcome", "Text", "by_customer", "compose"]


@dataclass(frozen=True, slots=True)
class Text:
    """One text for one customer, by one gateway; the first of `subjects` leads, the others are listed with it."""

    subjects: tuple[Subject, ...]
    rendered: Rendered
    segmentation: Segmentation
    choice: Choice
    number: str
    valid_until: datetime

    @property
    def lead(self) -> Subject:
        """The most severe of the accounts that the text speaks of."""
        return self.subjects[0]

    def message(self, reference: str, at: datetime) -> Message:
        """Return what the gateway gets; the provider may try until the window or the step closes."""
        left = max(0, int((self.valid_until - at).total_seconds()))
        return Message(reference, self.number, self.rendered.text, left)


@dataclass(frozen=True, slots=True)
class Held:
    """A reminder that is not sent now, with the verdict that says why. `subject` is None if it does not stand."""

    case: Case
    verdict: Defer | Skip
    subject: Subject | None


@dataclass(frozen=True, slots=True)
class HandOver:
    """A step that sends nothing: its account goes to another system."""

    subject: Subject


Outcome = Text | Held | HandOver


def by_customer(cases: Sequence[Case]) -> Iterator[list[Case]]:
    """Yield the cases of each customer together, customers in order of their keys."""
    for _, group in groupby(sorted(cases, key=_customer), key=_customer):
        yield list(group)


def _customer(case: Case) -> str:
    return case.account.customer_id if case.account else case.reminder.customer_id


def compose(
    deployment: Deployment, cases: Sequence[Case], paused: Mapping[str, datetime], at: datetime
) -> list[Outcome]:
    """Return what becomes of one customer's reminders at the instant `at`: each is in exactly one outcome."""
    outcomes: list[Outcome] = []
    waiting = sorted(cases, key=_severity)
    sent_now: list[datetime] = []
    while waiting:
        case = replace(waiting[0], contacts=(*waiting[0].contacts, *sent_now)) if sent_now else waiting[0]
        decision = decide(case, at)
        group = _group(waiting, decision, at)
        waiting = [other for other in waiting[1:] if not any(other is member for member in group)]
        outcome = _outcome(deployment, decision, group, paused, at)
        outcomes += outcome
        sent_now += [at for one in outcome if isinstance(one, Text)]
    return outcomes


def _severity(case: Case) -> tuple[date, str, str]:
    """Order by how long an account has been due, the longest first; keys break ties."""
    return case.reminder.due_date, case.reminder.account_id, case.reminder.step


def _group(waiting: Sequence[Case], decision: Decision, at: datetime) -> list[Case]:
    """Return the other cases that go into the same text: same policy, consolidated, and deserving one now."""
    subject = decision.subject
    if not isinstance(decision.verdict, Send) or subject is None:
        return []
    policy = subject.policy
    if policy.consolidated is None or subject.step.leg == "event":
        return []
    return [
        other
        for other in waiting[1:]
        if other.policy is policy
        and other.phone == decision.case.phone
        and other.reminder.leg == subject.step.leg
        and isinstance(decide(other, at).verdict, Send)
    ]


def _outcome(
    deployment: Deployment, decision: Decision, group: Sequence[Case], paused: Mapping[str, datetime], at: datetime
) -> list[Outcome]:
    verdict, subject = decision.verdict, decision.subject
    if not isinstance(verdict, Send):
        return [Held(decision.case, verdict, subject)]
    assert subject is not None  # noqa: S101 - a verdict to send has one
    if subject.step.leg == "event":
        return [HandOver(subject)]
    others = [decide(case, at) for case in group]
    return _text_or_held(deployment, [decision, *others], paused)


def _text_or_held(
    deployment: Deployment, decisions: Sequence[Decision], paused: Mapping[str, datetime]
) -> list[Outcome]:
    subjects = tuple(decision.subject for decision in decisions if decision.subject is not None)
    lead = subjects[0]
    choice = choose(lead.policy.route, deployment.gateways, paused, lead.case.reminder.attempts)
    assert choice is not None  # noqa: S101 - the gateway gate has passed
    assert lead.case.phone is not None  # noqa: S101 - the number gate has passed
    verdicts = [decision.verdict for decision in decisions]
    try:
        rendered = _render(deployment, subjects)
    except TemplateError as error:
        return [Held(one.case, _unrendered(one, str(error)), one) for one in subjects]
    return [
        Text(
            subjects=subjects,
            rendered=rendered,
            segmentation=segment(rendered.text, choice.gateway.counting),
            choice=choice,
            number=lead.case.phone.e164,
            valid_until=min(verdict.valid_until for verdict in verdicts if isinstance(verdict, Send)),
        )
    ]


def _unrendered(subject: Subject, detail: str) -> Skip:
    return Skip(Reason.TEMPLATE, detail, final=subject.at >= subject.closes_at)


def _render(deployment: Deployment, subjects: Sequence[Subject]) -> Rendered:
    lead, *others = subjects
    template = lead.step.template
    if others:
        template = f"{lead.policy.consolidated}/{lead.step.tier}"
    facts = [_facts(subject) for subject in subjects]

    def values_for(language: str) -> Mapping[str, object]:
        return text_values(facts[0], deployment.lender, language, facts[1:])

    return deployment.catalogue.render(template, lead.account.language, values_for)


def _facts(subject: Subject) -> TextFacts:
    amount = subject.account.amount_due
    assert amount is not None  # noqa: S101 - the gate `complete` has passed
    due_date, policy = subject.case.reminder.due_date, subject.policy
    return TextFacts(
        account=subject.account,
        amount=amount,
        due_date=due_date,
        dpd=subject.dpd,
        tier=subject.step.tier,
        step=subject.step,
        grace_ends=due_date + timedelta(days=policy.grace_days),
        today=policy.today(subject.at),
    )
