"""`reminder plan`: repayment plans, whose days reminders follow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from reminder.cli.agreeing import add_commands
from reminder.cli.frame import Frame, dry_run_option, json_option, pass_frame, who_option

if TYPE_CHECKING:
    from reminder.domain.agreement import Part
    from reminder.domain.money import Money

__all__ = ["plan"]


@click.group()
def plan() -> None:
    """Agree repayment plans, whose days reminders follow.

    While a plan is alive, an account is reminded of its parts, by their days and amounts, and of nothing else. A part
    that the book shows to be missed ends the plan; `broken_plan` of the policy says so to the customer.
    """


@plan.command()
@click.argument("account")
@click.option("--part", "given", multiple=True, metavar="DAY=AMOUNT", help="An amount and its day; one for each part.")
@click.option("--monthly", type=click.IntRange(1, 120), help="Or: all that is owed, in so many monthly parts.")
@click.option("--first", metavar="DAY", help="With --monthly: the first day.")
@click.option("--grace", "grace_days", type=click.IntRange(0, 30), help="Days for booking. Default: the settings'.")
@click.option("--never-ends", is_flag=True, help="A missed part does not end it.")
@click.option("--note", default="", help="What was said.")
@who_option
@dry_run_option
@json_option
@pass_frame
def add(
    frame: Frame,
    account: str,
    given: tuple[str, ...],
    monthly: int | None,
    first: str | None,
    grace_days: int | None,
    never_ends: bool,
    note: str,
    who: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Agree that ACCOUNT is paid in parts, each until the end of its day in the zone of its policy.

    \b
    Examples:
      reminder plan add LN-1001 --part 2026-12-01=500 --part 2027-01-01=500
      reminder plan add LN-1001 --monthly 6 --first 2026-12-01
    """
    from reminder.cli.agreeing import make
    from reminder.domain.agreement import AgreementKind

    make(
        frame,
        AgreementKind.PLAN,
        account,
        _parts(given, monthly, first),
        grace_days=grace_days,
        never_ends=never_ends,
        note=note,
        who=who,
        dry_run=dry_run,
        as_json=as_json,
    )


def _parts(given: tuple[str, ...], monthly: int | None, first: str | None) -> Callable[[Money], Sequence[Part]]:
    """Return how what is owed is to be paid; raise click.UsageError where the options don't say it in one way."""
    from reminder.cli.agreeing import amount_of, day_of
    from reminder.domain.agreement import Part, even_parts
    from reminder.domain.money import Money

    if bool(given) == (monthly is not None) or (monthly is None) is not (first is None):
        raise click.UsageError("expected --part for each part, or --monthly with --first; give one of the two")
    if monthly is not None and first is not None:
        begins, months = day_of(first), monthly
        return lambda owed: even_parts(owed, begins, months)
    read = []
    for each in given:
        day, equals, amount = each.partition("=")
        if not equals:
            raise click.BadParameter(f"expected DAY=AMOUNT such as 2026-12-01=500, found {each!r}")
        read.append((day_of(day), amount_of(amount)))
    return lambda owed: [Part(day, Money.of(amount, owed.currency)) for day, amount in read]


add_commands(plan, cancelled="its account is reminded by its own due date again")
