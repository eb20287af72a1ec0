"""How cost grows: planning by the number of policies, planning and previewing by the share of the book that is due."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from statistics import median

from bench.books import AT, POLICY, fill, forget_phones, world
from bench.databases import Store
from bench.measure import Figure, timed, value
from reminder.domain.policy import Policy
from reminder.domain.selector import Selector, Term
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.plan import plan
from reminder.pipeline.preview import preview

__all__ = ["cost_by_policies", "cost_by_share"]

POLICIES = (1, 10, 50)
SHARES = (0.01, 0.1, 1.0)


def _policies(count: int) -> tuple[Policy, ...]:
    """Return so many policies: the bench's own, and others for products that nobody has."""
    others = (
        replace(POLICY, name=f"other-{i}", priority=1, selector=Selector((Term("product", frozenset({f"other-{i}"})),)))
        for i in range(count - 1)
    )
    return (*others, POLICY)


def _seconds(store: Store, deployment: Deployment, repeats: int) -> float:
    taken = []
    for _ in range(repeats + 1):
        store.clear("outbox")
        taken.append(timed(lambda: plan(deployment, AT)).wall)
    return median(taken[1:])


def cost_by_policies(store: Store, accounts: int, due: int, repeats: int) -> list[Figure]:
    """Return a plan's seconds with one policy, and with others beside it that find nothing."""
    fill(store, accounts, due)
    figures = []
    for count in POLICIES:
        seconds = _seconds(store, replace(world(store).deployment(), policies=_policies(count)), repeats)
        size = f"{due:,} due of {accounts:,}"
        title = f"plan with {count} policies of {len(POLICY.steps)} steps"
        figures.append(value(f"policies-{count}", title, seconds, "s", where=store.name, size=size))
    return figures


def cost_by_share(store: Store, accounts: int, repeats: int) -> list[Figure]:
    """Return the seconds of a plan and of a full preview, by how much of the book is due."""
    return [figure for share in SHARES for figure in _at_share(store, accounts, share, repeats)]


def _at_share(store: Store, accounts: int, share: float, repeats: int) -> list[Figure]:
    due = int(accounts * share)
    fill(store, accounts, due)
    deployment = world(store).deployment()
    planned = _seconds(store, deployment, repeats)
    store.clear("outbox")
    forget_phones()
    shown = timed(lambda: deque(preview(deployment, AT), maxlen=0)).wall
    given = {"where": store.name, "size": f"{due:,} due of {accounts:,}"}
    return [
        value(f"share-plan-{share:g}", f"plan, {share:.0%} due", planned, "s", **given),
        value(f"share-shown-{share:g}", f"preview, {share:.0%} due", shown, "s", **given),
    ]
