"""Figures for whoever watches: what is open, what waits and why, what became of the day. All read-only.

They are asked for every few seconds while the outbox grows for years, so each is a range of an index: what is open, or
what happened since an instant. Nothing here counts the whole outbox.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select

from reminder.domain.lifecycle import FINAL, OPEN, State
from reminder.domain.verdict import Reason
from reminder.store.schema import attempt, breaker, inbound, outbox, plan_run
from reminder.store.volumes import claimable

__all__ = ["Backlog", "Silent", "Texts", "backlog", "doubts", "fates", "last_plan", "open_by_state", "replies_waiting"]
__all__ += ["silent_gateways", "texts_since", "waiting_by_reason"]

_SILENT = FINAL - {State.SENT, State.DELIVERED, State.UNDELIVERED, State.PRINTED, State.HANDED_OVER}
"""The final states whose reason begins with a word of `Reason`."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many reminders could be claimed, and since when the first of them has waited (UTC), if there is one."""

    count: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Texts:
    """How many texts of a gateway came to one outcome (`open` while there is none), and their segments."""

    gateway: str
    outcome: str
    texts: int
    segments: int


@dataclass(frozen=True, slots=True)
class Silent:
    """A gateway that does not answer, and how often in a row it was left alone for that."""

    gateway: str
    trips: int


def open_by_state(connection: Connection) -> dict[State, int]:
    """Return how many reminders are in each open state, zeros included."""
    query = select(outbox.c.state, func.count()).where(outbox.c.state.in_(sorted(OPEN))).group_by(outbox.c.state)
    return dict.fromkeys(sorted(OPEN), 0) | {State(state): count for state, count in connection.execute(query)}


def backlog(connection: Connection, at: datetime) -> Backlog:
    """Return what could be claimed at the instant `at` (UTC) and is not."""
    query = select(func.count(), func.min(outbox.c.not_before)).where(claimable(at))
    count, since = connection.execute(query).one()
    return Backlog(count, since)


def doubts(connection: Connection) -> tuple[int, datetime | None]:
    """Return how many reminders are in doubt, and since when the oldest is (UTC)."""
    query = select(func.count(), func.min(outbox.c.changed_at)).where(outbox.c.state == State.IN_DOUBT)
    count, since = connection.execute(query).one()
    return count, since


def waiting_by_reason(connection: Connection) -> dict[str, int]:
    """Return how many planned reminders wait for which reason, a word of `Reason`; those never asked have none."""
    return _words(_counted(connection, outbox.c.state == State.PLANNED))


def fates(connection: Connection, since: datetime) -> tuple[dict[State, int], dict[str, int]]:
    """Return the reminders planned since an instant (UTC): by state, zeros included, and the silent ones by reason."""
    found = _counted(connection, outbox.c.planned_at >= since)
    states = dict.fromkeys(State, 0)
    for _, state, count in found:
        states[State(state)] += count
    return states, _words([row for row in found if row[1] in _SILENT])


def texts_since(connection: Connection, since: datetime) -> list[Texts]:
    """Return the texts that were handed to gateways since an instant (UTC)."""
    kind = attempt.c.gateway, attempt.c.outcome
    query = select(*kind, func.count(), func.sum(attempt.c.segments)).where(attempt.c.started_at >= since)
    rows = connection.execute(query.group_by(*kind).order_by(*kind))
    return [Texts(gateway, outcome or "open", texts, int(segments)) for gateway, outcome, texts, segments in rows]


def replies_waiting(connection: Connection) -> int:
    """Return how many texts from customers wait for a person."""
    return connection.scalar(select(func.count()).select_from(inbound).where(inbound.c.waits)) or 0


def silent_gateways(connection: Connection) -> Sequence[Silent]:
    """Return the gateways whose breaker is open, by name."""
    query = select(breaker).where(breaker.c.trips > 0).order_by(breaker.c.gateway)
    return [Silent(row.gateway, row.trips) for row in connection.execute(query)]


def last_plan(connection: Connection) -> datetime | None:
    """Return when the newest plan of the schedule began (UTC)."""
    return connection.scalar(select(plan_run.c.started_at).order_by(plan_run.c.plan_run_id.desc()).limit(1))


def _counted(connection: Connection, where: ColumnElement[bool]) -> list[tuple[str, str, int]]:
    """Return how many rows have which first word of their reason and which state.

    Grouped outside, so that no expression must be repeated to the letter; and by the word first: by the state alone,
    SQLite would walk through the whole index of states.
    """
    rows = select(_word(connection).label("word"), outbox.c.state).where(where).subquery("words")
    query = select(rows.c.word, rows.c.state, func.count()).group_by(rows.c.word, rows.c.state)
    return [(word, state, count) for word, state, count in connection.execute(query)]


def _words(found: Sequence[tuple[str, str, int]]) -> dict[str, int]:
    """Return the counts by word of `Reason`, zeros included; anything else is left out."""
    counts = dict.fromkeys((reason.value for reason in Reason), 0)
    for word, _, count in found:
        if word in counts:
            counts[word] += count
    return counts


def _word(connection: Connection) -> ColumnElement[str]:
    """Return what stands before the first colon of the reason, as each database says that."""
    reason = outbox.c.reason
    if connection.dialect.name == "postgresql":
        return func.split_part(reason, ":", 1)
    if connection.dialect.name == "sqlite":
        return func.substr(reason, 1, func.max(0, func.instr(reason, ":") - 1))
    return func.substring_index(reason, ":", 1)
