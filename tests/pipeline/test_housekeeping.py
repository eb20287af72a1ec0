"""Housekeeping in the daemon: the record is sealed, what is too old goes little by little, and texts never wait."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs

from reminder.domain.lifecycle import State
from reminder.domain.record import Kind
from reminder.domain.retention import Matter, Retention
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.housekeeping import BATCHES_AT_ONCE, SEAL_EVERY, SWEEP_EVERY, Keeper
from reminder.store import sealing
from reminder.store.retention import BATCH_ROWS
from reminder.store.schema import attempt, record, record_block
from support.outbox_rows import remind, write_attempt
from support.records import text_entry, verified, write
from support.worlds import World

AGED = Retention({Matter.TEXTS: timedelta(days=400)})


def keep(keeper: Keeper, deployment: Deployment, *, stopping: bool = False) -> list[str]:
    """Do the housekeeping of one tick; return the names of what it logs."""
    with capture_logs() as told:
        keeper.keep(deployment, stopping=lambda: stopping)
    return [each["event"] for each in told]


def blocks(world: World) -> int:
    """Return how many blocks are sealed."""
    with world.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(record_block)) or 0


def whole(world: World) -> int:
    """Return how many texts still have their number."""
    with world.engine.connect() as connection:
        return connection.scalar(select(func.count()).where(attempt.c.number != "")) or 0


def send_long_ago(world: World, texts: int, days: int = 500) -> None:
    """Write texts that were sent so many days ago."""
    at = world.at - timedelta(days=days)
    with world.engine.begin() as connection:
        for number in range(texts):
            reference = write_attempt(connection, f"{days}-{number}", started_at=at)
            row = {"state": State.SENT.value, "reference": reference, "planned_at": at, "changed_at": at}
            remind(connection, f"{days}-{number}", **row)


def test_record_is_sealed_every_five_minutes(world: World) -> None:
    """Law 14: what is on record is sealed at the first tick and five minutes later, not at every tick between."""
    keeper, deployment = Keeper(), world.deployment()
    write(world.engine, text_entry("C-1"), at=world.at)
    assert keep(keeper, deployment) == ["reminder.record.sealed"]
    write(world.engine, text_entry("C-2"), at=world.at)
    world.later(seconds=SEAL_EVERY.seconds - 1)
    assert keep(keeper, deployment) == []
    world.later(seconds=1)
    assert keep(keeper, deployment) == ["reminder.record.sealed"]
    assert (blocks(world), verified(world.engine).unsealed) == (2, 0)


def test_a_clock_put_back_does_not_stop_the_sealing(world: World) -> None:
    """Law 14: a clock that was a year ahead leaves no year without a seal."""
    keeper, deployment = Keeper(), world.deployment()
    keep(keeper, deployment)
    write(world.engine, text_entry("C-1"), at=world.at)
    world.later(days=-365)
    assert keep(keeper, deployment) == ["reminder.record.sealed"]


def test_a_failure_is_told_and_does_not_reach_the_tick(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Law 9: a record that can't be sealed, or rows that can't age, stop no text; both are tried again when due."""

    def fail(*_: object, **__: object) -> Iterator[object]:
        raise RuntimeError("disk full")

    keeper, deployment = Keeper(), replace(world.deployment(), retention=AGED)
    with monkeypatch.context() as broken:
        broken.setattr("reminder.store.sealing.seal", fail)
        broken.setattr("reminder.store.retention.sweep", fail)
        assert keep(keeper, deployment) == ["reminder.record.failed", "reminder.retention.failed"]
        assert keep(keeper, deployment) == []
    send_long_ago(world, 1)
    world.later(days=SWEEP_EVERY.days)
    assert "reminder.retention.removed" in keep(keeper, deployment)
    assert whole(world) == 0


def test_what_is_too_old_goes_once_a_day(world: World) -> None:
    """Retention is the daemon's own work: at its first tick and a day later; without ages it never begins."""
    send_long_ago(world, 2)
    assert keep(Keeper(), world.deployment()) == []
    keeper, deployment = Keeper(), replace(world.deployment(), retention=AGED)
    assert keep(keeper, deployment) == ["reminder.retention.removed"]
    send_long_ago(world, 1, days=600)
    world.later(hours=23)
    keep(keeper, deployment)
    assert whole(world) == 1
    world.later(hours=1)
    keep(keeper, deployment)
    assert whole(world) == 0


def test_new_ages_are_followed_at_once(world: World) -> None:
    """An edit of the ages counts from the next tick, not from tomorrow."""
    send_long_ago(world, 1)
    keeper = Keeper()
    keep(keeper, world.deployment())
    assert whole(world) == 1
    keep(keeper, replace(world.deployment(), retention=AGED))
    assert whole(world) == 0


def test_a_long_backlog_lets_ticks_between(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts do not wait for what is old: a tick takes some batches, the next goes on there, a stop ends it at once."""
    monkeypatch.setattr("reminder.pipeline.housekeeping.BATCHES_AT_ONCE", 1)
    send_long_ago(world, BATCH_ROWS + 1)
    keeper, deployment = Keeper(), replace(world.deployment(), retention=AGED)
    keep(keeper, deployment, stopping=True)
    assert whole(world) == BATCH_ROWS + 1
    keep(keeper, deployment)
    assert whole(world) == 1
    keep(keeper, deployment)
    assert whole(world) == 0
    assert BATCHES_AT_ONCE > 1


def test_versions_in_force_are_noted_once(world: World) -> None:
    """Law 14: a version of a policy is written down when it comes into force, and not at each tick."""
    keeper = Keeper()
    deployment = replace(world.deployment(), versions={Kind.POLICY: {"loan": ("1", {"policy": "loan"})}})
    for _ in range(2):
        keeper.begin(deployment)
    keeper.begin(replace(deployment, versions={Kind.POLICY: {"loan": ("2", {"policy": "loan"})}}))
    with world.engine.connect() as connection:
        told = connection.scalars(select(record.c.subject).where(record.c.kind == Kind.POLICY)).all()
        assert sealing.head(connection) is None
    assert told == ["loan", "loan"]
