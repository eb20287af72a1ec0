"""Several processes that begin in the same instant: what one process can't prove, whatever its threads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BEGINNING = """
import sys
sys.path.insert(0, sys.argv[1])
from datetime import datetime, timedelta
from sqlalchemy import select, update
from reminder.store import attempts, outbox, planning, schema
from reminder.store.engine import open_engine

name, url, arguments = sys.argv[2], sys.argv[3], sys.argv[4:]
engine = open_engine(url)
engine.connect().close()


def wait_for_the_others():
    print("ready", flush=True)
    sys.stdin.readline()

"""
"""Each script begins like this; it calls `wait_for_the_others` when it is ready, and prints its findings."""

PATIENCE_SECONDS = 120


def together(script: str, url: str, *arguments: str, processes: int) -> list[list[str]]:
    """Run the script in so many processes on one database; return the words that each one printed.

    Each knows itself as `name` (p-0, p-1, …). What any of them says on stderr fails the test.
    """
    tests = str(Path(__file__).parents[1])
    started = [
        subprocess.Popen(
            [sys.executable, "-c", BEGINNING + script, tests, f"p-{number}", url, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for number in range(processes)
    ]  # fmt: skip
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    ends = [(*process.communicate(timeout=PATIENCE_SECONDS), process.returncode) for process in started]
    assert [(errors, code) for _, errors, code in ends] == [("", 0)] * processes
    return [output.split() for output, _, _ in ends]
