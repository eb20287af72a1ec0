"""The HTTP client under the SDK: posts once, tells proof from doubt, and talks to nobody but Twilio."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from gateways.conftest import TwilioFake
from twilio.http.response import Response

from reminder.gateways.twilio_http import (
    ANSWER_BYTES_MAX,
    Answer,
    NotSentError,
    OneShotHttpClient,
    retry_after_seconds,
)
from reminder.gateways.twilio_options import is_loopback

URI = "https://api.twilio.com/2010-04-01/Accounts/AC0/Messages.json"
FORM = {"To": "+8613800138000", "Body": "账单", "From": "+15017122661"}
HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}  # The SDK sets it.


def _client(
    base_url: str | None, *, timeout_seconds: float = 1.0, connect_timeout_seconds: float = 0.5, in_flight_max: int = 10
) -> OneShotHttpClient:
    """Return a client with a second's patience."""
    return OneShotHttpClient(
        base_url=base_url,
        timeout_seconds=timeout_seconds,
        connect_timeout_seconds=connect_timeout_seconds,
        in_flight_max=in_flight_max,
    )


def _post(client: OneShotHttpClient, uri: str = URI) -> tuple[Response | Exception, Answer | None]:
    """Post a form once; return the answer or the exception, and what is kept beside it."""

    async def one() -> tuple[Response | Exception, Answer | None]:
        try:
            answer = await client.request("POST", uri, data=FORM, headers=HEADERS, auth=("user", "pass"))
            return answer, client.last_answer
        except Exception as error:  # noqa: BLE001 - the exception is what is tested
            return error, None
        finally:
            await client.close()

    return asyncio.run(one())


@contextmanager
def _server(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Serve one connection by hand, below HTTP; yields its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.settimeout(10)

        def serve() -> None:
            with suppress(OSError), listening.accept()[0] as connection:
                connection.settimeout(10)
                answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            thread.join(timeout=10)


def _http(status: str, headers: str = "", body: str = "{}") -> Callable[[socket.socket], None]:
    """Return a way to answer: read the request, write this."""

    def answer(connection: socket.socket) -> None:
        connection.recv(65_536)
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body.encode())}\r\n{headers}\r\n"
        connection.sendall(head.encode() + body.encode())

    return answer


def test_the_form_goes_out_as_it_is(twilio_fake: TwilioFake) -> None:
    """Chinese, plus signs and the login arrive as they were given."""
    _post(_client(twilio_fake.url))
    [post] = twilio_fake.posts()
    assert {key: post[key] for key in FORM} == FORM
    assert post["login"] == ["user", "pass"]


@pytest.mark.parametrize(
    "uri",
    [
        "http://api.twilio.com/x",
        "https://example.com/x",
        "https://api.twilio.com.example.com/x",
        "https://eviltwilio.com/x",
        "https://example.com/?.twilio.com",
        "https://user@example.com/.twilio.com",
        "file:///etc/passwd",
    ],
)
def test_nobody_but_twilio_gets_the_credentials(uri: str) -> None:
    """A host that is none of Twilio's is refused before anything is sent, and that proves it."""
    outcome, _ = _post(_client(None), uri)
    assert isinstance(outcome, NotSentError)
    assert "not Twilio's" in str(outcome)


def test_the_guard_stands_before_another_base_url(twilio_fake: TwilioFake) -> None:
    """A base URL redirects what the SDK would send to Twilio, and nothing else."""
    outcome, _ = _post(_client(twilio_fake.url), "https://example.com/2010-04-01/Accounts/AC0/Messages.json")
    assert isinstance(outcome, NotSentError)
    assert twilio_fake.posts() == []


@pytest.mark.parametrize(
    ("base_url", "uri", "goes_to"),
    [
        pytest.param(None, URI, URI, id="twilio itself"),
        pytest.param(None, "https://api.dublin.ie1.twilio.com/x", "https://api.dublin.ie1.twilio.com/x", id="an edge"),
        pytest.param("http://127.0.0.1:1", URI, "http://127.0.0.1:1/2010-04-01/Accounts/AC0/Messages.json", id="base"),
        pytest.param(
            "https://proxy.example/t/", "https://api.twilio.com/a?b=c", "https://proxy.example/t/a?b=c", id="path"
        ),
    ],
)
def test_where_a_request_goes(base_url: str | None, uri: str, goes_to: str) -> None:
    """Path and query stay, scheme and host are the base URL's."""
    assert _client(base_url)._address(uri) == goes_to


def test_a_refused_connection_proves_that_nothing_left() -> None:
    """Nothing listens: it may be tried again (law 3)."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        outcome, _ = _post(_client(f"http://127.0.0.1:{taken.getsockname()[1]}"))
    assert isinstance(outcome, NotSentError)
    assert "no connection to 127.0.0.1" in str(outcome)


def test_an_unknown_host_proves_that_nothing_left() -> None:
    """A name that doesn't resolve, as in an outage of DNS, is no reason for doubt; `.invalid` never does (RFC 2606)."""
    outcome, _ = _post(_client("https://twilio.invalid", timeout_seconds=10, connect_timeout_seconds=8))
    assert isinstance(outcome, NotSentError)


def test_a_handshake_that_fails_proves_that_nothing_left() -> None:
    """TLS with somebody who speaks none ends before the request."""
    with _server(_http("200 OK")) as url:
        outcome, _ = _post(_client(url.replace("http:", "https:")))
    assert isinstance(outcome, NotSentError)


def test_a_connection_that_takes_too_long_proves_that_nothing_left() -> None:
    """A handshake that hangs runs into the connect timeout, which is known as such (law 3)."""

    def hang(connection: socket.socket) -> None:
        connection.recv(65_536)
        time.sleep(0.6)

    with _server(hang) as url:
        client = _client(url.replace("http:", "https:"), timeout_seconds=5, connect_timeout_seconds=0.2)
        outcome, _ = _post(client)
    assert isinstance(outcome, NotSentError)
    assert "ConnectionTimeoutError" in str(outcome)


def test_a_silent_answer_is_doubt_and_takes_no_longer_than_it_may() -> None:
    """The whole call has one timeout, and running into it after the request left proves nothing (law 3)."""

    def hang(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.recv(1)  # Until the other side gives up.

    with _server(hang) as url:
        started = time.monotonic()
        outcome, _ = _post(_client(url, timeout_seconds=0.4, connect_timeout_seconds=0.2))
        took = time.monotonic() - started
    assert isinstance(outcome, TimeoutError)
    assert not isinstance(outcome, NotSentError)
    assert took < 5


def test_a_dripping_answer_ends_too() -> None:
    """An answer that comes byte by byte doesn't stretch the timeout."""

    def drip(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(40):
            connection.sendall(b" ")
            time.sleep(0.05)

    with _server(drip) as url:
        outcome, _ = _post(_client(url, timeout_seconds=0.4, connect_timeout_seconds=0.2))
    assert isinstance(outcome, TimeoutError)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda connection: connection.recv(65_536), id="closed without a word"),
        pytest.param(lambda connection: (connection.recv(65_536), connection.sendall(b"HTTP/1.")), id="half a line"),
        pytest.param(lambda connection: (connection.recv(65_536), connection.sendall(b"SMTP ready\r\n")), id="no http"),
        pytest.param(_http("201 Created", body="x" * (ANSWER_BYTES_MAX + 1)), id="endless"),
    ],
)
def test_what_comes_after_the_request_is_doubt(answer: Callable[[socket.socket], None]) -> None:
    """Once the request may have left, no failure is proof of anything (law 3)."""
    with _server(answer) as url:
        outcome, _ = _post(_client(url))
    assert isinstance(outcome, Exception)
    assert not isinstance(outcome, NotSentError)


def test_a_redirect_is_not_followed() -> None:
    """A POST sent on is a second POST: the answer is handed back as it came."""
    with _server(_http("307 Temporary Redirect", "Location: http://127.0.0.1:1/elsewhere\r\n")) as url:
        outcome, answer = _post(_client(url))
    assert isinstance(outcome, Response)
    assert (outcome.status_code, answer) == (307, Answer(307, None))


def test_bytes_that_are_no_text_do_not_raise() -> None:
    """An answer in a wrong encoding is still an answer."""

    def answer(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n\xff\xfe")

    with _server(answer) as url:
        outcome, _ = _post(_client(url))
    assert isinstance(outcome, Response)
    assert (outcome.status_code, outcome.text) == (400, "\ufffd\ufffd")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"Retry-After": "0"}, 0.0, id="zero"),
        pytest.param({"Retry-After": " 30 "}, 30.0, id="seconds"),
        pytest.param({"Retry-After": "1.5"}, 1.5, id="fraction"),
        pytest.param({"Retry-After": "-5"}, None, id="negative"),
        pytest.param({"Retry-After": "inf"}, None, id="infinite"),
        pytest.param({"Retry-After": "nan"}, None, id="no number"),
        pytest.param({"Retry-After": "1" * 40}, None, id="absurd"),
        pytest.param({"Retry-After": "３０"}, None, id="full width"),
        pytest.param({"Retry-After": "soon"}, None, id="a word"),
        pytest.param({"Retry-After": "Fri, 13 Mar 2026 08:01:00 GMT"}, None, id="date without Date"),
        pytest.param(
            {"Retry-After": "Fri, 13 Mar 2026 08:01:00 GMT", "Date": "Fri, 13 Mar 2026 08:00:00 GMT"}, 60.0, id="date"
        ),
        pytest.param(
            {"Retry-After": "Fri, 13 Mar 2026 08:00:00 GMT", "Date": "Fri, 13 Mar 2026 08:01:00 GMT"}, 0.0, id="past"
        ),
        pytest.param(
            {"Retry-After": "Fri, 13 Mar 2026 08:00:00", "Date": "Fri, 13 Mar 2026 08:01:00 GMT"}, None, id="naive"
        ),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    """A provider is asked again no sooner than it says, whatever form it says it in; nonsense is no wait."""
    assert retry_after_seconds(headers) == seconds


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost.example.com", False),
        ("0.0.0.0", False),  # noqa: S104 - nothing is bound to it
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_this_machine_is_known_without_a_resolver(host: str, loopback: bool) -> None:
    """Credentials go in the clear to this machine only, and a name can't be made to mean it."""
    assert is_loopback(host) is loopback


def test_places_in_flight_are_bounded_and_waits_are_told() -> None:
    """No more calls are under way than the options allow; who waits learns for how long."""
    client = _client(None, in_flight_max=2)
    waits: list[float] = []
    under_way: list[int] = [0, 0]

    async def one() -> None:
        async with client.slot() as waited:
            waits.append(waited)
            under_way[0] += 1
            under_way[1] = max(under_way)
            await asyncio.sleep(0.05)
            under_way[0] -= 1

    async def all_of_them() -> None:
        await asyncio.gather(*(one() for _ in range(6)))
        await client.close()

    asyncio.run(all_of_them())
    assert under_way == [0, 2]
    assert [wait > 0.02 for wait in waits] == [False, False, True, True, True, True]


def test_it_works_in_one_loop_after_another(twilio_fake: TwilioFake) -> None:
    """A process that runs one pass after another, each in its own loop, needs no new gateway."""
    client = _client(twilio_fake.url)
    for expected in (1, 2, 3):
        outcome, _ = _post(client)
        assert isinstance(outcome, Response)
        assert outcome.status_code == 201
        assert len(twilio_fake.posts()) == expected


def test_a_loop_that_ended_without_closing_leaves_no_doubt_behind() -> None:
    """Connections of a loop that is gone are never written to: the next loop opens its own (law 3)."""
    client = _client(None)
    left_open = []

    async def one(url: str) -> Response:
        client._base_url = url
        answer = await asyncio.wait_for(client.request("POST", URI, data=FORM, headers=HEADERS), 5)
        left_open.append(client._session)
        return answer

    for _ in range(2):
        with _server(_http("201 Created", "Connection: close\r\n")) as url:
            assert asyncio.run(one(url)).status_code == 201
    assert left_open[0] is not left_open[1]
    for session in left_open:
        assert session is not None
        asyncio.run(session.close())
