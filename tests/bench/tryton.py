"""Tryton's `account_dunning` as a peer: from its package, in an environment of its own, which the next run reuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench.measure import Figure, missing, value
from bench.processes import ENVIRON

__all__ = ["PACKAGE", "tryton"]

PACKAGE = "trytond-account-dunning==8.2.0"
TITLE = "peer: Tryton makes dunnings"
INSTALL_SECONDS_MAX = 240
RUN_SECONDS_MAX = 600


def tryton(kept: Path, rows: int) -> list[Figure]:
    """Return how many dunnings Tryton makes a second; or why it can't be asked."""
    python = kept / "tryton" / "bin" / "python"
    try:
        if not (kept / "tryton" / "ready").exists():
            _install(python)
        script = Path(__file__).with_name("tryton_peer.py")
        told = json.loads(_said(RUN_SECONDS_MAX, python, script, rows))
    except subprocess.TimeoutExpired as error:
        return [missing("tryton", TITLE, f"it took more than {error.timeout:.0f} s")]
    except subprocess.CalledProcessError as error:
        return [missing("tryton", TITLE, (error.stderr or error.stdout).strip().rpartition("\n")[2])]
    assert told["dunnings"] == rows, told
    note = "SQLite in memory: it waits for no disk; nothing is rendered or sent"
    return [value("tryton", TITLE, rows / told["seconds"], "rows/s", size=f"{rows:,} due", note=note)]


def _install(python: Path) -> None:
    """Make the environment, or raise CalledProcessError or TimeoutExpired."""
    _said(INSTALL_SECONDS_MAX, sys.executable, "-m", "venv", "--clear", python.parents[1])
    _said(INSTALL_SECONDS_MAX, python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE)
    (python.parents[1] / "ready").touch()


def _said(seconds: float, *command: object) -> str:
    words = [str(word) for word in command]
    environ = {**ENVIRON, "TRYTOND_DATABASE_URI": "sqlite://"}
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=seconds, env=environ).stdout
