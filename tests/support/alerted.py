"""A service that operators are told through: a real HTTP server, which Apprise posts to as `json://`."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

__all__ = ["GONE", "Service", "listening"]

GONE = "json://127.0.0.1:9/"
"""An address at which nobody listens."""


@dataclass
class Service:
    """A service that takes alerts, and keeps them."""

    url: str
    taken: list[dict[str, str]] = field(default_factory=list)
    status: int = 200
    silent: threading.Event = field(default_factory=threading.Event)


@contextmanager
def listening() -> Iterator[Service]:
    """Lend a service that listens."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Take one alert."""
            one.taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            if one.silent.is_set():
                release.wait(60)
            self.send_response(one.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    release = threading.Event()
    one = Service(f"json://127.0.0.1:{server.server_address[1]}/")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield one
    release.set()
    server.shutdown()
    thread.join()
    server.server_close()
