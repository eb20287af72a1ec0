"""Housekeeping: what keeps the record true and the tables lean, and does not belong into the way of a reminder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import structlog

from reminder.domain.record import Actor
from reminder.domain.retention import Retention
from reminder.pipeline.deployment import Deployment
from reminder.store import record, retention, sealing
from reminder.store.retention import Batch
from reminder.store.sealing import Block

__all__ = ["BATCHES_AT_ONCE", "SEAL_EVERY", "SWEEP_EVERY", "Keeper", "note_versions", "seal"]

SEAL_EVERY = timedelta(minutes=5)
"""How often a daemon seals. What is younger can be changed by whoever owns the database, and nobody could tell."""

SWEEP_EVERY = timedelta(days=1)
"""How often a daemon looks for what is older than its age: ages are counted in days."""

BATCHES_AT_ONCE = 20
"""How many batches of what is too old a daemon takes between two ticks: the next texts wait for them."""

log = structlog.get_logger("reminder.record")


def note_versions(deployment: Deployment, at: datetime) -> None:
    """Write down which versions of policies and profiles are in force from the instant `at` (UTC), where they changed.

    So that each decision, which names its policy's version, can be explained when the files are others.
    """
    with deployment.engine.begin() as connection:
        for kind, versions in deployment.versions.items():
            record.came_into_force(connection, kind, versions, who=deployment.owner, at=at)


def seal(deployment: Deployment, *, stopping: Callable[[], bool] = lambda: False) -> list[Block]:
    """Seal what is on record by now, and tell the log the newest anchor: where logs go elsewhere, it is safe there."""
    made = sealing.seal(deployment.engine, at=deployment.clock(), stopping=stopping)
    if made:
        entries = sum(block.entries for block in made)
        log.info("reminder.record.sealed", blocks=len(made), entries=entries, anchor=made[-1].anchor)
    return made


class Keeper:
    """Does a daemon's housekeeping around its ticks, when it is time."""

    def __init__(self) -> None:
        self._sealed_at: datetime | None = None
        self._swept_at: datetime | None = None
        self._sweep: Iterator[Batch] | None = None
        self._rules: Retention | None = None
        self._noted: object = None

    def begin(self, deployment: Deployment) -> None:
        """Write down what is in force now, before it decides anything; raises what the database raises."""
        if self._noted is not deployment.versions:
            note_versions(deployment, deployment.clock())
            self._noted = deployment.versions

    def keep(self, deployment: Deployment, *, stopping: Callable[[], bool]) -> None:
        """Do what is due now. A failure is logged, and tried again when it is due again: texts do not wait for it."""
        at = deployment.clock()
        if _is_time(self._sealed_at, SEAL_EVERY, at):
            self._sealed_at = at
            try:
                seal(deployment, stopping=stopping)
            except Exception:
                log.exception("reminder.record.failed", hint="it is tried again in some minutes")
        try:
            self._forget(deployment, at, stopping)
        except Exception:
            self._sweep = None
            log.exception("reminder.retention.failed", hint="it is tried again a day later")

    def _forget(self, deployment: Deployment, at: datetime, stopping: Callable[[], bool]) -> None:
        """Take what is older than its age, some batches at a time; where the ages are others now, begin anew."""
        rules = deployment.retention
        if rules != self._rules or (self._sweep is None and _is_time(self._swept_at, SWEEP_EVERY, at)):
            self._rules, self._swept_at = rules, at
            self._sweep = retention.sweep(deployment.engine, rules, who=deployment.owner, actor=Actor.PROCESS, at=at)
        gone: Counter[str] = Counter()
        for _ in range(BATCHES_AT_ONCE):
            if self._sweep is None or stopping():
                break
            batch = next(self._sweep, None)
            if batch is None:
                self._sweep = None
            else:
                gone[batch.table] += batch.rows
        if gone:
            log.info("reminder.retention.removed", rows=dict(gone))


def _is_time(last: datetime | None, every: timedelta, at: datetime) -> bool:
    """Return whether something is to be done again; also after a clock that was put back."""
    return last is None or not last <= at < last + every
