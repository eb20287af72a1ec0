"""A run of the bench: every figure on every database that is here, in the order of the report."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.books import AT, fill, world
from bench.databases import Store, places
from bench.friday import friday
from bench.importing import import_csv
from bench.measure import Figure, missing
from bench.planning import growth, plan_again, plan_elsewhere, plan_once
from bench.previewing import bodies, preview_all, preview_totals
from bench.profiling import profiled
from bench.provider import dispatch_through_sdk
from bench.quiet import be_quiet
from bench.receiving import receipts_over_http
from bench.sending import dispatch_at_once, planned_anew
from bench.starting import idle, starts
from bench.workers import two_workers
from reminder.pipeline.dispatch import dispatch
from reminder.pipeline.plan import plan

__all__ = ["FULL", "QUICK", "TINY", "Results", "Sizes", "bench"]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of everything: accounts in the book, how many are due, sizes for growth, rounds, seconds of idleness."""

    accounts: int
    due: int
    growth: tuple[int, ...]
    texts: int
    imported: int
    peers: int
    repeats: int
    idle_seconds: float


QUICK = Sizes(100_000, 10_000, (100_000, 300_000, 1_000_000), 3_000, 50_000, 250, 3, 10)
FULL = Sizes(1_000_000, 100_000, (1_000_000, 3_000_000, 10_000_000), 20_000, 1_000_000, 500, 5, 60)
TINY = Sizes(400, 40, (400, 800), 40, 100, 10, 1, 1)


@dataclass
class Results:
    """All that a run measured."""

    figures: list[Figure] = field(default_factory=list)
    points: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    profiles: dict[str, object] = field(default_factory=dict)


def bench(
    sizes: Sizes,
    folder: Path,
    databases: Sequence[str],
    *,
    only: Sequence[str] = (),
    hear: Callable[[Figure], None] = lambda _: None,
) -> Results:
    """Measure on these databases, telling each figure as it comes. `only` names parts to measure; none means all."""
    be_quiet()
    results = Results()
    with places(folder, databases, "main") as stores:
        for store in stores:
            for figure in _on(store, sizes, folder, results, only):
                results.figures.append(figure)
                hear(figure)
    for figure in _anywhere(sizes, folder, only):
        results.figures.append(figure)
        hear(figure)
    return results


def _on(store: Store, sizes: Sizes, folder: Path, results: Results, only: Sequence[str]) -> Iterator[Figure]:
    fill(store, sizes.accounts, sizes.due)
    book = (store, sizes.accounts, sizes.due, sizes.repeats)
    parts: dict[str, Callable[[], object]] = {
        "plan": lambda: [plan_once(*book), plan_again(*book)],
        "preview": lambda: [preview_totals(*book), preview_all(*book)],
        "profile": lambda: _profiles(store, sizes, results),
        "dispatch": lambda: [_few(store, sizes), dispatch_at_once(store, sizes.texts, sizes.repeats)][1:],
        "sdk": lambda: [dispatch_through_sdk(store, sizes.texts, sizes.repeats)],
        "receipts": lambda: _receipts(store, sizes, folder),
        "workers": lambda: _workers(store, sizes),
        "peers": lambda: friday(store, sizes.peers),
        "elsewhere": lambda: [plan_elsewhere(store, folder, sizes.accounts, sizes.due, sizes.repeats)],
        "import": lambda: [import_csv(store, folder, sizes.imported, max(1, sizes.repeats - 1))],
        "growth": lambda: _growth(store, sizes, results),
    }
    for name, part in parts.items():
        if not only or name in only:
            yield from part() or ()  # type: ignore[misc]


def _workers(store: Store, sizes: Sizes) -> list[Figure]:
    """Compare two workers with one where several processes are meant to write: not on SQLite."""
    if store.name == "sqlite":
        return []
    _few(store, sizes)
    return [two_workers(store, sizes.texts, sizes.repeats)]


def _few(store: Store, sizes: Sizes) -> None:
    """Fill the book with as many due accounts as texts are sent."""
    fill(store, sizes.texts * 10, sizes.texts)


def _receipts(store: Store, sizes: Sizes, folder: Path) -> list[Figure]:
    _few(store, sizes)
    figure = receipts_over_http(store, folder / f"receipts-{store.name}", sizes.texts, sizes.repeats)
    store.clear()
    fill(store, sizes.accounts, sizes.due)
    return [figure]


def _growth(store: Store, sizes: Sizes, results: Results) -> list[Figure]:
    figures, results.points[store.name] = growth(store, sizes.growth, sizes.due, sizes.repeats)
    return figures


def _profiles(store: Store, sizes: Sizes, results: Results) -> None:
    """Say where planning, previewing and dispatch spend their time; nothing of it is a figure."""
    deployment = world(store, batch_rows=200).deployment()
    store.clear("outbox")
    results.profiles[f"plan, {store.name}"] = profiled(lambda: plan(deployment, AT))
    store.clear("outbox")
    results.profiles[f"preview, {store.name}"] = profiled(lambda: bodies(deployment))
    planned_anew(store, deployment)
    results.profiles[f"dispatch, {store.name}"] = profiled(lambda: asyncio.run(dispatch(deployment)))
    store.clear("outbox", "attempt", "customer_lock")


def _anywhere(sizes: Sizes, folder: Path, only: Sequence[str]) -> Iterator[Figure]:
    """Yield what has no database to choose, and what can't be measured here."""
    if not only or "start" in only:
        for name in ("started", "idle"):
            (folder / name).mkdir()
        yield from starts(folder / "started", sizes.repeats * 3)
        yield from idle(folder / "idle", sizes.idle_seconds)
    if not only:
        yield missing("tryton", "peer: Tryton's account_dunning", "it needs an environment of its own")
