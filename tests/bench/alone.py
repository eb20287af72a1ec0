"""One plan in a process of its own: prints its seconds and the process's peak memory as JSON."""

from __future__ import annotations

import json
import resource
import sys
from time import perf_counter

from bench.books import AT, world
from bench.databases import Store
from reminder.pipeline.plan import plan
from reminder.store.engine import open_engine

__all__: list[str] = []


def main(name: str, url: str) -> None:
    """Plan, and tell what it took."""
    deployment = world(Store(name, url, open_engine(url))).deployment()
    begun = perf_counter()
    planned = plan(deployment, AT).planned
    told = {
        "seconds": perf_counter() - begun,
        "planned": planned,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
