"""`reminder retention`: how long what is personal is kept, and what goes now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from reminder.cli.frame import Frame, dry_run_option, json_option, pass_frame, who_option

if TYPE_CHECKING:
    from reminder.domain.retention import Matter, Retention

__all__ = ["retention"]


@click.group()
def retention() -> None:
    """Let go of what is personal when its time is over."""


@retention.command()
@json_option
@pass_frame
def show(frame: Frame, as_json: bool) -> None:
    """Show how long what is kept, and how many rows are older than that now.

    \b
    Example:
      reminder retention show
    """
    from reminder.cli.output import emit_json, table
    from reminder.domain.retention import Matter

    rules, counts = _rules(frame), _due(frame)
    if as_json:
        emit_json([{"what": each, "days": _days(rules, each), "due": counts.get(each, {})} for each in Matter])
        return
    rows = [(each, _kept(_days(rules, each)), _spelt(counts.get(each, {}))) for each in Matter]
    table(("what", "kept for", "older than that"), rows)


@retention.command()
@who_option
@dry_run_option
@json_option
@pass_frame
def run(frame: Frame, who: str, dry_run: bool, as_json: bool) -> None:
    """Remove what is personal from everything older than its age, now. The daemon does it every day by itself.

    Numbers, texts and people's words go, for good. States, amounts and keys stay, and so does the proof: `audit verify`
    is as green as before. Nothing is touched that is planned, on its way, in doubt or waiting for a person, nor
    suppressions, consents and marks of numbers.

    \b
    Examples:
      reminder retention run --dry-run
      reminder retention run
    """
    from reminder.cli.output import emit_json, table

    rules = _rules(frame)
    done = _due(frame) if dry_run else _swept(frame, who)
    if as_json:
        emit_json({"dry_run": dry_run, "rows": done})
        return
    if not rules.ages:
        click.echo("Everything is kept for good: `retention` of config/reminder.yaml names no age.")
        return
    rows = [(matter, name, count) for matter, tables in done.items() for name, count in tables.items() if count]
    if rows:
        table(("what", "table", "would go" if dry_run else "rows"), rows, right=("would go", "rows"))
    else:
        click.echo("Nothing is older than its age.")
    if dry_run:
        click.echo("Dry run: nothing was changed.", err=True)


def _rules(frame: Frame) -> Retention:
    from reminder.pipeline.terms import retention_of

    return retention_of(frame.installation.settings)


def _due(frame: Frame) -> Mapping[Matter, Mapping[str, int]]:
    from reminder.store import retention as store

    with frame.database(read_only=True) as engine, engine.connect() as connection:
        return store.due(connection, _rules(frame), frame.now())


def _swept(frame: Frame, who: str) -> Mapping[Matter, Mapping[str, int]]:
    from reminder.cli.output import progress
    from reminder.domain.record import Actor
    from reminder.store import retention as store

    rules = _rules(frame)
    done: dict[Matter, dict[str, int]] = {}
    with frame.database() as engine, progress("Removing") as advance:
        for batch in store.sweep(engine, rules, who=who, actor=Actor.OPERATOR, at=frame.now()):
            tables = done.setdefault(batch.matter, {})
            tables[batch.table] = tables.get(batch.table, 0) + batch.rows
            advance(batch.rows)
    return done


def _days(rules: Retention, matter: Matter) -> int | None:
    age = rules.ages.get(matter)
    return None if age is None else age.days


def _kept(days: int | None) -> str:
    return "for good" if days is None else f"{days} days"


def _spelt(tables: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in tables.items() if count) or "none"
