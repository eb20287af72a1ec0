"""The floor of receipts: an endpoint that checks the signature, writes one indexed update a batch, then answers.

`python -m bench.receipts_floor NAME URL PUBLIC_URL` prints where it listens, and serves until its end is asked.
It keeps no receipt, looks at no state, learns nothing from a code and logs nothing: what it leaves out is the product.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from twilio.request_validator import RequestValidator

from bench.databases import Raw, Store
from bench.processes import ENVIRON
from reminder.store.engine import open_engine

__all__: list[str] = []

Waiting = list[tuple[str, asyncio.Future[None]]]


class _Floor:
    """Whoever calls while a batch is written goes with the next one; all are answered after the commit."""

    def __init__(self, store: Store, public_url: str, token: str) -> None:
        self._store, self._public_url = store, public_url
        self._validator = RequestValidator(token)
        self._waiting: Waiting = []
        self._writer: asyncio.Task[None] | None = None

    async def receipts(self, http: Request) -> Response:
        form = dict(parse_qsl((await http.body()).decode()))
        url = f"{self._public_url}{http.url.path}?{http.url.query}"
        if not self._validator.validate(url, form, http.headers["x-twilio-signature"]):
            return Response(status_code=403)
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((http.query_params["ref"], written))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await written
        return Response("<Response/>", media_type="text/xml")

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            await run_in_threadpool(self._update, [reference for reference, _ in batch])
            for _, written in batch:
                written.set_result(None)

    def _update(self, references: list[str]) -> None:
        raw = Raw(self._store.engine)
        raw.begin()
        update = "UPDATE outbox SET state = 'delivered' WHERE reference"
        if raw.is_sqlite:
            raw.run(f"{update} IN ({', '.join('?' * len(references))})", references)
        else:
            raw.run(f"{update} = ANY(?)", (references,))
        raw.commit()
        raw.close()


def main(name: str, url: str, public_url: str) -> None:
    """Serve."""
    floor = _Floor(Store(name, url, open_engine(url)), public_url, ENVIRON["TWILIO_AUTH_TOKEN"])
    app = Starlette(routes=[Route("/receipts/twilio", floor.receipts, methods=["POST"])])
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listening:
        sys.stdout.write(f"127.0.0.1:{listening.getsockname()[1]}\n")
        sys.stdout.flush()
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none", server_header=False)
        uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main(*sys.argv[1:])
