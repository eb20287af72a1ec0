"""The gates of contact: may the customer be contacted, about this, now? In the order in which they are asked.

They are asked of a reminder that stands (`reminder.domain.standing`), so that there are an account, a policy and a
step to ask about: a `Subject`. The first gate that stops decides; `explain` prints them all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

from reminder.domain.account import Account
from reminder.domain.agreement import alive, objection
from reminder.domain.caps import Aim, Cap, next_free
from reminder.domain.case import Case
from reminder.domain.hold import NEVER_CONTACT
from reminder.domain.policy import Policy, Step
from reminder.domain.standing import until_closed
from reminder.domain.verdict import Defer, GateAnswer, Reason, Skip, passed
from reminder.domain.window import Span, closed_by

__all__ = ["CONTACT", "Gate", "Subject"]

FAR_OFF = timedelta(days=31)
"""When to ask again if a window does not open within the days looked ahead."""

NOTHING_AGREED = "no promise or plan is in force"


@dataclass(frozen=True)
class Subject:
    """A case that stands: its account, policy and step are known. `dpd` is counted in the policy's zone.

    What several gates ask about it is worked out once.
    """

    case: Case
    account: Account
    policy: Policy
    step: Step
    at: datetime
    dpd: int

    @cached_property
    def closes_at(self) -> datetime:
        """The instant (UTC) at which the step stops being true."""
        return self.policy.closes_at(self.step, self.case.reminder.due_date)

    @cached_property
    def span(self) -> Span | None:
        """Return the stretch of time in which contact is allowed, now or next."""
        return self.policy.opening(self.case.zones, self.case.reminder.due_date, self.at)

    @cached_property
    def aim(self) -> Aim:
        """Return the text that this would become, as caps see it."""
        case, account = self.case, self.account
        return Aim(
            customer_id=account.customer_id,
            number=case.phone.e164 if case.phone else "",
            account_ids=(account.account_id,),
            claim_ids=(case.claim_id or account.account_id,),
            template=self.step.template,
            channel=self.step.leg,
            notice=self.step.notice,
            zones=case.zones,
        )

    def capped(self, at: datetime, aim: Aim | None = None) -> tuple[datetime, Cap] | None:
        """Return the cap that has no room at an instant, and when it has; None where every one has.

        `aim` is the text, where that is more than this reminder's own.
        """
        if not self.policy.caps:
            return None
        return next_free(self.policy.caps, self.case.contacts, aim or self.aim, at, self.policy.timezone)

    def allowed_from(self) -> datetime:
        """Return the first instant from now on (UTC) at which hours and caps both allow contact, as far as is known.

        Hours that open on none of the days looked ahead are asked again after those.
        """
        at, asked = self.at, None
        while at != asked:
            asked = at
            span = self.policy.opening(self.case.zones, self.case.reminder.due_date, at)
            if span is None:
                return at + FAR_OFF
            at = max(at, span.start)
            capped = self.capped(at)
            if capped is not None:
                at = capped[0]
                if at >= self.closes_at:
                    return at
        return at


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate on a subject. `texts_only` gates are not asked of a step that sends nothing."""

    name: str
    ask: Callable[[Subject], GateAnswer]
    texts_only: bool


def _again(subject: Subject, gate: str, reason: Reason, detail: str) -> GateAnswer:
    return GateAnswer(gate, detail, until_closed(reason, detail, expires_at=subject.closes_at, at=subject.at))


def _never_contact(subject: Subject) -> GateAnswer:
    if mark := subject.account.never_contact:
        return _again(subject, "never_contact", Reason.NEVER_CONTACT, f"{mark}: the book says so")
    for hold in subject.case.holds:
        if hold.kind in NEVER_CONTACT and hold.in_force(subject.at):
            return _again(subject, "never_contact", Reason.NEVER_CONTACT, f"{hold.kind}: {hold.reason}")
    return passed("never_contact", "no such mark")


def _hold(subject: Subject) -> GateAnswer:
    for hold in subject.case.holds:
        if hold.in_force(subject.at):
            end = f"until {hold.until:%Y-%m-%d %H:%M} UTC" if hold.until else "until released"
            return _again(subject, "hold", Reason.HOLD, f"{hold.kind} {end}: {hold.reason}")
    return passed("hold", "none in force")


def _agreed(subject: Subject) -> GateAnswer:
    reminder, agreed = subject.case.reminder, subject.case.agreed
    if not agreed:
        return passed("agreed", NOTHING_AGREED)
    against = objection(agreed, step_key=reminder.step, due_date=reminder.due_date, dpd=subject.dpd)
    if against is None:
        force = alive(agreed)
        return passed("agreed", f"as {force.agreement.name} says" if force else NOTHING_AGREED)
    if against.final:
        return GateAnswer("agreed", against.detail, Skip(against.reason, against.detail, final=True))
    return _again(subject, "agreed", against.reason, against.detail)


def _suppressed(subject: Subject) -> GateAnswer:
    number = subject.case.phone.e164 if subject.case.phone else None
    for entry in subject.case.suppressions:
        if entry.covers(
            channel=subject.step.leg,
            number=number,
            customer_id=subject.account.customer_id,
            account_id=subject.account.account_id,
        ):
            whom = "number" if entry.number else "customer" if entry.customer_id else "account"
            detail = f"{whom} suppressed: {entry.source}"
            return _again(subject, "suppressed", Reason.SUPPRESSED, detail)
    return passed("suppressed", "not suppressed")


def _consent(subject: Subject) -> GateAnswer:
    wanted = subject.policy.consent_wanted_by(subject.dpd)
    if not wanted:
        return passed("consent", "no rule asks for one")
    number = subject.case.phone.e164 if subject.case.phone else None
    account = subject.account
    for entry in subject.case.consents:
        if entry.in_force(subject.at) and entry.covers(
            channel=subject.step.leg, number=number, customer_id=account.customer_id, account_id=account.account_id
        ):
            return passed("consent", f"given on {entry.given_at:%Y-%m-%d}: {entry.source}")
    detail = f"none on record for {subject.step.leg}; wanted by {', '.join(wanted)}"
    return _again(subject, "consent", Reason.CONSENT, detail)


def _complete(subject: Subject) -> GateAnswer:
    account = subject.account
    if account.amount_due is None or account.problems:
        detail = "; ".join(account.problems) or "the book has no readable amount for it"
        return _again(subject, "complete", Reason.INCOMPLETE, detail)
    return passed("complete", "amount, currency and date are readable")


def _number(subject: Subject) -> GateAnswer:
    case = subject.case
    if case.phone is None:
        return _again(subject, "number", Reason.NUMBER, case.phone_problem or "the book has no number for it")
    if case.bad_number is not None:
        return _again(subject, "number", Reason.NUMBER, f"the provider says it can't be reached ({case.bad_number})")
    return passed("number", "a mobile number")


def _when(subject: Subject) -> GateAnswer:
    if subject.step.when is None:
        return passed("when", "the step has no condition")
    answer = subject.case.condition
    if isinstance(answer, str):
        return _again(subject, "when", Reason.WHEN, f"`{subject.step.when}` can't be answered: {answer}")
    if not answer:
        return _again(subject, "when", Reason.WHEN, f"`{subject.step.when}` is false")
    return passed("when", f"`{subject.step.when}` is true")


def _fresh(subject: Subject) -> GateAnswer:
    if subject.case.stale_book:
        return _again(subject, "fresh", Reason.STALE_BOOK, subject.case.stale_book)
    return passed("fresh", "the book can be trusted")


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
    return passed("expired", days)


def _defer(subject: Subject, gate: str, until: datetime, reason: Reason, detail: str) -> GateAnswer:
    # Never beyond the step's own end, so that a reminder which can't be sent any more is ended in time.
    return GateAnswer(gate, detail, Defer(min(until, subject.closes_at), reason, detail))


def _not_before(subject: Subject) -> GateAnswer:
    not_before = subject.case.reminder.not_before
    if subject.at < not_before:
        detail = subject.case.reminder.reason or f"planned for {not_before:%Y-%m-%d %H:%M} UTC"
        return _defer(subject, "not_before", not_before, Reason.NOT_YET, detail)
    return passed("not_before", "its time has come")


def _window(subject: Subject) -> GateAnswer:
    span = subject.span
    if span is not None and subject.at >= span.start:
        return _open(subject.case.zones, span.end)
    zones = ", ".join(sorted(subject.case.zones))
    if span is None:
        detail = f"no contact is allowed in the next {FAR_OFF.days} days in {zones}{_closed_by(subject)}"
        return _defer(subject, "window", subject.at + FAR_OFF, Reason.WINDOW, detail)
    until = subject.allowed_from()
    detail = f"contact in {zones} is allowed again from {until:%Y-%m-%d %H:%M} UTC{_closed_by(subject)}"
    return _defer(subject, "window", until, Reason.WINDOW, detail)


@lru_cache(maxsize=1_024)
def _open(zones: frozenset[str], until: datetime) -> GateAnswer:
    return GateAnswer("window", f"open in {', '.join(sorted(zones))} until {until:%Y-%m-%d %H:%M} UTC")


def _closed_by(subject: Subject) -> str:
    """Return the rules that forbid contact now, each with its source: the first thing a person asks."""
    layers = closed_by(subject.policy.layers_on(subject.dpd), subject.case.zones, subject.at)
    return "".join(f"; {layer.source} allows {layer}" for layer in layers)


def _cap(subject: Subject) -> GateAnswer:
    blocked = subject.capped(subject.at)
    if blocked is not None:
        until, cap = subject.allowed_from(), blocked[1]
        detail = f"{cap} is the most by {cap.source}; contact is allowed again from {until:%Y-%m-%d %H:%M} UTC"
        return _defer(subject, "cap", until, Reason.CAP, detail)
    return passed("cap", "room for one more" if subject.policy.caps else "no cap is set")


def _gateway(subject: Subject) -> GateAnswer:
    until = subject.case.paused_until
    if until is not None and subject.at < until:
        detail = f"every gateway of the route is paused until {until:%Y-%m-%d %H:%M} UTC"
        return _defer(subject, "gateway", until, Reason.PAUSED, detail)
    return passed("gateway", "the route has one that can send")


CONTACT: tuple[Gate, ...] = (
    Gate("never_contact", _never_contact, texts_only=False),
    Gate("hold", _hold, texts_only=False),
    Gate("agreed", _agreed, texts_only=False),
    Gate("suppressed", _suppressed, texts_only=True),
    Gate("consent", _consent, texts_only=True),
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
