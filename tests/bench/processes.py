"""Processes of the bench: what one has cost so far, and servers that say where they listen."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = ["ENVIRON", "TESTS", "cpu_seconds", "resident_mb", "serving"]

ENVIRON = os.environ  # noqa: TID251 - processes of the bench start in it
TESTS = Path(__file__).parents[1]
"""The folder that `python -m bench…` runs in."""

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_KB_A_MB = 1024
_PATIENCE_SECONDS = 60
_ADDRESS = re.compile(r"127\.0\.0\.1:\d+")


def cpu_seconds(pid: int) -> float:
    """Return the seconds of the processor that a process has had."""
    told = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / _TICKS_A_SECOND


def resident_mb(pid: int) -> float:
    """Return the memory that a process holds, in MB."""
    told = Path(f"/proc/{pid}/status").read_text(encoding="ascii").partition("VmRSS:")[2].split()
    return int(told[0]) / _KB_A_MB


@contextmanager
def serving(command: Sequence[str], log: Path, environ: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """Run a server that writes into `log`; lend its process id and the first local address that it tells there."""
    with (
        log.open("wb") as out,
        subprocess.Popen(command, stdout=out, stderr=out, cwd=TESTS, env={**ENVIRON, **environ}) as process,
    ):
        try:
            yield process.pid, _address(process, log)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    for _ in range(_PATIENCE_SECONDS * 20):
        told = log.read_text(encoding="utf-8")
        if found := _ADDRESS.search(told):
            return found[0]
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"expected a server to say where it listens, found: {log.read_text(encoding='utf-8')[-500:]}")
