"""The gates of standing: does the reminder stand at all? They are asked first, in this order.

Only behind them are there one account, a policy and a step, of which `reminder.domain.gates` asks the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from reminder.domain.case import Case
from reminder.domain.verdict import GateAnswer, Reason, Skip, passed

__all__ = ["STANDING", "until_closed"]


def until_closed(reason: Reason, detail: str, *, expires_at: datetime, at: datetime) -> Skip:
    """Return silence that is asked again, and final once the step's days are over."""
    return Skip(reason, detail, final=at >= expires_at)


def _in_book(case: Case, at: datetime) -> GateAnswer:
    expires_at = case.reminder.expires_at
    if not case.accounts:
        detail = "the book has no such account now"
        return GateAnswer("book", detail, until_closed(Reason.GONE, detail, expires_at=expires_at, at=at))
    if len(case.accounts) > 1:
        detail = f"the book has this account {len(case.accounts)} times"
        return GateAnswer("book", detail, until_closed(Reason.AMBIGUOUS, detail, expires_at=expires_at, at=at))
    return passed("book", "the book has it once")


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
            "moved", detail, until_closed(Reason.INCOMPLETE, detail, expires_at=reminder.expires_at, at=at)
        )
    if due_date != reminder.due_date:
        detail = f"planned for {reminder.due_date}, now due on {due_date}"
        return GateAnswer("moved", detail, Skip(Reason.MOVED, detail, final=True))
    return passed("moved", f"still due on {due_date}")


def _has_step(case: Case, at: datetime) -> GateAnswer:
    if case.step is None and case.policy is not None and case.policy.broken:
        # Nothing is ended by a mistake in a file: once that is mended, the reminder goes on.
        detail = f"policy {case.policy.name} can't be read: {case.policy.broken}"
        skip = until_closed(Reason.POLICY, detail, expires_at=case.reminder.expires_at, at=at)
        return GateAnswer("policy", detail, skip)
    if case.step is None:
        now = f"policy {case.policy.name} is for it now" if case.policy else "no policy is for it now"
        detail = f"planned as {case.reminder.policy}/{case.reminder.step}; {now} and has no such step"
        return GateAnswer("policy", detail, Skip(Reason.POLICY, detail, final=True))
    return passed("policy", f"{case.reminder.policy}/{case.reminder.step} is in force")


STANDING: tuple[tuple[str, Callable[[Case, datetime], GateAnswer]], ...] = (
    ("book", _in_book),
    ("paid", _owed),
    ("moved", _same_cycle),
    ("policy", _has_step),
)
