"""A run of the bench: every figure on every database that is here, in the order of the report."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.books import AT, fill, world
from bench.costs import cost_by_policies, cost_by_share
from bench.databases import Store, places
from bench.friday import friday
from bench.importing import import_csv
from bench.measure import Figure, failed
from bench.planning import growth, plan_again, plan_elsewhere, plan_once
from bench.previewing import bodies, preview_all, preview_totals
from bench.profiling import profiled
from bench.provider import dispatch_through_sdk
from bench.quiet import be_quiet
from bench.receiving import receipts_over_http
from bench.sending import dispatch_at_once, planned_anew
from bench.starting import idle, starts
from bench.tryton import tryton
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
    profiles: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)


def bench(
    sizes: Sizes,
    folder: Path,
    databases: Sequence[str],
    *,
    only: Sequence[str] = (),
    kept: Path | None = None,
    hear: Callable[[Figure], None] = lambda _: None,
    begin: Callable[[str], None] = lambda _: None,
) -> Results:
    """Measure on these databases, telling each part as it begins and each figure as it comes.

    `only` names parts to measure; none means all. `kept` is a folder for what the next run can use again. A part that
    fails is a figure that says so, and no other part's end.
    """
    be_quiet()
    results = Results()
    with places(folder, databases, "main") as stores:
        for store in stores:
            fill(store, sizes.accounts, sizes.due)
            _measure(_on(store, sizes, folder, results), store.name, only, results, hear, begin)
    _measure(_anywhere(sizes, folder, kept or folder), "", only, results, hear, begin)
    return results


Part = Callable[[], Sequence[Figure]]


def _measure(
    parts: Mapping[str, Part],
    where: str,
    only: Sequence[str],
    results: Results,
    hear: Callable[[Figure], None],
    begin: Callable[[str], None],
) -> None:
    for name, part in parts.items():
        if only and name not in only:
            continue
        begin(f"{name} {where}".strip())
        try:
            figures = part()
        except Exception as error:  # noqa: BLE001 - whatever it is, the other parts are measured
            figures = [failed(name, error, where=where)]
        for figure in figures:
            results.figures.append(figure)
            hear(figure)


def _on(store: Store, sizes: Sizes, folder: Path, results: Results) -> dict[str, Part]:
    """Return what is measured on each database, in its order."""
    book = (store, sizes.accounts, sizes.due, sizes.repeats)
    return {
        "plan": lambda: [plan_once(*book), plan_again(*book)],
        "preview": lambda: [preview_totals(*book), preview_all(*book)],
        "profile": lambda: _profiles(store, sizes, results),
        "policies": lambda: cost_by_policies(*book),
        "share": lambda: cost_by_share(store, sizes.accounts, 1),
        "dispatch": lambda: _few(store, sizes, dispatch_at_once),
        "sdk": lambda: _few(store, sizes, dispatch_through_sdk),
        "receipts": lambda: _receipts(store, sizes, folder),
        "workers": lambda: _workers(store, sizes),
        "peers": lambda: friday(store, sizes.peers),
        "elsewhere": lambda: [plan_elsewhere(store, folder, sizes.accounts, sizes.due, sizes.repeats)],
        "import": lambda: [import_csv(store, folder, sizes.imported, max(1, sizes.repeats - 1))],
        "growth": lambda: _growth(store, sizes, results),
    }


def _workers(store: Store, sizes: Sizes) -> list[Figure]:
    """Compare two workers with one where several processes are meant to write: not on SQLite."""
    return [] if store.name == "sqlite" else _few(store, sizes, two_workers)


def _few(store: Store, sizes: Sizes, measure: Callable[[Store, int, int], Figure]) -> list[Figure]:
    """Fill the book with as many due accounts as texts are sent, and measure."""
    store.clear()
    fill(store, sizes.texts * 10, sizes.texts)
    return [measure(store, sizes.texts, sizes.repeats)]


def _receipts(store: Store, sizes: Sizes, folder: Path) -> list[Figure]:
    place = folder / f"receipts-{store.name}"
    return _few(store, sizes, lambda *given: receipts_over_http(given[0], place, *given[1:]))


def _growth(store: Store, sizes: Sizes, results: Results) -> list[Figure]:
    figures, results.points[store.name] = growth(store, sizes.growth, sizes.due, sizes.repeats)
    return figures


def _profiles(store: Store, sizes: Sizes, results: Results) -> list[Figure]:
    """Say where planning, previewing and dispatch spend their time; nothing of it is a figure."""
    deployment = world(store, batch_rows=200).deployment()
    store.clear("outbox")
    results.profiles[f"plan, {store.name}"] = profiled(lambda: plan(deployment, AT))
    store.clear("outbox")
    results.profiles[f"preview, {store.name}"] = profiled(lambda: bodies(deployment))
    planned_anew(store, deployment)
    results.profiles[f"dispatch, {store.name}"] = profiled(lambda: asyncio.run(dispatch(deployment)))
    store.clear("outbox", "attempt", "customer_lock")
    return []


def _anywhere(sizes: Sizes, folder: Path, kept: Path) -> dict[str, Part]:
    """Return what is measured once, with no database to choose."""
    return {
        "start": lambda: starts(_made(folder / "started"), sizes.repeats * 3),
        "idle": lambda: idle(_made(folder / "idle"), sizes.idle_seconds),
        "tryton": lambda: tryton(kept, sizes.peers),
    }


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
