"""The decision: one pure function that live runs, previews and explanations all ask (law 1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from reminder.domain.case import Case
from reminder.domain.gates import CONTACT, Subject
from reminder.domain.lifecycle import Event
from reminder.domain.standing import STANDING
from reminder.domain.verdict import GateAnswer, Reason, Send, Skip, Verdict

__all__ = ["Decision", "answers", "decide", "ending"]

NOT_ASKED = "not asked: the reminder does not stand"


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict with the case it is about. `subject` is None where the reminder does not stand at all.

    `asked` are the answers of the gates up to the one that decides: of all of them where a text is to be sent.
    """

    case: Case
    at: datetime
    verdict: Verdict
    subject: Subject | None
    asked: tuple[GateAnswer, ...] = ()


def decide(case: Case, at: datetime) -> Decision:
    """Return the verdict on a case at the instant `at` (aware): the first gate that stops decides.

    The same case at the same instant always gets the same verdict, whoever asks.
    """
    asked: list[GateAnswer] = []
    for _name, stands in STANDING:
        answer = stands(case, at)
        asked.append(answer)
        if answer.stops is not None:
            return Decision(case, at, answer.stops, None, tuple(asked))
    subject = _subject(case, at)
    sends_nothing = subject.step.leg == "event"
    for gate in CONTACT:
        if sends_nothing and gate.texts_only:
            continue
        answer = gate.ask(subject)
        asked.append(answer)
        if answer.stops is not None:
            return Decision(case, at, answer.stops, subject, tuple(asked))
    return Decision(case, at, Send(_valid_until(subject)), subject, tuple(asked))


def answers(case: Case, at: datetime) -> Iterator[GateAnswer]:
    """Yield every gate's answer in order, also of those behind the one that decides: the explanation of `decide`."""
    standing = True
    for name, stands in STANDING:
        answer = stands(case, at) if standing else GateAnswer(name, NOT_ASKED)
        standing = standing and answer.stops is None
        yield answer
    subject = _subject(case, at) if standing else None
    for gate in CONTACT:
        if subject is None:
            yield GateAnswer(gate.name, NOT_ASKED)
        elif gate.texts_only and subject.step.leg == "event":
            yield GateAnswer(gate.name, "not asked: this step sends nothing")
        else:
            yield gate.ask(subject)


def ending(skip: Skip) -> Event:
    """Return the event by which a final silence ends a reminder."""
    by_reason = {
        Reason.SUPPRESSED: Event.SUPPRESS,
        Reason.SUPERSEDED: Event.SUPERSEDE,
        Reason.EXPIRED: Event.EXPIRE,
    }
    return by_reason.get(skip.reason, Event.CANCEL)


def _subject(case: Case, at: datetime) -> Subject:
    account, policy, step = case.account, case.policy, case.step
    assert account is not None  # noqa: S101 - the gates of STANDING have passed
    assert policy is not None  # noqa: S101
    assert step is not None  # noqa: S101
    return Subject(case, account, policy, step, at, policy.dpd(case.reminder.due_date, at))


def _valid_until(subject: Subject) -> datetime:
    if subject.step.leg == "event":
        return subject.closes_at
    span = subject.span
    return min(span.end, subject.closes_at) if span else subject.closes_at
