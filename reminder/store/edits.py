"""What an edit of policies or templates means for reminders that wait: those it may concern are asked again at once."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, or_, update

from reminder.domain.lifecycle import State
from reminder.domain.verdict import Reason
from reminder.store.schema import outbox

__all__ = ["ask_again"]

_FROM_FILES: Final = (Reason.NOT_YET, Reason.POLICY, Reason.WHEN, Reason.TEMPLATE, Reason.WINDOW, Reason.CAP)
"""Reasons to wait that stand in files. A step that was moved away and back would otherwise wait beyond its days."""


def ask_again(connection: Connection, *, at: datetime) -> int:
    """Let every planned reminder that waits for a reason of policies or templates be asked at `at`; return how many.

    Nothing is sent by this: each is decided anew, and waits again where the reason still holds.
    """
    concerned = or_(*(outbox.c.reason.startswith(f"{reason}:", autoescape=True) for reason in _FROM_FILES))
    waiting = (outbox.c.state == State.PLANNED, outbox.c.not_before > at, outbox.c.lease_owner.is_(None))
    return connection.execute(update(outbox).where(*waiting, concerned).values(not_before=at)).rowcount
