"""The HTTP client under Twilio's SDK: one POST for one call, over one shared aiohttp session.

The SDK's own asyncio client ignores its timeout and, asked to retry, posts again after a 500, which sends a second
text. Its threads around `requests` stop at about a quarter of what one event loop does. So this is ours: it never
repeats a request, keeps to its timeouts, keeps `Retry-After`, follows no redirect, and talks to nobody but Twilio or
the one address it was given. It logs nothing, for the SDK's own log lines hold URLs and headers.
"""

from __future__ import annotations

import asyncio
import logging
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode, urlsplit, urlunsplit

import aiohttp
from twilio.http import AsyncHttpClient
from twilio.http.response import Response

__all__ = ["Answer", "NotSentError", "OneShotHttpClient", "retry_after_seconds"]

ANSWER_BYTES_MAX = 65_536
"""Twilio's answers to a POST have about 1 kB. What is longer is none of Twilio's."""

LIST_BYTES_MAX = 4_194_304
"""Its lists have up to some 10 kB for each of a hundred messages: a character may be written as six."""

KEEP_ALIVE_SECONDS = 15.0
"""Idle connections are let go before the other side does: one that it closes under a POST leaves the text in doubt."""

_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


@dataclass(frozen=True, slots=True)
class Answer:
    """What of an answer the SDK's exceptions don't tell: its real HTTP status, and how long it asks us to wait."""

    status: int
    after_seconds: float | None


_last_answer: ContextVar[Answer] = ContextVar("_last_answer")


class NotSentError(Exception):
    """Proof that a request never left: no connection came about, or its address was none of Twilio's."""


class OneShotHttpClient(AsyncHttpClient):  # type: ignore[misc]
    """An HTTP client for Twilio's SDK that posts once, in the event loop it is first used in."""

    def __init__(
        self, *, base_url: str | None, timeout_seconds: float, connect_timeout_seconds: float, in_flight_max: int
    ) -> None:
        """Build it without connecting.

        `connect_timeout_seconds` must be below `timeout_seconds`: a time that runs out while connecting is then
        always known as such, and proves that nothing was sent.
        """
        super().__init__(logging.getLogger(__name__), True, timeout_seconds)
        self._base_url = base_url.rstrip("/") if base_url else None
        self._timeout = aiohttp.ClientTimeout(
            total=timeout_seconds, connect=connect_timeout_seconds, ceil_threshold=timeout_seconds + 1
        )
        self._in_flight_max = in_flight_max
        self._loop: asyncio.AbstractEventLoop | None = None
        self._session: aiohttp.ClientSession | None = None
        self._slots = asyncio.Semaphore(in_flight_max)

    @property
    def last_answer(self) -> Answer:
        """The last answer that the current task got; raises LookupError if it got none."""
        return _last_answer.get()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[float]:
        """Hold one of the places in flight; yields how many seconds it was waited for."""
        self._open()
        now = asyncio.get_running_loop().time  # Monotonic: for a length of time, not an instant.
        asked = now()
        async with self._slots:
            yield now() - asked

    async def request(
        self,
        method: str,
        uri: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - the SDK's signature; ours are the options'
        allow_redirects: bool = False,  # noqa: ARG002 - the SDK's signature; a redirect is never followed
    ) -> Response:
        """Make one request and return the answer, whatever its status.

        Raises NotSentError where nothing can have left; anything else raised means that it may have.
        """
        url = self._address(uri)
        body = urlencode(data, doseq=True).encode() if data else None
        head = dict(headers or {})
        if auth is not None:
            head["Authorization"] = "Basic " + b64encode(":".join(auth).encode()).decode()
        call = self._open().request(
            method, url, params=_plain(params), data=body, headers=head, allow_redirects=False, timeout=self._timeout
        )
        try:
            async with call as answer:
                _last_answer.set(Answer(answer.status, retry_after_seconds(answer.headers)))
                most = LIST_BYTES_MAX if method == "GET" else ANSWER_BYTES_MAX
                return Response(answer.status, await _text(answer, most), answer.headers)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise NotSentError(f"no connection to {urlsplit(url).hostname}: {type(error).__name__}") from error

    async def close(self) -> None:
        """Close the session. The next request opens another, in the loop that is running then."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _address(self, uri: str) -> str:
        """Return where a request of the SDK really goes, or raise NotSentError for a host that is none of Twilio's."""
        asked = urlsplit(uri)
        if asked.scheme != "https" or not (asked.hostname or "").endswith(".twilio.com"):
            raise NotSentError(f"{asked.scheme}://{asked.hostname} is not Twilio's: expected https://….twilio.com")
        return uri if self._base_url is None else self._base_url + urlunsplit(("", "", asked.path, asked.query, ""))

    def _open(self) -> aiohttp.ClientSession:
        """Return the session of the running loop, made where there is none."""
        loop = asyncio.get_running_loop()
        if self._session is None or self._loop is not loop:
            self._loop = loop
            self._slots = asyncio.Semaphore(self._in_flight_max)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,  # A proxy or a .netrc nobody asked for must not get the credentials.
            )
        return self._session


async def _text(answer: aiohttp.ClientResponse, bytes_max: int) -> str:
    """Return the body of an answer of at most so many bytes.

    Of a 4xx the status alone proves that nothing was taken, so a body that breaks off is an empty one there.
    """
    try:
        content = b""
        async for chunk in answer.content.iter_any():
            content += chunk
            if len(content) > bytes_max:
                raise aiohttp.ClientPayloadError(f"the answer has more than {bytes_max} bytes")
    except (aiohttp.ClientError, TimeoutError):
        if 400 <= answer.status < 500:
            return ""
        raise
    return content.decode("utf-8", "replace")


def _plain(params: Mapping[str, object] | None) -> dict[str, str] | None:
    """Return query parameters as text."""
    return {key: str(value) for key, value in params.items()} if params else None


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Return how long an answer asks us to wait, in seconds, or None.

    RFC 9110 §10.2.3 allows seconds or a date; the date is counted from the answer's own `Date`, so that neither a
    clock nor its error comes in.
    """
    value = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(value):
        return float(value)
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("Date", ""))
    except (TypeError, ValueError):
        return None
    return max(0.0, wait.total_seconds())
