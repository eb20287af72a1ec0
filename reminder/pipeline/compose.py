"""Composing: from the cases of one customer to the texts that go out now, and to all that does not.

Live runs and previews both come through here (law 1). A customer's reminders are taken in order of severity, and every
text counts as a contact for those after it, also for other customers who share its number or its debt. Where a policy
consolidates, one text lists all accounts of the customer that deserve one now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby

from reminder.domain.agreement import breach_of
from reminder.domain.caps import Aim, Cap
from reminder.domain.case import Case
from reminder.domain.check_code import make_code
from reminder.domain.decide import Decision, decide
from reminder.domain.gates import Subject
from reminder.domain.message import Message
from reminder.domain.policy import Step, Tier
from reminder.domain.segments import Segmentation, segment
from reminder.domain.verdict import Defer, GateAnswer, Reason, Send, Skip
from reminder.errors import TemplateError
from reminder.message.catalogue import Rendered
from reminder.message.values import Missed, TextFacts, text_values
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.made import Made
from reminder.pipeline.routing import Choice, choose

__all__ = ["HandOver", "Held", "Outcome", "Text", "by_customer", "compose"]


@dataclass(frozen=True, slots=True)
class Text:
    """One text for one customer, by one gateway; the first of `subjects` leads, the others are listed with it.

    `asked` is what every gate answered about each of them.
    """

    subjects: tuple[Subject, ...]
    asked: tuple[tuple[GateAnswer, ...], ...]
    rendered: Rendered
    segmentation: Segmentation
    choice: Choice
    aim: Aim
    valid_until: datetime
    check_code: str | None = None

    @property
    def number(self) -> str:
        """Where it goes (E.164)."""
        return self.aim.number

    @property
    def lead(self) -> Subject:
        """The most severe of the accounts that the text speaks of."""
        return self.subjects[0]

    def message(self, reference: str, at: datetime, begin_within_seconds: float) -> Message:
        """Return what the gateway gets; the provider may try until the window or the step closes."""
        left = max(0, int((self.valid_until - at).total_seconds()))
        return Message(reference, self.number, self.rendered.text, left, begin_within_seconds)


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
    deployment: Deployment, cases: Sequence[Case], paused: Mapping[str, datetime], made: Made, at: datetime
) -> list[Outcome]:
    """Return what becomes of one customer's reminders at the instant `at`: each is in exactly one outcome.

    `made` are the texts of the run so far; those of this customer are added to it.
    """
    made.next_customer()
    outcomes: list[Outcome] = []
    waiting = sorted(cases, key=_severity)
    while waiting:
        decision = decide(made.beside(waiting[0]), at)
        group = _group(waiting, decision, made, at)
        waiting = [other for other in waiting[1:] if not any(other is member for member in group)]
        outcome = _outcome(deployment, decision, [decide(made.beside(case), at) for case in group], paused)
        outcomes += outcome
        for one in outcome:
            if isinstance(one, Text):
                made.add(one.aim, at)
    return outcomes


def _severity(case: Case) -> tuple[date, str, str]:
    """Order by how long an account has been due, the longest first; keys break ties."""
    return case.reminder.due_date, case.reminder.account_id, case.reminder.step


def _group(waiting: Sequence[Case], decision: Decision, made: Made, at: datetime) -> list[Case]:
    """Return the other cases that go into the same text: same policy, consolidated, and deserving one now.

    What the law demands to be sent is listed with its like only: other caps bind it.
    """
    subject = decision.subject
    if not isinstance(decision.verdict, Send) or subject is None:
        return []
    policy = subject.policy
    if policy.consolidated is None or not _joinable(subject.step):
        return []
    return [
        other
        for other in waiting[1:]
        if other.policy is policy
        and other.phone == decision.case.phone
        and other.step is not None
        and _joinable(other.step)
        and _is_like(decide(made.beside(other), at), subject)
    ]


def _joinable(step: Step) -> bool:
    """Return whether a step's text can be one with others: the text of a breach speaks of what was agreed, alone."""
    return step.leg == "sms" and step.tier is not Tier.BREACH


def _is_like(other: Decision, subject: Subject) -> bool:
    sent = other.subject if isinstance(other.verdict, Send) else None
    return sent is not None and sent.step.notice == subject.step.notice


def _outcome(
    deployment: Deployment, decision: Decision, others: Sequence[Decision], paused: Mapping[str, datetime]
) -> list[Outcome]:
    verdict, subject = decision.verdict, decision.subject
    if not isinstance(verdict, Send):
        return [Held(decision.case, verdict, subject)]
    assert subject is not None  # noqa: S101 - a verdict to send has one
    if subject.step.leg == "event":
        return [HandOver(subject)]
    return _text_or_held(deployment, [decision, *others], paused)


def _text_or_held(
    deployment: Deployment, decisions: Sequence[Decision], paused: Mapping[str, datetime]
) -> list[Outcome]:
    subjects = tuple(decision.subject for decision in decisions if decision.subject is not None)
    lead = subjects[0]
    choice = choose(lead.policy.route, deployment.gateways, paused, lead.case.reminder.attempts)
    assert choice is not None  # noqa: S101 - the gateway gate has passed
    verdicts = [decision.verdict for decision in decisions]
    aim = _aim(subjects)
    # A list has another template than its members, for which the gates have asked.
    capped = lead.capped(lead.at, aim) if len(subjects) > 1 else None
    if capped is not None:
        return [Held(one.case, _capped(one, *capped), one) for one in subjects]
    code = _check_code(deployment, lead)
    try:
        rendered = _render(deployment, subjects, aim.template, code)
    except TemplateError as error:
        return [Held(one.case, _unrendered(one, str(error)), one) for one in subjects]
    return [
        Text(
            subjects=subjects,
            asked=tuple(decision.asked for decision in decisions),
            rendered=rendered,
            segmentation=segment(rendered.text, choice.gateway.counting),
            choice=choice,
            aim=aim,
            valid_until=min(verdict.valid_until for verdict in verdicts if isinstance(verdict, Send)),
            check_code=code,
        )
    ]


def _aim(subjects: Sequence[Subject]) -> Aim:
    """Return the one text for these subjects as caps see it; several are listed by a template of their own."""
    aims = [subject.aim for subject in subjects]
    lead, first = subjects[0], aims[0]
    if len(subjects) == 1:
        return first
    return replace(
        first,
        account_ids=tuple(key for aim in aims for key in aim.account_ids),
        claim_ids=tuple(key for aim in aims for key in aim.claim_ids),
        template=f"{lead.policy.consolidated}/{lead.step.tier}",
        zones=frozenset[str]().union(*(aim.zones for aim in aims)),
    )


def _capped(subject: Subject, until: datetime, cap: Cap) -> Defer:
    detail = f"{cap} is the most by {cap.source}; there is room again at {until:%Y-%m-%d %H:%M} UTC"
    return Defer(min(until, subject.closes_at), Reason.CAP, detail)


def _unrendered(subject: Subject, detail: str) -> Skip:
    return Skip(Reason.TEMPLATE, detail, final=subject.at >= subject.closes_at)


def _check_code(deployment: Deployment, lead: Subject) -> str | None:
    if deployment.check_key is None:
        return None
    about = lead.case.reminder
    return make_code(
        deployment.check_key, account_id=about.account_id, due_date=about.due_date, step=about.step, leg=about.leg
    )


def _render(deployment: Deployment, subjects: Sequence[Subject], template: str, check_code: str | None) -> Rendered:
    lead = subjects[0]
    facts = [_facts(subject) for subject in subjects]

    def values_for(language: str) -> Mapping[str, object]:
        return text_values(facts[0], deployment.lender, language, facts[1:], check_code)

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
        missed=_missed(subject),
    )


def _missed(subject: Subject) -> Missed | None:
    breach = breach_of(subject.case.agreed, subject.step.key)
    if breach is None or breach.standing.part is None or breach.standing.missing is None:
        return None
    part = breach.standing.part
    return Missed(part.day, part.amount, breach.standing.missing)
