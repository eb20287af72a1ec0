"""What the gateways' tests share: messages, a context with credentials, and a fake Twilio in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from reminder.domain.message import Message
from reminder.gateways.base import GatewayContext

FAKE = Path(__file__).parents[1] / "fakes" / "fake_twilio.py"

SECRETS = {"TWILIO_ACCOUNT_SID": "AC" + "0" * 32, "TWILIO_AUTH_TOKEN": "good-token"}

NUMBER = "+8613800138000"


class TwilioFake:
    """The fake as a test sees it: told how to behave, asked what it was posted."""

    def __init__(self, url: str, log: Path) -> None:
        self.program = str(FAKE)
        self.url = url
        self.log = log

    def behave(self, *coming: dict[str, object], **always: object) -> None:
        """Tell it what to do: with the next posts one by one, then with all."""
        self._call("POST", "/_fake/behave", {"always": always, "next": list(coming)})
        self.log.write_text("")

    def posts(self) -> list[dict[str, Any]]:
        """Return every POST since it was last told anything."""
        posts: list[dict[str, Any]] = self._call("GET", "/_fake/posts")["posts"]
        return posts

    def in_flight_most(self) -> int:
        """Return how many POSTs were under way at the same time."""
        most: int = self._call("GET", "/_fake/posts")["in_flight_most"]
        return most

    def accepted(self) -> list[dict[str, object]]:
        """Return what customers would have received, as its log on disk has it."""
        return [json.loads(line) for line in self.log.read_text("utf-8").splitlines()]

    def _call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=10)
        try:
            connection.request(method, path, json.dumps(body))
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
            return answer
        finally:
            connection.close()


@pytest.fixture(scope="session")
def fake_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwilioFake]:
    """The fake in its own process, which ends when this one does."""
    log = tmp_path_factory.mktemp("twilio") / "accepted.jsonl"
    command = [sys.executable, str(FAKE), "--port", "0", "--log", str(log), "--follow-stdin"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield TwilioFake(process.stdout.readline().strip(), log)
        process.stdin.close()
        process.wait(timeout=10)


@pytest.fixture
def twilio_fake(fake_process: TwilioFake) -> TwilioFake:
    """The fake, behaving well and having been posted nothing."""
    fake_process.behave(mode="accept")
    return fake_process


@pytest.fixture
def context() -> Callable[..., GatewayContext]:
    """Make a gateway's context; credentials and a public URL unless told otherwise."""

    def make(
        name: str = "twilio",
        secrets: dict[str, str] | None = None,
        public_url: str | None = "https://remind.example.com",
    ) -> GatewayContext:
        return GatewayContext(name, SECRETS if secrets is None else secrets, public_url)

    return make


@pytest.fixture
def message() -> Callable[..., Message]:
    """Make a message; each field can be replaced."""

    def make(
        reference: str = "ref-1", to: str = NUMBER, body: str = "【安心贷】账单 ¥123.45", valid_seconds: int = 600
    ) -> Message:
        return Message(reference, to, body, valid_seconds)

    return make
