"""Two worker processes on one PostgreSQL against one, through Twilio's SDK to a provider 50 ms away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from time import perf_counter

from bench.databases import Store
from bench.measure import Figure, load
from bench.provider import IN_FLIGHT, SECONDS_AWAY, forget, sdk_deployment, twilio_away, twilio_gateway
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


def _sent(store: Store, provider: str, texts: int, workers: int) -> tuple[float, float]:
    """Return what so many workers do together: texts a second until the last has ended, and CPU seconds a text."""
    with ExitStack() as stack:
        those = [stack.enter_context(_worker(store, provider, f"w{number}")) for number in range(workers)]
        begun = perf_counter()
        for each in those:
            assert each.stdin is not None
            each.stdin.write("go\n")
            each.stdin.flush()
        told = [json.loads(each.stdout.readline()) for each in those if each.stdout is not None]
        took = perf_counter() - begun
    assert sum(one["texts"] for one in told) == texts, told
    return texts / took, sum(one["cpu"] for one in told) / texts


def two_workers(store: Store, due: int, repeats: int) -> Figure:
    """Return the rate of two processes over that of one; the CPU ratio is what a text costs the workers."""
    rates: dict[str, list[float]] = {"product": [], "floor": []}
    spent: dict[str, list[float]] = {"product": [], "floor": []}
    with twilio_away(SECONDS_AWAY) as url:
        deployment = sdk_deployment(store, twilio_gateway(url))
        for _ in range(repeats):
            for workers, kept in ((1, "floor"), (2, "product")):
                planned_anew(store, deployment)
                forget(url, SECONDS_AWAY)
                rate, cpu = _sent(store, url, due, workers)
                rates[kept].append(rate)
                spent[kept].append(cpu)
    product, floor = median(rates["product"]), median(rates["floor"])
    return Figure(
        "workers",
        "two worker processes, Twilio's SDK, 50 ms away",
        store.name,
        f"{due:,} texts, {IN_FLIGHT} in flight each",
        product=product,
        floor=floor,
        ratio=product / floor,
        cpu_ratio=median(spent["product"]) / median(spent["floor"]),
        compared="texts/s",
        bound=1.7,
        at_most=False,
        value=product,
        unit="texts/s",
        samples=rates,
        load=load(),
        note=f"{os.cpu_count()} processors, which the stand-in and the database want as well; CPU is that of a text",
    )
