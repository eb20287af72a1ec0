"""A process killed in the middle, by kill -9 and with a real HTTP call under way: nothing lost, nothing sent twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Engine, select

from reminder.app import now
from reminder.store.engine import open_engine
from reminder.store.schema import attempt
from support.crashing import make_pass, texting
from support.worlds import World, account_row

TESTS = Path(__file__).parents[1]
PATIENCE_SECONDS = 60


class Provider:
    """A fake Twilio in a process of its own, and the texts that it took."""

    def __init__(self, url: str, log: Path) -> None:
        self.url = url
        self.log = log

    def hang_once(self) -> None:
        """Take the next text and never answer; take those after it as usual."""
        told = {"always": {"mode": "accept"}, "next": [{"mode": "hang_after_accept"}]}
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=10)
        connection.request("POST", "/_fake/behave", json.dumps(told))
        assert connection.getresponse().status == 200
        connection.close()

    def accepted(self) -> list[dict[str, str]]:
        """Return the texts that customers receive."""
        if not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_text("utf-8").splitlines()]


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    """Lend a fake Twilio that ends with this test."""
    log = tmp_path / "accepted.jsonl"
    command = [sys.executable, str(TESTS / "fakes" / "fake_twilio.py"), "--log", str(log), "--follow-stdin"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Provider(process.stdout.readline().strip(), log)
        process.stdin.close()
        process.wait(timeout=10)


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def url(request: pytest.FixtureRequest) -> str:
    """The URL of a database that two processes share."""
    found: str = request.getfixturevalue(f"{request.param}_url")
    return found


@pytest.fixture
def world(url: str, provider: Provider) -> Iterator[World]:
    """Lend a world that texts through the provider, with one account due, as the process after the crash sees it."""
    engine: Engine = open_engine(url)
    # The provider's clock is the real one, and a text is only found where it is not older than its call.
    made = texting(World(engine, owner="survivor:1", at=now()), provider.url)
    made.add_accounts(account_row("A", made.policies[0].today(made.at)))
    yield made
    engine.dispose()


@contextmanager
def victim(url: str, world: World, provider: Provider, *where: str) -> Iterator[subprocess.Popen[str]]:
    """Start a process that makes a pass, and see that it dies by the signal that it is sent."""
    command = [sys.executable, "-m", "support.crashing", url, provider.url, world.at.isoformat(), *where]
    with subprocess.Popen(command, cwd=TESTS, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.send_signal(signal.SIGKILL)
        assert process.wait(timeout=10) == -signal.SIGKILL


def wait_for_acceptance(provider: Provider) -> None:
    """Return once the provider has taken a text."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not provider.accepted():
        assert time.monotonic() < deadline, "the provider was never asked"
        time.sleep(0.02)


def only_row(world: World) -> tuple[str, str | None]:
    """Return state and reference of the only reminder."""
    (row,) = world.rows()
    return row.state, row.reference


def test_killed_in_the_middle_of_a_call(world: World, provider: Provider, url: str) -> None:
    """Law 3: the provider took it and the answer died with the process; it is in doubt until it is asked."""
    provider.hang_once()
    with victim(url, world, provider):
        wait_for_acceptance(provider)
    assert only_row(world)[0] == "sending"

    make_pass(world)
    assert only_row(world)[0] == "sending"  # its lease has not ended: the process might still live
    world.later(seconds=61)
    texting(world, provider.url)
    make_pass(world)
    (text,) = provider.accepted()
    assert only_row(world) == ("in_doubt", text["reference"])

    for _ in range(4):
        world.later(hours=1)
        texting(world, provider.url)
        make_pass(world)
    assert provider.accepted() == [text]
    assert only_row(world) == ("sent", text["reference"])
    with world.engine.connect() as connection:
        (written,) = connection.execute(select(attempt)).all()
    assert (written.body, written.counted, written.provider_id) == (text["Body"], True, text["sid"])


def test_killed_between_claim_and_reserve(world: World, provider: Provider, url: str) -> None:
    """Law 4: what was claimed and not reserved was not sent; when the lease ends, the next process sends it, once."""
    with victim(url, world, provider, "before-reserve") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "claimed\n"
    assert (only_row(world), provider.accepted()) == (("planned", None), [])

    make_pass(world)
    assert provider.accepted() == []  # the lease of the dead process has not ended
    world.later(seconds=61)
    for _ in range(2):
        texting(world, provider.url)
        make_pass(world)

    (text,) = provider.accepted()
    assert only_row(world) == ("sent", text["reference"])
