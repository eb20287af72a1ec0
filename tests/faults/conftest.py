"""A stage on which things go wrong: the real daemon, a provider over real HTTP, and a clock that runs fast."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reminder.store.engine import open_engine
from support.haste import Haste
from support.lending import People, Site
from support.nursery import Nursery, nursery
from support.stage import Stage
from support.stormy import SECRETS, Provider, stormy

BEGIN = datetime(2026, 11, 23, 1, tzinfo=UTC)
SPEED = 240.0

Setter = Callable[..., Stage]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """Where the processes of all these tests come from."""
    with nursery({**SECRETS, "PATH": ""}, tmp_path_factory.mktemp("processes")) as found:
        yield found


@pytest.fixture
def clock() -> Haste:
    """A clock by which ten minutes are two and a half seconds."""
    return Haste.starting(BEGIN, SPEED)


@pytest.fixture
def provider(clock: Haste, tmp_path: Path) -> Iterator[Provider]:
    """A fake Twilio that goes by the same clock."""
    with stormy(tmp_path, clock) as found:
        yield found


@pytest.fixture
def staged(home: Nursery, clock: Haste, provider: Provider, tmp_path: Path) -> Iterator[Setter]:
    """A function that sets the stage: a deployment on the database at a URL, and so many people in its book.

    `database` and `provider_url` are where the deployment looks for them, if that is another place.
    """
    with ExitStack() as stack:

        def set_up(url: str, count: int, *, database: str = "", provider_url: str = "") -> Stage:
            """Set it."""
            engine = open_engine(url)
            stack.callback(engine.dispose)
            site = Site.at(tmp_path, database or url, provider_url or provider.url)
            site.write()
            at = clock.now()
            dice = random.Random(1)  # noqa: S311 - nothing secret
            people = People(dice, at.date(), at, plain=True)
            people.come(engine, count)
            return Stage(clock, site, engine, people, provider, home)

        yield set_up
