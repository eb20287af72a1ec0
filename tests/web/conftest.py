"""A deployment that sends through a stand-in for Twilio, and `reminder web` in a process of its own before it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import pytest
from sqlalchemy import Engine
from twilio.request_validator import RequestValidator

from reminder.app import open_database
from reminder.installation import read_installation
from support.deployments import write_deployment

FAKE = Path(__file__).parents[1] / "fakes" / "fake_twilio.py"
PUBLIC = "https://remind.example.com"
TOKEN = "good-token"
SECRETS = {"TWILIO_ACCOUNT_SID": "AC" + "0" * 32, "TWILIO_AUTH_TOKEN": TOKEN}
ENVIRON = os.environ  # noqa: TID251 - a process of its own needs one to start in

SETTINGS = """\
public_url: PUBLIC
web: {host: 127.0.0.1, port: 0, paid_hold_days: 2}
gateways:
  console: {}
  twilio: {from: "+15017122661", base_url: "FAKE", confirm_stop: true}
"""


@dataclass
class Fake:
    """The stand-in: where it is, and what it has accepted."""

    url: str
    log: Path

    def accepted(self) -> list[dict[str, str]]:
        """Return what customers would have received."""
        return [json.loads(line) for line in self.log.read_text("utf-8").splitlines()] if self.log.exists() else []


@dataclass
class Served:
    """`reminder web` as a caller sees it."""

    process: subprocess.Popen[str]
    address: str
    lines: list[dict[str, object]] = field(default_factory=list)

    def call(
        self, method: str, path: str, body: bytes | str = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        """Make one call; return status and body."""
        connection = HTTPConnection(self.address, timeout=20)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def post(
        self, path: str, form: Mapping[str, str], *, token: str = TOKEN, signature: str | None = None, **headers: str
    ) -> tuple[int, str]:
        """Post a form as Twilio does, signed for the public URL by the SDK itself unless told otherwise."""
        made = RequestValidator(token).compute_signature(PUBLIC + path, dict(form)) if signature is None else signature
        sent = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8", **headers}
        if made:
            sent["X-Twilio-Signature"] = made
        return self.call("POST", path, urlencode(form), sent)

    def stop(self) -> tuple[int, list[dict[str, object]]]:
        """Ask it to stop; return its exit code and everything it logged."""
        self.process.terminate()
        rest = self.process.communicate(timeout=30)[1]
        self.lines += [json.loads(line) for line in rest.splitlines() if line.startswith("{")]
        return self.process.returncode, self.lines


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Fake]:
    """A stand-in for Twilio in its own process, which ends when this one does."""
    log = tmp_path / "accepted.jsonl"
    command = [sys.executable, str(FAKE), "--port", "0", "--log", str(log), "--follow-stdin"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield Fake(process.stdout.readline().strip(), log)
        process.stdin.close()
        process.wait(timeout=10)


@pytest.fixture
def config(tmp_path: Path, fake: Fake) -> Path:
    """The folder of settings of a deployment that texts through the stand-in, with an empty book."""
    config = write_deployment(tmp_path / "deployment", route="twilio")
    path = config / "reminder.yaml"
    text = path.read_text(encoding="utf-8")
    gateways = text[text.index("gateways:") : text.index("schedule:")]
    path.write_text(text.replace(gateways, SETTINGS.replace("PUBLIC", PUBLIC).replace("FAKE", fake.url)), "utf-8")
    return config


@contextmanager
def web_process(config: Path, secrets: Mapping[str, str] = SECRETS) -> Iterator[Served]:
    """Run `reminder web`; wait until it says where it listens."""
    command = [sys.executable, "-m", "reminder", "--config", str(config), "web"]
    environ = {**ENVIRON, **dict.fromkeys(SECRETS, ""), **secrets}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stderr is not None
        lines: list[dict[str, object]] = []
        for line in process.stderr:
            assert line.startswith("{"), line
            lines.append(json.loads(line))
            if lines[-1]["event"] == "reminder.web.started":
                break
        try:
            yield Served(process, str(lines[-1]["address"]), lines)
        finally:
            if process.poll() is None:
                process.kill()


@pytest.fixture
def served(config: Path) -> Iterator[Served]:
    """`reminder web` of that deployment."""
    with web_process(config) as one:
        yield one


@pytest.fixture
def serve_with(config: Path) -> Callable[..., object]:
    """A function that runs `reminder web` in an environment with other secrets."""
    return lambda **secrets: web_process(config, secrets)


@pytest.fixture
def engine(config: Path) -> Iterator[Engine]:
    """The deployment's database."""
    with open_database(read_installation(config, {})) as opened:
        yield opened
