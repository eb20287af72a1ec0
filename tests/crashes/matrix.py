"""The crash matrix: a real daemon is killed again and again while it works, and nothing is lost or sent twice.

Two processes, `reminder daemon` and `reminder web`, work on one database while customers come in and pay, and a fake
Twilio in rough weather takes their texts and tells what became of them. One process after another is killed, at named
points and at random times, and started anew. In the end everything is let settle and held against the provider's log.
"""

from __future__ import annotations

import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select, update

from reminder.domain.lifecycle import State
from reminder.store.engine import open_engine
from reminder.store.schema import doubt, lease
from support.checkers import states
from support.dying import POINTS
from support.haste import Haste
from support.lending import People, Site
from support.nursery import Child, nursery
from support.stage import Stage
from support.stormy import SECRETS, Mix, stormy

SPEED = 240.0
"""How much faster than the real one the clock of all processes goes: a lease of 30 minutes ends after 7.5 s."""

BEGIN = datetime(2026, 11, 23, 1, tzinfo=UTC)
PASSAGES_MAX = {"plan": 2, "call": 80, "receive": 60}
"""At which passage of a point at the latest a process is killed: calls come by the dozen. Elsewhere at the 8th."""

SETTLING_SECONDS = 120.0
TEXTS_A_SECOND_MIN = 10.0

WEATHER: Mix = [
    (60, {"mode": "accept"}),
    (25, {"mode": "slow", "seconds": 0.05}),
    (1.5, {"mode": "reset_after_accept"}),
    (1.5, {"mode": "reset_before_accept"}),
    (1.5, {"mode": "error", "status": 500}),
    (1.5, {"mode": "error", "status": 429, "code": 20429, "retry_after": "60"}),
    (1.0, {"mode": "error", "status": 429, "code": 20429}),
    (1.0, {"mode": "truncated"}),
    (1.0, {"mode": "no_sid"}),
    (0.5, {"mode": "raw", "status": 201, "text": "<html>"}),
    (0.5, {"mode": "error", "status": 400, "code": 21211}),
    (0.3, {"mode": "hang_after_accept"}),
    (0.3, {"mode": "hang_before_accept"}),
]
RECEIPTS = {"share": 0.3, "seconds": 1.0, "twice": 0.1, "forged": 0.05, "undelivered": 0.02}


@dataclass
class Figures:
    """What a matrix came to."""

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    reminders: int = 0
    accepted: int = 0
    doubts: int = 0
    open_doubts: int = 0
    left: list[str] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    complaints: list[str] = field(default_factory=list)

    @property
    def killed(self) -> int:
        """How many processes were killed."""
        return self.kills.total()

    def told(self) -> str:
        """Return all of it, for people."""
        settled = self.doubts - self.open_doubts
        whole = (
            f"{self.killed} kills, {self.reminders} reminders, {self.accepted} accepted, {self.doubts} doubts of which "
            f"{settled} settled and {self.open_doubts} listed, {self.seconds:.0f} s, seed {self.seed}"
        )
        lines = [
            whole,
            ", ".join(f"{state} {count}" for state, count in sorted(self.states.items())),
            *(f"  {count:4} {point}" for point, count in sorted(self.kills.items())),
            *(f"left: {each}" for each in self.left),
            *self.complaints,
        ]
        return "\n".join(lines)


@contextmanager
def staged(url: str, folder: Path, seed: int, dice: random.Random, *, rate: float) -> Iterator[Stage]:
    """Lend a provider in stormy weather and a deployment on a hasty clock that sends `rate` texts a second of it."""
    folder.mkdir(parents=True, exist_ok=True)
    clock = Haste.starting(BEGIN, SPEED)
    engine = open_engine(url)
    people = People(dice, BEGIN.date(), BEGIN)
    try:
        with stormy(folder, clock) as provider, nursery({**SECRETS, "PATH": ""}, folder / "processes") as home:
            site = Site.at(folder, url, provider.url)
            site.write(rate=rate)
            provider.weather(*WEATHER, seed=seed, **RECEIPTS)
            yield Stage(clock, site, engine, people, provider, home)
    finally:
        engine.dispose()


@dataclass
class Matrix:
    """One run: how many kills and reminders, and the seed from which everything is drawn.

    A daemon that has not come to its point is killed at a random time of its first `life_seconds`.
    """

    url: str
    folder: Path
    kills: int
    reminders: int
    seed: int
    life_seconds: float = 2.5

    def run(self) -> Figures:
        """Do all of it; return what it came to."""
        began = time.monotonic()
        self.figures = Figures(self.seed)
        self.dice = random.Random(self.seed)  # noqa: S311 - a matrix is replayed by its seed
        # So slow that there is work until the last kill.
        rate = self.reminders / self.kills / SPEED
        with staged(self.url, self.folder, self.seed, self.dice, rate=rate) as self.stage:
            self._kill_them()
            self._let_settle()
            self._judge()
        self.figures.seconds = time.monotonic() - began
        return self.figures

    def _start(self, name: str) -> Child:
        """Start a process that dies at one of the points that nobody has died at for longest, or at none."""
        mine = [point for point in POINTS if point.startswith("receive") == (name == "web")]
        # A third of the points at once, so that one which is hard to come to keeps no others waiting.
        rarest = sorted(mine, key=lambda point: (self.figures.kills[point], self.dice.random()))[: len(mine) // 3]
        chance = self.dice.random()
        chosen = rarest if chance < 0.85 or name == "web" else []
        most = {point: PASSAGES_MAX.get(point.partition(":")[0], 8) for point in chosen}
        die_at = [(point, self.dice.randint(1, most[point])) for point in chosen]
        return self.stage.start(name, die_at=die_at, seed=self.dice.randrange(2**32))

    def _kill_them(self) -> None:
        daemon, web = self._start("daemon"), self._start("web")
        until: float | None = None
        while self.figures.killed < self.kills:
            self._feed()
            self.stage.nursery.listen(0.02)
            if until is None and b"reminder.daemon.started" in daemon.output.read_bytes():
                until = time.monotonic() + self.dice.uniform(0, self.life_seconds)
            if daemon.status is None and until is not None and time.monotonic() >= until:
                self.stage.nursery.end(daemon, signal.SIGKILL)
                self._count(daemon, "daemon: at a random time")
            if daemon.status is not None:
                self._count(daemon)
                daemon, until = self._start("daemon"), None
            if web.status is not None:
                self._count(web)
                web = self._start("web")
        for child in (daemon, web):
            self.stage.nursery.end(child, signal.SIGKILL)

    def _count(self, child: Child, otherwise: str | None = None) -> None:
        """Count a kill by its point; a process that ended in any other way is a failure of the matrix."""
        if child.status != -signal.SIGKILL:
            raise AssertionError(f"{child.name} ended with {child.status}: {child.output.read_text('utf-8')[-4000:]}")
        points = [event["point"] for event in child.events() if event["event"] == "killed"]
        if not points and otherwise is None:
            return  # counted when it was killed
        self.figures.kills[points[0] if points else str(otherwise)] += 1
        self._let_its_lead_end()
        if self.figures.killed % 20 == 0:
            planned = states(self.stage.engine).total()
            told = f"{self.figures.killed} kills, {self.stage.people.made} accounts, {planned} planned"
            print(told, file=sys.stderr, flush=True)  # noqa: T201 - progress, for whoever waits

    def _let_its_lead_end(self) -> None:
        """Let the lease of a leader that was killed end at once: on a server it goes by the real clock, not by ours."""
        with self.stage.engine.begin() as connection:
            connection.execute(update(lease).values(until=BEGIN - timedelta(days=10_000)))

    def _feed(self) -> None:
        """Let customers come as kills go by, and some of them pay."""
        wanted = self.reminders * min(1.0, (self.figures.killed + 0.1 * self.kills) / (0.9 * self.kills))
        if self.stage.people.made < wanted:
            self.stage.people.come(self.stage.engine, int(wanted) - self.stage.people.made + 1)
            self.stage.people.pay(self.stage.engine, 1 + self.stage.people.made // 1000)

    def _let_settle(self) -> None:
        """Let a daemon and a web that nobody kills work until nothing is left to be done; stop them."""
        self.stage.site.write()
        daemon, web = self.stage.start("daemon"), self.stage.start("web")
        seconds = SETTLING_SECONDS + self.reminders / TEXTS_A_SECOND_MIN
        self.figures.left = self.stage.settle(daemon, web, seconds=seconds)
        self.stage.stop(daemon, web)

    def _judge(self) -> None:
        engine, figures = self.stage.engine, self.figures
        figures.states = states(engine)
        figures.reminders = figures.states.total()
        figures.accepted = len(self.stage.provider.accepted())
        figures.open_doubts = figures.states[State.IN_DOUBT]
        with engine.connect() as connection:
            figures.doubts = connection.scalar(select(func.count()).select_from(doubt)) or 0
        figures.complaints = self.stage.complaints()
