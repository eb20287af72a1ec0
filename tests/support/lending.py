"""A lender whose daemon is killed and hindered: policies whose steps hold for weeks, accounts as many as asked for.

No step opens or closes while it is looked at, so that each account has one reminder, and each reminder has words of its
own: no two amounts are the same. Of customers whose number was refused for good, other reminders are asked again once a
day only: what is asked again every half hour is always due soon, and never lets anything settle.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert, select, update

from reminder.config.scaffold import bundled
from reminder.domain.lifecycle import State
from reminder.store.schema import account, outbox
from support.deployments import PROFILE

CAP_A_DAY = 2
"""How many texts one customer may get on a day (UTC), over all policies."""

SETTINGS = """\
database: "{database}"
lender: {{name: Anhe Credit, hotline: "400-000-1234", app: the Anhe app, pay: "https://pay.anhe.example"}}
languages: {{default: en}}
default_region: CN
public_url: "http://127.0.0.1:{port}"
web: {{host: 127.0.0.1, port: {port}, in_daemon: false}}
gateways:
  twilio:
    from: "+15017122661"
    base_url: "{provider}"
    timeout_seconds: 1
    connect_timeout_seconds: 0.5
    settle_seconds: {settle}
{rate}
schedule: {{timezone: UTC, plan_at: [{plan_at}], tick_seconds: 1, catch_up_hours: 1}}
dispatch:
  batch_size: 60
  in_flight: 16
  lease_seconds: 1800
  attempts_max: 20
  retry_base_seconds: 30
  retry_max_seconds: 300
  recheck_minutes: 1440
guards: {{volume_min: 10000000}}
logs: {{format: json, level: info}}
templates: {templates}
"""

POLICY = """\
policy: {name}
description: One step that holds for weeks
applies_to: {{product: [{name}]}}
profile: open
timezone: UTC
grace_days: 3
caps: {{per_customer: [{{max: {cap}, per: day}}]}}
route: {{sms: [twilio]}}
steps:
  - {step}
"""

STEPS = {
    "loan": "{id: late, at: 4, template: escalation/first, until: 40}",
    "card": "{id: soon, at: -30, template: pre_due/week_ahead, until: -1}",
    "old": "{id: over, at: 31, action: hand_over, to: collections, until: 90}",
}
DAYS_PAST_DUE = {"loan": 20, "card": -15, "old": 60}


@dataclass(frozen=True)
class Site:
    """A deployment on disk, and where its parts listen."""

    config: Path
    database: str
    provider: str
    port: int
    settle_seconds: int = 600

    @classmethod
    def at(cls, folder: Path, database: str, provider: str) -> Site:
        """Return a deployment in this folder, whose web has a free port."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            return cls(folder / "config", database, provider, free.getsockname()[1])

    def write(self, *, rate: float | None = None) -> None:
        """Write the files; `rate` is how many texts a second the gateway may have (by the deployment's clock)."""
        (self.config / "policies").mkdir(parents=True, exist_ok=True)
        (self.config / "profiles").mkdir(exist_ok=True)
        slots = ", ".join(f'"{minute // 60:02}:{minute % 60:02}"' for minute in range(0, 1440, 30))
        settings = SETTINGS.format(
            database=self.database,
            provider=self.provider,
            port=self.port,
            plan_at=slots,
            rate=f"    rate_per_second: {rate:.4f}\n    burst: 20" if rate else "",
            templates=bundled("templates"),
            settle=self.settle_seconds,
        )
        _save(self.config / "reminder.yaml", settings)
        _save(self.config / "profiles" / "open.yaml", PROFILE)
        for name, step in STEPS.items():
            text = POLICY.format(name=name, step=step, cap=CAP_A_DAY)
            _save(self.config / "policies" / f"{name}.yaml", text)


def _save(path: Path, text: str) -> None:
    """Write a file at one stroke: a daemon that starts just now must not find it empty."""
    draft = path.with_suffix(".draft")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


class People:
    """Customers, made one after another from a seed: most have one account, some have more than their cap allows."""

    def __init__(
        self,
        dice: random.Random,
        today: date,
        at: datetime,
        *,
        plain: bool = False,
        zone: str = "UTC",
        phones: str = "138{:08}",
    ) -> None:
        """Make nobody yet; with `plain` all of them have one account, and none is so old that it is handed over.

        `phones` makes a customer's number from the customer's own: both it and `zone` say where the customer may be.
        """
        self.dice = dice
        self.plain = plain
        self.zone = zone
        self.phones = phones
        self.today = today
        self.at = at
        self.made = 0
        self._customers = 0

    def come(self, engine: Engine, count: int) -> None:
        """Put the next customers into the book, until there are at least so many accounts more."""
        rows: list[dict[str, Any]] = []
        while len(rows) < count:
            self._customers += 1
            rows += [self._account(product, len(rows) + number) for number, product in enumerate(self._products())]
        self.made += len(rows)
        with engine.begin() as connection:
            connection.execute(insert(account), rows)

    def _products(self) -> Sequence[str]:
        chance = 1.0 if self.plain else self.dice.random()
        if chance < 0.05:
            return ["old"]
        return ["loan", "loan", "card"] if chance < 0.12 else [self.dice.choice(["loan", "card"])]

    def _account(self, product: str, number: int) -> dict[str, Any]:
        number += self.made
        return {
            "account_id": f"A{number}",
            "customer_id": f"C{self._customers}",
            "name": "Ann",
            "phone": self.phones.format(self._customers),
            "due_date": self.today - timedelta(days=DAYS_PAST_DUE[product]),
            "amount_due": 10_000 + number,
            "currency": "USD",
            "language": "en",
            "timezone": self.zone,
            "product": product,
            "closed": False,
            "attributes": {},
            "loaded_at": self.at,
        }

    def pay(self, engine: Engine, count: int) -> None:
        """Let some of those who wait for a text pay: their accounts are closed in the book."""
        waiting = select(outbox.c.account_id).where(outbox.c.state == State.PLANNED).limit(50 * count)
        with engine.begin() as connection:
            known = sorted(connection.scalars(waiting))
            paid = self.dice.sample(known, min(count, len(known)))
            connection.execute(update(account).where(account.c.account_id.in_(paid)).values(closed=True))
