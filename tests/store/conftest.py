"""What the tests of the store share."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["postgresql", "mariadb"])
def server_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database on a server: for promises that SQLite can't break, its transactions being alone."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url
