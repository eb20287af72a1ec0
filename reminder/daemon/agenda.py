"""The agenda: the slots of some days as the daemon sees them. It goes by the same functions as a tick (`due_slots`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Row

from reminder.daemon.ticks import Schedule
from reminder.domain.slots import Slot, due_slots, slots_between

__all__ = ["BACK_DAYS", "Entry", "Standing", "agenda", "first_day"]

BACK_DAYS = 1
"""How many days back a slot is shown at least; further, where the schedule still catches it up."""


class Standing(StrEnum):
    """How it stands with a slot."""

    PLANNED = "planned"  #: Its plan has ended.
    UNDER_WAY = "under_way"  #: A plan has taken it and has not ended; if its process died, the next leader takes it.
    DUE = "due"  #: It has come and nobody has planned it: the next tick of the leader does.
    MISSED = "missed"  #: It came too long ago to be caught up: it stays as it is.
    COMING = "coming"  #: It comes later.


@dataclass(frozen=True, slots=True)
class Entry:
    """A slot, how it stands, and the run that took it, if one did."""

    slot: Slot
    standing: Standing
    run: Row[Any] | None = None


def first_day(schedule: Schedule, at: datetime) -> date:
    """Return from which local date on the agenda at the instant `at` (aware) needs to know the runs."""
    return (at - max(schedule.late, timedelta(days=BACK_DAYS)) - timedelta(days=2)).date()


def agenda(schedule: Schedule, at: datetime, *, days: int, runs: Mapping[tuple[date, int], Row[Any]]) -> list[Entry]:
    """Return the slots around the instant `at` (aware), up to `days` later, in the order in which they come.

    `runs` are those of the schedule since `first_day`, by local date and number. Raises ZoneError for a zone that is
    none.
    """
    begin = at - max(schedule.late, timedelta(days=BACK_DAYS))
    slots = slots_between(schedule.timezone, schedule.plan_at, begin, at + timedelta(days=days))
    due = due_slots(schedule.timezone, schedule.plan_at, at, late=schedule.late, done=runs)
    return [_entry(slot, at, due, runs.get((slot.day, slot.number))) for slot in slots]


def _entry(slot: Slot, at: datetime, due: list[Slot], run: Row[Any] | None) -> Entry:
    if run is not None:
        return Entry(slot, Standing.PLANNED if run.ended_at else Standing.UNDER_WAY, run)
    if slot.at > at:
        return Entry(slot, Standing.COMING)
    return Entry(slot, Standing.DUE if slot in due else Standing.MISSED)
