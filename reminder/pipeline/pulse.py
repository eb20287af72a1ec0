"""The pulse of gateways: whether they answer, within one batch and, through the database, for all processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import structlog
from sqlalchemy import Connection

from reminder.domain.breaker import FAILURES_MAX, answered, heard
from reminder.domain.message import Outcome
from reminder.store import gateway_states, rates

__all__ = ["Pulse", "keep_pulse"]

log = structlog.get_logger("reminder.dispatch")


class Pulse:
    """Which gateways have stopped answering while the calls of one batch come back."""

    def __init__(self) -> None:
        self._silent: Counter[str] = Counter()

    def hear(self, gateway: str, outcome: Outcome) -> None:
        """Take note of one call's end."""
        answer = answered(outcome)
        if answer is not None:
            self._silent[gateway] = 0 if answer else self._silent[gateway] + 1

    def is_lost(self, gateway: str) -> bool:
        """Return whether so many calls in a row had no answer that the rest of the batch had better wait."""
        return self._silent[gateway] >= FAILURES_MAX


def keep_pulse(connection: Connection, outcomes: Mapping[str, Sequence[Outcome]], at: datetime) -> None:
    """Tell all processes which gateways answered, by name and in order; pause those that have stopped.

    A gateway that was well and still is costs nothing but one look for all of them.
    """
    ailing = rates.ailing(connection, outcomes)
    for gateway in sorted(outcomes):
        answers = [answer for outcome in outcomes[gateway] if (answer := answered(outcome)) is not None]
        if gateway not in ailing and all(answers):
            continue
        before = rates.lock_breaker(connection, gateway)
        after, opens = heard(before, answers, at)
        rates.keep_breaker(connection, gateway, after)
        if opens:
            reason = f"it does not answer; it is tried again after {int(opens.total_seconds())} s"
            gateway_states.pause(connection, gateway, until=at + opens, reason=reason, at=at)
            log.error("reminder.gateway.silent", gateway=gateway, until=(at + opens).isoformat(), trips=after.trips)
        elif before.trips and not after.trips:
            log.info("reminder.gateway.answers", gateway=gateway)
