"""`reminder audit export` and `check`: everything on record about a customer, in a file that proves itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from reminder.cli.frame import EXIT_FAILURE, Frame, json_option, pass_frame

__all__ = ["check", "export", "page"]

_PAGES = Path(__file__).parent / "pages"


@click.command()
@click.option("--customer", "customer_id", metavar="ID", required=True, help="The customer.")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="FILE.json or FILE.html.")
@click.option("--anchor", metavar="ANCHOR", help="What `audit anchor` once printed, as those who get the file have it.")
@pass_frame
def export(frame: Frame, customer_id: str, out: Path, anchor: str | None) -> None:
    """Write everything on record about a customer, in order: for people as HTML, with proofs as JSON.

    It holds numbers and texts: keep it where they may be. `reminder audit seal` first, so that all of it is proven.
    With an anchor the file has the heads of all blocks from it on, so that whoever kept it can check the file by it,
    though it is older than the customer; no file is written where the record is not the one of the anchor.

    \b
    Examples:
      reminder audit export --customer C-77 --out C-77.html
      reminder audit export --customer C-77 --out C-77.json --anchor 41:9f2c…
    """
    from reminder.domain.evidence import faults_of
    from reminder.errors import DataError
    from reminder.store.evidence import pack_of

    if out.suffix not in (".json", ".html"):
        raise click.UsageError(f"expected a file .json or .html, found {out.name}: the ending says which it is")
    region = frame.installation.settings.default_region
    with frame.database(read_only=True) as engine, engine.connect() as connection:
        pack = pack_of(connection, customer_id, region=region, at=frame.now(), anchor=anchor)
    if not pack["entries"]:
        raise DataError(f"expected a customer with anything on record, found nothing about {customer_id!r}")
    fault = next(faults_of(pack, anchor), None) if anchor is not None else None
    if fault is not None:
        raise DataError(f"expected a record as it was sealed, found: {fault}; see `reminder audit verify`")
    text = page(pack) if out.suffix == ".html" else json.dumps(pack, ensure_ascii=False, indent=1)
    out.write_text(text, encoding="utf-8")
    proven = sum(item["proof"] is not None for item in pack["entries"])
    click.echo(f"{len(pack['entries'])} entries written to {out}, {proven} of them sealed.")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--anchor", metavar="ANCHOR", help="What `audit anchor` printed then or later, from where you kept it.")
@json_option
def check(file: Path, anchor: str | None, as_json: bool) -> None:
    """Check the JSON of an export, without any database: is each entry as it was sealed?

    Without an anchor that you had from elsewhere, the file only agrees with itself. Exit code 1 where it does not.

    \b
    Example:
      reminder audit check C-77.json --anchor 41:9f2c…
    """
    from reminder.cli.output import clean, emit_json
    from reminder.domain.evidence import faults_of
    from reminder.errors import DataError

    try:
        pack = json.loads(file.read_text(encoding="utf-8"))
        faults = list(faults_of(pack, anchor))
        unsealed = sum(item["proof"] is None for item in pack["entries"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"expected an export of `audit export`, found something else in {file}: {error}") from error
    if as_json:
        emit_json({"sound": not faults, "entries": len(pack["entries"]), "unsealed": unsealed, "faults": faults})
    else:
        for fault in faults:
            click.secho(clean(fault), fg="red")
        verdict = "found faults" if faults else "as sealed"
        click.echo(f"Entries: {len(pack['entries'])}, {verdict}; not sealed when it was made: {unsealed}.")
    if faults:
        click.get_current_context().exit(EXIT_FAILURE)


def page(pack: dict[str, Any]) -> str:
    """Return the pack as a page that needs nothing else; whatever is in it is shown as text (law 11)."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    pages = Environment(loader=FileSystemLoader(_PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    rows = [_row(item) for item in pack["entries"]]
    return pages.get_template("evidence.html.j2").render(pack=pack, rows=rows)


def _row(item: dict[str, Any]) -> dict[str, Any]:
    entry, data = item["entry"], json.loads(item["entry"]["data"])
    before, after = data.pop("from", None), data.pop("to", None)
    private = json.loads(item["content"]) if item["content"] is not None else {}
    if entry["commitment"] is not None and item["content"] is None:
        private = {"personal part": "erased"}
    about = (entry["account_id"], entry["reminder_id"] and f"reminder {entry['reminder_id']}", entry["reference"])
    return {
        "when": entry["happened_at"].replace("T", " ")[:19],
        "kind": entry["kind"].replace("_", " "),
        "change": " → ".join(filter(None, (before, after))),
        "who": entry["who"],
        "actor": entry["actor"],
        "about": ", ".join(filter(None, about)),
        "says": [(name.replace("_", " "), _told(value)) for name, value in (data | private).items()],
        "sealed": f"block {item['proof']['block_no']}" if item["proof"] else "not yet",
    }


def _told(value: object) -> str:
    """Return a value as people read it: of gates, a line each."""
    if isinstance(value, dict):
        return "".join(f"\n  {name}: {_told(each)}" for name, each in value.items())
    return "; ".join(map(_told, value)) if isinstance(value, list) else str(value)
