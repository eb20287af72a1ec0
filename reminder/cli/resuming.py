"""What `reminder hold list --resuming` shows: whose pause ends on a day, and what each account would get then."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from reminder.cli.agreeing import day_of
from reminder.cli.frame import Frame

if TYPE_CHECKING:
    from reminder.pipeline.explain import Explanation
    from reminder.pipeline.resuming import Resuming

__all__ = ["show_resuming"]


def show_resuming(frame: Frame, day: str, *, limit: int, as_json: bool) -> None:
    """Print the holds that end on a day of the schedule's zone, written as a date or `tomorrow`, and what follows."""
    from reminder.cli.output import emit_json, instant, table
    from reminder.domain.guard import day_span
    from reminder.pipeline.resuming import resuming

    zone = frame.installation.settings.schedule.timezone
    since, until = day_span(_day(day, frame.now(), zone), zone)
    with frame.deployment(read_only=True) as deployment:
        found = resuming(deployment, since, until, limit=limit)
    if as_json:
        emit_json([_data(each) for each in found])
        return
    rows = []
    for each in found:
        lines = [
            (told.account.account_id, told.step.key if told.step else "", _then(told)) for told in each.explanations
        ]
        lines += [("…", "", "and further accounts")] if each.more else []
        for account_id, step, then in lines or [("none now", "", "")]:
            rows.append((each.hold.hold_id, each.hold.whom, instant(each.hold.until, zone), account_id, step, then))
    table(("hold", "whom", "ends", "account", "step", "then"), rows, right=("hold",))


def _day(text: str, at: datetime, zone: str) -> date:
    today = at.astimezone(ZoneInfo(zone)).date()
    words = {"today": today, "tomorrow": today + timedelta(days=1)}
    return words.get(text.strip().lower()) or day_of(text)


def _line(told: Explanation) -> tuple[str, str, str]:
    return told.account.account_id, told.step.key if told.step else "", _then(told)


def _then(told: Explanation) -> str:
    from reminder.domain.verdict import Send

    if told.decision is None:
        return told.silence
    verdict = told.decision.verdict
    return "send" if isinstance(verdict, Send) else f"{verdict.reason}: {verdict.detail}"


def _data(each: Resuming) -> dict[str, object]:
    return {
        "hold_id": each.hold.hold_id,
        "whom": each.hold.whom,
        "until": each.hold.until,
        "accounts": [
            {"account_id": told.account.account_id, "step": told.step.key if told.step else None, "then": _then(told)}
            for told in each.explanations
        ],
        "more": each.more,
    }
