"""Hostile weeks from fixed seeds, for every run of the tests. `make years` lives through whole years of others."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import make_url

from years.events import EVENTS, KINDS, WEIGHTS
from years.living import live_through, opened
from years.memory import LawBrokenError


@pytest.mark.parametrize(("seed", "days"), [(1, 8), (2, 8), (3, 8), (8, 8)])
def test_no_law_is_broken_in_hostile_weeks(tmp_path: Path, seed: int, days: int) -> None:
    """Laws 1 to 15 but 7: payments, promises, replies, outages, deaths, edits and wrong clocks break none."""
    with opened(seed, tmp_path, accounts=40) as year:
        live_through(year, days)

    assert year.ticks > days
    assert year.lives.states


def test_nor_on_a_server(tmp_path: Path, postgresql_server: object, database_name: str) -> None:
    """The same on PostgreSQL, whose own ways of locking, counting time and dying differ."""
    name = f"{database_name}_year"
    url = postgresql_server.make(name)  # type: ignore[attr-defined]
    assert make_url(url).database == name
    try:
        with opened(5, tmp_path, accounts=30, database=url) as year:
            live_through(year, 5)
            assert year.lives.states
    finally:
        postgresql_server.drop(name)  # type: ignore[attr-defined]


def test_a_seed_is_one_year(tmp_path: Path) -> None:
    """A failure can be seen again: the same seed lets the same things happen, to the second."""
    told = []
    for name in ("one", "other"):
        folder = tmp_path / name
        folder.mkdir()
        with opened(4, folder, accounts=15) as year:
            live_through(year, 2)
            told.append((year.journal.count, year.journal.whole.hexdigest()))

    assert told[0] == told[1]
    assert told[0][0] > 5


def test_a_broken_law_tells_how_to_see_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure names the law, the seed, the command, and what happened last."""

    def lose_a_reminder(year: object) -> None:
        raise LawBrokenError(4, "reminders are gone: [1]")

    monkeypatch.setattr("years.year.Year.look", lose_a_reminder)
    with opened(4, tmp_path, accounts=3) as year, pytest.raises(LawBrokenError) as caught:
        live_through(year, 1)

    told = str(caught.value)
    assert told.startswith("law 4: reminders are gone: [1]")
    assert "`make years SEED=4 ACCOUNTS=3` lets it happen again" in told
    assert told.count("\n") > 2


def test_everything_hostile_is_drawn() -> None:
    """No kind of event is left out by its weight."""
    assert len(KINDS) == len(WEIGHTS) == len(EVENTS)
    assert min(WEIGHTS) > 0
