"""A process that makes one pass through Twilio's gateway, to be killed in the middle of it.

Run as ``python -m support.crashing DATABASE_URL TWILIO_URL INSTANT [before-reserve]``; with the last word it stops
between claim and reserve, says `claimed` and waits.
"""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import datetime
from typing import Any

from reminder.gateways.base import GatewayContext
from reminder.gateways.twilio import TwilioGateway, TwilioOptions
from reminder.pipeline.run import RunReport, run_pass
from reminder.store import attempts
from reminder.store.engine import open_engine
from support.worlds import World, policy

SECRETS = {"TWILIO_ACCOUNT_SID": "AC" + "0" * 32, "TWILIO_AUTH_TOKEN": "good-token"}
PATIENCE_SECONDS = 60


def texting(world: World, twilio_url: str) -> World:
    """Return the world with one policy that texts through Twilio at this address."""
    options = TwilioOptions.model_validate({"from": "+15017122661", "base_url": twilio_url, "timeout_seconds": 60})
    context = GatewayContext("twilio", SECRETS, "https://remind.example.com")
    world.gateways = {"twilio": TwilioGateway(options, context)}
    world.policies = (policy(route=("twilio",)),)
    return world


def make_pass(world: World) -> RunReport:
    """Plan and send once, and close the gateways."""
    return asyncio.run(run_pass(world.deployment()))


def _wait_to_be_killed(*_: Any, **__: Any) -> Any:
    print("claimed", flush=True)  # noqa: T201 - the parent waits for it
    time.sleep(PATIENCE_SECONDS)
    raise SystemExit("nobody killed it")


def main() -> None:
    """Make a pass; where asked to, stop between claim and reserve."""
    database_url, twilio_url, at, *where = sys.argv[1:]
    if where:
        attempts.reserve = _wait_to_be_killed
    world = World(open_engine(database_url), owner="victim:1", at=datetime.fromisoformat(at))
    make_pass(texting(world, twilio_url))


if __name__ == "__main__":
    main()
