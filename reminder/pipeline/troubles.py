"""Looking for troubles: one look, for alerts, for readiness and for metrics, so that none of them knows better.

It reads a handful of index ranges, so that it can be taken every few seconds. `reminder doctor` looks deeper.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from sqlalchemy import Connection

from reminder.domain.slots import SCHEDULE, Slot, due_slots
from reminder.domain.trouble import Kind, Trouble
from reminder.store import daemons, figures, gateway_states, guards, plan_runs, refusals

__all__ = ["Calendar", "look_for_troubles", "missed_slots"]

TICK_PATIENCE = timedelta(minutes=2)
"""For how long a daemon may be silent, or its ticks fail, before somebody should know."""

SLOT_PATIENCE = timedelta(minutes=30)
"""How late a slot may be: a plan of ten million accounts takes less, and so does taking over from one that died."""

SLOTS_BACK = timedelta(days=1)
"""For how long a slot that nobody planned is told of."""

SILENT_TRIPS = 5
"""How often in a row a gateway may not answer when it is tried again: seven minutes have passed by then."""

DOUBT_PATIENCE = timedelta(hours=1)
"""For how long a text may be in doubt: its provider was asked half a dozen times by then."""

BACKLOG_PATIENCE = timedelta(hours=1)
"""For how long a reminder whose time has come may be left alone."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """When plans are to be made: at `plan_at` on the clock of `timezone`."""

    timezone: str
    plan_at: tuple[time, ...]


def look_for_troubles(connection: Connection, calendar: Calendar, at: datetime) -> list[Trouble]:
    """Return what is wrong at the instant `at` (UTC), the longest first."""
    found = [
        *_ticks(connection, at),
        *_missed(connection, calendar, at),
        *_paused(connection),
        *_refused(connection, at),
        *_gateways(connection, at),
        *_doubts(connection, at),
    ]
    if not any(trouble.kind is Kind.PAUSED for trouble in found):  # else it is plain why nothing is sent
        found += _backlog(connection, at)
    return sorted(found, key=lambda trouble: (trouble.since, trouble.key))


def missed_slots(connection: Connection, calendar: Calendar, at: datetime) -> list[Slot]:
    """Return the slots of the last day that nobody has planned though it is late, the oldest first.

    None is missed before the first plan there ever was: a deployment that plans by hand has no schedule to keep.
    """
    first = plan_runs.first_started(connection)
    if first is None:
        return []
    until = at - SLOT_PATIENCE
    done = plan_runs.done_since(connection, SCHEDULE, (until - SLOTS_BACK).date() - timedelta(days=2))
    slots = due_slots(calendar.timezone, calendar.plan_at, until, late=SLOTS_BACK, done=done)
    return [slot for slot in slots if slot.at > first]


def _ticks(connection: Connection, at: datetime) -> Iterator[Trouble]:
    """Yield that nobody works, or that somebody's work fails. Where no daemon ever was, none is missed."""
    signs = daemons.listing(connection, at)
    late = at - TICK_PATIENCE
    if signs and signs[0].seen_at < late:
        found = f"no daemon has done anything since {_minute(signs[0].seen_at)}"
        yield Trouble(Kind.TICKS, signs[0].seen_at, found, "start it; its log says why it ended")
        return
    failing = [sign.failing_since for sign in signs if sign.failing_since is not None and sign.seen_at >= late]
    if failing and min(failing) < late:
        found = f"the ticks of a daemon have failed since {_minute(min(failing))}"
        yield Trouble(Kind.TICKS, min(failing), found, "see reminder.daemon.tick_failed in its log")


def _missed(connection: Connection, calendar: Calendar, at: datetime) -> Iterator[Trouble]:
    for slot in missed_slots(connection, calendar, at):
        name = f"{slot.day} {slot.number // 60:02}:{slot.number % 60:02}"
        found = f"nobody has planned the slot {name} ({calendar.timezone})"
        hint = "does a daemon run? `reminder run` plans what is due now"
        yield Trouble(Kind.MISSED_RUN, slot.at, found, hint, subject=name)


def _paused(connection: Connection) -> Iterator[Trouble]:
    for pause in guards.open_pauses(connection):
        hint = f"look at it, then `reminder run approve {pause.pause_id} --reason …`"
        found = f"nothing is sent: {pause.reason}"
        yield Trouble(Kind.PAUSED, pause.since, found, hint, subject=f"{pause.guard} {pause.day}")


def _refused(connection: Connection, at: datetime) -> Iterator[Trouble]:
    refused: Sequence[refusals.Refusal] = refusals.listing(connection, at)
    if refused:
        # Once for all daemons: they read the same files, as a rule, and one of them is told of already.
        first = refused[0].problems[0] if refused[0].problems else "no reason told"
        yield Trouble(Kind.CONFIG_REFUSED, refused[0].since, first, "mend the files; the last good ones are in force")


def _gateways(connection: Connection, at: datetime) -> Iterator[Trouble]:
    paused = gateway_states.paused(connection, at)
    silent = {each.gateway: each.trips for each in figures.silent_gateways(connection)}
    for name, pause in sorted(paused.items()):
        if name not in silent:
            hint = "read the reason; deploy/RUNBOOK.md says what to do, and texts wait meanwhile"
            yield Trouble(Kind.GATEWAY_PAUSED, pause.since, f"{name} is paused: {pause.reason}", hint, subject=name)
    for name, trips in silent.items():
        if trips >= SILENT_TRIPS:
            since = paused[name].since if name in paused else at
            found = f"{name} has not answered {trips} times in a row, though it was left alone in between"
            yield Trouble(Kind.GATEWAY_SILENT, since, found, "see the provider's own pages", subject=name)


def _doubts(connection: Connection, at: datetime) -> Iterator[Trouble]:
    count, since = figures.doubts(connection)
    if since is not None and since < at - DOUBT_PATIENCE:
        found = f"{count} reminders are in doubt, the oldest since {_minute(since)}"
        hint = "`reminder outbox doubts` lists them; `reminder outbox resolve` settles one"
        yield Trouble(Kind.DOUBTS, since, found, hint)


def _backlog(connection: Connection, at: datetime) -> Iterator[Trouble]:
    waiting = figures.backlog(connection, at)
    if waiting.since is not None and waiting.since < at - BACKLOG_PATIENCE:
        found = f"{waiting.count} reminders wait to be sent, the first since {_minute(waiting.since)}"
        yield Trouble(Kind.BACKLOG, waiting.since, found, "does a daemon run, and can it keep up? See its log")


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%MZ}"
