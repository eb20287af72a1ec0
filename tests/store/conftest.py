"""What the tests of the store share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from reminder.store.engine import open_engine


@pytest.fixture(params=["postgresql", "mariadb"])
def server_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database on a server: for promises that SQLite can't break, its transactions being alone."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def bare_url(request: pytest.FixtureRequest, database_name: str, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without a single table, on each of the three."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/bare.db"
        return
    server = request.getfixturevalue(f"{request.param}_server")
    yield server.make(f"{database_name}_bare")
    server.drop(f"{database_name}_bare")


@pytest.fixture
def bare_engine(bare_url: str) -> Iterator[Engine]:
    """An engine for `bare_url`."""
    made = open_engine(bare_url)
    yield made
    made.dispose()
