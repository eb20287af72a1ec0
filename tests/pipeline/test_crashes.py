"""`kill -9` in the middle of a call, against a provider in a process of its own: each customer gets one text.

The first run is a real process, killed when the provider has its calls. What follows is played by this process on a
clock that is put forward, so that nobody waits for the minutes in which a provider settles.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Engine, select

from reminder.app import now, open_deployment
from reminder.installation import read_installation
from reminder.pipeline.reconcile import reconcile
from reminder.pipeline.run import run_pass
from reminder.store.engine import open_engine
from reminder.store.schema import attempt, outbox
from support.deployments import add_accounts, row, write_deployment

FAKE = Path(__file__).parents[1] / "fakes" / "fake_twilio.py"
TEXTS = 3
PATIENCE_SECONDS = 60

SECRETS = {"TWILIO_ACCOUNT_SID": "AC" + "0" * 32, "TWILIO_AUTH_TOKEN": "good-token"}


class Provider:
    """The fake Twilio, as a test sees it."""

    def __init__(self, url: str, log: Path) -> None:
        self.url = url
        self.log = log

    def call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Tell it something, or ask it."""
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=10)
        try:
            connection.request(method, path, json.dumps(body))
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
            return answer
        finally:
            connection.close()

    def accepted(self) -> list[dict[str, Any]]:
        """Return what customers have received, as its log on disk has it."""
        return [json.loads(line) for line in self.log.read_text("utf-8").splitlines()] if self.log.exists() else []

    def wait_for_posts(self, count: int) -> None:
        """Wait until it was posted so many messages."""
        until = time.monotonic() + PATIENCE_SECONDS
        while len(self.call("GET", "/_fake/posts")["posts"]) < count:
            assert time.monotonic() < until, "the calls never came"
            time.sleep(0.02)


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    """A fake Twilio in a process of its own."""
    log = tmp_path / "accepted.jsonl"
    command = [sys.executable, str(FAKE), "--port", "0", "--log", str(log), "--follow-stdin"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield Provider(process.stdout.readline().strip(), log)
        process.stdin.close()
        process.wait(timeout=10)


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def config(request: pytest.FixtureRequest, tmp_path: Path, provider: Provider) -> Path:
    """A deployment that texts through the fake, with three accounts that are due, on each of the three databases."""
    url = request.getfixturevalue(f"{request.param}_url")
    folder = write_deployment(tmp_path / "deployment", route="twilio")
    settings = (folder / "reminder.yaml").read_text("utf-8")
    twilio = (
        f'twilio: {{from: "+15017122661", base_url: "{provider.url}", timeout_seconds: 3, connect_timeout_seconds: 2, '
        "settle_seconds: 120}"
    )
    settings = settings.replace('twilio: {price: {per_segment: "0.045", currency: USD}}', twilio)
    (folder / "reminder.yaml").write_text(f'database: "{url}"\n{settings}', encoding="utf-8")
    add_accounts(folder, *(row(f"A{number}", phone=f"+1 212 555 010{number}") for number in range(TEXTS)))
    return folder


@pytest.fixture
def tables(config: Path) -> Iterator[Engine]:
    """The deployment's database."""
    engine = open_engine(read_installation(config, SECRETS).settings.database)
    yield engine
    engine.dispose()


def run_and_kill(config: Path, provider: Provider, *, posts: int) -> None:
    """Run one pass as a process, and kill it when the provider has so many of its calls."""
    command = [sys.executable, "-m", "reminder", "--config", str(config), "run"]
    output = config / "run.log"
    with (
        output.open("w") as file,
        subprocess.Popen(command, env={**SECRETS, "PATH": ""}, stdout=file, stderr=file) as process,
    ):
        provider.wait_for_posts(posts)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=PATIENCE_SECONDS)


def pass_later(config: Path, minutes: float, *, only_ask: bool = False) -> None:
    """Make one pass so many minutes from now."""
    with open_deployment(
        read_installation(config, SECRETS), clock=lambda: now() + timedelta(minutes=minutes)
    ) as deployment:
        if only_ask:
            asyncio.run(_ask_and_close(deployment))
        else:
            asyncio.run(run_pass(deployment))


async def _ask_and_close(deployment: Any) -> None:
    await reconcile(deployment)
    for gateway in deployment.gateways.values():
        await gateway.close()


def states(tables: Engine) -> Counter[str]:
    """Count the outbox by state."""
    with tables.connect() as connection:
        return Counter(connection.scalars(select(outbox.c.state)))


MODES = [
    pytest.param("hang_after_accept", id="taken and never answered"),
    pytest.param("reset_after_accept", id="taken and cut off"),
    pytest.param("hang_before_accept", id="never taken and never answered"),
    pytest.param("reset_before_accept", id="never taken and cut off"),
]


@pytest.mark.parametrize("mode", MODES)
def test_a_killed_process_leaves_one_text_for_each(config: Path, tables: Engine, provider: Provider, mode: str) -> None:
    """Laws 3 and 4: whatever became of the calls, the provider takes each text once, and all end as sent."""
    provider.call("POST", "/_fake/behave", {"next": [{"mode": mode}] * TEXTS})
    run_and_kill(config, provider, posts=TEXTS)
    before = len(provider.accepted())
    assert before == (TEXTS if "after_accept" in mode else 0)

    pass_later(config, 3)
    assert set(states(tables)) <= {"in_doubt", "sent"}
    assert len(provider.accepted()) == before
    for minutes in (6, 7.5, 9):
        pass_later(config, minutes)

    assert states(tables) == {"sent": TEXTS}
    taken = provider.accepted()
    assert sorted(post["To"] for post in taken) == [f"+1212555010{number}" for number in range(TEXTS)]
    with tables.connect() as connection:
        known = connection.scalars(select(attempt.c.provider_id).where(attempt.c.counted))
        assert sorted(known) == sorted(post["sid"] for post in taken)


@pytest.mark.parametrize("posts", [1, 2])
def test_a_process_killed_between_its_calls(config: Path, tables: Engine, provider: Provider, posts: int) -> None:
    """Laws 3 and 4: some of a batch were taken and answered, some were on their way, some had not begun."""
    coming = [{"mode": "accept"}] * (posts - 1) + [{"mode": "hang_after_accept"}, {"mode": "hang_before_accept"}]
    provider.call("POST", "/_fake/behave", {"next": coming})
    run_and_kill(config, provider, posts=posts)
    for minutes in (3, 6, 7.5, 9):
        pass_later(config, minutes)
    # A call that was on its way at the kill may have met a behaviour that was meant for another: it hangs again.
    for minutes in (13, 17, 19, 21):
        pass_later(config, minutes)
    assert states(tables) == {"sent": TEXTS}
    assert sorted(Counter(post["To"] for post in provider.accepted()).values()) == [1] * TEXTS


@pytest.mark.parametrize("mode", MODES)
def test_a_process_killed_between_two_batches(config: Path, tables: Engine, provider: Provider, mode: str) -> None:
    """Laws 3 and 4: killed with the calls of two batches in flight, it leaves one text for each, and none is lost."""
    settings = (config / "reminder.yaml").read_text("utf-8")
    (config / "reminder.yaml").write_text(f"{settings}dispatch: {{batch_size: 1}}\n", encoding="utf-8")
    provider.call("POST", "/_fake/behave", {"next": [{"mode": mode}] * 2})
    run_and_kill(config, provider, posts=2)  # the second batch's call, while the first one's has no answer
    for minutes in (3, 6, 7.5, 9, 13, 17, 19, 21):
        pass_later(config, minutes)

    assert states(tables) == {"sent": TEXTS}
    assert sorted(post["To"] for post in provider.accepted()) == [f"+1212555010{number}" for number in range(TEXTS)]


def test_a_provider_whose_list_is_out_sends_nothing_twice(config: Path, tables: Engine, provider: Provider) -> None:
    """Law 3: while the list answers with errors everything stays in doubt; when it is back, everything is settled."""
    provider.call("POST", "/_fake/behave", {"next": [{"mode": "hang_after_accept"}] * TEXTS})
    run_and_kill(config, provider, posts=TEXTS)
    provider.call("POST", "/_fake/list", {"status": 503})
    for minutes in (3, 6, 9, 14, 23):
        pass_later(config, minutes)
    assert states(tables) == {"in_doubt": TEXTS}

    provider.call("POST", "/_fake/list", {"queued": True})
    pass_later(config, 100, only_ask=True)
    assert states(tables) == {"sent": TEXTS}
    assert len(provider.accepted()) == TEXTS
