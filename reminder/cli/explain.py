"""`reminder explain`: why an account is or is not reminded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reminder.cli.frame import Frame, at_option, json_option, parse_at, pass_frame

if TYPE_CHECKING:
    from reminder.domain.account import Account
    from reminder.domain.verdict import Verdict
    from reminder.pipeline.explain import Explanation

__all__ = ["explain"]


@click.command()
@click.argument("account")
@at_option
@json_option
@pass_frame
def explain(frame: Frame, account: str, at: str | None, as_json: bool) -> None:
    """Say why an account is or is not reminded.

    Shows the policy and the step that the account deserves, the answer of every gate, the verdict, and what has
    happened to its reminders so far. Nothing is written.

    \b
    Examples:
      reminder explain LN-20260728
      reminder explain LN-20260728 --at 2026-07-28T10:00
    """
    from reminder.cli.output import emit_json
    from reminder.errors import DataError
    from reminder.pipeline import explain as pipeline

    instant = parse_at(at, frame.installation)
    with frame.deployment(read_only=True) as deployment:
        found = pipeline.explain(deployment, account, instant)
    if found is None:
        raise DataError(f"expected an account of the book, found none called {account!r}: check its key")
    if as_json:
        emit_json(_data(found))
    else:
        _show(found, frame.installation.settings.schedule.timezone)


def _show(found: Explanation, zone: str) -> None:
    from reminder.cli.output import clean, instant, table

    for line in _about(found.account):
        click.echo(clean(line))
    if found.policy is not None:
        step = f", step {found.step.key} ({found.step.tier})" if found.step else ""
        click.echo(clean(f"policy {found.policy.name}{step}, DPD {found.dpd}"))
    for each in found.agreed:
        click.echo(clean(f"{each.agreement.name}: {each.standing.state}: {each.standing.why}"))
    click.secho(f"\nAt {instant(found.at, zone)}: {_conclusion(found, zone)}", bold=True)
    if found.gates:
        rows = [("stops" if gate.stops else "", gate.gate, gate.detail) for gate in found.gates]
        table(("", "gate", "answer"), rows)
    if found.history:
        past = [
            (row.reminder_id, row.step, row.due_date, row.state, instant(row.changed_at, zone), row.reason)
            for row in found.history
        ]
        table(("id", "step", "due", "state", "since", "reason"), past, right=("id",), title="\nSo far")


def _about(account: Account) -> list[str]:
    from reminder.domain.phone import mask_phone

    owed = f"{account.amount_due}" if account.amount_due else "an amount that can't be read"
    closed = ", closed" if account.closed else ""
    number = mask_phone(account.phone) if account.phone else "no number"
    known = {"language": account.language, "zone": account.timezone, "product": account.product}
    return [
        f"{account.account_id} of customer {account.customer_id}: {owed} due {account.due_date or 'on no day'}{closed}",
        f"{number}, " + ", ".join(f"{word} {value or '?'}" for word, value in known.items()),
        *(f"the book: {problem}" for problem in account.problems),
    ]


def _conclusion(found: Explanation, zone: str) -> str:
    from reminder.cli.output import clean

    if found.decision is None:
        return clean(f"no text; {found.silence}")
    return clean(_in_words(found.decision.verdict, zone))


def _in_words(verdict: Verdict, zone: str) -> str:
    from reminder.cli.output import instant
    from reminder.domain.verdict import Defer, Send

    if isinstance(verdict, Send):
        return f"send; the text must arrive before {instant(verdict.valid_until, zone)}"
    if isinstance(verdict, Defer):
        return f"wait until {instant(verdict.until, zone)} ({verdict.reason}): {verdict.detail}"
    again = "" if verdict.final else "; asked again while the step is true"
    return f"silent ({verdict.reason}): {verdict.detail}{again}"


def _data(found: Explanation) -> dict[str, object]:
    from reminder.domain.phone import mask_phone

    account = found.account
    amount = account.amount_due
    return {
        "at": found.at,
        "account": {
            "account_id": account.account_id,
            "customer_id": account.customer_id,
            "due_date": account.due_date,
            "amount_due": amount.amount if amount else None,
            "currency": amount.currency if amount else None,
            "phone": mask_phone(account.phone) if account.phone else None,
            "closed": account.closed,
            "problems": list(account.problems),
        },
        "policy": found.policy.name if found.policy else None,
        "step": found.step.key if found.step else None,
        "dpd": found.dpd,
        "agreed": [
            {
                "agreement_id": each.agreement.agreement_id, "kind": each.agreement.kind, "on_record":
                each.agreement.state, "state": each.standing.state, "why": each.standing.why,
            }
            for each in found.agreed
        ],
        "silence": found.silence or None,
        "verdict": _verdict_data(found.decision.verdict) if found.decision else None,
        "gates": [
            {"gate": gate.gate, "answer": gate.detail, "stops": _verdict_data(gate.stops) if gate.stops else None}
            for gate in found.gates
        ],
        "history": [
            {
                "reminder_id": row.reminder_id, "step": row.step, "due_date": row.due_date, "state": row.state,
                "changed_at": row.changed_at, "reason": row.reason,
            }
            for row in found.history
        ],
    }  # fmt: skip


def _verdict_data(verdict: Verdict) -> dict[str, object]:
    from reminder.domain.verdict import Defer, Send

    if isinstance(verdict, Send):
        return {"says": "send", "valid_until": verdict.valid_until}
    if isinstance(verdict, Defer):
        return {"says": "defer", "until": verdict.until, "reason": verdict.reason, "detail": verdict.detail}
    return {"says": "skip", "reason": verdict.reason, "detail": verdict.detail, "final": verdict.final}
