"""The gates: each one check that can stop or delay a reminder, in the order in which they are asked.

`STANDING` asks whether the reminder still stands at all; only then are there an account, a policy and a step to ask
about, which the gates of `CONTACT` take as a `Subject`. The first gate that stops decides; `explain` prints them all.
Where a profile asks for consent, that gate belongs between `suppressed` and `number`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from reminder.domain.account import Account
from reminder.domain.caps import next_free
from reminder.domain.case import Case
from reminder.domain.hold import NEVER_CONTACT
from reminder.domain.policy import Policy, Step
from reminder.domain.verdict import Defer, GateAnswer, Reason, Skip
from reminder.domain.window import Span, closed_by

__all__ = ["CONTACT", "STANDING", "Gate", "Subject"]

FAR_OFF = timedelta(days=31)
"""When to ask again if a window does not open within the days looked ahead."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A case that stands: its account, policy and step are known. `dpd` is counted in the policy's zone."""

    case: Case
    account: Account
    policy: Policy
    step: Step
    at: datetime
    dpd: int

    @property
    def closes_at(self) -> datetime:
        """The instant (UTC) at which the step stops being true."""
        return self.policy.closes_at(self.step, self.case.reminder.due_date)

    def span(self) -> Span | None:
        """Return the stretch of time in which contact is allowed, now or next."""
        return self.policy.opening(self.case.zones(), self.case.reminder.due_date, self.at)


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate on a subject. `texts_only` gates are not asked of a step that sends nothing."""

    name: str
    ask: Callable[[Subject], GateAnswer]
    texts_only: bool


def _until_closed(reason: Reason, detail: str, *, expires_at: datetime, at: datetime) -> Skip:
    """Return silence that is asked again, and final once the step's days are over."""
    return Skip(reason, detail, final=at >= expires_at)


# Standing: does the reminder stand at all?


def _in_book(case: Case, at: datetime) -> GateAnswer:
    expires_at = case.reminder.expires_at
    if not case.accounts:
        detail = "the book has no such account now"
        return GateAnswer("book", detail, _until_closed(Reason.GONE, detail, expires_at=expires_at, at=at))
    if len(case.accounts) > 1:
        detail = f"the book has this account {len(case.accounts)} times"
        return GateAnswer("book", detail, _until_closed(Reason.AMBIGUOUS, detail, expires_at=expires_at, at=at))
    return GateAnswer("book", "the book has it once")


def _owed(case: Case, _at: datetime) -> GateAnswer:
    account = case.accounts[0]
    if account.settled:
        detail = "the book says it is closed" if account.closed else "nothing is owed any more"
        return GateAnswer("paid", detail, Skip(Reason.PAID, detail, final=True))
    return GateAnswer("paid", f"{account.amount_due or 'an unreadable amount'} is owed")


def _same_cycle(case: Case, at: datetime) -> GateAnswer:
    reminder, due_date = case.reminder, case.accounts[0].due_date
    if due_date is None:
        detail = "the book has no due date for it"
        return GateAnswer(
            "moved", detail, _until_closed(Reason.INCOMPLETE, detail, expires_at=reminder.expires_at, at=at)
        )
    if due_date != reminder.due_date:
        detail = f"planned for {reminder.due_date}, now due on {due_date}"
        return GateAnswer("moved", detail, Skip(Reason.MOVED, detail, final=True))
    return GateAnswer("moved", f"still due on {due_date}")


def _has_step(case: Case, at: datetime) -> GateAnswer:
    if case.step is None and case.policy is not None and case.policy.broken:
        # Nothing is ended by a mistake in a file: once that is mended, the reminder goes on.
        detail = f"policy {case.policy.name} can't be read: {case.policy.broken}"
        skip = _until_closed(Reason.POLICY, detail, expires_at=case.reminder.expires_at, at=at)
        return GateAnswer("policy", detail, skip)
    if case.step is None:
        now = f"policy {case.policy.name} is for it now" if case.policy else "no policy is for it now"
        detail = f"planned as {case.reminder.policy}/{case.reminder.step}; {now} and has no such step"
        return GateAnswer("policy", detail, Skip(Reason.POLICY, detail, final=True))
    return GateAnswer("policy", f"{case.reminder.policy}/{case.reminder.step} is in force")


STANDING: tuple[tuple[str, Callable[[Case, datetime], GateAnswer]], ...] = (
    ("book", _in_book),
    ("paid", _owed),
    ("moved", _same_cycle),
    ("policy", _has_step),
)


# Contact: may the customer be contacted, about this, now?


def _again(subject: Subject, gate: str, reason: Reason, detail: str) -> GateAnswer:
    return GateAnswer(gate, detail, _until_closed(reason, detail, expires_at=subject.closes_at, at=subject.at))


def _never_contact(subject: Subject) -> GateAnswer:
    for hold in subject.case.holds:
        if hold.kind in NEVER_CONTACT and hold.in_force(subject.at):
            return _again(subject, "never_contact", Reason.NEVER_CONTACT, f"{hold.kind}: {hold.reason}")
    return GateAnswer("never_contact", "no such mark")


def _hold(subject: Subject) -> GateAnswer:
    for hold in subject.case.holds:
        if hold.in_force(subject.at):
            end = f"until {hold.until:%Y-%m-%d %H:%M} UTC" if hold.until else "until released"
            return _again(subject, "hold", Reason.HOLD, f"{hold.kind} {end}: {hold.reason}")
    return GateAnswer("hold", "none in force")


def _suppressed(subject: Subject) -> GateAnswer:
    number = subject.case.phone.e164 if subject.case.phone else None
    for entry in subject.case.suppressions:
        if entry.covers(channel=subject.step.leg, number=number, customer_id=subject.account.customer_id):
            detail = f"{'number' if entry.number else 'customer'} suppressed: {entry.source}"
            return _again(subject, "suppressed", Reason.SUPPRESSED, detail)
    return GateAnswer("suppressed", "not suppressed")


def _complete(subject: Subject) -> GateAnswer:
    account = subject.account
    if account.amount_due is None or account.problems:
        detail = "; ".join(account.problems) or "the book has no readable amount for it"
        return _again(subject, "complete", Reason.INCOMPLETE, detail)
    return GateAnswer("complete", "amount, currency and date are readable")


def _number(subject: Subject) -> GateAnswer:
    case = subject.case
    if case.phone is None:
        return _again(subject, "number", Reason.NUMBER, case.phone_problem or "the book has no number for it")
    if case.bad_number is not None:
        return _again(subject, "number", Reason.NUMBER, f"the provider says it can't be reached ({case.bad_number})")
    return GateAnswer("number", "a mobile number")


def _when(subject: Subject) -> GateAnswer:
    if subject.step.when is None:
        return GateAnswer("when", "the step has no condition")
    answer = subject.case.condition
    if isinstance(answer, str):
        return _again(subject, "when", Reason.WHEN, f"`{subject.step.when}` can't be answered: {answer}")
    if not answer:
        return _again(subject, "when", Reason.WHEN, f"`{subject.step.when}` is false")
    return GateAnswer("when", f"`{subject.step.when}` is true")


def _fresh(subject: Subject) -> GateAnswer:
    if subject.case.stale_book:
        return _again(subject, "fresh", Reason.STALE_BOOK, subject.case.stale_book)
    return GateAnswer("fresh", "the book can be trusted")


def _unexpired(subject: Subject) -> GateAnswer:
    step, dpd = subject.step, subject.dpd
    days = f"true on DPD {step.opens} to {step.closes}, today is {dpd}"
    if dpd < step.opens:
        opens = datetime.combine(
            subject.case.reminder.due_date + timedelta(days=step.opens), time(), ZoneInfo(subject.policy.timezone)
        )
        return GateAnswer("expired", days, Defer(opens.astimezone(UTC), Reason.NOT_YET, days))
    if dpd > step.closes:
        later = subject.policy.step_on(dpd)
        waited = f"; it had waited: {subject.case.reminder.reason}" if subject.case.reminder.reason else ""
        if later is not None:
            detail = f"{days}; {later.key} is deserved now{waited}"
            return GateAnswer("expired", detail, Skip(Reason.SUPERSEDED, detail, final=True))
        return GateAnswer("expired", days + waited, Skip(Reason.EXPIRED, days + waited, final=True))
    return GateAnswer("expired", days)


def _defer(subject: Subject, gate: str, until: datetime, reason: Reason, detail: str) -> GateAnswer:
    # Never beyond the step's own end, so that a reminder which can't be sent any more is ended in time.
    return GateAnswer(gate, detail, Defer(min(until, subject.closes_at), reason, detail))


def _not_before(subject: Subject) -> GateAnswer:
    not_before = subject.case.reminder.not_before
    if subject.at < not_before:
        detail = subject.case.reminder.reason or f"planned for {not_before:%Y-%m-%d %H:%M} UTC"
        return _defer(subject, "not_before", not_before, Reason.NOT_YET, detail)
    return GateAnswer("not_before", "its time has come")


def _window(subject: Subject) -> GateAnswer:
    span = subject.span()
    zones = ", ".join(sorted(subject.case.zones()))
    if span is None:
        detail = f"no contact is allowed in the next {FAR_OFF.days} days in {zones}{_closed_by(subject)}"
        return _defer(subject, "window", subject.at + FAR_OFF, Reason.WINDOW, detail)
    if subject.at < span.start:
        detail = f"contact in {zones} is allowed again from {span.start:%Y-%m-%d %H:%M} UTC{_closed_by(subject)}"
        return _defer(subject, "window", span.start, Reason.WINDOW, detail)
    return GateAnswer("window", f"open in {zones} until {span.end:%Y-%m-%d %H:%M} UTC")


def _closed_by(subject: Subject) -> str:
    """Return the rules that forbid contact now, each with its source: the first thing a person asks."""
    layers = closed_by(subject.policy.layers_on(subject.dpd), subject.case.zones(), subject.at)
    return "".join(f"; {layer.source} allows {layer}" for layer in layers)


def _cap(subject: Subject) -> GateAnswer:
    blocked = next_free(subject.policy.caps, subject.case.contacts, subject.at, subject.policy.timezone)
    if blocked is not None:
        until, cap = blocked
        detail = f"the customer has had {cap}, the most by {cap.source}; free again at {until:%Y-%m-%d %H:%M} UTC"
        return _defer(subject, "cap", until, Reason.CAP, detail)
    return GateAnswer("cap", f"{len(subject.case.contacts)} contacts count, room for one more")


def _gateway(subject: Subject) -> GateAnswer:
    until = subject.case.paused_until
    if until is not None and subject.at < until:
        detail = f"every gateway of the route is paused until {until:%Y-%m-%d %H:%M} UTC"
        return _defer(subject, "gateway", until, Reason.PAUSED, detail)
    return GateAnswer("gateway", "the route has one that can send")


CONTACT: tuple[Gate, ...] = (
    Gate("never_contact", _never_contact, texts_only=False),
    Gate("hold", _hold, texts_only=False),
    Gate("suppressed", _suppressed, texts_only=True),
    Gate("complete", _complete, texts_only=False),
    Gate("number", _number, texts_only=True),
    Gate("when", _when, texts_only=False),
    Gate("fresh", _fresh, texts_only=False),
    Gate("expired", _unexpired, texts_only=False),
    Gate("window", _window, texts_only=True),
    Gate("not_before", _not_before, texts_only=False),
    Gate("cap", _cap, texts_only=True),
    Gate("gateway", _gateway, texts_only=True),
)
