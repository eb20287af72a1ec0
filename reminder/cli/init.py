"""`reminder init`: a new deployment."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import click

from reminder.cli.frame import Frame, dry_run_option, pass_frame

__all__ = ["init"]

WHO = "init"
"""Who is on record for making the tables."""


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@dry_run_option
@pass_frame
def init(frame: Frame, folder: Path, dry_run: bool) -> None:
    """Write a new deployment, ready to run.

    DIR gets a commented `config/` and `templates/` to edit, and a database. Nothing that is there is overwritten.

    \b
    Example:
      reminder init ~/reminders
    """
    from reminder.config.check_key import write_check_key
    from reminder.config.scaffold import write_deployment

    if dry_run:
        for name in _would_write(folder):
            click.echo(f"would write {folder / name}")
        return
    written = write_deployment(folder)
    click.echo(f"Wrote {len(written)} files below {folder}.")
    new = Frame(folder / "config", frame.show_traceback)
    installation = new.installation
    click.echo(f"Made the tables in {_make_tables(new)}.")
    key = Path(installation.settings.check_key_file)
    if not key.exists():
        write_check_key(key)
        click.echo(f"Made a key for check codes in {key}: keep it secret, and out of version control.")
    click.echo(_next_steps(folder))


def _would_write(folder: Path) -> list[Path]:
    """Return the names of the files that `init` writes; raise ConfigError where one is there already."""
    from reminder.config.scaffold import write_deployment
    from reminder.errors import ConfigError, Problem

    with TemporaryDirectory() as elsewhere:
        names = [path.relative_to(elsewhere) for path in write_deployment(Path(elsewhere))]
    there = [Problem(str(folder / name), 0, 0, "is there already") for name in names if (folder / name).exists()]
    if there:
        raise ConfigError(there)
    return names


def _make_tables(frame: Frame) -> str:
    """Make our tables, with the entry of it; return the database's URL without its password."""
    from reminder.app import open_database
    from reminder.cli.db import note_shape
    from reminder.store.engine import shown
    from reminder.store.upgrade import upgrade

    with open_database(frame.installation) as engine:
        upgrade(engine, note=lambda connection, before: note_shape(frame, connection, before, WHO))
        return shown(engine.url)


def _next_steps(folder: Path) -> str:
    from reminder.cli.output import as_typed

    config, program = folder / "config", as_typed()
    steps = {
        "accounts import FILE.csv": f"or map your own table: `book` in {config / 'reminder.yaml'}",
        "policy check": "what is wrong with the files",
        "preview": "what would be sent, and why the others stay silent",
        "run": "through the console, until a gateway is set up",
    }
    lines = [f"  {program} {step:<25} # {what}" for step, what in steps.items()]
    return "\n".join(["\nNext:", f"  export REMINDER_CONFIG={config.resolve()}", *lines])
