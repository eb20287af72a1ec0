"""Previews against reading the due rows, and against reading and rendering them."""

from __future__ import annotations

from itertools import islice

from bench.books import AT, forget_phones, world
from bench.databases import Raw, Store
from bench.measure import Figure, against
from bench.planning import days
from bench.rendering import read_due, text_of
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.preview import Totals, Verb, preview

__all__ = ["TEXTS_SHOWN", "preview_all", "preview_totals"]

TEXTS_SHOWN = 50


def totals(deployment: Deployment) -> tuple[Totals, list[str]]:
    """Make the preview that the command shows: totals over everything, and the first texts."""
    sums = Totals()
    shown: list[str] = []
    for entry in preview(deployment, AT):
        sums.add(entry)
        if entry.verb is Verb.SEND and len(shown) < TEXTS_SHOWN:
            shown.append(entry.body)
    return sums, shown


def bodies(deployment: Deployment) -> list[str]:
    """Return every text of the preview."""
    return [entry.body for entry in preview(deployment, AT)]


def floor_rows(store: Store) -> list[str]:
    """Read the due rows, and render the first few."""
    raw = Raw(store.engine)
    rows = read_due(raw, days(raw))
    raw.close()
    return [text_of(row) for row in islice(rows, TEXTS_SHOWN)]


def floor_bodies(store: Store) -> list[str]:
    """Read the due rows, and render them all."""
    raw = Raw(store.engine)
    rows = read_due(raw, days(raw))
    raw.close()
    return [text_of(row) for row in rows]


def preview_totals(store: Store, accounts: int, due: int, repeats: int) -> Figure:
    """Preview with totals and a few texts. Decided and rendered are all, for the totals count their segments."""
    store.clear("outbox")
    deployment = world(store).deployment()
    return against(
        "preview",
        f"preview: totals and {TEXTS_SHOWN} texts",
        lambda: totals(deployment),
        lambda: floor_rows(store),
        before=forget_phones,
        repeats=repeats,
        rows=due,
        bound=2.0,
        where=store.name,
        size=f"{due:,} due of {accounts:,}",
        note="the floor decides nothing; the totals count the segments of every text",
    )


def preview_all(store: Store, accounts: int, due: int, repeats: int) -> Figure:
    """Preview with every text."""
    store.clear("outbox")
    deployment = world(store).deployment()
    return against(
        "preview-all",
        "full preview, every text",
        lambda: bodies(deployment),
        lambda: floor_bodies(store),
        before=forget_phones,
        repeats=repeats,
        rows=due,
        bound=2.0,
        where=store.name,
        size=f"{due:,} due of {accounts:,}",
        note="the floor reads, renders and decides nothing",
    )
