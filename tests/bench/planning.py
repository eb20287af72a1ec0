"""Planning against a bare INSERT … SELECT, the same again, its growth with the book, and a book elsewhere."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from bench.books import AT, FIRST, LAST, POLICY, TODAY, fill, world
from bench.databases import Raw, Store, places
from bench.measure import Figure, against, load, timed
from reminder.book.book import Book
from reminder.book.mapping import own_book
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.plan import plan
from reminder.store.schema import account

__all__ = ["growth", "plan_again", "plan_elsewhere", "plan_once"]

_DUE = "FROM account a WHERE a.due_date BETWEEN ? AND ? AND a.amount_due > 0 AND NOT a.closed"
_MISSING = (
    "AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.account_id = a.account_id AND o.due_date = a.due_date "
    "AND o.step = {step} AND o.leg = 'sms')"
)
_INTO = (
    "INSERT INTO outbox (account_id, customer_id, due_date, policy, step, leg, state, not_before, expires_at, "
    "planned_at, changed_at)"
)
_SELECT = "SELECT a.account_id, a.customer_id, a.due_date, 'loan', {step}, 'sms', 'planned', ?, ?, ?, ?"
_FLOOR = f"{_INTO} {_SELECT} {_DUE} {_MISSING}"


def _step_of_date() -> str:
    """Return the step of an account as SQL, by its due date: without that, nobody can say what is planned already."""
    *before, nearest = sorted(POLICY.steps, key=lambda step: step.opens, reverse=True)
    whens = " ".join(f"WHEN a.due_date <= '{TODAY - timedelta(days=step.opens)}' THEN '{step.key}'" for step in before)
    return f"CASE {whens} ELSE '{nearest.key}' END"


def instant(raw: Raw) -> object:
    """Return the bench's instant as the column holds it."""
    return AT.replace(tzinfo=None).isoformat(" ", "microseconds") if raw.is_sqlite else AT


def days(raw: Raw) -> tuple[object, object]:
    """Return the range of due dates as the column holds it."""
    return (FIRST.isoformat(), LAST.isoformat()) if raw.is_sqlite else (FIRST, LAST)


def floor_plan(store: Store, step: str = "'x'") -> int:
    """Plan all that is due in one bare statement, for the step that this SQL says; return how many rows it wrote."""
    raw = Raw(store.engine)
    at = instant(raw)
    raw.begin()
    rows: int = raw.run(_FLOOR.format(step=step), (at, at, at, at, *days(raw))).rowcount
    raw.commit()
    raw.close()
    return rows


def plan_once(store: Store, accounts: int, due: int, repeats: int) -> Figure:
    """Plan all that is due into an empty outbox."""
    deployment = world(store).deployment()
    return against(
        "plan",
        "plan what is due",
        lambda: plan(deployment, AT),
        lambda: floor_plan(store),
        before=lambda: store.clear("outbox"),
        repeats=repeats,
        rows=due,
        bound=1.3,
        where=store.name,
        size=f"{due:,} due of {accounts:,}",
    )


def plan_again(store: Store, accounts: int, due: int, repeats: int) -> Figure:
    """Plan once more when everything is planned already: the same anti-join, nothing found."""
    store.clear("outbox")
    deployment = world(store).deployment()
    plan(deployment, AT)
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    return against(
        "again",
        "plan again, nothing new",
        lambda: plan(deployment, AT),
        lambda: floor_plan(store, _step_of_date()),
        repeats=repeats,
        rows=due,
        bound=1.3,
        where=store.name,
        size=f"{due:,} due of {accounts:,}",
    )


def growth(store: Store, sizes: Sequence[int], due: int, repeats: int) -> tuple[list[Figure], list[dict[str, float]]]:
    """Plan the same number of due accounts in books of growing size, each time in a new process; seconds and memory.

    Returns the figures, and the points of the plot.
    """
    points = []
    for accounts in sizes:
        fill(store, accounts, due)
        runs = [_in_a_new_process(store) for _ in range(repeats + 1)][1:]
        store.clear("outbox")
        floors = [_floor_seconds(store) for _ in range(repeats)]
        points.append(
            {
                "accounts": accounts,
                "seconds": statistics.median(run["seconds"] for run in runs),
                "floor": statistics.median(floors),
                "peak_mb": statistics.median(run["peak_mb"] for run in runs),
            }
        )
    first, last = points[0], points[-1]
    size = f"{due:,} due; {sizes[0]:,} → {sizes[-1]:,}"
    figures = [
        Figure(
            "growth",
            "growth of planning with the book",
            store.name,
            size,
            product=last["seconds"],
            floor=first["seconds"],
            ratio=last["seconds"] / first["seconds"],
            bound=1.3,
            load=load(),
            note=f"the bare statement grows {last['floor'] / first['floor']:.2f} ×",
        ),
        Figure(
            "memory",
            "growth of planning's peak memory",
            store.name,
            size,
            product=last["peak_mb"],
            floor=first["peak_mb"],
            ratio=last["peak_mb"] / first["peak_mb"],
            compared="MB",
            bound=1.1,
            load=load(),
        ),
    ]
    return figures, points


def _floor_seconds(store: Store) -> float:
    store.clear("outbox")
    return timed(lambda: floor_plan(store)).wall


def _in_a_new_process(store: Store) -> dict[str, float]:
    """Plan in a process of its own, which tells its seconds and its peak memory."""
    store.clear("outbox")
    command = [sys.executable, "-m", "bench.alone", store.name, store.url]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True)
    told: dict[str, float] = json.loads(done.stdout)
    return told


@contextmanager
def _elsewhere(store: Store, folder: Path, accounts: int, due: int) -> Iterator[Deployment]:
    """Lend a deployment whose book is in another database of the same kind."""
    with places(folder, [store.name], "book") as (other,):
        fill(other, accounts, due)
        store.clear("account")
        yield world(store, book=Book(other.engine, own_book(account), same_database=False)).deployment()


def plan_elsewhere(store: Store, folder: Path, accounts: int, due: int, repeats: int) -> Figure:
    """Plan with the book in another database, against streaming the keys and writing them in bulk."""
    with _elsewhere(store, folder, accounts, due) as distant:
        book = Store(store.name, "", distant.book.engine)
        return against(
            "elsewhere",
            "plan, book in another database",
            lambda: plan(distant, AT),
            lambda: _stream(book, store),
            before=lambda: store.clear("outbox"),
            repeats=repeats,
            rows=due,
            bound=1.5,
            where=store.name,
            size=f"{due:,} due of {accounts:,}",
        )


def _stream(book: Store, store: Store) -> None:
    """Read the keys in chunks and write them in bulk, passing over those that are there."""
    source, sink = Raw(book.engine), Raw(store.engine)
    at = instant(sink)
    source.begin()
    rows = source.run(f"SELECT a.account_id, a.customer_id, a.due_date {_DUE}", days(source))
    sink.begin()
    if sink.is_sqlite:
        while keys := rows.fetchmany(5_000):
            sink.many(
                f"{_INTO} VALUES (?, ?, ?, 'loan', 'x', 'sms', 'planned', ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                ((*key, at, at, at, at) for key in keys),
            )
    else:
        _copy(rows, sink)
    sink.commit()
    source.commit()
    source.close()
    sink.close()


def _copy(rows: object, sink: Raw) -> None:
    """Write the keys by COPY into a table that is gone at commit, and from there those that are new."""
    sink.run("CREATE TEMP TABLE fresh (account_id text, customer_id text, due_date date) ON COMMIT DROP")
    with sink.cursor.copy("COPY fresh FROM STDIN") as copy:
        for row in rows:  # type: ignore[attr-defined]
            copy.write_row(row)
    at = instant(sink)
    sink.run(
        f"{_INTO} SELECT account_id, customer_id, due_date, 'loan', 'x', 'sms', 'planned', ?::timestamptz, "
        "?::timestamptz, ?::timestamptz, ?::timestamptz FROM fresh ON CONFLICT DO NOTHING",
        (at, at, at, at),
    )
