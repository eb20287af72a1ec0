"""A wire that can be cut: a TCP proxy in a thread, between a process and its database or its provider."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CHUNK_BYTES = 65_536
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing a connection resets it."""


class Wire:
    """Carries bytes between whoever connects to `port` and `target`, until it is told otherwise."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self._listening: socket.socket | None = None
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._limits: list[tuple[int | None, int | None]] = []
        self.mend()
        assert self._listening is not None
        self.port: int = self._listening.getsockname()[1]

    def cut_next(self, count: int, *, up: int | None = None, down: int | None = None) -> None:
        """Reset the next `count` connections after so many bytes from the caller (`up`) or to it (`down`)."""
        self._limits += [(up, down)] * count

    def cut(self) -> int:
        """Reset every connection there is; return how many there were."""
        cut, self._pairs = self._pairs, []
        for pair in cut:
            _reset(*pair)
        return len(cut)

    def tear(self) -> None:
        """Reset every connection, and refuse new ones until it is mended."""
        listening, self._listening = self._listening, None
        if listening is not None:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)  # wakes whoever waits for a caller
            listening.close()
        self.cut()

    def mend(self) -> None:
        """Take connections again, at the same port."""
        if self._listening is not None:
            return
        self._listening = socket.create_server(("127.0.0.1", getattr(self, "port", 0)))
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                caller, _ = listening.accept()
                called = socket.create_connection(self.target)
            except OSError:
                return
            pair = (caller, called)
            self._pairs.append(pair)
            up, down = self._limits.pop(0) if self._limits else (None, None)
            for source, sink, limit in ((caller, called, up), (called, caller, down)):
                threading.Thread(target=_pump, args=(source, sink, limit, pair), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket, limit: int | None, pair: tuple[socket.socket, ...]) -> None:
    """Carry bytes one way until either side ends, or until `limit` bytes have been carried."""
    left = limit
    if left == 0 and source is pair[0]:
        _reset(*pair)  # as soon as it stands
        return
    with suppress(OSError):
        while chunk := source.recv(CHUNK_BYTES):
            sink.sendall(chunk if left is None else chunk[:left])
            if left is not None:
                left -= len(chunk)
                if left <= 0:
                    break
        else:
            sink.shutdown(socket.SHUT_WR)
            return
    _reset(*pair)


def _reset(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            end.shutdown(socket.SHUT_RD)  # wakes the thread that reads from it
        with suppress(OSError):
            end.close()


@contextmanager
def wire(host: str, port: int) -> Iterator[Wire]:
    """Lend a wire to this place."""
    made = Wire((host, port))
    try:
        yield made
    finally:
        made.tear()
