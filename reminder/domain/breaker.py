"""The breaker: a gateway that does not answer is left alone for a while, then tried with a single call.

Closed, it counts calls in a row without an answer. Enough of them within a short time open it, and nothing is sent
through the gateway; after that one call at a time probes it, until an answer closes it or a silence opens it again, for
longer. An answer is whatever proves that somebody is there, a refusal as well as an acceptance.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reminder.domain.message import NOT_SENT, Outcome, Refusal, Refused, Unknown

__all__ = [
    "FAILURES_MAX",
    "OPEN_SECONDS",
    "OPEN_SECONDS_MAX",
    "PROBE_SECONDS",
    "WITHIN_SECONDS",
    "Breaker",
    "answered",
    "heard",
    "probe",
]

FAILURES_MAX = 5
"""How many calls in a row without an answer open a breaker."""

WITHIN_SECONDS = 60
"""Within how many seconds they must have happened."""

OPEN_SECONDS = 30
"""How long it is open at first, in seconds; doubles each time that a probe is not answered."""

OPEN_SECONDS_MAX = 900
"""The longest that it is open, in seconds."""

PROBE_SECONDS = 60
"""How long one probe keeps others from probing, in seconds: longer than a call takes."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """The memory of one gateway's breaker. It is closed where `trips` is 0."""

    failures: int = 0
    failing_since: datetime | None = None
    trips: int = 0
    probe_until: datetime | None = None


def answered(outcome: Outcome) -> bool | None:
    """Return whether the gateway answered; None where it was not even called."""
    if isinstance(outcome, Unknown):
        return False
    if isinstance(outcome, Refused) and outcome.kind is Refusal.HELD_BACK:
        return None
    return not (isinstance(outcome, Refused) and outcome.code == NOT_SENT)


def heard(breaker: Breaker, answers: Iterable[bool], at: datetime) -> tuple[Breaker, timedelta]:
    """Return the breaker after these calls, ended at the instant `at` (UTC), and for how long it opens from then on."""
    opens = timedelta()
    for answer in answers:
        if answer:
            breaker, opens = Breaker(), timedelta()
        elif breaker.trips == 0:
            breaker = _failed(breaker, at)
            opens = _opening(breaker)
        elif breaker.probe_until is not None:
            breaker = Breaker(trips=breaker.trips + 1)
            opens = _opening(breaker)
        # Else it is open: calls that had begun before say nothing new.
    return breaker, opens


def _failed(breaker: Breaker, at: datetime) -> Breaker:
    since = breaker.failing_since
    if since is None or not timedelta() <= at - since <= timedelta(seconds=WITHIN_SECONDS):
        return Breaker(failures=1, failing_since=at)
    if breaker.failures + 1 >= FAILURES_MAX:
        return Breaker(trips=1)
    return replace(breaker, failures=breaker.failures + 1)


def _opening(breaker: Breaker) -> timedelta:
    if breaker.trips == 0:
        return timedelta()
    return timedelta(seconds=min(OPEN_SECONDS * 2.0 ** min(breaker.trips - 1, 32), OPEN_SECONDS_MAX))


def probe(breaker: Breaker, wanted: int, at: datetime) -> tuple[int, Breaker]:
    """Return how many of `wanted` calls may be made at the instant `at` (UTC), and the breaker afterwards.

    To be asked once the time for which it opened is over.
    """
    if breaker.trips == 0 or wanted == 0:
        return wanted, breaker
    until = at + timedelta(seconds=PROBE_SECONDS)
    # A probe that seems to last longer than any probe was begun by a clock that went wrong.
    if breaker.probe_until is not None and at < breaker.probe_until <= until:
        return 0, breaker
    return 1, replace(breaker, probe_until=until)
