"""Two daemons, kills and freezes, on servers: `make two-daemons` for ten minutes each, the suite for half a minute.

Its length and seed are taken from PAIR_SECONDS and PAIR_SEED.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest

from crashes.pair import Pair

ENVIRON = os.environ  # noqa: TID251 - how long is wanted is a matter of who runs it
SECONDS = float(ENVIRON.get("PAIR_SECONDS") or 0)
SEED = int(ENVIRON.get("PAIR_SEED") or 0) or random.SystemRandom().randrange(1, 10**6)
ACTS = 6
"""How often the suite hinders them."""

TEXTS_A_SECOND = 12.0


def _run(url: str, folder: Path) -> None:
    figures = Pair(url, folder, ACTS, SECONDS, TEXTS_A_SECOND, SEED).run()
    print(f"\n{figures.told()}", file=sys.stderr)  # noqa: T201 - the seed is what a failure is replayed with

    assert figures.complaints == []
    assert figures.left == []
    assert figures.done.total() >= ACTS
    assert figures.epochs > 1


@pytest.mark.timeout(3600)
def test_two_daemons_on_postgresql_lose_and_repeat_nothing(postgresql_url: str, tmp_path: Path) -> None:
    """Laws 2, 3, 4, 10: whatever is killed or frozen, the other carries on, and the revived one does no harm."""
    _run(postgresql_url, tmp_path)


@pytest.mark.timeout(3600)
@pytest.mark.skipif(not SECONDS, reason="PAIR_SECONDS asks for it: half a minute on one server is enough for the suite")
def test_two_daemons_on_mariadb_lose_and_repeat_nothing(mariadb_url: str, tmp_path: Path) -> None:
    """The same on MariaDB."""
    _run(mariadb_url, tmp_path)
