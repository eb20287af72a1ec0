"""The crash matrix on each database: `make crash-matrix` kills hundreds, the suite some dozens.

Its size and seed are taken from CRASH_KILLS, CRASH_REMINDERS and CRASH_SEED.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest

from crashes.matrix import Matrix
from support.dying import POINTS, arm

ENVIRON = os.environ  # noqa: TID251 - how much is wanted is a matter of who runs it
KILLS = int(ENVIRON.get("CRASH_KILLS") or 0)
REMINDERS = int(ENVIRON.get("CRASH_REMINDERS") or 0)
ALL_POINTS_KILLS = 200
"""From how many kills on there must be one at every point."""

SLICES = {"sqlite": (28, 500), "postgresql": (28, 500), "mysql": (14, 250)}
"""How many kills and reminders the suite has on each database."""

SEED = int(ENVIRON.get("CRASH_SEED") or 0) or random.SystemRandom().randrange(1, 10**6)


@pytest.mark.timeout(7200)
def test_whatever_is_killed_nothing_is_lost_or_sent_twice(database_url: str, tmp_path: Path) -> None:
    """Laws 2, 3, 4, 10: kill -9 at every point; each text is taken once, and each reminder is accounted for."""
    some, few = next(size for name, size in SLICES.items() if database_url.startswith(name))
    kills, reminders = KILLS or some, REMINDERS or few
    life_seconds = 6.0 if kills >= ALL_POINTS_KILLS else 2.5
    figures = Matrix(database_url, tmp_path, kills, reminders, SEED, life_seconds).run()
    print(f"\n{figures.told()}", file=sys.stderr)  # noqa: T201 - the seed is what a failure is replayed with

    assert figures.complaints == []
    assert figures.left == []
    assert figures.killed >= kills
    assert figures.reminders >= reminders
    assert figures.open_doubts == 0
    if kills >= ALL_POINTS_KILLS:
        assert set(POINTS) <= set(figures.kills)


def test_every_point_is_in_the_program() -> None:
    """A point whose function was renamed would kill nobody: each of them must be there to be wrapped."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("support.dying._wrapped", lambda function, *_: function)
        for point in POINTS:
            arm(point, 1, random.Random(0))  # noqa: S311 - nothing is drawn
