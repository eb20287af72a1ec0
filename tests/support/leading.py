"""The lead, taken for a test as a daemon takes it."""

from __future__ import annotations

from reminder.pipeline.deployment import Deployment
from reminder.store import leases
from reminder.store.leases import LEADER, Mandate


def lead(deployment: Deployment, *, seconds: int = 60) -> Mandate:
    """Return the mandate of this deployment's process, taken from whoever had it: as after that one's end."""
    with deployment.engine.begin() as connection:
        held = leases.current(connection, LEADER)
        at = max(held.until, deployment.clock()) if held else deployment.clock()
        mandate = leases.take(connection, LEADER, owner=deployment.owner, at=at, seconds=seconds)
    assert mandate is not None
    return mandate
