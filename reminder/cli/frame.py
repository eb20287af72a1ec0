"""The frame around every command: which deployment, common options, and what becomes of errors.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a file of the deployment is wrong.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from reminder.cli.lazy import LazyGroup

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection, Engine

    from reminder.installation import Installation
    from reminder.pipeline.check import Files
    from reminder.pipeline.deployment import Deployment

__all__ = [
    "EXIT_CONFIG",
    "EXIT_FAILURE",
    "EXIT_USAGE",
    "Frame",
    "Guarded",
    "at_option",
    "dry_run_option",
    "json_option",
    "limit_option",
    "parse_at",
    "pass_frame",
    "who_option",
]

EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_CONFIG = 3

PROBLEMS_SHOWN_MAX = 5
"""How many problems of the files a command tells of before it goes on without them."""

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])


class Frame:
    """What every command is given: the folder of the deployment's `config`, and the way to everything in it."""

    def __init__(self, folder: Path, show_traceback: bool = False) -> None:
        self.folder = folder
        self.show_traceback = show_traceback

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment."""
        from reminder.app import environment

        return environment()

    @cached_property
    def installation(self) -> Installation:
        """What the files of the deployment say, read once. Raises ConfigError where the settings can't be used."""
        from reminder.installation import read_installation

        return read_installation(self.folder, self.environ)

    @property
    def files(self) -> Files:
        """The files of the deployment, as the checks of `reminder.pipeline.check` take them."""
        return self.installation.files

    def now(self) -> datetime:
        """Return the present instant (UTC)."""
        from reminder.app import now

        return now()

    @contextmanager
    def database(self, *, read_only: bool = False) -> Iterator[Engine]:
        """Lend the engine of the deployment's database; raise StoreError where its schema is of another release."""
        from reminder.app import open_database
        from reminder.store.upgrade import require_current

        self.start_logs()
        with open_database(self.installation, read_only=read_only) as engine:
            require_current(engine)
            yield engine

    @contextmanager
    def writing(self, *, dry_run: bool) -> Iterator[Connection]:
        """Lend a transaction of our database; with `dry_run` it is undone at the end, and the user is told so."""
        with self.database() as engine, engine.connect() as connection:
            yield connection
            if dry_run:
                connection.rollback()
                click.echo("Dry run: nothing was changed.", err=True)
            else:
                connection.commit()

    @contextmanager
    def deployment(self, *, read_only: bool = False) -> Iterator[Deployment]:
        """Lend everything the pipeline needs, telling on stderr which files are left out because they are wrong."""
        from reminder.app import open_deployment

        self.start_logs()
        self.tell_problems()
        with open_deployment(self.installation, read_only=read_only) as deployment:
            yield deployment

    def start_logs(self, level: str = "warning") -> None:
        """Send logs to stderr in the format that the settings ask for, from `level` on; the daemon asks for more."""
        from reminder.cli.logs import set_up

        set_up(self.installation.settings.logs.format, level)

    def tell_problems(self) -> None:
        """Print on stderr what is wrong with files that the rest can go on without (law 9)."""
        from reminder.cli.output import emit_problems

        errors = [problem for problem in self.installation.problems if not problem.warning]
        emit_problems(errors[:PROBLEMS_SHOWN_MAX])
        if errors:
            more = f"{len(errors)} in all; " if len(errors) > PROBLEMS_SHOWN_MAX else ""
            click.secho(f"{more}going on without these files: run `reminder policy check`", fg="red", err=True)


pass_frame = click.make_pass_decorator(Frame)
"""Give the command the Frame as its first argument."""


class Guarded(LazyGroup):
    """The outermost group: turns errors into words and exit codes."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command. Errors that are meant for people are printed; any other says how to see all of it."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, EOFError, KeyboardInterrupt):
            raise
        except Exception as error:
            if _nobody_reads(error):
                raise
            self._tell(ctx, error)

    def _tell(self, ctx: click.Context, error: Exception) -> NoReturn:
        from reminder.cli.output import clean, emit_problems
        from reminder.errors import ConfigError, ReminderError

        if _wants_traceback(ctx):
            raise error
        if isinstance(error, ConfigError):
            emit_problems(error.problems)
            ctx.exit(EXIT_CONFIG)
        if isinstance(error, ReminderError):
            click.secho(f"Error: {clean(error)}", fg="red", err=True)
            ctx.exit(EXIT_FAILURE)
        self._tell_unexpected(ctx, error)

    def _tell_unexpected(self, ctx: click.Context, error: Exception) -> NoReturn:
        from reminder.cli.logs import mask_numbers
        from reminder.cli.output import clean

        first = mask_numbers(clean(str(error).strip().partition("\n")[0]))
        click.secho(f"Error: {type(error).__name__}: {first}".rstrip(": "), fg="red", err=True)
        click.echo(
            "This was not expected. Run it again with `reminder --traceback …` to see where it happened.", err=True
        )
        ctx.exit(EXIT_FAILURE)


def _wants_traceback(ctx: click.Context) -> bool:
    frame = ctx.find_object(Frame)
    return frame is not None and frame.show_traceback


def _nobody_reads(error: Exception) -> bool:
    """Return whether the reader of our output is gone, as in `reminder … | head`: click ends quietly then."""
    return isinstance(error, OSError) and error.errno == errno.EPIPE


def parse_at(text: str | None, installation: Installation) -> datetime:
    """Return the instant (UTC) that `text` writes in ISO 8601; None is now.

    Without a zone it is read in `schedule.timezone` of the settings. Raises click.BadParameter for anything else, and
    for an hour that the zone's clocks skip.
    """
    from datetime import datetime

    from reminder.app import now

    if text is None:
        return now()
    expected = "expected an instant such as 2026-07-28T10:00 or 2026-07-28T10:00+08:00"
    try:
        read = datetime.fromisoformat(text.strip())
    except ValueError:
        raise click.BadParameter(f"{expected}, found {text!r}") from None
    if len(text.strip()) <= len("2026-07-28"):
        raise click.BadParameter(f"{expected}, found a day without its hour: {text!r}")
    return _in_utc(read, installation.settings.schedule.timezone, text)


def _in_utc(read: datetime, zone: str, text: str) -> datetime:
    from zoneinfo import ZoneInfo

    utc = ZoneInfo("UTC")
    try:
        if read.tzinfo is not None:
            return read.astimezone(utc)
        found = read.replace(tzinfo=ZoneInfo(zone)).astimezone(utc)
        back = found.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    except OverflowError:
        raise click.BadParameter(f"expected an instant of our times, found {text!r}") from None
    if back != read:
        raise click.BadParameter(f"expected an instant, found {text!r}, which the clocks in {zone} skip that day")
    return found


def at_option(command: AnyFunction) -> AnyFunction:
    """Add `--at`, text for `parse_at`."""
    help_ = "Instant to look at, such as 2026-07-28T10:00; without a zone it is that of the schedule. Default: now."
    return click.option("--at", metavar="INSTANT", help=help_)(command)


def json_option(command: AnyFunction) -> AnyFunction:
    """Add `--json`, which arrives as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


def dry_run_option(command: AnyFunction) -> AnyFunction:
    """Add `--dry-run`, which arrives as `dry_run`."""
    return click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")(command)


def limit_option(default: int) -> Callable[[AnyFunction], AnyFunction]:
    """Return a decorator that adds `--limit`, the most rows to show."""
    return click.option(
        "--limit", type=click.IntRange(1, 100_000), default=default, show_default=True, help="Most rows to show."
    )


def who_option(command: AnyFunction) -> AnyFunction:
    """Add `--who`, the person on record for this; by default the name the operating system knows them by."""
    return click.option(
        "--who", metavar="NAME", callback=_who, help="Who is on record for this. Default: your user name."
    )(command)


def _who(ctx: click.Context, _parameter: click.Parameter, given: str | None) -> str:
    if given is not None:
        if not given.strip():
            raise click.BadParameter("expected a name, found nothing")
        return given.strip()
    environ = ctx.ensure_object(Frame).environ if ctx.find_object(Frame) else {}
    return next((environ[name] for name in ("USER", "LOGNAME", "USERNAME") if environ.get(name)), "unknown")
