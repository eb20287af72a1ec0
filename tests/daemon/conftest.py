"""A small deployment for the daemon, and the clock it is looked at with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from reminder.app import open_deployment
from reminder.daemon.ticks import Schedule
from reminder.installation import read_installation
from reminder.pipeline.deployment import Deployment
from support.deployments import write_deployment

Opener = Callable[[datetime], Deployment]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The folder of settings of a deployment whose policy may text at any hour, with an empty book."""
    return write_deployment(tmp_path)


@pytest.fixture
def open_at(config: Path) -> Iterator[Opener]:
    """A function that opens the deployment with its clock standing at an instant."""
    with ExitStack() as stack:

        def opened(at: datetime) -> Deployment:
            """Open it once more."""
            return stack.enter_context(open_deployment(read_installation(config, {}), clock=lambda: at))

        yield opened


@pytest.fixture
def noon() -> datetime:
    """Noon of the day it is (UTC): the accounts of the tests are due around it."""
    from support.deployments import today

    return datetime.combine(today(), time(12), UTC)


@pytest.fixture
def schedule() -> Schedule:
    """Two plans a day, at most six hours late."""
    return Schedule("UTC", (time(8), time(11)), timedelta(seconds=1), timedelta(hours=6))
