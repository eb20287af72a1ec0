"""The service manager hears from the daemon: ready, alive, stopping; and a manager that is gone stops nothing."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reminder.daemon.supervisor import Supervisor

ENVIRON = os.environ  # noqa: TID251 - the daemon's own process needs one to start in
WAIT_SECONDS = 60.0


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """Listen as systemd does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        line.settimeout(WAIT_SECONDS)
        yield line


def test_each_word_is_a_datagram(manager: socket.socket) -> None:
    """The words are those of sd_notify(3), one datagram each."""
    supervisor = Supervisor({"NOTIFY_SOCKET": manager.getsockname()})
    supervisor.ready()
    supervisor.alive()
    supervisor.stopping()

    assert [manager.recv(100) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]


def test_a_socket_without_a_file_is_found() -> None:
    """A name that begins with @ is one of Linux's sockets that have no file."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(f"\0reminder-test-{os.getpid()}")
        line.settimeout(WAIT_SECONDS)
        Supervisor({"NOTIFY_SOCKET": f"@reminder-test-{os.getpid()}"}).ready()

        assert line.recv(100) == b"READY=1"


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "/nowhere/at/all"}], ids=str)
def test_nobody_to_tell_is_no_error(environ: dict[str, str]) -> None:
    """Reminders go out with or without a service manager: nothing is raised where none listens."""
    Supervisor(environ).ready()
    Supervisor(environ).alive()

    assert not Path("/nowhere").exists()


def test_the_daemon_tells_how_it_is(config: Path, manager: socket.socket) -> None:
    """A real daemon says that it is ready, that its ticks go on, and that it stops; and ends with 0."""
    told = {**ENVIRON, "NOTIFY_SOCKET": manager.getsockname()}
    command = [sys.executable, "-m", "reminder", "--config", str(config), "daemon"]
    with subprocess.Popen(command, env=told, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as daemon:
        words = [manager.recv(200)]
        while not words[-1].startswith(b"STATUS="):
            words.append(manager.recv(200))
        daemon.send_signal(signal.SIGTERM)
        heard(manager, b"STOPPING=1")
        assert daemon.wait(WAIT_SECONDS) == 0

    *before, status = words
    assert before[:2] == [b"READY=1", b"WATCHDOG=1"]
    assert set(before) == {b"READY=1", b"WATCHDOG=1"}
    assert status.startswith(b"STATUS=Sending what comes due; plans next at 2")


def test_a_reload_is_told_and_ends(config: Path, manager: socket.socket) -> None:
    """Type=notify-reload: RELOADING with its moment, then READY, so that `systemctl reload` waits for the files."""
    told = {**ENVIRON, "NOTIFY_SOCKET": manager.getsockname()}
    command = [sys.executable, "-m", "reminder", "--config", str(config), "daemon"]
    with subprocess.Popen(command, env=told, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as daemon:
        heard(manager, b"READY=1")
        before = time.monotonic_ns() // 1000
        daemon.send_signal(signal.SIGHUP)
        reloading = heard(manager, b"RELOADING=1")
        heard(manager, b"READY=1")
        daemon.send_signal(signal.SIGTERM)
        heard(manager, b"STOPPING=1")
        assert daemon.wait(WAIT_SECONDS) == 0

    found = re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=(\d+)", reloading)
    assert found is not None
    assert before <= int(found[1]) <= time.monotonic_ns() // 1000


def heard(manager: socket.socket, beginning: bytes) -> bytes:
    """Return the next word that begins like this."""
    while not (word := manager.recv(200)).startswith(beginning):
        pass
    return word


def test_a_status_is_told_once(manager: socket.socket) -> None:
    """What `systemctl status` shows is told when it changes, not with every tick."""
    supervisor = Supervisor({"NOTIFY_SOCKET": manager.getsockname()})
    for words in ("sending", "sending", "paused"):
        supervisor.status(words)
    supervisor.ready()

    assert [manager.recv(100) for _ in range(3)] == [b"STATUS=sending", b"STATUS=paused", b"READY=1"]
