"""Serving the endpoints: by itself (`reminder web`), or in the loop of a daemon that owns the signals.

uvicorn by itself takes over SIGTERM and raises it again when it has stopped, so that no clean-up after it would ever
run; and it waits without end for a caller who does not hang up. Here whoever starts it owns the signals and says when
to stop, and open calls get a bounded time to end.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import uvicorn

from reminder.config.keywords import MEANINGS, KeywordsModel
from reminder.config.settings import Settings
from reminder.domain.receipt import Meaning
from reminder.errors import ConfigError, Problem
from reminder.gateways.receiving import receiver
from reminder.installation import Installation
from reminder.message.keywords import Keywords, KeywordSet, Phrases
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.replies import Reception
from reminder.web.endpoints import web_app
from reminder.web.metrics import Metrics
from reminder.web.readiness import readiness_of
from reminder.web.served import Kept, Served, Standing

__all__ = ["CALLS_MAX", "DRAIN_SECONDS", "READY_SECONDS", "listen", "reception_of", "serve", "serve_until_signalled"]

DRAIN_SECONDS = 10
"""How long calls under way may take after a stop was asked for, confirmations included, in seconds."""

CALLS_MAX = 200
"""How many calls are taken at once; more are told to come again. Providers do."""

READY_SECONDS = 2.0
"""For how long the answer of /readyz is good, in seconds: anybody may ask it, and the database is asked for it."""

log = structlog.get_logger("reminder.web")


def reception_of(installation: Installation) -> Reception:
    """Return how the deployment understands customers."""
    keywords = Keywords(tuple(_keyword_set(model) for model in installation.keywords.models))
    return Reception(keywords, installation.settings.web.paid_hold_days)


def _keyword_set(model: KeywordsModel) -> KeywordSet:
    said = {Meaning(name): getattr(model, name) for name in MEANINGS}
    meanings = {meaning: Phrases(spoken.words, spoken.phrases) for meaning, spoken in said.items()}
    return KeywordSet(model.language, meanings, model.confirmation)


class _Hearing:
    """How customers are understood by the files in force; worked out once for each edit of them."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._known = (served.installation, reception_of(served.installation))

    def __call__(self) -> Reception:
        """Return it."""
        installation, known = self._served.installation, self._known
        if installation is not known[0]:
            known = self._known = (installation, reception_of(installation))
        return known[1]


def listen(settings: Settings) -> socket.socket:
    """Return a socket at the address of the settings; raise ConfigError where it can't be had."""
    host, port = settings.web.host, settings.web.port
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=256)
    except OSError as error:
        words = error.strerror or str(error)
        message = f"web: expected to listen at {host}:{port}, found: {words}; stop the other, or change `web`"
        raise ConfigError([Problem("reminder.yaml", 0, 0, message)]) from error


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to whoever runs the loop."""
        yield


async def serve(served: Served, *, stop: asyncio.Event, at: socket.socket | None = None) -> None:
    """Take receipts and replies, and tell how it is, until `stop` is set; then let the calls under way end.

    `served` is what is in force: it is looked at anew with each call. `at` is a socket that listens, by default at the
    address of the settings. Gateways are left open: they belong to whoever opened the deployment. Raises ConfigError
    where the address can't be had.
    """
    for problem in served.installation.keywords.problems:
        log.error("reminder.web.keywords_wrong", problem=str(problem), hint="the program's own words are in force")
    listening = at or listen(served.installation.settings)
    readiness = Kept(lambda: readiness_of(served), READY_SECONDS)
    server = _Server(
        uvicorn.Config(
            web_app(served, _Hearing(served), readiness, Metrics(served)),
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            proxy_headers=False,
            server_header=False,
            limit_concurrency=CALLS_MAX,
            timeout_keep_alive=20,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
    )
    for name in ("uvicorn", "uvicorn.error", "asyncio"):
        logging.getLogger(name).setLevel(logging.ERROR)
    _announce(served, listening)
    try:
        await _until_stopped(server, listening, stop)
    finally:
        listening.close()
    log.info("reminder.web.stopped")


async def _until_stopped(server: _Server, listening: socket.socket, stop: asyncio.Event) -> None:
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        server.should_exit = True
        stopping.cancel()
        await serving


def _announce(served: Served, listening: socket.socket) -> None:
    """Say where calls are taken, and which gateways' calls can't be believed as things stand."""
    host, port = listening.getsockname()[:2]
    gateways = served.deployment.gateways
    taking = {name: found for name, gateway in gateways.items() if (found := receiver(gateway))}
    for name, found in sorted(taking.items()):
        if missing := found.cannot_receive():
            log.error("reminder.web.deaf", gateway=name, missing=missing, hint="its calls are all refused")
    log.info(
        "reminder.web.started",
        address=f"{host}:{port}",
        public_url=served.installation.settings.public_url or "",
        gateways=sorted(taking),
    )


async def serve_until_signalled(installation: Installation, deployment: Deployment) -> None:
    """Serve until SIGTERM or SIGINT, then close the gateways."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    try:
        await serve(Standing(installation, deployment), stop=stop)
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
        for gateway in deployment.gateways.values():
            await gateway.close()
