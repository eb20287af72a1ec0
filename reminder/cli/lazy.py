"""A group of commands that are imported only when they are run.

`reminder --help` must answer at once, while a command may need a database library, templates and a provider's SDK. So
the group knows where each command lives and what one line to say of it; a test holds that line to the command's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click

__all__ = ["Lazy", "LazyGroup"]


class Lazy(NamedTuple):
    """Where a command lives, `package.module:name`, and its one line in the help of the group."""

    target: str
    summary: str

    def load(self) -> click.Command:
        """Import and return the command."""
        module, _, name = self.target.partition(":")
        command = getattr(import_module(module), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"expected a command at {self.target}, found {type(command).__name__}")
        return command


class LazyGroup(click.Group):
    """A group whose commands are looked up in `lazy`, in the order in which they stand there."""

    def __init__(self, name: str | None = None, *, lazy: Mapping[str, Lazy], **attributes: Any) -> None:  # noqa: ANN401 - click's own
        super().__init__(name, **attributes)
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in the order of the table."""
        return [*self.lazy, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name, importing it now, or None where there is none."""
        found = self.lazy.get(cmd_name)
        return found.load() if found else super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name; a wrong name is answered with the nearest ones."""
        name = args[0]
        if self.get_command(ctx, name) is None and not ctx.resilient_parsing and not name.startswith("-"):
            raise click.NoSuchCommand(name, possibilities=self.list_commands(ctx), ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's own
        """Write the list of commands without importing any of them."""
        rows = [(name, lazy.summary) for name, lazy in self.lazy.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
