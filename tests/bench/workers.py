"""Two worker processes on one PostgreSQL against one, through Twilio's SDK to a provider 50 ms away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

from sqlalchemy import text

from bench.databases import Store
from bench.measure import Figure, load
from bench.processes import cpu_seconds
from bench.provider import IN_FLIGHT, SECONDS_AWAY, Provider, forget, sdk_deployment, twilio_away, twilio_gateway
from bench.sending import planned_anew

__all__ = ["two_workers"]

_ENVIRON = os.environ  # noqa: TID251 - processes of the bench start in it


@contextmanager
def _worker(store: Store, provider: str, name: str) -> Iterator[subprocess.Popen[str]]:
    """Lend a worker that is ready and waits for a line."""
    command = [sys.executable, "-m", "bench.worker", store.url, provider, name]
    environ = {**_ENVIRON, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process


@dataclass(frozen=True, slots=True)
class _Run:
    """What workers did together: texts a second until the last had ended, and seconds of a processor for each text."""

    rate: float
    workers: float
    database: float
    provider: float

    @property
    def cpu(self) -> float:
        """What a text takes of all of them."""
        return self.workers + self.database + self.provider


def _sent(store: Store, provider: Provider, texts: int, workers: int) -> _Run:
    """Let so many workers send all that is planned."""
    with ExitStack() as stack:
        those = [stack.enter_context(_worker(store, provider.url, f"w{number}")) for number in range(workers)]
        begun, before = perf_counter(), (_backends(store), cpu_seconds(provider.pid))
        for each in those:
            assert each.stdin is not None
            each.stdin.write("go\n")
            each.stdin.flush()
        told = [json.loads(each.stdout.readline()) for each in those if each.stdout is not None]
        took = perf_counter() - begun
        database, answering = _backends(store) - before[0], cpu_seconds(provider.pid) - before[1]
        for each in those:
            assert each.stdin is not None
            each.stdin.close()
    assert sum(one["texts"] for one in told) == texts, told
    return _Run(texts / took, sum(one["cpu"] for one in told) / texts, database / texts, answering / texts)


def _backends(store: Store) -> float:
    """Return the seconds of the processor that the server's processes for this database have had.

    Nothing where it runs elsewhere; not what it does for all databases, such as writing to the disk.
    """
    with store.engine.connect() as connection:
        pids = connection.scalars(text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")).all()
    return sum(cpu_seconds(pid) for pid in pids if Path(f"/proc/{pid}/stat").exists())


def two_workers(store: Store, due: int, repeats: int) -> Figure:
    """Return the rate of two processes over that of one, and what the machine's processors have room for.

    A text takes so much of a processor in all processes together; more texts a second than the processors have room
    for can't be sent by any number of workers. The CPU ratio is what a text costs the workers.
    """
    runs: dict[int, list[_Run]] = {1: [], 2: []}
    with twilio_away(SECONDS_AWAY) as provider:
        deployment = sdk_deployment(store, twilio_gateway(provider.url))
        for _ in range(repeats):
            for workers, kept in runs.items():
                planned_anew(store, deployment)
                forget(provider.url, SECONDS_AWAY)
                kept.append(_sent(store, provider, due, workers))
    one, two = (median(run.rate for run in runs[workers]) for workers in (1, 2))
    least = min(runs[2], key=lambda run: run.cpu)
    processors = os.cpu_count() or 1
    room = processors / least.cpu
    return Figure(
        "workers",
        "two worker processes, Twilio's SDK, 50 ms away",
        store.name,
        f"{due:,} texts, {IN_FLIGHT} in flight each",
        product=two,
        floor=one,
        ratio=two / one,
        cpu_ratio=median(run.workers for run in runs[2]) / median(run.workers for run in runs[1]),
        compared="texts/s",
        bound=1.7,
        at_most=False,
        value=two,
        unit="texts/s",
        samples={"product": [run.rate for run in runs[2]], "floor": [run.rate for run in runs[1]]},
        load=load(),
        note=f"a text takes {least.workers * 1e6:.0f} µs of a worker, {least.database * 1e6:.0f} of PostgreSQL and "
        f"{least.provider * 1e6:.0f} of the stand-in: {processors} processors that do nothing else have room for "
        f"{room:,.0f} texts a second, {room / one:.2f} times what one worker sent",
    )
