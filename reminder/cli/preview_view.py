"""A preview as it is shown: collected within bounds, in tables for people and as data for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

import click

from reminder.cli.output import clean, instant, table
from reminder.domain.phone import mask_phone
from reminder.domain.verdict import Reason
from reminder.pipeline.preview import Entry, Totals, Verb

__all__ = ["Collected", "as_data", "collect", "cost_in_words", "show", "show_totals"]

_HEADINGS = ("policy", "tier", "step", "language", "gateway")


@dataclass
class Collected:
    """A preview at an instant: totals over all of it, and the first entries of each verb.

    `reasons` counts reminders by verb and reason. `settled` is how many accounts in the days of some step owe nothing.
    `warnings` are sentences about what this preview can't know.
    """

    at: datetime
    totals: Totals = field(default_factory=Totals)
    entries: dict[Verb, list[Entry]] = field(default_factory=lambda: {verb: [] for verb in Verb})
    reasons: dict[Verb, Counter[Reason]] = field(default_factory=lambda: {verb: Counter() for verb in Verb})
    settled: int = 0
    warnings: tuple[str, ...] = ()


def collect(
    entries: Iterable[Entry],
    at: datetime,
    *,
    limit: int | None,
    settled: int = 0,
    wanted: Callable[[Entry], bool] = lambda _: True,
) -> Collected:
    """Return the wanted entries of a preview, counted, with at most `limit` of each verb kept; None keeps all."""
    collected = Collected(at, settled=settled)
    for entry in filter(wanted, entries):
        collected.totals.add(entry)
        if entry.reason is not None:
            collected.reasons[entry.verb][entry.reason] += 1
        kept = collected.entries[entry.verb]
        if limit is None or len(kept) < limit:
            kept.append(entry)
    return collected


def show(collected: Collected, zone: str) -> None:
    """Print the preview for people: texts first, then who waits and until when, then who stays silent and why."""
    entries, verbs = collected.entries, collected.totals.verbs
    _heading("Would be sent", Verb.SEND, collected)
    for entry in entries[Verb.SEND]:
        _show_text(entry)
    if entries[Verb.HAND_OVER]:
        _heading("Would be handed over", Verb.HAND_OVER, collected)
        _show_rows(entries[Verb.HAND_OVER], ("account", "policy", "step", "DPD", "detail"), zone)
    if entries[Verb.DEFER]:
        _heading("Wait", Verb.DEFER, collected)
        _show_rows(entries[Verb.DEFER], ("account", "policy", "step", "DPD", "reason", "until", "detail"), zone)
    if entries[Verb.SKIP]:
        _heading("Stay silent", Verb.SKIP, collected)
        _show_rows(entries[Verb.SKIP], ("account", "policy", "step", "DPD", "reason", "detail"), zone)
    if not verbs:
        click.echo("Nobody is inside the days of any step.")
    show_totals(collected, zone)


def show_totals(collected: Collected, zone: str) -> None:
    """Print what a preview adds up to."""
    totals = collected.totals
    verbs = totals.verbs
    click.secho(f"\nAt {instant(collected.at, zone)}", bold=True)
    click.echo(
        f"  {verbs[Verb.SEND]} texts ({totals.segments} segments, {cost_in_words(totals)}), "
        f"{verbs[Verb.HAND_OVER]} handed over, {verbs[Verb.DEFER]} wait, {verbs[Verb.SKIP]} stay silent; "
        f"{collected.settled} more in these days owe nothing"
    )
    for heading in _HEADINGS:
        counts = totals.by.get(heading)
        if counts:
            click.echo(f"  {f'by {heading}':<12}  {_counts(counts)}")
    for verb, title in ((Verb.DEFER, "wait"), (Verb.SKIP, "silent")):
        if collected.reasons[verb]:
            click.echo(f"  {title:<12}  {_counts(collected.reasons[verb])}")


def cost_in_words(totals: Totals) -> str:
    """Return the cost of all texts: `1.35 USD + 0.90 CNY`, or that no price is known."""
    if not totals.cost:
        return "no price known"
    return " + ".join(f"{amount.normalize():f} {currency}" for currency, amount in sorted(totals.cost.items()))


def as_data(collected: Collected) -> dict[str, object]:
    """Return the preview as plain data for `--json`, numbers masked."""
    totals = collected.totals
    return {
        "at": collected.at,
        "totals": {
            "texts": totals.verbs[Verb.SEND],
            "hand_overs": totals.verbs[Verb.HAND_OVER],
            "deferred": totals.verbs[Verb.DEFER],
            "skipped": totals.verbs[Verb.SKIP],
            "settled": collected.settled,
            "segments": totals.segments,
            "cost": dict(sorted(totals.cost.items())),
            "by": {heading: dict(totals.by.get(heading, {})) for heading in _HEADINGS},
            "reasons": {str(reason): count for reason, count in sorted(totals.silent.items())},
        },
        "entries": [_entry_data(entry) for verb in Verb for entry in collected.entries[verb]],
    }


def _entry_data(entry: Entry) -> dict[str, object]:
    return {
        "verb": entry.verb,
        "accounts": list(entry.accounts),
        "customer_id": entry.customer_id,
        "policy": entry.policy,
        "step": entry.step,
        "tier": entry.tier or None,
        "due_date": entry.due_date,
        "dpd": entry.dpd,
        "reason": entry.reason,
        "detail": entry.detail,
        "until": entry.until,
        "number": mask_phone(entry.number) if entry.number else None,
        "language": entry.language or None,
        "template": entry.template or None,
        "gateway": entry.gateway or None,
        "instead_of": entry.instead_of,
        "text": entry.body or None,
        "encoding": entry.encoding or None,
        "segments": entry.segments,
        "cost": entry.cost,
        "cost_currency": entry.cost_currency or None,
    }


def _heading(title: str, verb: Verb, collected: Collected) -> None:
    count, shown = collected.totals.verbs[verb], len(collected.entries[verb])
    if count:
        rest = f", the first {shown} of them" if shown < count else ""
        click.secho(f"\n{title} ({count}{rest})", bold=True)


def _show_text(entry: Entry) -> None:
    gateway = f"{entry.gateway} in place of {entry.instead_of}" if entry.instead_of else entry.gateway
    cost = f" · {entry.cost.normalize():f} {entry.cost_currency}" if entry.cost is not None else ""
    parts = "1 segment" if entry.segments == 1 else f"{entry.segments} segments"
    number = mask_phone(entry.number) if entry.number else ""
    head = f"{entry.policy} {entry.step} · {', '.join(entry.accounts)} · {number} · {parts} · {gateway}{cost}"
    click.secho(f"  {clean(head)}", fg="cyan")
    for line in entry.body.split("\n"):
        click.echo(f"    {clean(line)}")


def _show_rows(entries: Iterable[Entry], columns: tuple[str, ...], zone: str) -> None:
    rows = ([_cells(entry, zone)[column] for column in columns] for entry in entries)
    table(columns, rows, right=("DPD",))


def _cells(entry: Entry, zone: str) -> dict[str, object]:
    return {
        "account": entry.accounts[0],
        "policy": entry.policy,
        "step": entry.step,
        "DPD": entry.dpd,
        "reason": entry.reason,
        "until": instant(entry.until, zone),
        "detail": entry.detail,
    }


def _counts(counts: Counter[str] | Counter[Reason]) -> str:
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0])))
    return ", ".join(f"{clean(name)} {count}" for name, count in ranked)
