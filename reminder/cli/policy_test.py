"""`reminder policy test`: whether the policies do what is written down as expected of them."""

from __future__ import annotations

from pathlib import Path

import click

from reminder.cli.frame import EXIT_CONFIG, EXIT_FAILURE, Frame, json_option, pass_frame

__all__ = ["test"]


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@json_option
@pass_frame
def test(frame: Frame, files: tuple[Path, ...], as_json: bool) -> None:
    """Hold the policies to what is expected of them: which step an account deserves on a day, and why it is silent.

    Expectations are in `expectations/` beside reminder.yaml, or in FILES. Each is put to the decision that live runs
    ask, about an account with no history; no database is opened. One that is not met is a line `path:line:column`, with
    what the policies do instead. Exit code 1 where there is one, 3 where a file can't be read.

    \b
    Examples:
      reminder policy test
      reminder --config draft/config policy test
    """
    from reminder.cli.output import emit_json, emit_problems
    from reminder.config.expectations import read_expectations
    from reminder.pipeline.expect import unmet

    installation = frame.installation
    expectations, unread = read_expectations(list(files) or installation.loaded.folder / "expectations")
    region = installation.settings.default_region
    failures = list(unmet(expectations, installation.policies.policies, installation.conditions, region))
    if as_json:
        emit_json({"expectations": len(expectations), "unmet": failures, "problems": unread})
    else:
        emit_problems([*unread, *failures], err=False)
        click.echo(f"{len(expectations) - len(failures)} of {len(expectations)} expectations are met.")
    if unread or failures:
        click.get_current_context().exit(EXIT_CONFIG if unread else EXIT_FAILURE)
