"""A stand-in for Twilio's Messages resource: a real HTTP server on 127.0.0.1 that can be told to misbehave.

Run it by itself::

    python tests/fakes/fake_twilio.py --port 0 --log accepted.jsonl

Its first line on stdout is its address. Each text that it accepts becomes a line of JSON in the log before the answer
leaves, as at the real one, so a test can count what a customer would have received whatever happened to the answer.

It is told what to do over HTTP, by `POST /_fake/behave` with `{"always": BEHAVIOUR, "next": [BEHAVIOUR, …]}`; a
behaviour is `{"mode": …}` with the fields of `Behaviour`. `GET /_fake/posts` lists every POST it got, accepted or not.

What it accepted is in its list of messages, `GET …/Messages.json`, by number and day, in pages, as at the real one.
`POST /_fake/list` tells how the list behaves, with the fields of `Listing`, and may put other `messages` into it.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import re
import sys
from collections import deque
from dataclasses import dataclass, field, replace
from email.utils import formatdate, parsedate_to_datetime
from urllib.parse import parse_qs, urlencode, urlsplit

from aiohttp import web

__all__ = ["MAGIC_NUMBERS", "Behaviour", "FakeTwilio", "Listing", "serve"]

WRONG_TOKEN = "wrong"

MAGIC_NUMBERS = {
    "+15005550001": (400, 21211),
    "+15005550002": (400, 21612),
    "+15005550003": (400, 21408),
    "+15005550004": (400, 21610),
    "+15005550009": (400, 21614),
}
"""Numbers that Twilio's own test credentials refuse, and how."""


@dataclass(frozen=True)
class Behaviour:
    """What to do with one POST.

    `accept`, `slow` (accepts after `seconds`), `error` (`status`, `code`, `retry_after`), `failed` (created, but with
    status failed and `code`), `problem` (an RFC 9457 error), `raw` (`status` and `text` as they are), `no_sid`,
    `hang_after_accept`, `hang_before_accept`, `reset_after_accept`, `reset_before_accept`, `truncated` (accepts, and
    breaks off the answer), `truncated_error`, `redirect`.
    """

    mode: str = "accept"
    status: int = 400
    code: int | None = None
    words: str = "the fake was told to refuse"
    text: str = ""
    seconds: float = 0.0
    retry_after: str | None = None


@dataclass(frozen=True)
class Listing:
    """How the list of messages behaves.

    `blind` answers so many lists as if nothing were there; `queued` leaves DateSent empty; with a `status` or a `text`
    it answers with those instead; `page_size` bounds a page, whatever is asked for.
    """

    blind: int = 0
    queued: bool = False
    status: int = 200
    text: str | None = None
    page_size: int = 1000


@dataclass
class FakeTwilio:
    """The server's state: what it was told, what it was sent and what it accepted."""

    log: str | None = None
    always: Behaviour = field(default_factory=Behaviour)
    coming: deque[Behaviour] = field(default_factory=deque)
    posts: list[dict[str, object]] = field(default_factory=list)
    in_flight: int = 0
    in_flight_most: int = 0
    messages: list[dict[str, object]] = field(default_factory=list)
    listing: Listing = field(default_factory=Listing)
    lists: list[dict[str, str]] = field(default_factory=list)

    def app(self) -> web.Application:
        """Return the web application."""
        app = web.Application()
        app.router.add_post("/2010-04-01/Accounts/{account}/Messages.json", self.create)
        app.router.add_get("/2010-04-01/Accounts/{account}/Messages.json", self.list_messages)
        app.router.add_post("/_fake/behave", self.behave)
        app.router.add_post("/_fake/list", self.behave_listing)
        app.router.add_get("/_fake/posts", self.list_posts)
        return app

    async def behave(self, request: web.Request) -> web.Response:
        """Forget what was posted and behave as told from now on."""
        told = await request.json()
        self.always = Behaviour(**told.get("always", {}))
        self.coming = deque(Behaviour(**one) for one in told.get("next", []))
        self.posts = []
        self.messages, self.listing, self.lists = [], Listing(), []
        self.in_flight = self.in_flight_most = 0
        return web.json_response({})

    async def behave_listing(self, request: web.Request) -> web.Response:
        """Let the list behave as told from now on, and hold these `messages` beside what was accepted."""
        told = await request.json()
        self.messages += told.pop("messages", [])
        self.listing = Listing(**told)
        return web.json_response({})

    async def list_posts(self, request: web.Request) -> web.Response:
        """Return every POST and list since the last instruction, and how many POSTs were under way at once."""
        return web.json_response({"posts": self.posts, "lists": self.lists, "in_flight_most": self.in_flight_most})

    async def list_messages(self, request: web.Request) -> web.Response:
        """Return a page of the messages that were accepted, the newest first."""
        asked, told = dict(request.query), self.listing
        self.lists.append(asked)
        if _login(request)[1] == WRONG_TOKEN:
            return _error(Behaviour("error", 401, 20003))
        if told.status != 200 or told.text is not None:
            return web.Response(status=told.status, text=told.text or "", content_type="application/json")
        self.listing = replace(told, blind=max(0, told.blind - 1))
        found = [] if told.blind else [one for one in reversed(self.messages) if _wanted(one, asked)]
        size, start = min(int(asked.get("PageSize", 50)), told.page_size), int(asked.get("Start", 0))
        following = urlencode({**asked, "Start": start + size}) if len(found) > start + size else None
        page = {"messages": found[start : start + size], "page_size": size, "start": start, "uri": str(request.rel_url)}
        return web.json_response(page | {"next_page_uri": following and f"{request.path}?{following}"})

    async def create(self, request: web.Request) -> web.StreamResponse:
        """Take one POST of a message, as told."""
        form = {key: str(value) for key, value in (await request.post()).items()}
        login, behaviour = _login(request), self.next_behaviour()
        post: dict[str, object] = {
            **form,
            "accepted": False,
            "account": request.match_info["account"],
            "login": login,
            "reference": _reference(form),
            "at": self.clock(),
            "behaviour": behaviour.words,
        }
        posts = self.posts
        posts.append(post)
        self.in_flight += 1
        self.in_flight_most = max(self.in_flight_most, self.in_flight)
        try:
            if (refusal := _own_refusal(form, token=login[1])) is not None:
                return _error(Behaviour("error", *refusal))
            return await self._answer(request, behaviour, post)
        finally:
            # A call that hangs outlives the instruction it came under, and counts for no other.
            self.in_flight -= posts is self.posts

    def next_behaviour(self) -> Behaviour:
        """Return what to do with the next POST."""
        return self.coming.popleft() if self.coming else self.always

    def clock(self) -> float | None:
        """Return what time it is, in seconds of the epoch; None is the machine's time."""
        return None

    def accepted(self, post: dict[str, object], told: Behaviour) -> None:
        """Do what follows from having taken a message; here nothing."""

    async def _answer(self, request: web.Request, told: Behaviour, post: dict[str, object]) -> web.StreamResponse:
        """Answer as told."""
        await asyncio.sleep(told.seconds)
        if (other := await _without_accepting(request, told)) is not None:
            return other
        created = self._accept(post, told)
        match told.mode:
            case "reset_after_accept":
                return _reset(request)
            case "hang_after_accept":
                return await _hang()
            case "truncated":
                return await _truncated(request, 201, json.dumps(created)[:40])
        return web.json_response(created, status=201)

    def _accept(self, post: dict[str, object], told: Behaviour) -> dict[str, object]:
        """Count a message as one that a customer receives, and return its resource."""
        sid = f"SM{len(self.posts):08x}{os.urandom(12).hex()}"
        post.update(accepted=told.mode != "failed", sid=sid)
        if self.log and post["accepted"]:
            with open(self.log, "a", encoding="utf-8") as log:  # noqa: PTH123 - one append, the file is only a name
                log.write(json.dumps(post, ensure_ascii=False) + "\n")
        created: dict[str, object] = {
            "sid": sid,
            "status": "accepted" if "MessagingServiceSid" in post else "queued",
            "to": post["To"],
            "body": post["Body"],
            "from": post.get("From"),
            "messaging_service_sid": post.get("MessagingServiceSid"),
            "error_code": None,
            "date_created": formatdate(self.clock(), usegmt=True),
        }
        sent = None if self.listing.queued else created["date_created"]
        self.messages.append(created | {"direction": "outbound-api", "date_sent": sent})
        self.accepted(post, told)
        if told.mode == "failed":
            created.update(status="failed", error_code=told.code, error_message=told.words)
        if told.mode == "no_sid":
            del created["sid"]
        return created


async def _without_accepting(request: web.Request, told: Behaviour) -> web.StreamResponse | None:
    """Return the answer of a mode that takes no message, or None for those that do."""
    match told.mode:
        case "error":
            return _error(told)
        case "problem":
            return _problem(told)
        case "raw":
            return web.Response(status=told.status, text=told.text, content_type="text/html")
        case "redirect":
            return web.Response(status=told.status, headers={"Location": str(request.url)})
        case "reset_before_accept":
            return _reset(request)
        case "hang_before_accept":
            return await _hang()
        case "truncated_error":
            return await _truncated(request, told.status, '{"code": 21211, "mess')
    return None


def _wanted(message: dict[str, object], asked: dict[str, str]) -> bool:
    """Return whether a message is one of those that a list is asked for."""
    if message["to"] != asked.get("To", message["to"]):
        return False
    if "From" in asked and message.get("from") != asked["From"]:
        return False
    since, sent = asked.get("DateSent>"), message["date_sent"]
    return since is None or (sent is not None and parsedate_to_datetime(str(sent)).date().isoformat() >= since)


def _login(request: web.Request) -> list[str]:
    """Return user and password of a request."""
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    return base64.b64decode(value).decode().split(":", 1) if kind == "Basic" else ["", ""]


def _reference(form: dict[str, str]) -> str | None:
    """Return the reference that a message carries in its status callback."""
    return parse_qs(urlsplit(form.get("StatusCallback", "")).query).get("ref", [None])[0]


def _own_refusal(form: dict[str, str], token: str) -> tuple[int, int] | None:
    """Return the status and code with which the real one refuses such a form, or None."""
    if token == WRONG_TOKEN:
        return 401, 20003
    if "From" not in form and "MessagingServiceSid" not in form:
        return 400, 21603
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", form.get("To", "")):
        return 400, 21211
    if not form.get("Body"):
        return 400, 21602
    if len(form["Body"]) > 1600:
        return 400, 21617
    return MAGIC_NUMBERS.get(form["To"])


def _error(told: Behaviour) -> web.Response:
    """Return an error as Twilio's older pages describe it."""
    headers = {"Retry-After": told.retry_after} if told.retry_after else {}
    payload = {"message": told.words, "status": told.status, "more_info": "https://www.twilio.com/docs/errors"}
    if told.code is not None:
        payload["code"] = told.code
    return web.json_response(payload, status=told.status, headers=headers)


def _problem(told: Behaviour) -> web.Response:
    """Return an error as RFC 9457 has it, whose own `status` may lie."""
    payload = {"type": "about:blank", "title": told.words, "status": 400, "code": told.code}
    return web.json_response(payload, status=told.status)


def _reset(request: web.Request) -> web.Response:
    """Break the connection off."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _hang() -> web.Response:
    """Answer never; the caller's patience ends first."""
    await asyncio.sleep(3600)
    return web.Response()


async def _truncated(request: web.Request, status: int, text: str) -> web.StreamResponse:
    """Promise more than is sent, then break off."""
    response = web.StreamResponse(status=status, headers={"Content-Length": "5000"})
    await response.prepare(request)
    await response.write(text.encode())
    await asyncio.sleep(0.05)  # The head must be out before the break.
    return _reset(request)


async def serve(fake: FakeTwilio, port: int, follow_stdin: bool) -> None:
    """Serve until stopped, or until stdin ends where that is asked for; the address is the first line of stdout."""
    runner = web.AppRunner(fake.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, backlog=1024)
    await site.start()
    host, bound = runner.addresses[0][:2]
    print(f"http://{host}:{bound}", flush=True)  # noqa: T201 - the address is this program's answer
    try:
        if follow_stdin:
            await asyncio.to_thread(sys.stdin.read)
        else:
            await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description="A stand-in for Twilio's Messages resource.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--log", help="file that gets a line of JSON for each text accepted")
    parser.add_argument("--follow-stdin", action="store_true", help="end when stdin ends, so as to outlive no parent")
    asked = parser.parse_args()
    asyncio.run(serve(FakeTwilio(asked.log), asked.port, asked.follow_stdin))


if __name__ == "__main__":
    main()
