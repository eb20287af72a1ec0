"""`reminder audit`: the record of every act, and the proof that nobody has changed it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from reminder.cli.audit_pack import check, export
from reminder.cli.frame import EXIT_FAILURE, Frame, dry_run_option, json_option, limit_option, parse_at, pass_frame
from reminder.domain.record import Kind

if TYPE_CHECKING:
    from reminder.store.entries import Recorded
    from reminder.store.sealing import Block
    from reminder.store.verifying import Verification

__all__ = ["audit"]


@click.group()
def audit() -> None:
    """Read the record of every act, and prove that it was not changed."""


audit.add_command(export)
audit.add_command(check)


@audit.command("list")
@click.option("--customer", "customer_id", metavar="ID", help="About this customer.")
@click.option("--account", "account_id", metavar="ID", help="About this account.")
@click.option("--kind", "kinds", type=click.Choice([kind.value for kind in Kind]), multiple=True, help="Of this kind.")
@click.option("--by", "who", metavar="NAME", help="Done by this person, process or gateway.")
@click.option("--reference", metavar="REF", help="About this text.")
@click.option("--since", metavar="INSTANT", help="Not before this instant.")
@click.option("--until", metavar="INSTANT", help="Before this instant.")
@limit_option(50)
@json_option
@pass_frame
def list_(
    frame: Frame,
    customer_id: str | None,
    account_id: str | None,
    kinds: tuple[str, ...],
    who: str | None,
    reference: str | None,
    since: str | None,
    until: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List entries of the record, the newest first; numbers, texts and people's words are left out.

    \b
    Examples:
      reminder audit list --customer C-77
      reminder audit list --kind hold --kind suppression --since 2026-07-01T00:00
    """
    from reminder.cli.output import emit_json, instant, table
    from reminder.store import entries

    filters = entries.Filters(
        customer_id=customer_id,
        account_id=account_id,
        kinds=tuple(map(Kind, kinds)),
        who=who,
        reference=reference,
        since=parse_at(since, frame.installation) if since else None,
        until=parse_at(until, frame.installation) if until else None,
    )
    with frame.database(read_only=True) as engine, engine.connect() as connection:
        found = entries.listing(connection, filters, limit=limit)
    if as_json:
        emit_json([_data(one) for one in found])
        return
    zone = frame.installation.settings.schedule.timezone
    rows = (
        (one.entry.entry_id, instant(one.entry.happened_at, zone), one.entry.kind, one.entry.who,
         one.entry.customer_id or one.entry.account_id or one.entry.subject, _change(one), one.block_no or "not yet")
        for one in found
    )  # fmt: skip
    table(("entry", "when", "kind", "who", "about", "what", "block"), rows, right=("entry", "block"))


@audit.command()
@click.argument("entry_id", type=click.IntRange(min=1), metavar="ENTRY")
@json_option
@pass_frame
def show(frame: Frame, entry_id: int, as_json: bool) -> None:
    """Show one entry whole, its personal part included.

    \b
    Example:
      reminder audit show 1207
    """
    from reminder.cli.output import clean, emit_json
    from reminder.domain.record import compact
    from reminder.errors import StoreError
    from reminder.store import entries

    with frame.database(read_only=True) as engine, engine.connect() as connection:
        found = entries.by_id(connection, entry_id)
    if found is None:
        raise StoreError(f"expected an entry {entry_id}, found none: see `reminder audit list`")
    data = _data(found) | {"private": found.private}
    if as_json:
        emit_json(data)
        return
    for name, value in data.items():
        told = compact(value) if isinstance(value, dict) else value
        click.echo(f"{name.replace('_', ' '):<12} {clean(told)}".rstrip())
    if found.entry.commitment is not None and found.content is None:
        click.echo("The personal part was removed; what it was is proven by its commitment alone.")


@audit.command()
@click.option("--anchor", "anchors", metavar="ANCHOR", multiple=True, help="What `audit anchor` once printed.")
@json_option
@pass_frame
def verify(frame: Frame, anchors: tuple[str, ...], as_json: bool) -> None:
    """Compare the whole record with its seals; find every edit, deletion, insertion and reordering.

    That the end was cut off, or that everything was written anew, can only be told by an anchor that was kept
    elsewhere: give it. Exit code 1 where anything is not as it was sealed.

    \b
    Example:
      reminder audit verify --anchor 41:9f2c…
    """
    from reminder.cli.output import emit_json, progress
    from reminder.store.verifying import verify as compare

    with frame.database(read_only=True) as engine, engine.connect() as connection, progress("entries") as advance:
        found = compare(connection, anchors=anchors, on_block=advance)
    if as_json:
        emit_json({"sound": found.sound, "anchor": found.head.anchor if found.head else None, "found": found})
    else:
        _tell(found)
    if not found.sound:
        click.get_current_context().exit(EXIT_FAILURE)


def _tell(found: Verification) -> None:
    from reminder.cli.output import clean

    for fault in found.faults:
        block = f"block {fault.block_no}" if fault.block_no is not None else ""
        entry = f"entry {fault.entry_id}" if fault.entry_id is not None else ""
        where = ", ".join(filter(None, (block, entry))) or "record"
        click.secho(f"{where}: {clean(fault.what)}", fg="red")
    if found.faults_count > len(found.faults):
        click.secho(f"… and {found.faults_count - len(found.faults)} more", fg="red")
    gone = f", personal parts removed by right: {found.gone}" if found.gone else ""
    click.echo(f"Entries sealed: {found.entries}, in blocks: {found.blocks}{gone}; not sealed yet: {found.unsealed}.")
    if found.sound:
        click.echo(f"Nothing was changed. Anchor: {found.head.anchor}" if found.head else "Nothing is sealed yet.")
    else:
        click.secho("The record is not as it was sealed: keep this database as it is, and compare a backup.", fg="red")


@audit.command()
@json_option
@pass_frame
def anchor(frame: Frame, as_json: bool) -> None:
    """Print the hash of the newest block, to be kept where nobody who can write to the database can.

    On paper, in a mail to the auditor, in another system's log: `audit verify --anchor` takes it.

    \b
    Example:
      reminder audit anchor
    """
    from reminder.cli.output import emit_json
    from reminder.errors import StoreError
    from reminder.store import sealing

    with frame.database(read_only=True) as engine, engine.connect() as connection:
        last = sealing.head(connection)
    if last is None:
        raise StoreError("expected a sealed block, found none: run `reminder audit seal`, or wait for the daemon")
    if as_json:
        emit_json(_block(last))
    else:
        click.echo(last.anchor)


@audit.command()
@dry_run_option
@json_option
@pass_frame
def seal(frame: Frame, dry_run: bool, as_json: bool) -> None:
    """Seal now what is not sealed yet; the daemon does it every few minutes.

    \b
    Example:
      reminder audit seal
    """
    from reminder.cli.output import emit_json
    from reminder.store import sealing

    with frame.database(read_only=dry_run) as engine:
        if dry_run:
            with engine.connect() as connection:
                count = sum(1 for _ in sealing.unsealed(connection))
            click.echo(f"{count} entries would be sealed.")
            return
        made = sealing.seal(engine, at=frame.now())
    if as_json:
        emit_json([_block(block) for block in made])
        return
    entries = sum(block.entries for block in made)
    click.echo(f"{entries} entries sealed. Anchor: {made[-1].anchor}" if made else "Everything is sealed already.")


def _block(block: Block) -> dict[str, Any]:
    return {"anchor": block.anchor, "block": block.block_no, "entries": block.entries, "sealed_at": block.sealed_at}


def _data(one: Recorded) -> dict[str, Any]:
    entry = one.entry
    return {
        "entry": entry.entry_id, "when": entry.happened_at, "kind": entry.kind, "actor": entry.actor, "who": entry.who,
        "subject": entry.subject, "account": entry.account_id, "customer": entry.customer_id,
        "reminder": entry.reminder_id, "reference": entry.reference, "data": one.data, "block": one.block_no,
    }  # fmt: skip


def _change(one: Recorded) -> str:
    """Return from what to what, as far as the entry says."""
    data = one.data
    before, after = data.get("from") or "", data.get("to") or ""
    return f"{before} → {after}" if before else str(after)
