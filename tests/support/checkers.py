"""What must hold whatever happened: accepted once, intended, conserved, explained, within caps.

Each check compares what a provider has really taken (its own log) with what our tables say, and returns complaints, one
a line, so that a harness can print all of them; none means that it holds. They read plain tables and go by the laws of
the design, not by the program's own ways of counting.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Row, select

from reminder.domain.lifecycle import FINAL, State
from reminder.store.schema import attempt, event, outbox, plan_run

SHOWN_MAX = 20
"""How many complaints of one kind are told before the rest is only counted."""

TOLD = frozenset({State.SENT, State.DELIVERED, State.UNDELIVERED})
"""States in which the customer has been sent a text."""

MAY_BE_TOLD = TOLD | {State.SENDING, State.IN_DOUBT}
"""States in which the provider may have a reminder's text."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A text that a provider took. `reference` is ours; `provider_id` is theirs."""

    reference: str
    number: str
    body: str
    provider_id: str


def acceptances(log: Path) -> list[Acceptance]:
    """Return what a fake Twilio has taken, by the log that it writes before it answers; a torn last line is refused."""
    if not log.exists():
        return []
    posts = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    return [Acceptance(str(post["reference"]), post["To"], post["Body"], post["sid"]) for post in posts]


def all_complaints(engine: Engine, found: Iterable[Acceptance], at: datetime) -> list[str]:
    """Return what every check here that needs no further knowledge finds at the instant `at` (UTC)."""
    taken = list(found)
    return [
        *accepted_twice(taken),
        *unintended(engine, taken),
        *contradicted(engine, taken),
        *unconserved(engine),
        *unexplained(engine, at),
    ]


def accepted_twice(found: Iterable[Acceptance]) -> list[str]:
    """Laws 2 and 3: no reference, and no text to one number, was taken twice.

    To be used where every reminder has words of its own (an amount, a date): then equal words are the same reminder.
    """
    taken = list(found)
    references = Counter(each.reference for each in taken)
    texts = Counter((each.number, each.body) for each in taken)
    complaints = [
        f"reference {reference} was accepted {count} times" for reference, count in references.items() if count > 1
    ]
    for (number, body), count in texts.items():
        if count > 1:
            complaints.append(f"a text to {number} was accepted {count} times: {body!r}")
    return _told(complaints)


def unintended(engine: Engine, found: Iterable[Acceptance]) -> list[str]:
    """Law 3: whatever a provider took had been committed as an intent before, with this number and these words."""
    with engine.connect() as connection:
        rows = {row.reference: row for row in connection.execute(select(attempt))}
    complaints = []
    for each in found:
        row = rows.get(each.reference)
        if row is None:
            complaints.append(f"{each.reference} was accepted and had never been committed")
        elif (row.number, row.body) != (each.number, each.body):
            complaints.append(f"{each.reference} was accepted with another number or other words than were committed")
    return _told(complaints)


def contradicted(engine: Engine, found: Iterable[Acceptance]) -> list[str]:
    """Laws 3 and 4: reminders are sent exactly where their text was taken, and such a text counts as a contact."""
    taken = {each.reference: each for each in found}
    with engine.connect() as connection:
        reminders = connection.execute(select(outbox)).all()
        attempts = {row.reference: row for row in connection.execute(select(attempt))}
    complaints = [
        f"reminder {row.reminder_id} is {row.state}, and no provider has its text {row.reference}"
        for row in reminders
        if row.state in TOLD and row.reference not in taken
    ]
    states: dict[str, set[str]] = defaultdict(set)
    for row in reminders:
        if row.reference is not None:
            states[row.reference].add(row.state)
    for reference in taken:
        held, written = states.get(reference, set()), attempts.get(reference)
        if not held & MAY_BE_TOLD and not _came_too_late(reminders, reference):
            complaints.append(f"{reference} was accepted, and its reminder is {sorted(held) or 'with another text'}")
        if written is not None and not written.counted:
            complaints.append(f"{reference} was accepted, and does not count as a contact")
        if held & TOLD and written is not None and written.provider_id != taken[reference].provider_id:
            complaints.append(f"{reference} is kept as {written.provider_id}, the provider has it as another")
    return _told(complaints)


def _came_too_late(reminders: Iterable[Row[Any]], reference: str) -> bool:
    """Return whether a receipt showed a text whose reminder had been planned again, and that one was cancelled."""
    return any(
        row.reference == reference and row.state == State.CANCELLED and "arrived after all" in row.reason
        for row in reminders
    )


def unconserved(engine: Engine, expected: int | None = None) -> list[str]:
    """Law 4: open + final = planned: no reminder is gone, doubled, or in a state that is none; `expected` are all.

    Events of hand-overs are written with their reminders: one for each that was handed over.
    """
    with engine.connect() as connection:
        rows = connection.execute(select(outbox)).all()
        written = sum(connection.scalars(select(plan_run.c.planned)).all())
        events = Counter(connection.scalars(select(event.c.reminder_id)))
    complaints = [
        f"reminder {row.reminder_id} is in the state {row.state}" for row in rows if row.state not in set(State)
    ]
    keys = Counter((row.account_id, row.due_date, row.step, row.leg) for row in rows)
    complaints += [f"{key} is planned {count} times" for key, count in keys.items() if count > 1]
    if len(rows) < written:
        complaints.append(f"{written} reminders were planned, and {len(rows)} are there")
    if expected is not None and len(rows) != expected:
        complaints.append(f"{expected} reminders should have been planned, and {len(rows)} are there")
    over = {row.reminder_id for row in rows if row.state == State.HANDED_OVER}
    complaints += [f"reminder {key} was handed over with {events[key]} events" for key in over if events[key] != 1]
    complaints += [f"reminder {key} has an event and was not handed over" for key in set(events) - over if key]
    return _told(complaints)


def unexplained(engine: Engine, at: datetime, *, patience: timedelta = timedelta()) -> list[str]:
    """Law 4: at the instant `at` (UTC) every reminder is in a final state with a reason, or it is told why it is not.

    Explained are: planned for later; in doubt, with a text that `reminder outbox doubts` lists; being sent under a
    lease. What has been due, or without a lease, for longer than `patience` has been left alone.
    """
    with engine.connect() as connection:
        rows = connection.execute(select(outbox)).all()
        known = set(connection.scalars(select(attempt.c.reference)))
    return _told([f"reminder {row.reminder_id} {why}" for row in rows if (why := _why_not(row, known, at - patience))])


def _why_not(row: Row[Any], known: set[str], at: datetime) -> str:
    if row.state in FINAL - TOLD and not row.reason:
        return f"is {row.state} without a reason"
    if row.state == State.PLANNED and row.not_before < at and not (row.lease_until and row.lease_until > at):
        return f"was due at {row.not_before} and nobody has asked for it ({row.reason or 'no reason'})"
    if row.state == State.SENDING and not (row.lease_until and row.lease_until > at):
        return f"is being sent under a lease that ended at {row.lease_until}"
    if row.state in (State.IN_DOUBT, State.SENDING) and row.reference not in known:
        return f"is {row.state} without a text that could be asked for"
    return ""


def over_caps(
    engine: Engine, found: Iterable[Acceptance], *, most: int, day: Callable[[datetime], object]
) -> list[str]:
    """Law 10: nobody was sent more than `most` texts in one period; `day` names the period of an instant (UTC).

    Counts what providers took, by customer, at the instants at which it was committed to.
    """
    with engine.connect() as connection:
        rows = {row.reference: row for row in connection.execute(select(attempt))}
    made = Counter(
        (rows[each.reference].customer_id, day(rows[each.reference].started_at))
        for each in found
        if each.reference in rows
    )
    return _told([f"{who} was sent {count} texts on {when}" for (who, when), count in made.items() if count > most])


def states(engine: Engine) -> Counter[str]:
    """Return how many reminders are in each state."""
    with engine.connect() as connection:
        return Counter(connection.scalars(select(outbox.c.state)))


def _told(complaints: list[str]) -> list[str]:
    more = len(complaints) - SHOWN_MAX
    return complaints if more <= 0 else [*complaints[:SHOWN_MAX], f"… and {more} more of this kind"]
