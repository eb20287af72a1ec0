"""`reminder schedule`: when the daemon plans, as it will act, and what it has planned."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from reminder.cli.frame import Frame, at_option, json_option, parse_at, pass_frame

if TYPE_CHECKING:
    from datetime import datetime

    from reminder.daemon.agenda import Entry

__all__ = ["schedule"]


@click.group()
def schedule() -> None:
    """Show when the daemon plans, and what it has planned."""


@schedule.command("list")
@click.option("--days", type=click.IntRange(0, 366), default=2, show_default=True, help="How many days ahead to look.")
@at_option
@json_option
@pass_frame
def list_(frame: Frame, days: int, at: str | None, as_json: bool) -> None:
    """List the slots of the schedule: those of the last day, and those to come.

    Worked out as the daemon does: a slot in the hour that clocks skip comes right after it, and one in the hour that
    they show twice comes once. `due` is what the leader plans with its next look, `missed` what came too long ago
    (`catch_up_hours`). Each slot that was planned names who planned it, and how many reminders were new.

    \b
    Examples:
      reminder schedule list
      reminder schedule list --days 7 --at 2026-10-24T00:00
    """
    from reminder.cli.output import emit_json, table
    from reminder.daemon.agenda import agenda, first_day
    from reminder.daemon.reload import schedule_of
    from reminder.domain.slots import SCHEDULE
    from reminder.store import plan_runs

    instant, kept = parse_at(at, frame.installation), schedule_of(frame.installation.settings)
    with frame.database(read_only=True) as engine, engine.connect() as connection:
        runs = plan_runs.since(connection, SCHEDULE, first_day(kept, instant))
    entries = agenda(kept, instant, days=days, runs=runs)
    if as_json:
        found = [_data(entry, kept.timezone) for entry in entries]
        emit_json({"at": instant, "timezone": kept.timezone, "slots": found})
        return
    table(
        ("slot", "comes", "UTC", "standing", "new", "by"),
        [_row(entry, kept.timezone) for entry in entries],
        right=("new",),
    )


def _wall(entry: Entry) -> str:
    return f"{entry.slot.number // 60:02}:{entry.slot.number % 60:02}"


def _shown(at: datetime, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M %Z}"


def _row(entry: Entry, zone: str) -> tuple[object, ...]:
    slot, run = entry.slot, entry.run
    return (
        f"{slot.day} {_wall(entry)}",
        _shown(slot.at, zone),
        f"{slot.at:%Y-%m-%d %H:%M}",
        entry.standing.replace("_", " "),
        "" if run is None else run.planned,
        "" if run is None else run.owner,
    )


def _data(entry: Entry, zone: str) -> dict[str, object]:
    slot, run = entry.slot, entry.run
    return {
        "slot_date": slot.day,
        "slot_time": _wall(entry),
        "at": slot.at,
        "local": slot.at.astimezone(ZoneInfo(zone)).isoformat(),
        "standing": entry.standing,
        "planned": run.planned if run else None,
        "owner": run.owner if run else None,
        "started_at": run.started_at if run else None,
        "ended_at": run.ended_at if run else None,
    }
