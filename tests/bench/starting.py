"""How long the command takes to start, and what a daemon costs that has nothing to do."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from bench.measure import Figure, against, value
from bench.processes import ENVIRON, cpu_seconds, resident_mb
from support.deployments import write_deployment

__all__ = ["idle", "starts"]

_REMINDER = [sys.executable, "-m", "reminder"]


def starts(folder: Path, repeats: int) -> list[Figure]:
    """Return how `--help` compares with an empty Python, and `status` with importing SQLAlchemy.

    With byte code, as an installed program has it: the round that isn't counted makes it, in a folder of its own.
    """
    config = write_deployment(folder)
    python = sys.executable
    environ = {name: value for name, value in ENVIRON.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environ["PYTHONPYCACHEPREFIX"] = str(folder / "byte-code")

    def run(*command: str) -> None:
        subprocess.run(command, check=True, capture_output=True, env=environ)

    return [
        against(
            "help",
            "start of `reminder --help`",
            lambda: run(*_REMINDER, "--help"),
            lambda: run(python, "-c", "pass"),
            repeats=repeats,
            bound=4.0,
            note="importing click alone is four times an empty Python",
        ),
        against(
            "status",
            "start of `reminder status`",
            lambda: run(*_REMINDER, "--config", str(config), "status"),
            lambda: run(python, "-c", "import sqlalchemy"),
            repeats=repeats,
            bound=1.5,
        ),
    ]


def idle(folder: Path, seconds: float) -> list[Figure]:
    """Let a daemon with an empty book wait, looking every five seconds as shipped; return its CPU share and memory."""
    config = write_deployment(folder)
    settings = config / "reminder.yaml"
    settings.write_text(settings.read_text("utf-8").replace("tick_seconds: 1,", "tick_seconds: 5,"), encoding="utf-8")
    command = [*_REMINDER, "--config", str(config), "daemon"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        time.sleep(min(seconds, 8))
        before = cpu_seconds(process.pid)
        time.sleep(seconds)
        share = (cpu_seconds(process.pid) - before) / seconds
        memory = resident_mb(process.pid)
        assert process.poll() is None, "the daemon ended by itself"
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
    return [
        value("idle-cpu", "idle daemon, share of a core", share * 100, "%", note="goal: at most 1 %"),
        value("idle-memory", "idle daemon, resident", memory, "MB", note="goal: at most 120 MB"),
    ]
