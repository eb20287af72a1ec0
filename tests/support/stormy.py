"""The stormy stand-in for Twilio, as a harness sees it: in a process of its own, told what to do over HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from support.checkers import Acceptance, acceptances
from support.haste import Haste

TESTS = Path(__file__).parents[1]
SECRETS = {"TWILIO_ACCOUNT_SID": "AC" + "0" * 32, "TWILIO_AUTH_TOKEN": "good-token"}

Mix = Sequence[tuple[float, dict[str, Any]]]
"""Behaviours of the fake, each with its weight."""


@dataclass
class Provider:
    """A fake Twilio: where it is, and the texts that it took."""

    url: str
    log: Path

    def call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Tell it something, or ask it."""
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=10)
        try:
            connection.request(method, path, json.dumps(body))
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
            return answer
        finally:
            connection.close()

    def weather(self, *mix: tuple[float, dict[str, Any]], seed: int = 0, **receipts: Any) -> None:
        """Behave as drawn from the mixture, from now on; with any of `receipts`, tell what becomes of texts."""
        told = {"token": SECRETS["TWILIO_AUTH_TOKEN"], **receipts} if receipts else None
        self.call("POST", "/_fake/weather", {"seed": seed, "mix": mix, "receipts": told})

    def accepted(self) -> list[Acceptance]:
        """Return what customers have received, by its log on disk."""
        return acceptances(self.log)

    def posts(self) -> list[dict[str, Any]]:
        """Return every POST that it got, taken or not."""
        found: list[dict[str, Any]] = self.call("GET", "/_fake/posts")["posts"]
        return found

    def receipts(self) -> dict[str, Any]:
        """Return how many receipts were `told`, by status, and about how many texts it is still `telling`."""
        return self.call("GET", "/_fake/receipts")


@contextmanager
def stormy(folder: Path, clock: Haste | None = None) -> Iterator[Provider]:
    """Lend a stormy Twilio, calm at first, that writes what it takes into this folder before it answers."""
    log = folder / "accepted.jsonl"
    command = [sys.executable, "-m", "fakes.stormy_twilio", "--log", str(log)]
    if clock is not None:
        command += ["--clock", str(clock)]
    with subprocess.Popen(command, cwd=TESTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Provider(process.stdout.readline().strip(), log)
        process.stdin.close()
        process.wait(timeout=10)
