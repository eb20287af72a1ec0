"""What the tests of the pipeline share: a small world in memory, and one on each real database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import Engine

from reminder.store.engine import open_engine
from reminder.store.schema import metadata
from support.worlds import World, policy


@pytest.fixture
def due() -> date:
    """The day it is for the policy at the beginning of every world: an account due then deserves step `due`."""
    return date(2026, 11, 23)


@pytest.fixture
def world() -> Iterator[World]:
    """Lend a world with one policy on a database in memory, at noon in Shanghai."""
    engine = open_engine("sqlite://")
    metadata.create_all(engine)
    yield World(engine, policies=(policy(),))
    engine.dispose()


@pytest.fixture
def real_world(engine: Engine) -> World:
    """The same world on each of the three databases."""
    return World(engine, policies=(policy(),))
