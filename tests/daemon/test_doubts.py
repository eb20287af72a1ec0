"""The tick asks for what is in doubt, and sends what its provider does not have, in the same round."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from reminder.daemon.ticks import Schedule, tick
from reminder.pipeline.deployment import Deployment
from reminder.store.schema import outbox
from support.deployments import add_accounts, row
from support.leading import lead
from support.provider import Provider

Opener = Callable[[datetime], Deployment]


def test_ticks_settle_doubts(config: Path, open_at: Opener, noon: datetime, schedule: Schedule) -> None:
    """Laws 3 and 4: one text whose answer was lost is confirmed, the other is sent after all, by ticks alone."""
    add_accounts(config, row("A"), row("B", phone="+1 212 555 0199"))
    clock = [noon]
    provider = Provider(lambda: clock[0], name="console", script=("lost after taking it", "lost", "accept"))

    def at(instant: datetime) -> list[str]:
        clock[0] = instant
        deployment = replace(open_at(instant), gateways={"console": provider})
        asyncio.run(tick(deployment, schedule, stopping=lambda: False, mandate=lead(deployment)))
        with deployment.engine.connect() as connection:
            return sorted(connection.scalars(select(outbox.c.state)))

    assert at(noon) == ["in_doubt", "in_doubt"]
    assert at(noon + timedelta(seconds=30)) == ["in_doubt", "in_doubt"]
    assert at(noon + timedelta(seconds=130)) == ["in_doubt", "sent"]
    assert at(noon + timedelta(seconds=190)) == ["sent", "sent"]
    assert len({message.to for message in provider.taken}) == len(provider.taken) == 2
