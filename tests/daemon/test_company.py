"""Company: what runs beside the ticks serves them, and whatever befalls it hurts no reminder."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs

from reminder.app import open_database
from reminder.daemon import company
from reminder.installation import read_installation
from reminder.store.schema import attempt, daemon
from support.deployments import add_accounts, row

ENVIRON = os.environ  # noqa: TID251 - the daemon's own process needs one to start in
WAIT_SECONDS = 60.0


@contextmanager
def running(config: Path, **environ: str) -> Iterator[subprocess.Popen[str]]:
    """Run `reminder daemon`."""
    command = [sys.executable, "-m", "reminder", "--config", str(config), "daemon"]
    with subprocess.Popen(
        command, env={**ENVIRON, **environ}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str], event: str) -> dict[str, str]:
    """Return the first line of the log with this event; wait for it."""
    assert process.stderr is not None
    for line in process.stderr:
        found: dict[str, str] = json.loads(line)
        if found["event"] == event:
            return found
    raise AssertionError(f"the daemon ended without {event}")


def get(address: str, path: str) -> tuple[int, str]:
    """Make one call."""
    connection = HTTPConnection(address, timeout=20)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_a_daemon_tells_how_it_is_and_ends_cleanly(config: Path) -> None:
    """Settings untouched, a daemon answers: it lives, all is well, figures; after SIGTERM nobody misses it."""
    with running(config) as process:
        address = said(process, "reminder.web.started")["address"]
        assert get(address, "/healthz") == (200, "alive\n")
        assert get(address, "/readyz")[0] == 200
        metrics = get(address, "/metrics")[1]
        process.send_signal(signal.SIGTERM)
        said(process, "reminder.daemon.stopped")
        assert process.wait(WAIT_SECONDS) == 0

    assert "reminder_daemons 1\n" in metrics
    assert "reminder_leader 1\n" in metrics
    assert "reminder_tick_age_seconds " in metrics
    with open_database(read_installation(config, {})) as engine, engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(daemon)) == 0


def test_a_taken_address_stops_no_reminder(config: Path) -> None:
    """Law 9: the daemon says that it can't listen, and sends."""
    add_accounts(config, row("A"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        path = config / "reminder.yaml"
        path.write_text(path.read_text("utf-8").replace("port: 0", f"port: {taken.getsockname()[1]}"), "utf-8")
        with running(config) as process:
            assert "Address already in use" in said(process, "reminder.web.unheard")["problem"]
            said(process, "reminder.dispatch.sent")
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT_SECONDS) == 0

    with open_database(read_installation(config, {})) as engine, engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(attempt)) == 1


def test_whoever_listens_elsewhere_keeps_the_daemon_from_it(config: Path) -> None:
    """`in_daemon: false` leaves the address to `reminder web`."""
    path = config / "reminder.yaml"
    path.write_text(path.read_text("utf-8").replace("port: 0", "port: 0, in_daemon: false"), "utf-8")
    with running(config) as process:
        said(process, "reminder.daemon.started")
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        events = [json.loads(line)["event"] for line in process.stderr]

    assert "reminder.web.started" not in events


def test_what_fails_begins_anew_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Law 9: company that falls over is helped up, and the others go on."""
    monkeypatch.setattr(company, "AGAIN_SECONDS", 0.01)
    began: list[int] = []
    well = asyncio.Event()

    async def falls(stop: asyncio.Event) -> None:
        began.append(1)
        if len(began) < 3:
            raise RuntimeError("over")
        well.set()
        await stop.wait()

    async def go() -> None:
        stop = asyncio.Event()
        async with company.accompanied({"falls": falls}, stop):
            await asyncio.wait_for(well.wait(), WAIT_SECONDS)

    with capture_logs() as logs:
        asyncio.run(go())
    assert [(line["event"], line["what"]) for line in logs] == [("reminder.daemon.company_failed", "falls")] * 2


def test_who_does_not_leave_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop does not wait for ever for company."""
    monkeypatch.setattr(company, "STOP_SECONDS", 0.05)
    cut: list[bool] = []

    async def stays(_stop: asyncio.Event) -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            cut.append(True)

    async def go() -> None:
        async with company.accompanied({"stays": stays}, asyncio.Event()):
            await asyncio.sleep(0)

    asyncio.run(go())
    assert cut == [True]


def test_files_that_are_refused_are_told_by_readiness(config: Path) -> None:
    """An edit that is wrong stays out of force, and whoever asks /readyz learns the code and the line."""
    with running(config) as process:
        address = said(process, "reminder.web.started")["address"]
        policy = config / "policies" / "loan.yaml"
        policy.write_text(policy.read_text("utf-8").replace("grace_days", "grace_dais"), "utf-8")
        said(process, "reminder.config.refused")
        end = time.monotonic() + WAIT_SECONDS
        while (found := get(address, "/readyz"))[0] == 200:
            assert time.monotonic() < end
            time.sleep(0.1)

    told = json.loads(found[1])
    assert told["codes"] == ["RM-E003"]
    assert "loan.yaml:6:1" in told["complaints"][0]["found"]


def test_endpoints_work_with_what_is_in_force(config: Path) -> None:
    """A token that an edit sets counts from then on: the endpoints hold on to nothing of before."""
    with running(config, REMINDER_WEB_TOKEN="t" * 32) as process:
        address = said(process, "reminder.web.started")["address"]
        assert get(address, "/metrics")[0] == 200
        path = config / "reminder.yaml"
        path.write_text(path.read_text("utf-8").replace("port: 0", 'port: 0, token: "${REMINDER_WEB_TOKEN}"'), "utf-8")
        said(process, "reminder.config.applied")
        assert get(address, "/metrics")[0] == 401
