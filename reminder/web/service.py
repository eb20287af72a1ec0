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

from reminder.app import Installation
from reminder.config.keywords import MEANINGS, KeywordsModel, load_keywords
from reminder.config.settings import Settings
from reminder.domain.receipt import Meaning
from reminder.errors import ConfigError, Problem, StoreError
from reminder.gateways.receiving import receiver
from reminder.message.keywords import Keywords, KeywordSet, Phrases
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.replies import Reception
from reminder.store.upgrade import require_current
from reminder.web.endpoints import Readiness, web_app

__all__ = ["CALLS_MAX", "DRAIN_SECONDS", "listen", "readiness_of", "reception_of", "serve", "serve_until_signalled"]

DRAIN_SECONDS = 10
"""How long calls under way may take after a stop was asked for, confirmations included, in seconds."""

CALLS_MAX = 200
"""How many calls are taken at once; more are told to come again. Providers do."""

log = structlog.get_logger("reminder.web")


def reception_of(installation: Installation) -> tuple[Reception, tuple[Problem, ...]]:
    """Return how the deployment understands customers, and the problems of files whose place the program's own take."""
    loaded = load_keywords(installation.loaded.folder / "keywords")
    keywords = Keywords(tuple(_keyword_set(model) for model in loaded.models))
    return Reception(keywords, installation.settings.web.paid_hold_days), loaded.problems


def _keyword_set(model: KeywordsModel) -> KeywordSet:
    said = {Meaning(name): getattr(model, name) for name in MEANINGS}
    meanings = {meaning: Phrases(spoken.words, spoken.phrases) for meaning, spoken in said.items()}
    return KeywordSet(model.language, meanings, model.confirmation)


def readiness_of(installation: Installation, deployment: Deployment) -> Readiness:
    """Return whether receipts and replies can be taken. Files that are wrong are counted, and the rest goes on."""
    try:
        require_current(deployment.engine)
        database = "ok"
    except StoreError:
        database = "no database of this release: run `reminder status`"
    except Exception as error:  # noqa: BLE001 - a lost connection has a driver's own error; here only that counts
        database = f"does not answer ({type(error).__name__})"
    wrong = sum(not problem.warning for problem in installation.problems)
    files = f"{wrong} problems: run `reminder policy check`" if wrong else "ok"
    return Readiness(database == "ok", {"database": database, "files": files})


def listen(settings: Settings) -> socket.socket:
    """Return a socket at the address of the settings; raise ConfigError where it can't be had."""
    host, port = settings.web.host, settings.web.port
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=256)
    except OSError as error:
        words = error.strerror or str(error)
        message = f"web: expected to listen at {host}:{port}, found: {words}; stop the other program or change it"
        raise ConfigError([Problem("reminder.yaml", 0, 0, message)]) from error


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to whoever runs the loop."""
        yield


async def serve(
    installation: Installation, deployment: Deployment, *, stop: asyncio.Event, at: socket.socket | None = None
) -> None:
    """Take receipts and replies until `stop` is set; then let the calls under way end.

    `at` is a socket that listens, by default at the address of the settings. Gateways are left open: they belong to
    whoever opened the deployment. Raises ConfigError where the address can't be had.
    """
    reception, problems = reception_of(installation)
    for problem in problems:
        log.error("reminder.web.keywords_wrong", problem=str(problem), hint="the program's own words are in force")
    listening = at or listen(installation.settings)
    server = _Server(
        uvicorn.Config(
            web_app(deployment, reception, lambda: readiness_of(installation, deployment)),
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
    _announce(installation, deployment, listening)
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


def _announce(installation: Installation, deployment: Deployment, listening: socket.socket) -> None:
    """Say where calls are taken, and which gateways' calls can't be believed as things stand."""
    host, port = listening.getsockname()[:2]
    taking = {name: found for name, gateway in deployment.gateways.items() if (found := receiver(gateway))}
    for name, found in sorted(taking.items()):
        if missing := found.cannot_receive():
            log.error("reminder.web.deaf", gateway=name, missing=missing, hint="its calls are all refused")
    log.info(
        "reminder.web.started",
        address=f"{host}:{port}",
        public_url=installation.settings.public_url or "",
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
        await serve(installation, deployment, stop=stop)
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
        for gateway in deployment.gateways.values():
            await gateway.close()
