"""`reminder simulate`: the days to come, on a clock of their own."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from reminder.cli.frame import Frame, at_option, json_option, parse_at, pass_frame

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from reminder.pipeline.simulate import Day, Sums

__all__ = ["costs", "simulate", "summed"]

DAYS_SHOWN = 30
_HEADINGS = ("policy", "step", "tier")


@click.command()
@click.option(
    "--days", type=click.IntRange(1, 366), default=DAYS_SHOWN, show_default=True, help="How many days, today included."
)
@at_option
@click.option(
    "--paying",
    metavar="PERCENT",
    type=click.FloatRange(0, 100),
    default=0.0,
    show_default=True,
    help="How many of a hundred who owe are assumed to pay each day.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Draws who pays; the same seed, the same people.")
@json_option
@pass_frame
def simulate(frame: Frame, days: int, at: str | None, paying: float, seed: int, as_json: bool) -> None:
    """Show what the days to come would bring.

    Texts and their cost, hand-overs, and why others stay silent.

    The whole way on a clock of its own, over a copy of our tables that is thrown away: nothing is written or sent. The
    first pass is what `reminder preview` lists; then it is planned at `schedule.plan_at`. The book is as it is now: no
    account is new and nothing is due on another day. Gateways take everything, and guards are not asked.

    \b
    Examples:
      reminder simulate
      reminder simulate --days 90 --paying 4 --seed 1
      reminder simulate --json > next-month.json
    """
    from reminder.cli.output import emit_json, progress
    from reminder.pipeline.holidays import unofficial_holidays
    from reminder.pipeline.simulate import Payments, Schedule
    from reminder.pipeline.simulate import simulate as live_through

    instant = parse_at(at, frame.installation)
    settings = frame.installation.settings.schedule
    schedule, lived = Schedule(settings.timezone, settings.plan_at), []
    with frame.deployment(read_only=True) as deployment, progress("Simulating days", days) as advance:
        frame.start_logs("error")  # what each made-up plan would warn of is told here, once
        for warning in unofficial_holidays(deployment.policies, instant + timedelta(days=days)):
            click.secho(f"warning: {warning}", fg="yellow", err=True)
        for day in live_through(deployment, schedule, instant, days, Payments(paying, seed)):
            lived.append(day)
            advance(1)
    if as_json:
        emit_json(_data(lived))
    else:
        _show(lived, settings.timezone, paying)


def costs(cost: Mapping[str, Decimal]) -> str:
    """Return what texts cost, `1.35 USD + 0.90 CNY`; empty where no price is known."""
    return " + ".join(f"{amount.normalize():f} {currency}" for currency, amount in sorted(cost.items()))


def _show(lived: list[Day], zone: str, paying: float) -> None:
    from reminder.cli.output import table

    rows = [_cells(str(day.day), day.total, day.hand_overs, day.silent.total()) for day in lived]
    over, silent = sum(day.hand_overs for day in lived), _reasons(lived).total()
    rows.append(_cells("total", summed([day.total for day in lived]), over, silent))
    assumed = f"{paying:g} % pay each day" if paying else "nobody pays"
    right = ("texts", "segments", "handed over", "silent")
    table(("day", "texts", "segments", "cost", "handed over", "silent"), rows, right=right, title=f"{zone}, {assumed}")
    for heading in _HEADINGS:
        lines = _by(lived, heading)
        if lines:
            cells = [_cells(key, sums)[:4] for key, sums in sorted(lines.items())]
            table((heading, "texts", "segments", "cost"), cells, right=right, title=f"\nBy {heading}")
    reasons = _reasons(lived)
    if reasons:
        table(("reason", "reminders"), reasons.most_common(), right=("reminders",), title="\nWhy silent")


def _cells(key: str, sums: Sums, *others: int) -> list[object]:
    return [key, sums.texts, sums.segments, costs(sums.cost), *others]


def _reasons(lived: list[Day]) -> Counter[str]:
    return sum((day.silent for day in lived), Counter())


def _by(lived: list[Day], heading: str) -> dict[str, Sums]:
    keys = sorted({key for day in lived for key in day.by[heading]})
    return {key: summed([day.by[heading][key] for day in lived if key in day.by[heading]]) for key in keys}


def summed(many: list[Sums]) -> Sums:
    """Return several sums as one."""
    from reminder.pipeline.simulate import Sums

    whole = Sums(sum(one.texts for one in many), sum(one.segments for one in many))
    for one in many:
        for currency, amount in one.cost.items():
            whole.cost[currency] = whole.cost.get(currency, amount - amount) + amount
    return whole


def _data(lived: list[Day]) -> dict[str, object]:
    return {
        "days": lived,
        "total": summed([day.total for day in lived]),
        "by": {heading: _by(lived, heading) for heading in _HEADINGS},
        "silent": dict(_reasons(lived)),
    }
