"""People at work: who lets paused runs go on, looks up doubts, and tries again what failed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from reminder.domain.lifecycle import Event, State
from reminder.domain.record import Kind
from reminder.store import guards, requeue, unanswered
from reminder.store.schema import attempt, outbox
from years.memory import broken

if TYPE_CHECKING:
    from years.year import Year

__all__ = ["approve", "people", "settle_doubts"]


def people(year: Year) -> None:
    """Let people do what waits for them."""
    if not year.clock.offset:
        approve(year, share=0.7)
    settle_doubts(year, of_age=timedelta(hours=12), share=0.5)
    with year.engine.begin() as connection:
        failed = requeue.still_true(connection, State.FAILED, at=year.clock.now())
        again = [key for key in failed if year.dice.random() < 0.3]
        moved = requeue.plan_again(connection, again, who="officer", reason="again", at=year.clock.now())
        query = select(outbox.c.reminder_id).where(outbox.c.reminder_id.in_(again), outbox.c.state == State.PLANNED)
        now = connection.scalars(query).all()
    for key in now:
        year.witness.act(Kind.REQUEUE, key)
    if len(now) != moved:
        raise broken(4, f"{moved} reminders were planned again, and {len(now)} are planned")
    year.lives.again.update(again)


def approve(year: Year, *, share: float) -> None:
    """Let paused runs go on, some of them."""
    at = year.clock.now()
    with year.engine.begin() as connection:
        for pause in guards.open_pauses(connection):
            if year.dice.random() < share:
                guards.approve(connection, pause.pause_id, who="officer", reason="looked at it", at=at)
                year.judge.approved_days.add(pause.day)
                year.witness.act(Kind.APPROVAL, pause.pause_id)
                year.note(f"approved: {pause.guard.value}")


def settle_doubts(year: Year, *, of_age: timedelta, share: float) -> None:
    """Say of old doubts what the provider's log says, or give them up."""
    at = year.clock.now()
    taken = {each.message.reference for one in year.providers.values() for each in one.taken}
    with year.engine.begin() as connection:
        query = select(attempt.c.reference).join(outbox, outbox.c.reference == attempt.c.reference)
        old = query.where(outbox.c.state == State.IN_DOUBT, attempt.c.started_at <= at - of_age).distinct()
        for reference in sorted(connection.scalars(old)):
            if year.dice.random() > share:
                continue
            known = Event.CONFIRM if reference in taken else Event.DISPROVE
            event = Event.ABANDON if year.dice.random() < 0.3 else known
            unanswered.resolve(connection, reference, event=event, who="officer", reason="looked it up", at=at)
