"""Dispatch through Twilio's SDK to a provider 50 ms away, against a bare loop over the same SDK and client."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any
from urllib.parse import urlsplit

from bench.books import AT, POLICY, world
from bench.databases import Store
from bench.measure import Figure, load
from bench.sending import planned_anew
from reminder.gateways.base import GatewayContext
from reminder.gateways.twilio import TwilioGateway, TwilioOptions
from reminder.gateways.twilio_http import OneShotHttpClient
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.dispatch import dispatch

__all__ = [
    "IN_FLIGHT", "SECONDS_AWAY", "SECRETS", "Provider", "dispatch_through_sdk", "forget", "sdk_deployment",
    "twilio_away", "twilio_gateway",
]  # fmt: skip

SECONDS_AWAY = 0.05
IN_FLIGHT = 128
BATCH_ROWS = 512
SENDER = "+15017122661"
SECRETS = {"TWILIO_ACCOUNT_SID": "AC" + "0" * 32, "TWILIO_AUTH_TOKEN": "good-token"}
_FAKE = Path(__file__).parents[1] / "fakes" / "fake_twilio.py"


@dataclass(frozen=True, slots=True)
class Provider:
    """A stand-in for Twilio: its address, and its process."""

    url: str
    pid: int


@contextmanager
def twilio_away(seconds: float) -> Iterator[Provider]:
    """Lend a stand-in for Twilio, in a process of its own, that answers after so many seconds."""
    command = [sys.executable, str(_FAKE), "--port", "0", "--follow-stdin"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        forget(url, seconds)
        yield Provider(url, process.pid)
        process.stdin.close()
        process.wait(timeout=10)


def forget(url: str, seconds: float) -> None:
    """Let the stand-in forget what it was sent."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request("POST", "/_fake/behave", json.dumps({"always": {"mode": "slow", "seconds": seconds}}))
    connection.getresponse().read()
    connection.close()


def twilio_gateway(url: str) -> TwilioGateway:
    """Return the gateway to that stand-in, with the SDK imported: that takes a second, once."""
    import twilio.rest  # noqa: F401

    options = TwilioOptions.model_validate({"from": SENDER, "base_url": url, "max_in_flight": IN_FLIGHT})
    return TwilioGateway(options, GatewayContext("twilio", SECRETS, "https://remind.example.com"))


async def _bare(url: str, texts: int) -> float:
    """Send as fast as the SDK can with so many in flight, as one writes it by hand; return texts a second.

    The same SDK over the same HTTP client as the gateway's, and nothing of the gateway.
    """
    import twilio.rest

    account, token = SECRETS["TWILIO_ACCOUNT_SID"], SECRETS["TWILIO_AUTH_TOKEN"]
    http = OneShotHttpClient(base_url=url, timeout_seconds=10, connect_timeout_seconds=5, in_flight_max=IN_FLIGHT)
    client, room = twilio.rest.Client(account, token, http_client=http), asyncio.Semaphore(IN_FLIGHT)

    async def send(number: int) -> None:
        async with room:
            taken = await client.messages.create_async(
                to=f"+86138{number:08}", from_=SENDER, validity_period=600,
                body="【安和】您尾号0001的账单¥123.45今天（11月23日）到期。",
                status_callback=f"https://remind.example.com/receipts/twilio?ref=b-{number}",
            )  # fmt: skip
            assert taken.sid, taken

    begun = perf_counter()
    await asyncio.gather(*(send(number) for number in range(1, texts + 1)))
    took = perf_counter() - begun
    await http.close()
    return texts / took


def sdk_deployment(store: Store, gateway: TwilioGateway, **given: Any) -> Deployment:
    """Return a deployment that sends through this gateway."""
    base = world(store).deployment()
    policies = (replace(POLICY, route=("twilio",)),)
    limits = replace(base.limits, in_flight=IN_FLIGHT, batch_rows=BATCH_ROWS)
    return replace(base, policies=policies, limits=limits, gateways={"twilio": gateway}, **given)


async def _product(store: Store, url: str) -> float:
    """Dispatch all that is planned; return texts a second."""
    gateway = twilio_gateway(url)
    deployment = sdk_deployment(store, gateway)
    begun = perf_counter()
    report = await dispatch(deployment)
    took = perf_counter() - begun
    await gateway.close()
    return report.texts / took


def dispatch_through_sdk(store: Store, due: int, repeats: int) -> Figure:
    """Send through the SDK; the ratio is one of rates."""
    rates: dict[str, list[float]] = {"product": [], "floor": []}
    spent: dict[str, list[float]] = {"product": [], "floor": []}
    with twilio_away(SECONDS_AWAY) as provider:
        url = provider.url
        deployment = sdk_deployment(store, twilio_gateway(url))
        ways: dict[str, Callable[[], Coroutine[Any, Any, float]]] = {
            "floor": lambda: _bare(url, due),
            "product": lambda: _product(store, url),
        }
        for _ in range(repeats):
            planned_anew(store, deployment)
            for kept, sending in ways.items():
                forget(url, SECONDS_AWAY)
                begun = process_time()
                rates[kept].append(asyncio.run(sending()))
                spent[kept].append((process_time() - begun) / due)
    product, floor = median(rates["product"]), median(rates["floor"])
    cpu, cpu_floor = median(spent["product"]), median(spent["floor"])
    return Figure(
        "sdk",
        "dispatch through Twilio's SDK, 50 ms away",
        store.name,
        f"{due:,} texts, {IN_FLIGHT} in flight",
        product=product,
        floor=floor,
        ratio=product / floor,
        cpu_ratio=cpu / cpu_floor,
        compared="texts/s",
        bound=0.9,
        at_most=False,
        value=product,
        unit="texts/s",
        samples=rates,
        load=load(),
        note=f"a text takes {cpu * 1e6:.0f} µs of this process, so it can send {1 / cpu:,.0f} a second at most, "
        f"and {cpu_floor * 1e6:.0f} µs of the floor's; the stand-in has a processor; batches of {BATCH_ROWS}; "
        f"planned at {AT:%H:%M} UTC",
    )
