"""A reminder: one step for one cycle, as planned in the outbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from reminder.domain.lifecycle import State

__all__ = ["Reminder"]


@dataclass(frozen=True, slots=True)
class Reminder:
    """One row of the outbox. `(account_id, due_date, step, leg)` is unique there (law 2).

    `step` is the step's key. `not_before` and `expires_at` are UTC. `reminder_id` is 0 for one that a preview only
    imagines. `attempts` counts calls to gateways that were refused for now.
    """

    account_id: str
    customer_id: str
    due_date: date
    policy: str
    step: str
    leg: str
    not_before: datetime
    expires_at: datetime
    reminder_id: int = 0
    state: State = State.PLANNED
    attempts: int = 0
    reason: str = ""
