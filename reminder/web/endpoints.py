"""The endpoints: `POST /receipts/<gateway>`, `POST /inbound/<gateway>`, `GET /healthz`, `GET /readyz`, `GET /metrics`.

A call is read up to a bound, in a bounded time, and believed only when the gateway finds it signed. The database works
on threads of its own, and receipts that come together share a transaction. Nothing of a call is logged but ids.

Anybody may ask whether the process lives and whether all is well, and gets codes. Figures, and what the codes are
about, are for callers with the token, or on this machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import structlog
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from reminder.domain.receipt import Receipt
from reminder.gateways.receiving import FormError, Receiver, Request, SignatureError, receiver
from reminder.pipeline.receive import receive_receipts
from reminder.pipeline.replies import Reception, confirm, receive_inbound
from reminder.web.access import may_read
from reminder.web.exposition import MEDIA_TYPE
from reminder.web.intake import Intake

if TYPE_CHECKING:
    from starlette.requests import Request as HttpRequest

    from reminder.web.readiness import Readiness
    from reminder.web.served import Served

__all__ = ["BODY_MAX_BYTES", "BODY_MAX_SECONDS", "web_app"]

BODY_MAX_BYTES = 65_536
"""The longest body that is read. Twilio's calls have some two thousand bytes."""

BODY_MAX_SECONDS = 10.0
"""How long a body may take to arrive."""

FIELDS_MAX = 200

log = structlog.get_logger("reminder.web")


class _RefusedError(Exception):
    """A call that gets a status and one plain sentence."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


class _Endpoints:
    """What the endpoints work with."""

    def __init__(
        self,
        served: Served,
        reception: Callable[[], Reception],
        readiness: Callable[[], Readiness],
        metrics: Callable[[], bytes],
    ) -> None:
        self._served = served
        self._reception = reception
        self._readiness = readiness
        self._metrics = metrics
        self._intake = Intake(self._write_receipts)

    async def receipts(self, http: HttpRequest) -> Response:
        """Take delivery receipts."""
        return await self._guarded(http, self._take_receipts)

    async def inbound(self, http: HttpRequest) -> Response:
        """Take what customers write, and confirm a STOP after the provider has its answer."""
        return await self._guarded(http, self._take_inbound)

    async def ready(self, http: HttpRequest) -> Response:
        """Say whether all is well; what is wrong, in codes, or in words to who may read figures."""
        found = await run_in_threadpool(self._readiness)
        body: dict[str, object] = {"ready": found.ready, "codes": found.codes}
        if self._may_read(http):
            body["complaints"] = [asdict(complaint) for complaint in found.complaints]
        return JSONResponse(body, status_code=200 if found.ready else 503)

    async def metrics(self, http: HttpRequest) -> Response:
        """Tell Prometheus how it is."""
        if not self._may_read(http):
            return PlainTextResponse("not for you\n", status_code=401, headers={"WWW-Authenticate": "Bearer"})
        return Response(await run_in_threadpool(self._metrics), media_type=MEDIA_TYPE)

    def _may_read(self, http: HttpRequest) -> bool:
        return may_read(http, self._served.installation.settings.web.token)

    async def _guarded(
        self, http: HttpRequest, take: Callable[[str, Receiver, Request], Awaitable[BackgroundTask | None]]
    ) -> Response:
        """Read a call, let it be taken, and turn what is wrong with it into a status."""
        name = http.path_params["gateway"]
        try:
            taking = self._receiver(name)
            call = await _read(http)
            after = await take(name, taking, call)
        except _RefusedError as error:
            return PlainTextResponse(error.words, status_code=error.status)
        except SignatureError as error:
            log.warning("reminder.web.forged", gateway=name, reason=str(error))
            return PlainTextResponse("not signed as it should be\n", status_code=403)
        except FormError as error:
            log.warning("reminder.web.malformed", gateway=name, reason=str(error))
            return PlainTextResponse("a field is missing\n", status_code=400)
        except Exception as error:  # noqa: BLE001 - the caller is told to come again, and no call stops the next
            # Its message may quote a text or a number.
            log.error("reminder.web.failed", gateway=name, error=type(error).__name__)
            return PlainTextResponse("not now\n", status_code=503)
        said = taking.acknowledgement
        return Response(said.body, status_code=said.status, media_type=said.media_type, background=after)

    def _receiver(self, name: str) -> Receiver:
        found = receiver(self._served.deployment.gateways.get(name))
        if found is None:
            raise _RefusedError(404, "no such gateway\n")
        return found

    async def _take_receipts(self, name: str, taking: Receiver, call: Request) -> None:
        await self._intake(name, taking.receipts(call))

    def _write_receipts(self, name: str, found: Sequence[Receipt]) -> None:
        receive_receipts(self._served.deployment, name, found)

    async def _take_inbound(self, name: str, taking: Receiver, call: Request) -> BackgroundTask | None:
        return await run_in_threadpool(self._write_inbound, name, taking, call)

    def _write_inbound(self, name: str, taking: Receiver, call: Request) -> BackgroundTask | None:
        texts, deployment = taking.inbound(call), self._served.deployment
        replies = receive_inbound(deployment, self._reception(), name, texts, confirms_stop=taking.confirms_stop)
        return BackgroundTask(partial(confirm, deployment, replies)) if replies else None


async def _alive(_: HttpRequest) -> Response:
    """Say that the process answers."""
    return PlainTextResponse("alive\n")


async def _read(http: HttpRequest) -> Request:
    """Return a call as gateways read it; raise _RefusedError for one that is too long, too slow or no form."""
    try:
        async with asyncio.timeout(BODY_MAX_SECONDS):
            body = await _body(http)
    except TimeoutError:
        raise _RefusedError(408, "too slow\n") from None
    raw_query = http.scope.get("query_string", b"").decode("latin-1")
    raw_path = http.scope.get("raw_path", b"").decode("latin-1") or http.url.path
    return Request(
        path=raw_path + (f"?{raw_query}" if raw_query else ""),
        headers={name.lower(): value for name, value in http.headers.items()},
        form=_fields(http, body),
        body=body,
        query=_pairs(raw_query),
    )


async def _body(http: HttpRequest) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in http.stream():
        size += len(part)
        if size > BODY_MAX_BYTES:
            raise _RefusedError(413, "too long\n")
        parts.append(part)
    return b"".join(parts)


def _fields(http: HttpRequest, body: bytes) -> tuple[tuple[str, str], ...]:
    """Return the fields of a form; nothing for a body of another kind."""
    media_type = http.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        return ()
    try:
        return _pairs(body.decode("ascii"))
    except UnicodeDecodeError:
        raise _RefusedError(400, "no form\n") from None


def _pairs(encoded: str) -> tuple[tuple[str, str], ...]:
    try:
        return tuple(parse_qsl(encoded, keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict"))
    except ValueError:  # too many fields, or bytes that are no UTF-8
        raise _RefusedError(400, "no form\n") from None


def web_app(
    served: Served,
    reception: Callable[[], Reception],
    readiness: Callable[[], Readiness],
    metrics: Callable[[], bytes],
) -> Starlette:
    """Return the application. `served` is what is in force, asked at each call; the others are asked on a thread."""
    endpoints = _Endpoints(served, reception, readiness, metrics)
    return Starlette(
        routes=[
            Route("/receipts/{gateway}", endpoints.receipts, methods=["POST"]),
            Route("/inbound/{gateway}", endpoints.inbound, methods=["POST"]),
            Route("/healthz", _alive, methods=["GET"]),
            Route("/readyz", endpoints.ready, methods=["GET"]),
            Route("/metrics", endpoints.metrics, methods=["GET"]),
        ]
    )
