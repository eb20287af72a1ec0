"""What `reminder promise` and `reminder plan` share: making an agreement, listing, showing and cancelling it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import click

from reminder.cli.frame import Frame

if TYPE_CHECKING:
    from reminder.domain.agreement import Agreement, AgreementKind, Part
    from reminder.domain.money import Money
    from reminder.pipeline.act_lists import Rules

__all__ = ["amount_of", "cancel", "day_of", "make", "rules_of", "show", "show_list"]


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


def show_list(
    frame: Frame, kind: AgreementKind, *, account_id: str | None, everything: bool, limit: int, as_json: bool
) -> None:
    """Print agreements of a kind, the newest first; without `everything` only those that are open."""
    from reminder.cli.output import emit_json, instant, table
    from reminder.store import agreements

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
    columns = (kind.value, "account", "amount", "first day", "last day", "state", "made", "who", "note")
    table(columns, rows, right=(kind.value, "amount"))


def show(frame: Frame, kind: AgreementKind, number: int, *, as_json: bool) -> None:
    """Print one agreement, and where it stands by the book as it is now."""
    from reminder.cli.output import clean, emit_json, instant, table
    from reminder.pipeline.agreements import standing_of

    with frame.deployment(read_only=True) as deployment:
        found, standing = standing_of(deployment, number, kind, frame.now())
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
    for name, text in lines.items():
        if text:
            click.echo(f"  {name + ':':<13}{clean(text)}")
    table(("by", "amount"), [(part.day, part.amount) for part in found.parts], right=("amount",))


def cancel(frame: Frame, kind: AgreementKind, number: int, *, reason: str, who: str, dry_run: bool) -> None:
    """Take an open agreement back, for a reason that is kept."""
    from reminder.store import agreements

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
