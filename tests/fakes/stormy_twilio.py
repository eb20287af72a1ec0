"""The stand-in for Twilio in rough weather: a mixture of behaviours, receipts for what it takes, and a clock of choice.

Run it as ``python -m fakes.stormy_twilio --log accepted.jsonl --clock CLOCK`` from the folder of tests. Beside what the
calm one is told, `POST /_fake/weather` takes `{"seed": …, "mix": [[WEIGHT, BEHAVIOUR], …], "receipts": RECEIPTS}`, and
`GET /_fake/receipts` tells how many receipts were taken, and how many are still on their way.
"""

from __future__ import annotations

import argparse
import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from twilio.request_validator import RequestValidator

from fakes.fake_twilio import Behaviour, FakeTwilio, serve
from support.haste import Haste

__all__ = ["Receipts", "StormyTwilio"]

AGAIN_SECONDS = 0.2
"""How long after a receipt that was not taken it is told again."""

TELLING_MAX = 16
"""How many receipts are told at once."""


@dataclass(frozen=True)
class Receipts:
    """How it tells what became of a text: shares are from 0 to 1, `token` is what calls are signed with.

    A `share` of texts has two receipts, `sent` and how it ended; they come within `seconds`, in any order, and until
    they are taken. `twice` of them come once more, and `forged` of them are followed by one that says the contrary
    under a wrong signature.
    """

    token: str
    share: float = 1.0
    seconds: float = 0.5
    twice: float = 0.0
    forged: float = 0.0
    undelivered: float = 0.0


@dataclass
class StormyTwilio(FakeTwilio):
    """A stand-in whose behaviour is drawn for each POST."""

    haste: Haste | None = None
    dice: random.Random = field(default_factory=random.Random)
    mix: list[tuple[float, Behaviour]] = field(default_factory=list)
    receipts: Receipts | None = None
    told: Counter[str] = field(default_factory=Counter)
    telling: set[asyncio.Task[None]] = field(default_factory=set)
    session: aiohttp.ClientSession | None = None

    def app(self) -> web.Application:
        """Return the web application."""
        app = super().app()
        app.router.add_post("/_fake/weather", self.change_weather)
        app.router.add_get("/_fake/receipts", self.list_receipts)
        app.on_cleanup.append(self._close)
        return app

    async def change_weather(self, request: web.Request) -> web.Response:
        """Behave as told from now on, and forget nothing."""
        told = await request.json()
        self.dice = random.Random(told.get("seed"))  # noqa: S311 - a storm is found again by its seed
        self.mix = [(weight, Behaviour(**behaviour)) for weight, behaviour in told.get("mix", [])]
        self.receipts = Receipts(**told["receipts"]) if told.get("receipts") else None
        return web.json_response({})

    async def list_receipts(self, _: web.Request) -> web.Response:
        """Return how many receipts had which end, and how many texts still have some to come."""
        return web.json_response({"told": self.told, "telling": len(self.telling)})

    def next_behaviour(self) -> Behaviour:
        """Return what to do with the next POST."""
        if self.coming or not self.mix:
            return super().next_behaviour()
        [(_, behaviour)] = self.dice.choices(self.mix, [weight for weight, _ in self.mix])
        return behaviour

    def clock(self) -> float | None:
        """Return what time it is by the clock of its caller."""
        return self.haste.now().timestamp() if self.haste else None

    def accepted(self, post: dict[str, object], told: Behaviour) -> None:
        """Tell what becomes of a text, if that is asked for."""
        if self.receipts is None or told.mode == "failed" or not post.get("StatusCallback"):
            return
        if self.dice.random() >= self.receipts.share:
            return
        task = asyncio.create_task(self._tell(str(post["StatusCallback"]), str(post["sid"]), self.receipts))
        self.telling.add(task)
        task.add_done_callback(self.telling.discard)

    async def _tell(self, url: str, sid: str, how: Receipts) -> None:
        end = "undelivered" if self.dice.random() < how.undelivered else "delivered"
        statuses = ["sent", end]
        statuses += [status for status in statuses if self.dice.random() < how.twice]
        self.dice.shuffle(statuses)
        for status in statuses:
            await asyncio.sleep(self.dice.uniform(0, how.seconds))
            form = {"MessageSid": sid, "MessageStatus": status, "AccountSid": "AC" + "0" * 32}
            if status == "undelivered":
                form["ErrorCode"] = "30005"
            while not await self._post(url, form, how.token):  # noqa: ASYNC110 - nobody tells when it is to be told
                await asyncio.sleep(AGAIN_SECONDS)
            if self.dice.random() < how.forged:
                other = "undelivered" if end == "delivered" else "delivered"
                await self._post(url, {**form, "MessageStatus": other}, "not the token")

    async def _post(self, url: str, form: dict[str, str], token: str) -> bool:
        """Post one receipt; return whether it needs not be told again."""
        if self.session is None:
            self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=TELLING_MAX))
        headers = {"X-Twilio-Signature": RequestValidator(token).compute_signature(url, form)}
        try:
            async with self.session.post(url, data=form, headers=headers) as answer:
                self.told[str(answer.status)] += 1
                return answer.status in (200, 403)
        except aiohttp.ClientError as error:
            self.told[type(error).__name__] += 1
            return False

    async def _close(self, _: web.Application) -> None:
        for task in list(self.telling):
            task.cancel()
        if self.session is not None:
            await self.session.close()


def main() -> None:
    """Read the command line and serve until stdin ends."""
    parser = argparse.ArgumentParser(description="A stand-in for Twilio in rough weather.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--log", help="file that gets a line of JSON for each text accepted")
    parser.add_argument("--clock", help="a clock of support.haste; left out: the machine's")
    asked = parser.parse_args()
    fake = StormyTwilio(asked.log, haste=Haste.parsed(asked.clock) if asked.clock else None)
    asyncio.run(serve(fake, asked.port, follow_stdin=True))


if __name__ == "__main__":
    main()
