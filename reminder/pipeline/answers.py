"""From what a gateway said to what follows: for the reminders, for the number, for the gateway."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reminder.domain.lifecycle import Event
from reminder.domain.message import Accepted, Outcome, Refusal, Refused
from reminder.domain.retry import Backoff
from reminder.domain.verdict import Reason
from reminder.gateways.base import scrub
from reminder.store.attempts import Answer

__all__ = ["HELD_BACK_SECONDS_MIN", "PATIENCE_MAX", "Tried", "answer_for"]

PATIENCE_MAX = timedelta(days=7)
"""The longest that a gateway may ask us to wait; some have answered with instants beyond the calendar."""

HELD_BACK_SECONDS_MIN = 1.0
"""The least that what was held back waits, in seconds: it burns no attempt, so nothing else would end such tries."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A text that was handed to a gateway.

    `attempts` counts the tries refused before this one; `turns` is how many gateways take turns on its route now;
    `instead_of` names the gateway that the console stood in for; `closes_at` is when the text stops being true.
    """

    reference: str
    gateway: str
    attempts: int
    turns: int
    instead_of: str | None
    closes_at: datetime


def answer_for(
    tried: Tried, outcome: Outcome, *, at: datetime, backoff: Backoff, pause_minutes: int, jitter: float
) -> Answer:
    """Return what to record for one answer. `jitter` lies in [0, 1)."""
    if isinstance(outcome, Accepted):
        return _taken(tried, outcome)
    if not isinstance(outcome, Refused):
        return Answer(tried.reference, Event.LOSE, "unknown", scrub(outcome.detail), counted=True)
    if outcome.kind is Refusal.CONFIGURATION:
        # The gateway is paused for everybody; the reminder has done nothing wrong, so no attempt is burnt.
        return _postponed(tried, outcome, at + timedelta(minutes=pause_minutes if tried.turns == 1 else 0), burns=False)
    if outcome.kind is Refusal.HELD_BACK:
        waits = at + timedelta(seconds=max(HELD_BACK_SECONDS_MIN, _patience(outcome.after_seconds)))
        return replace(_postponed(tried, outcome, waits, burns=False), outcome="held_back")
    if outcome.kind is not Refusal.RETRY:
        return _refused(tried, outcome, f"{Reason.REFUSED}: {_words(outcome)}")
    delay = _delay_seconds(tried, outcome, backoff, jitter)
    if delay is None:
        return _refused(
            tried, outcome, f"{Reason.ATTEMPTS}: {tried.attempts + 1} refused, the last with {_words(outcome)}"
        )
    return _postponed(tried, outcome, at + timedelta(seconds=delay), burns=True)


def _taken(tried: Tried, accepted: Accepted) -> Answer:
    event, word, reason = Event.ACCEPT, "accepted", f"accepted by {tried.gateway}"
    if tried.instead_of is not None:
        event, word, reason = Event.PRINT, "printed", f"printed by {tried.gateway} in place of {tried.instead_of}"
    return Answer(tried.reference, event, word, reason, counted=True, provider_id=accepted.provider_id)


def _delay_seconds(tried: Tried, outcome: Refused, backoff: Backoff, jitter: float) -> float | None:
    attempts = tried.attempts + 1
    if attempts >= backoff.attempts_max:
        return None
    if attempts % tried.turns:
        # Another gateway of the route has not had its turn in this round: it is asked at once.
        return 0.0
    delay = backoff.delay_seconds(attempts // tried.turns, jitter)
    if delay is None or outcome.after_seconds is None:
        return delay
    return max(delay, _patience(outcome.after_seconds))


def _patience(after_seconds: float | None) -> float:
    """Return how long a gateway asks us to wait, in seconds, within reason."""
    return max(0.0, min(after_seconds or 0.0, PATIENCE_MAX.total_seconds()))


def _postponed(tried: Tried, outcome: Refused, not_before: datetime, *, burns: bool) -> Answer:
    # Never beyond the text's own end, so that a reminder which can't be sent any more is ended in time.
    not_before = min(not_before, tried.closes_at)
    return Answer(
        tried.reference, Event.POSTPONE, "refused", f"refused for now: {_words(outcome)}", counted=False,
        code=outcome.code, not_before=not_before, burns=burns,
    )  # fmt: skip


def _refused(tried: Tried, outcome: Refused, reason: str) -> Answer:
    return Answer(tried.reference, Event.REFUSE, "refused", reason, counted=False, code=outcome.code)


def _words(outcome: Refused) -> str:
    return f"{outcome.code} {scrub(outcome.detail)}".strip()
