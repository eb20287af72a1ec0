"""The callers of the bench: so many connections that post, each, the next call as soon as the last is answered.

A process of its own, on bytes made beforehand, so that what is measured is the server: `python -m bench.callers
ADDRESS FILE CONNECTIONS` prints as JSON its seconds, how many calls were answered 200, and its own CPU seconds.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, process_time

__all__: list[str] = []


class _Caller(asyncio.Protocol):
    """One connection, kept alive until no calls are left."""

    def __init__(self, calls: Iterator[bytes], answers: list[bytes]) -> None:
        self._calls, self._answers = calls, answers
        self._read = b""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def _next(self) -> None:
        call = next(self._calls, None)
        if call is None:
            self._transport.close()
        else:
            self._transport.write(call)

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, found, body = self._read.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        self._answers.append(head[9:12])
        self._read = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)


async def _call(address: str, calls: list[bytes], connections: int) -> dict[str, float]:
    host, _, port = address.rpartition(":")
    queue, answers = iter(calls), list[bytes]()
    loop = asyncio.get_running_loop()
    begun, cpu = perf_counter(), process_time()
    made = [await loop.create_connection(lambda: _Caller(queue, answers), host, int(port)) for _ in range(connections)]
    await asyncio.gather(*(caller.ended for _, caller in made))
    taken = answers.count(b"200")
    return {"seconds": perf_counter() - begun, "taken": taken, "cpu": process_time() - cpu}


def main(address: str, file: str, connections: str) -> None:
    """Call, and tell how it went."""
    calls = pickle.loads(Path(file).read_bytes())  # noqa: S301 - written by the bench a moment ago
    sys.stdout.write(json.dumps(asyncio.run(_call(address, calls, int(connections)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
