"""`reminder report`: what has become of the reminders that were planned in some days."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from typing import TYPE_CHECKING

import click

from reminder.cli.frame import Frame, json_option, pass_frame

if TYPE_CHECKING:
    from reminder.pipeline.report import Days, Line, Report

__all__ = ["report"]

DAYS_SHOWN = 7
"""How many days a report is about unless told otherwise, today included."""

_HEADINGS = ("day", "policy", "tier", "step", "gateway", "language")
# Written out, so that help need not import the pipeline; a test holds them to pipeline.report.By.

_SHOWN_STATES = ("in_doubt", "sent", "delivered", "undelivered", "failed", "printed", "handed_over")


@click.command()
@click.option("--from", "first", metavar="DAY", help=f"First day, as 2026-07-28. Default: {DAYS_SHOWN} days to --to.")
@click.option("--to", "last", metavar="DAY", help="Last day. Default: today.")
@click.option("--by", type=click.Choice(_HEADINGS), default="day", show_default=True, help="What the lines stand for.")
@click.option(
    "--paid-within", metavar="DAYS", type=click.IntRange(1, 365), help="Ask how many paid within so many days."
)
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, for spreadsheets.")
@pass_frame
def report(
    frame: Frame, first: str | None, last: str | None, by: str, paid_within: int | None, as_json: bool, as_csv: bool
) -> None:
    """Report what has become of the reminders of some days.

    Each reminder is counted once, on the day on which it was planned (on the calendar of `schedule.timezone`), under
    the state it has now; so every line adds up. "sent" are those that a gateway took and no carrier has spoken of yet.
    A text for several reminders is one text. Costs are at the prices that the settings name now. Tiers are those of
    the policies in force.

    --paid-within reads the book. A book says what is owed now, not since when, so a payment is dated by what was seen:
    a cycle was owed when one of its reminders was planned or texted, and paid when one was cancelled for that reason,
    when a reminder of its next due date was planned, or now. "unseen" are those that are paid, or gone from the book,
    and nobody saw whether that was in time: ask soon after the days are over. A due date that was put off looks like
    one that was paid, and that a text was the cause of a payment is more than anybody can know.

    \b
    Examples:
      reminder report
      reminder report --by step --from 2026-07-01 --to 2026-07-31
      reminder report --by tier --paid-within 7 --csv
    """
    from reminder.cli.output import emit_json
    from reminder.pipeline.report import By, make_report

    if as_json and as_csv:
        raise click.UsageError("expected --json or --csv, found both: give one of them")
    days = _days(frame, first, last)
    with frame.deployment(read_only=True) as deployment:
        made = make_report(deployment, days, By(by), paid_within=paid_within, at=frame.now())
    if as_json:
        emit_json(_data(made))
    elif as_csv:
        click.echo(_csv(made), nl=False)
    else:
        _show(made)


def _days(frame: Frame, first: str | None, last: str | None) -> Days:
    from zoneinfo import ZoneInfo

    from reminder.errors import DataError
    from reminder.pipeline.report import Days

    zone = frame.installation.settings.schedule.timezone
    try:
        to = _day(last, "--to") if last else frame.now().astimezone(ZoneInfo(zone)).date()
        since = _day(first, "--from") if first else to - timedelta(days=DAYS_SHOWN - 1)
        return Days(since, to, zone)
    except DataError as error:
        raise click.UsageError(str(error)) from None


def _day(text: str, option: str) -> date:
    from reminder.errors import DataError

    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise DataError(f"{option}: expected a day such as 2026-07-28, found {text!r}") from None
    if not 2000 <= day.year <= 2999:
        raise DataError(f"{option}: expected a day of our times, found {text!r}")
    return day


def _show(made: Report) -> None:
    from reminder.cli.output import table

    columns = [made.by.value, "planned", "waiting", *(name.replace("_", " ") for name in _SHOWN_STATES), "silent"]
    columns += ["texts", "segments", "cost", *_payment_columns(made)]
    rows = [_cells(line, made) for line in (*made.lines, made.total)]
    title = f"Planned from {made.days.first} to {made.days.last} ({made.days.zone})"
    table(columns, rows, right=columns[1:], title=title)
    for name, reasons in (("silent", made.total.silent), ("waiting", made.total.waiting)):
        if reasons:
            table((f"why {name}", "reminders"), reasons.most_common(), right=("reminders",), title=f"\nWhy {name}")


def _cells(line: Line, made: Report) -> list[object]:
    from reminder.domain.lifecycle import State

    states = line.states
    waiting = states[State.PLANNED] + states[State.SENDING]
    cells: list[object] = [line.key, line.planned, waiting, *(states[State(name)] for name in _SHOWN_STATES)]
    cost = " + ".join(f"{amount} {currency}" for currency, amount in sorted(line.cost.items()))
    return [*cells, line.silent.total(), line.texts, line.segments, cost, *_payments(line, made)]


def _payment_columns(made: Report) -> list[str]:
    return [f"paid in {made.paid_within} d", "not", "unseen", "too early"] if made.paid_within else []


def _payments(line: Line, made: Report) -> list[int]:
    from reminder.pipeline.repaid import Repaid

    return [line.repaid[answer] for answer in Repaid] if made.paid_within else []


def _data(made: Report) -> dict[str, object]:
    return {
        "from": made.days.first,
        "to": made.days.last,
        "timezone": made.days.zone,
        "by": made.by,
        "paid_within": made.paid_within,
        "lines": [_line_data(line, made) for line in made.lines],
        "total": _line_data(made.total, made),
    }


def _line_data(line: Line, made: Report) -> dict[str, object]:
    from reminder.domain.lifecycle import State
    from reminder.pipeline.repaid import Repaid

    data: dict[str, object] = {
        "key": line.key,
        "planned": line.planned,
        "states": {state.value: line.states[state] for state in State},
        "silent": dict(sorted(line.silent.items())),
        "waiting": dict(sorted(line.waiting.items())),
        "texts": line.texts,
        "segments": line.segments,
        "cost": dict(sorted(line.cost.items())),
    }
    payments = {answer.value: line.repaid[answer] for answer in Repaid}
    return data | ({"repaid": payments} if made.paid_within else {})


def _csv(made: Report) -> str:
    """Return the report as CSV, flat: reasons and currencies become columns, those of them that occur."""
    rows = [_flat(line, made) for line in (*made.lines, made.total)]
    columns = list(dict.fromkeys(name for row in reversed(rows) for name in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval=0, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _flat(line: Line, made: Report) -> dict[str, object]:
    data = _line_data(line, made)
    flat: dict[str, object] = {made.by.value: _harmless(line.key), "planned": line.planned}
    for group, prefix in (("states", "state_"), ("silent", "silent_"), ("waiting", "waiting_")):
        flat |= _prefixed(data[group], prefix)
    flat |= {"texts": line.texts, "segments": line.segments}
    return flat | _prefixed(data["cost"], "cost_") | _prefixed(data.get("repaid", {}), "repaid_")


def _prefixed(values: object, prefix: str) -> dict[str, object]:
    return {f"{prefix}{name}": value for name, value in values.items()} if isinstance(values, dict) else {}


def _harmless(key: str) -> str:
    """Return a key that no spreadsheet takes for a formula (law 11)."""
    return f"'{key}" if key.startswith(("=", "+", "-", "@", "\t", "\r")) else key
