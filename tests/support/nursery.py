"""Real `reminder` processes by the hundred: one process has imported everything, and forks each of them from itself.

A child of the nursery is a process of its own: it reads the files, opens the database and runs the command as the
command line would. Only the second or two of importing are saved. Its output goes to a file.

Run as ``python -m support.nursery`` it takes one order a line, as JSON, and answers with `born NAME PID` and
`ended PID STATUS`.
"""

from __future__ import annotations

import json
import os
import queue
import random
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from support.haste import Haste, go_by

TESTS = Path(__file__).parents[1]
PLACE = {"PYTHONPATH": str(TESTS.parent)}
LOOK_SECONDS = 0.01
PATIENCE_SECONDS = 60.0


@dataclass
class Child:
    """One process. `status` is its exit code, or minus the signal that ended it, once it has ended."""

    name: str
    pid: int
    output: Path
    status: int | None = None

    def send(self, number: int) -> None:
        """Send it a signal, if it lives."""
        if self.status is None:
            with suppress(ProcessLookupError):  # it has ended, and that has not been heard yet
                os.kill(self.pid, number)

    def events(self) -> list[dict[str, Any]]:
        """Return what it has logged."""
        lines = self.output.read_text("utf-8", "replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]


@dataclass
class Nursery:
    """The process that forks the others, as a harness sees it."""

    process: subprocess.Popen[str]
    folder: Path
    children: list[Child] = field(default_factory=list)
    _heard: queue.Queue[str] = field(default_factory=queue.Queue)

    def start(
        self, clock: Haste, name: str, *arguments: str, die_at: Sequence[tuple[str, int]] = (), seed: int = 0
    ) -> Child:
        """Run `reminder` with these arguments; it dies at the first of these points (name, n-th) it comes to."""
        output = self.folder / f"{len(self.children):04}-{name}.log"
        order = {"name": name, "arguments": arguments, "die_at": list(die_at), "seed": seed, "output": str(output)}
        order["clock"] = str(clock)
        assert self.process.stdin is not None
        output.touch()
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        known = len(self.children)
        self.until(lambda: len(self.children) > known)
        self.children[-1].output = output
        return self.children[-1]

    def listen(self, seconds: float = 0.0) -> None:
        """Take in what the nursery has said, waiting so long for the first word."""
        wait = seconds
        while True:
            try:
                word, *rest = self._heard.get(timeout=wait).split() if wait else self._heard.get_nowait().split()
            except queue.Empty:
                return
            wait = 0.0
            if word == "born":
                self.children.append(Child(rest[0], int(rest[1]), Path()))
            else:
                ended = next(child for child in self.children if child.pid == int(rest[0]) and child.status is None)
                ended.status = int(rest[1])

    def until(self, is_true: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until something is true; fail the test when it does not come true in so many seconds."""
        end = time.monotonic() + seconds
        while not is_true():
            assert time.monotonic() < end, "it did not come true"
            self.listen(0.05)

    def wait(self, child: Child, seconds: float) -> int | None:
        """Wait for the end of a child, at most so many seconds; return its status, or None while it lives."""
        end = time.monotonic() + seconds
        while child.status is None and (left := end - time.monotonic()) > 0:
            self.listen(left)
        return child.status

    def end(self, child: Child, number: int, seconds: float = PATIENCE_SECONDS) -> int:
        """Send a signal, wait for the end, and return the status."""
        child.send(number)
        self.until(lambda: child.status is not None, seconds)
        assert child.status is not None
        return child.status


@contextmanager
def nursery(environ: Mapping[str, str], folder: Path) -> Iterator[Nursery]:
    """Lend a nursery whose children have this environment; all of them end with it."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "support.nursery"]
    process = subprocess.Popen(
        command, cwd=TESTS, env={**PLACE, **environ}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    found = Nursery(process, folder)
    hearing = threading.Thread(target=_hear, args=(process, found._heard))
    hearing.start()
    try:
        yield found
    finally:
        found.listen()
        for child in found.children:
            child.send(signal.SIGKILL)
        assert process.stdin is not None
        process.stdin.close()
        process.wait(timeout=PATIENCE_SECONDS)
        hearing.join(timeout=PATIENCE_SECONDS)


def _hear(process: subprocess.Popen[str], heard: queue.Queue[str]) -> None:
    assert process.stdout is not None
    with process.stdout as said:
        for line in said:
            heard.put(line)


def main() -> None:
    """Import everything, then fork a child for each order until nobody gives any more; none outlives that."""
    go_by(Haste.starting(datetime.now(UTC), 1.0))  # noqa: TID251 - each child has a clock of its own
    import reminder.cli.daemon
    import reminder.cli.web
    import reminder.daemon.service
    import reminder.gateways.twilio
    import reminder.web.service  # noqa: F401 - imported once, for all children

    alive: set[int] = set()
    unread = ""
    while True:
        if select.select([0], [], [], LOOK_SECONDS)[0]:
            told = os.read(0, 65_536).decode()
            if not told:
                for pid in alive:  # a harness that was killed itself has ended none of them
                    os.kill(pid, signal.SIGKILL)
                return
            *orders, unread = (unread + told).split("\n")
            for order in orders:
                alive.add(_fork(json.loads(order)))
        for pid in list(alive):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                alive.discard(pid)
                _say(f"ended {pid} {os.waitstatus_to_exitcode(status)}")


def _say(words: str) -> None:
    os.write(1, f"{words}\n".encode())


def _fork(order: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        _say(f"born {order['name']} {pid}")
        return pid
    status = 70
    try:
        status = _run(order)
    finally:
        sys.stdout.flush()
        os._exit(status)


def _run(order: dict[str, Any]) -> int:
    """Be a child: run the command as the command line would; return its exit code."""
    from reminder.cli import main as reminder
    from support.dying import arm

    go_by(Haste.parsed(order["clock"]))
    output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for file, number in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(file, number)
    dice = random.Random(order["seed"])  # noqa: S311 - a matrix is replayed by its seed
    for point, passage in order["die_at"]:
        arm(point, passage, dice)
    try:
        reminder(order["arguments"], prog_name="reminder")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


if __name__ == "__main__":
    main()
