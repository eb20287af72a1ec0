"""Two daemons on one database under load: killed, frozen, ended and started anew at random, and nothing goes twice.

A frozen one (SIGSTOP) stays so for longer than its lead and its claims last, so that the other takes over what it had;
then it is woken (SIGCONT) in the middle of whatever it was doing. In the end everything is let settle and held against
the provider's log.
"""

from __future__ import annotations

import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select

from crashes.matrix import SETTLING_SECONDS, SPEED, TEXTS_A_SECOND_MIN, staged
from reminder.store.leases import LEADER, current
from reminder.store.schema import doubt, lease
from support.checkers import states
from support.nursery import Child
from support.stage import told

CLAIM_SECONDS = 600
"""How long a claim lasts, by the hasty clock: two and a half real seconds."""

LEAD_SECONDS = 2
"""How long a lead lasts, in real seconds: it goes by the server's clock."""

FREEZE_SECONDS = (3.0, 9.0)
"""How long one is frozen: longer than its lead and its claims, and up to where what it had was sent by the other."""

LEADER_SPARED = 0.3
"""How often it is left to chance which of them is hindered; else it is the one that leads."""

CALM_SECONDS = (0.2, 2.0)


@dataclass
class PairFigures:
    """What it came to: how often which thing was done, and what must hold."""

    seed: int
    done: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    accepted: int = 0
    epochs: int = 0
    doubts: int = 0
    left: list[str] = field(default_factory=list)
    seconds: float = 0.0
    complaints: list[str] = field(default_factory=list)

    def told(self) -> str:
        """Return all of it, for people."""
        watched = ("leads", "deposed", "fenced", "plan_given_up", "tick_failed")
        events = ", ".join(f"{name} {self.events[f'reminder.daemon.{name}']}" for name in watched)
        whole = f"{dict(self.done)}, {self.states.total()} reminders, {self.accepted} accepted, {self.doubts} doubts"
        lines = [
            f"{whole}, {self.seconds:.0f} s, seed {self.seed}",
            f"epochs {self.epochs}; {events}",
            ", ".join(f"{state} {count}" for state, count in sorted(self.states.items())),
            *(f"left: {each}" for each in self.left),
            *self.complaints,
        ]
        return "\n".join(lines)


@dataclass
class Pair:
    """One run, in which they are hindered `acts` times and for `seconds` at least; all is drawn from the seed.

    There are about `texts_a_second`, for as long as half a minute or that many seconds.
    """

    url: str
    folder: Path
    acts: int
    seconds: float
    texts_a_second: float
    seed: int

    def run(self) -> PairFigures:
        """Do all of it; return what it came to."""
        began = time.monotonic()
        self.figures = PairFigures(self.seed)
        self.dice = random.Random(self.seed)  # noqa: S311 - a run is replayed by its seed
        rate = self.texts_a_second / SPEED
        with staged(self.url, self.folder, self.seed, self.dice, rate=rate) as self.stage:
            self._shorten_leases()
            self.daemons = [self.stage.start("daemon") for _ in range(2)]
            self.web = self.stage.start("web")
            self._hinder_them(began)
            self.stage.site.write()
            seconds = SETTLING_SECONDS + self.stage.people.made / TEXTS_A_SECOND_MIN
            self.figures.left = self.stage.settle(*self.daemons, self.web, seconds=seconds)
            self._stop(*self.daemons, self.web)
            self._judge()
        self.figures.seconds = time.monotonic() - began
        return self.figures

    def _shorten_leases(self) -> None:
        settings = self.stage.site.config / "reminder.yaml"
        text = settings.read_text("utf-8").replace("lease_seconds: 1800", f"lease_seconds: {CLAIM_SECONDS}")
        settings.write_text(text.replace("tick_seconds: 1,", f"tick_seconds: 1, lead_seconds: {LEAD_SECONDS},"))

    def _hinder_them(self, began: float) -> None:
        acts: dict[str, Callable[[int], object]] = {
            "kill": self._kill, "freeze": self._freeze, "freeze both": self._freeze_both, "end": self._end,
        }  # fmt: skip
        while (done := self.figures.done.total()) < self.acts or time.monotonic() < began + self.seconds:
            self._feed(min(done / self.acts, (time.monotonic() - began) / max(self.seconds, 1.0)))
            self._listening(*self.daemons, self.web)
            self._wait(self.dice.uniform(*CALM_SECONDS))
            (act,) = self.dice.choices(list(acts), [3, 4, 1, 1])
            leader = self._leader()
            acts[act](self.dice.randrange(2) if leader is None or self.dice.random() < LEADER_SPARED else leader)
            self.figures.done[act] += 1
            told_so_far = (
                f"{sum(self.figures.done.values())} times hindered, {states(self.stage.engine).total()} planned"
            )
            print(told_so_far, file=sys.stderr, flush=True)  # noqa: T201 - progress, for whoever waits

    def _leader(self) -> int | None:
        """Return which of them leads now, as the database has it."""
        with self.stage.engine.connect() as connection:
            held = current(connection, LEADER)
        pids = [str(child.pid) for child in self.daemons]
        pid = held.owner.split(":")[1] if held and held.owner else ""
        return pids.index(pid) if pid in pids else None

    def _feed(self, share: float) -> None:
        wanted = int(max(30.0, self.seconds) * self.texts_a_second * min(1.0, share + 0.3))
        if self.stage.people.made < wanted:
            self.stage.people.come(self.stage.engine, wanted - self.stage.people.made)
            self.stage.people.pay(self.stage.engine, 1)

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.stage.nursery.listen(left)
        for child in (*self.daemons, self.web):
            assert child.status is None, f"{child.name} ended: {child.output.read_text('utf-8')[-4000:]}"

    def _kill(self, number: int) -> None:
        self.stage.nursery.end(self.daemons[number], signal.SIGKILL)
        self._start_again(number)

    def _end(self, number: int) -> None:
        self._stop(self.daemons[number])
        self._start_again(number)

    def _stop(self, *children: Child) -> None:
        self._listening(*children)
        self.stage.stop(*children)

    def _listening(self, *children: Child) -> None:
        """Wait until they work: a signal that comes before would end them as it ends anything."""
        listening = [b"reminder.daemon.started", b"reminder.web.started"]
        for child in children:
            self.stage.nursery.until(lambda: any(word in child.output.read_bytes() for word in listening))  # noqa: B023

    def _start_again(self, number: int) -> None:
        self.daemons[number] = self.stage.start("daemon")

    def _freeze(self, *numbers: int) -> None:
        frozen = [self.daemons[number] for number in numbers]
        self._send(frozen, signal.SIGSTOP)
        self._wait(self.dice.uniform(*FREEZE_SECONDS))
        self._send(frozen, signal.SIGCONT)

    def _freeze_both(self, _: int) -> None:
        self._freeze(0, 1)

    def _send(self, children: list[Child], number: int) -> None:
        for child in children:
            child.send(number)

    def _judge(self) -> None:
        figures, engine = self.figures, self.stage.engine
        figures.states = states(engine)
        figures.accepted = len(self.stage.provider.accepted())
        figures.events = told(*self.stage.nursery.children)
        with engine.connect() as connection:
            held = current(connection, LEADER)
            rows = len(connection.execute(select(lease)).all())
            figures.doubts = connection.scalar(select(func.count()).select_from(doubt)) or 0
        figures.epochs = held.epoch if held else 0
        figures.complaints = self.stage.complaints()
        if figures.events["reminder.daemon.leads"] > figures.epochs or rows != 1:
            figures.complaints.append(f"the lead was taken more often than there are epochs ({figures.epochs})")
