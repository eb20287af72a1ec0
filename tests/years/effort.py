"""How much work a database does, in steps of its own machine: the same however busy the computer is (law 12)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, event

from reminder.pipeline.housekeeping import note_versions
from reminder.pipeline.plan import plan
from years.memory import broken

if TYPE_CHECKING:
    from years.year import Year

__all__ = ["Effort", "measured", "weigh"]

CROWD_MIN = 3000
"""How many accounts that are not due are put into the book for a moment, at the least."""

CROWD_STEPS = 200
"""How much more a plan may cost for them, in hundreds of steps of the database: deeper trees, a page more."""

GRAIN = 100
"""How many steps are counted as one."""


@dataclass
class Effort:
    """What was done: steps of SQLite's machine, in hundreds, and statements."""

    steps: int = 0
    statements: int = 0


@contextmanager
def measured(*engines: Engine) -> Iterator[Effort]:
    """Lend the effort of everything that SQLite does through these engines meanwhile."""
    effort, watched = Effort(), []

    def count() -> int:
        effort.steps += 1
        return 0

    def begin(_: Any, cursor: Any, *__: Any) -> None:
        effort.statements += 1
        cursor.connection.set_progress_handler(count, GRAIN)
        watched.append(cursor.connection)

    distinct = list({id(engine): engine for engine in engines}.values())
    for engine in distinct:
        event.listen(engine, "before_cursor_execute", begin)
    try:
        yield effort
    finally:
        for engine in distinct:
            event.remove(engine, "before_cursor_execute", begin)
        for connection in watched:
            connection.set_progress_handler(None, GRAIN)


def weigh(year: Year) -> str:
    """Law 12: a plan does not care how many accounts the book has that are not due; return what it costs."""
    deployment, at = year.process().live.deployment, year.clock.now()
    if year.engine.dialect.name != "sqlite":
        return ""
    engines = (year.engine, deployment.book.engine)
    note_versions(deployment, at)
    plan(deployment, at)
    with measured(*engines) as alone:
        plan(deployment, at)
    with year.lender.crowded(max(CROWD_MIN, 9 * len(year.lender.loans)), at), measured(*engines) as crowded:
        plan(deployment, at)
    year.clock.sleep(1.0)  # whoever plans next does so at another instant, and is judged by the book of that one
    if crowded.steps > 1.5 * alone.steps + CROWD_STEPS or crowded.statements != alone.statements:
        raise broken(12, f"a plan costs {alone} alone and {crowded} in a book with many that are not due")
    return f"{alone} alone, {crowded} in a crowd"
