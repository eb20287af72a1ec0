"""One worker in a process of its own: it dispatches what it can claim, and prints how many texts that were as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from itertools import count
from time import process_time

from bench.databases import Store
from bench.provider import sdk_deployment, twilio_gateway
from bench.quiet import be_quiet
from reminder.pipeline.dispatch import dispatch
from reminder.store.engine import open_engine

__all__: list[str] = []


async def _work(store: Store, provider: str, name: str) -> dict[str, float]:
    numbers, gateway = count(1), twilio_gateway(provider)
    deployment = sdk_deployment(
        store, gateway, owner=f"bench:{name}", new_reference=lambda: f"{name}-{next(numbers):07}"
    )
    with store.engine.connect():
        sys.stdout.write("ready\n")
        sys.stdout.flush()
    sys.stdin.readline()
    begun = process_time()
    report = await dispatch(deployment)
    await gateway.close()
    return {"texts": report.texts, "cpu": process_time() - begun}


def main(url: str, provider: str, name: str) -> None:
    """Say that it is ready, wait for a line, send, tell, and stay until stdin ends: its backends can be looked at."""
    be_quiet()
    told = asyncio.run(_work(Store("postgresql", url, open_engine(url)), provider, name))
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
