"""Telling operators something through Apprise, in a process of its own that is given so long and no longer.

Apprise knows some 170 services, loads them all (36 MB, half a second), and waits for each as long as it pleases. A
daemon can't have that: a child does it, gets the addresses through a pipe, and is killed when its time is over.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

__all__ = ["TELL_SECONDS", "Delivery", "main", "tell"]

TELL_SECONDS = 30.0
"""How long all services together have, in seconds."""

_CHILD = "from reminder.pipeline.notify import main; main()"
_MISSING = "apprise is not installed: pip install 'reminder-dispatcher[alerts]'"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a message at one service, known by the beginning of its address; the rest is secret."""

    service: str
    delivered: bool
    reason: str = ""


async def tell(
    urls: Sequence[str], title: str, body: str, *, seconds: float = TELL_SECONDS, python: str = sys.executable
) -> list[Delivery]:
    """Tell all these addresses; return what became of each, in their order. Never raises for what a service does."""
    given = json.dumps({"urls": list(urls), "title": title, "body": body}).encode()
    try:
        child = await asyncio.create_subprocess_exec(
            python, "-c", _CHILD, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
    except OSError as error:
        return _all_failed(urls, f"no process could be started: {error.strerror}")
    try:
        async with asyncio.timeout(seconds):
            told, _ = await child.communicate(given)
    except TimeoutError:
        return _all_failed(urls, f"no answer within {seconds:g} s")
    finally:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()
    try:
        return [Delivery(*each) for each in json.loads(told)]
    except (ValueError, TypeError):
        return _all_failed(urls, f"the process that tells ended with {child.returncode}")


def _all_failed(urls: Sequence[str], reason: str) -> list[Delivery]:
    return [Delivery(_service(url), delivered=False, reason=reason) for url in urls]


def _service(url: str) -> str:
    return url.partition("://")[0]


def main() -> None:
    """Tell what stands on stdin, as the child; write what became of it to stdout."""
    given = json.load(sys.stdin)
    found = [_tell_one(url, given["title"], given["body"]) for url in given["urls"]]
    json.dump(found, sys.stdout)


def _tell_one(url: str, title: str, body: str) -> tuple[str, bool, str]:
    try:
        from apprise import Apprise
    except ImportError:
        return _service(url), False, _MISSING
    service = Apprise()
    if not service.add(url):
        return _service(url), False, "Apprise does not understand the address"
    delivered = bool(service.notify(title=title, body=body))
    return _service(url), delivered, "" if delivered else "the service did not take it"
