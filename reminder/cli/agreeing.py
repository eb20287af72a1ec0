"""What `reminder promise` and `reminder plan` share: making an agreement, listing, showing and cancelling it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import click

from reminder.cli.frame import Frame, dry_run_option, json_option, limit_option, pass_frame, who_option

if TYPE_CHECKING:
    from reminder.domain.agreement import Agreement, AgreementKind, Part
    from reminder.domain.money import Money
    from reminder.pipeline.act_lists import Rules

__all__ = ["add_commands", "amount_of", "day_of", "make", "rules_of"]


def day_of(text: str) -> date:
    """Return a day written `2026-12-01`; raise click.BadParameter for anything else."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise click.BadParameter(f"expected a day such as 2026-12-01, found {text!r}") from None


def amount_of(text: str) -> Decimal:
    """Return an amount in major units; raise click.BadParameter for what is no number."""
    try:
        return Decimal(text.strip())
    except InvalidOperation:
        raise click.BadParameter(f"expected an amount such as 500.00, found {text!r}") from None


def rules_of(frame: Frame, who: str) -> Rules:
    """Return what all rows of a file of holds or promises have in common."""
    from reminder.pipeline.act_lists import Rules

    settings = frame.installation.settings
    judged = settings.agreements
    return Rules(who, frame.now(), settings.schedule.timezone, judged.grace_days, judged.tolerance_percent)


def make(
    frame: Frame,
    kind: AgreementKind,
    account_id: str,
    parts: Callable[[Money], Sequence[Part]],
    *,
    grace_days: int | None,
    never_ends: bool = False,
    note: str,
    who: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Write an agreement on an account as the book has it now, and say what it is; with `dry_run` only the latter."""
    from reminder.cli.output import clean, emit_json
    from reminder.pipeline import agreements as pipeline
    from reminder.store import agreements

    rules, at = frame.installation.settings.agreements, frame.now()
    with frame.deployment() as deployment, deployment.book.engine.connect() as book:
        made = pipeline.make(
            deployment,
            book,
            kind=kind,
            account_id=account_id,
            parts=parts,
            grace_days=None if never_ends else rules.grace_days if grace_days is None else grace_days,
            tolerance_percent=rules.tolerance_percent,
            note=note,
            who=who,
            at=at,
        )
    with frame.writing(dry_run=dry_run) as connection:
        number = agreements.add(connection, made)
        written = agreements.find(connection, number)
    assert written is not None  # noqa: S101 - it was written above
    if as_json:
        emit_json(_data(written))
        return
    verb = "would be" if dry_run else "is"
    click.echo(clean(f"{written.name.capitalize()}: account {account_id} {verb} to pay {_asks(written)}."))


def _asks(agreement: Agreement) -> str:
    paid = "; ".join(f"{part.amount} by {part.day}" for part in agreement.parts)
    late = "a missed part never ends it"
    if agreement.grace_days is not None:
        late = f"{agreement.grace_days} days are left for booking"
    return f"{paid}; {late}"


def add_commands(group: click.Group, *, cancelled: str) -> None:
    """Add `list`, `show` and `cancel` to `reminder promise` or `reminder plan`, each named as its kind of agreement.

    `cancelled` says what cancelling one leads to.
    """
    name = str(group.name)

    @group.command("list", help=_LIST.format(name=name))
    @click.option("--account", "account_id", metavar="ID", help="Only of this account.")
    @click.option("--all", "everything", is_flag=True, help="Also those that were kept, broken or cancelled.")
    @limit_option(100)
    @json_option
    @pass_frame
    def list_(frame: Frame, account_id: str | None, everything: bool, limit: int, as_json: bool) -> None:
        _show_list(frame, name, account_id=account_id, everything=everything, limit=limit, as_json=as_json)

    @group.command(help=_SHOW.format(name=name))
    @click.argument("number", type=click.IntRange(min=1))
    @json_option
    @pass_frame
    def show(frame: Frame, number: int, as_json: bool) -> None:
        _show(frame, name, number, as_json=as_json)

    @group.command(help=_CANCEL.format(name=name, cancelled=cancelled))
    @click.argument("number", type=click.IntRange(min=1))
    @click.option("--reason", required=True, help="Why: it is kept.")
    @who_option
    @dry_run_option
    @pass_frame
    def cancel(frame: Frame, number: int, reason: str, who: str, dry_run: bool) -> None:
        _cancel(frame, name, number, reason=reason, who=who, dry_run=dry_run)


_LIST = """List {name}s, the newest first; without --all only those that are open.

\b
Example:
  reminder {name} list --all --account LN-1001
"""

_SHOW = """Show one {name}, and where it stands by the book as it is now.

\b
Example:
  reminder {name} show 17
"""

_CANCEL = """Take an open {name} back: {cancelled}.

\b
Example:
  reminder {name} cancel 17 --reason "meant for another account"
"""


def _show_list(frame: Frame, name: str, *, account_id: str | None, everything: bool, limit: int, as_json: bool) -> None:
    from reminder.cli.output import emit_json, instant, table
    from reminder.domain.agreement import AgreementKind
    from reminder.store import agreements

    kind = AgreementKind(name)
    with frame.database(read_only=True) as engine, engine.connect() as connection:
        found = agreements.listing(connection, kind=kind, open_only=not everything, account_id=account_id, limit=limit)
    if as_json:
        emit_json([_data(each) for each in found])
        return
    zone = frame.installation.settings.schedule.timezone
    rows = [
        (
            each.agreement_id,
            each.account_id,
            each.total,
            each.parts[0].day,
            each.parts[-1].day,
            each.state,
            instant(each.made_at, zone),
            each.who,
            each.ended_why or each.note,
        )
        for each in found
    ]
    columns = (name, "account", "amount", "first day", "last day", "state", "made", "who", "note")
    table(columns, rows, right=(name, "amount"))


def _show(frame: Frame, name: str, number: int, *, as_json: bool) -> None:
    from reminder.cli.output import clean, emit_json, instant, table
    from reminder.domain.agreement import AgreementKind
    from reminder.pipeline.agreements import standing_of

    with frame.deployment(read_only=True) as deployment:
        found, standing = standing_of(deployment, number, AgreementKind(name), frame.now())
    data = _data(found) | {"stands": standing.state if standing else None, "why": standing.why if standing else None}
    if as_json:
        emit_json(data)
        return
    zone = frame.installation.settings.schedule.timezone
    click.echo(clean(f"{found.name.capitalize()} on account {found.account_id} of customer {found.customer_id}"))
    lines = {
        "owed then": f"{found.owed}, due {found.due_date}",
        "made": f"{instant(found.made_at, zone)} by {found.who}",
        "note": found.note,
        "on record": f"{found.state}{f' since {instant(found.ended_at, zone)}' if found.ended_at else ''}",
        "by the book": f"{standing.state}: {standing.why}" if standing else "not to be told: see `reminder explain`",
    }
    for label, text in lines.items():
        if text:
            click.echo(f"  {label + ':':<13}{clean(text)}")
    table(("by", "amount"), [(part.day, part.amount) for part in found.parts], right=("amount",))


def _cancel(frame: Frame, name: str, number: int, *, reason: str, who: str, dry_run: bool) -> None:
    from reminder.domain.agreement import AgreementKind
    from reminder.store import agreements

    kind = AgreementKind(name)
    with frame.writing(dry_run=dry_run) as connection:
        found = agreements.cancel(connection, number, kind=kind, why=reason, who=who, at=frame.now())
    whose = f"{found.name.capitalize()} of account {found.account_id}"
    click.echo(f"{whose} {'would be' if dry_run else 'is'} cancelled; its account is reminded as if it had not been.")


def _data(agreement: Agreement) -> dict[str, object]:
    return {
        "agreement_id": agreement.agreement_id,
        "kind": agreement.kind,
        "account_id": agreement.account_id,
        "customer_id": agreement.customer_id,
        "due_date": agreement.due_date,
        "owed": agreement.owed.amount,
        "currency": agreement.owed.currency,
        "parts": [{"day": part.day, "amount": part.amount.amount} for part in agreement.parts],
        "grace_days": agreement.grace_days,
        "tolerance_percent": agreement.tolerance_percent,
        "state": agreement.state,
        "note": agreement.note,
        "who": agreement.who,
        "made_at": agreement.made_at,
        "ended_at": agreement.ended_at,
        "ended_why": agreement.ended_why,
    }
