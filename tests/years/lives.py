"""The lives of all reminders, looked at once a day: none lost, none without a reason, none moved as none may be."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from reminder.store.schema import event, outbox
from years.memory import LawBrokenError

OPEN = {"planned", "sending", "in_doubt"}
_MOVES = {
    "planned": {"sending", "cancelled", "suppressed", "superseded", "expired", "handed_over"},
    "sending": {"sent", "printed", "planned", "failed", "in_doubt"},
    "in_doubt": {"sent", "printed", "planned", "failed"},
    "sent": {"delivered", "undelivered"},
    "undelivered": {"delivered"},
    "failed": {"planned"},
    "printed": {"planned"},
}
"""The life of a reminder as `reminder/README.md` draws it, written down once more: not the table that is judged."""


def _reachable(state: str) -> set[str]:
    """Return every state that a reminder may be in some time after this one."""
    found, new = {state}, {state}
    while new:
        new = {after for one in new for after in _MOVES.get(one, ())} - found
        found |= new
    return found


_AFTER = {state: _reachable(state) for state in (*_MOVES, "cancelled", "suppressed", "superseded", "expired")}
_AFTER |= {"handed_over": {"handed_over"}, "delivered": {"delivered"}}


@dataclass
class Lives:
    """The states of yesterday. `again` are failed reminders that a person wanted to be tried again."""

    states: dict[int, str] = field(default_factory=dict)
    again: set[int] = field(default_factory=set)

    def look(self, connection: Connection) -> Counter[str]:
        """Compare all reminders with yesterday's; return how many are in each state."""
        columns = (outbox.c.reminder_id, outbox.c.state, outbox.c.reason, outbox.c.account_id, outbox.c.due_date)
        rows = connection.execute(select(*columns, outbox.c.step, outbox.c.leg)).all()
        keys = {(row.account_id, row.due_date, row.step, row.leg) for row in rows}
        if len(keys) != len(rows):
            raise LawBrokenError(2, f"{len(rows) - len(keys)} reminders are there twice")
        lost = self.states.keys() - {row.reminder_id for row in rows}
        if lost:
            raise LawBrokenError(4, f"reminders are gone: {sorted(lost)[:5]}")
        for row in rows:
            self._judge(row)
        self.states = {row.reminder_id: row.state for row in rows}
        self.again.clear()
        return Counter(self.states.values())

    def _judge(self, row: Any) -> None:
        before = self.states.get(row.reminder_id, "planned")
        stays = before == "failed" and row.reminder_id not in self.again
        allowed = {"failed"} if stays else _AFTER[before]
        if row.state not in allowed:
            raise LawBrokenError(4, f"reminder {row.reminder_id} went from {before} to {row.state}")
        if row.state not in OPEN and not row.reason:
            raise LawBrokenError(4, f"reminder {row.reminder_id} is {row.state} for no reason")

    def hand_overs(self, connection: Connection) -> None:
        """Every hand-over is one event, and every event one hand-over."""
        events = Counter(connection.scalars(select(event.c.reminder_id).where(event.c.kind == "hand_over")))
        ended = {key for key, state in self.states.items() if state == "handed_over"}
        if set(events) != ended or any(count > 1 for count in events.values()):
            raise LawBrokenError(4, "hand-overs and their events do not agree")
