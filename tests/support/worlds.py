"""Small worlds for the laws: a real database, a real book in it, policies, and a provider that keeps what it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, delete, insert, select, update

from reminder.book.book import Book
from reminder.book.mapping import own_book
from reminder.domain.hold import HoldKind
from reminder.domain.lifecycle import Event, State
from reminder.domain.policy import Policy, Step, tier_of
from reminder.domain.profile import Profile, Rule
from reminder.domain.retry import Backoff
from reminder.domain.selector import Selector
from reminder.domain.window import ContactWindow, Hours
from reminder.gateways.base import Gateway
from reminder.message.catalogue import Catalogue
from reminder.message.expression import compile_condition
from reminder.message.values import Lender
from reminder.pipeline.deployment import Deployment, Limits
from reminder.pipeline.dispatch import dispatch
from reminder.pipeline.plan import plan
from reminder.pipeline.preview import Entry, preview
from reminder.pipeline.tally import DispatchReport
from reminder.store import holds, suppressions, unanswered
from reminder.store.schema import account, metadata, outbox
from support.recorder import Recorder

TEMPLATES = Path(__file__).parents[2] / "templates"

ALWAYS = Hours((ContactWindow(days=frozenset(range(7)), opens=time(0), closes=time(0)),), "test")
DAYTIME = Hours((ContactWindow(days=frozenset(range(7)), opens=time(9), closes=time(20)),))
HOUSE = Profile("house-default", "", "test", "2026", "H", (Rule("hours", "test", ALWAYS),))
LENDER = Lender(
    name={"zh-CN": "安和", "": "Anhe"}, hotline={"": "400-000-1234"}, app={"": "Anhe"}, pay={"": "https://pay.example"}
)

CHECK_KEY = b"a key for the check codes of tests"

TEXTS = ("pre_due/week_ahead", "grace/due_today", "escalation/first")


def step(
    key: str, opens: int, closes: int, *, grace_days: int = 3, when: str | None = None, to: str | None = None
) -> Step:
    """Return a step whose template fits its tier; with `to`, one that hands over."""
    tier = tier_of(opens, grace_days)
    template = dict(zip(("pre_due", "grace", "escalation"), TEXTS, strict=True))[tier]
    if to is not None:
        return Step(key, key, 1, opens, closes, tier, action="hand_over", to=to, when=when)  # type: ignore[arg-type]
    return Step(key, key, 1, opens, closes, tier, template=template, when=when)


def policy(name: str = "loan", **changes: Any) -> Policy:
    """Return a policy that texts at any hour through the recorder, with these changes."""
    base = Policy(
        name=name,
        description="",
        priority=100,
        selector=Selector(),
        profile=HOUSE,
        timezone="Asia/Shanghai",
        grace_days=3,
        window=ALWAYS,
        caps=(),
        route=("recorder",),
        steps=(step("ahead", -7, -1), step("due", 0, 3), step("late", 4, 30)),
    )
    return replace(base, **changes)


def account_row(account_id: str, due_date: date, **changes: Any) -> dict[str, Any]:
    """Return a row of our own account table: 123.45 CNY owed by a customer in Shanghai."""
    return {
        "account_id": account_id,
        "customer_id": f"customer of {account_id}",
        "name": "王小明",
        "phone": "13800138000",
        "due_date": due_date,
        "amount_due": 12345,
        "currency": "CNY",
        "language": "zh-CN",
        "timezone": "Asia/Shanghai",
        "product": "cash-loan",
        "closed": False,
        "attributes": {},
        "loaded_at": datetime(2026, 1, 1, tzinfo=UTC),
    } | changes


@cache
def shipped_catalogue() -> Catalogue:
    """Return the shipped templates, compiled once for all worlds: that takes a tenth of a second."""
    return Catalogue(TEMPLATES, default_language="zh-CN", fallback=("en",))


@dataclass
class World:
    """One deployment on a real database, whose clock is set by hand."""

    engine: Engine
    policies: tuple[Policy, ...] = ()
    at: datetime = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
    gateways: dict[str, Gateway] = field(default_factory=dict)
    recorder: Recorder = field(default_factory=Recorder)
    owner: str = "test:1"
    batch_rows: int = 200
    attempts_max: int = 3
    check_key: bytes | None = CHECK_KEY
    claim: str | None = None
    book: Book | None = None
    catalogue: Catalogue = field(default_factory=shipped_catalogue)
    numbers: Iterable[int] = field(default_factory=lambda: count(1))

    def deployment(self) -> Deployment:
        """Return the deployment as it is configured now."""
        conditions = {
            one.when: compile_condition(one.when)
            for each in self.policies
            for one in each.steps
            if one.when is not None
        }
        names = iter(self.numbers)
        return Deployment(
            engine=self.engine,
            book=self.book or Book(self.engine, own_book(account), same_database=True),
            policies=self.policies,
            catalogue=self.catalogue,
            conditions=conditions,
            lender=LENDER,
            region="CN",
            gateways={"recorder": self.recorder, **self.gateways},
            absent={},
            prices={},
            limits=Limits(
                batch_rows=self.batch_rows,
                in_flight=8,
                lease_seconds=60,
                recheck_minutes=30,
                pause_minutes=15,
                backoff=Backoff(60, 3600, self.attempts_max),
            ),
            clock=lambda: self.at,
            new_reference=lambda: f"{self.owner}-{next(names)}",
            jitter=lambda: 0.5,
            owner=self.owner,
            claim=self.claim,
            check_key=self.check_key,
        )

    def add_accounts(self, *rows: Mapping[str, Any]) -> None:
        """Put these rows into the book."""
        with self.engine.begin() as connection:
            connection.execute(insert(account), list(rows))

    def change_account(self, account_id: str, **changes: Any) -> None:
        """Change one account in the book, as the lender's own system would."""
        with self.engine.begin() as connection:
            connection.execute(update(account).where(account.c.account_id == account_id).values(**changes))

    def remove_account(self, account_id: str) -> None:
        """Remove one account from the book."""
        with self.engine.begin() as connection:
            connection.execute(delete(account).where(account.c.account_id == account_id))

    def hold(self, kind: HoldKind = HoldKind.DISPUTE, *, until: datetime | None = None, **whom: Any) -> int:
        """Put a hold on an account (`account_id`) or a customer (`customer_id`) from now on."""
        with self.engine.begin() as connection:
            return holds.add(connection, kind=kind, reason="test", who="test", at=self.at, until=until, **whom)

    def suppress(self, **whom: Any) -> None:
        """Suppress a number or a customer from now on."""
        with self.engine.begin() as connection:
            suppressions.add(connection, source="said stop", who="test", at=self.at, **whom)

    def plan(self) -> int:
        """Plan now; return how many reminders are new."""
        return plan(self.deployment(), self.at).planned

    def dispatch(self) -> DispatchReport:
        """Send now what is planned."""
        return asyncio.run(dispatch(self.deployment()))

    def run(self) -> DispatchReport:
        """Make one pass now: plan and send."""
        self.plan()
        return self.dispatch()

    def preview(self) -> list[Entry]:
        """Return what a pass would do now."""
        return list(preview(self.deployment(), self.at))

    def rows(self) -> list[Any]:
        """Return the whole outbox, oldest first."""
        with self.engine.connect() as connection:
            return list(connection.execute(select(outbox).order_by(outbox.c.reminder_id)))

    def states(self) -> dict[tuple[str, str], str]:
        """Return the state of every reminder by account and step."""
        return {(row.account_id, row.step): row.state for row in self.rows()}

    def settle_doubts(self) -> None:
        """Let a person give up everything in doubt."""
        doubtful = {row.reference for row in self.rows() if row.state == State.IN_DOUBT}
        with self.engine.begin() as connection:
            for reference in sorted(doubtful):
                unanswered.resolve(connection, reference, event=Event.ABANDON, reason="given up", who="ana", at=self.at)

    def later(self, **span: float) -> None:
        """Let time pass."""
        self.at += timedelta(**span)

    def clear(self) -> None:
        """Empty every table."""
        with self.engine.begin() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
