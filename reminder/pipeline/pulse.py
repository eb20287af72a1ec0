"""The pulse of gateways: do they answer, within the batches under way and, through the database, for all processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import structlog
from sqlalchemy import Connection

from reminder.domain.breaker import FAILURES_MAX, OPEN_SECONDS, answered, heard
from reminder.domain.message import Outcome, Refusal, Refused
from reminder.store import gateway_states, rates

__all__ = ["Pulse", "keep_pulse"]

log = structlog.get_logger("reminder.dispatch")


class Pulse:
    """Which gateways have stopped answering, or can't send as they are, while the calls of one batch come back.

    A batch hears what those beside it hear too: it was decided before their answers were on record.
    """

    def __init__(self, beside: Iterable[Pulse] = ()) -> None:
        self.silent: Counter[str] = Counter()
        self.unable: set[str] = set()
        # Not the pulses beside it, which know others in turn: a long dispatch would keep all of them.
        self._heard = [(self.silent, self.unable), *((each.silent, each.unable) for each in beside)]

    def hear(self, gateway: str, outcome: Outcome) -> None:
        """Take note of one call's end."""
        answer = answered(outcome)
        if answer is not None:
            self.silent[gateway] = 0 if answer else self.silent[gateway] + 1
        if isinstance(outcome, Refused) and outcome.kind is Refusal.CONFIGURATION:
            self.unable.add(gateway)

    def holds_back(self, gateway: str) -> Refused | None:
        """Return why a call had better not be made, or None; a gateway that can't send is decided about anew at once.

        By then its pause is on record, and another gateway of the route may have its turn.
        """
        if any(silent[gateway] >= FAILURES_MAX for silent, _ in self._heard):
            return Refused(Refusal.HELD_BACK, "held-back", "the calls before it had no answer", OPEN_SECONDS)
        if any(gateway in unable for _, unable in self._heard):
            return Refused(Refusal.HELD_BACK, "held-back", "a call before it was refused: the gateway can't send")
        return None


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
