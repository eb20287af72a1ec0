"""A year: virtual time passes, things happen, the real daemon ticks, and the judge looks at all that came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from random import Random

from sqlalchemy import Engine

from reminder.app import redeployed
from reminder.daemon.reload import Live
from reminder.daemon.ticks import TickReport, tick
from reminder.domain.guard import ClockWatch
from reminder.installation import read_installation
from reminder.pipeline.dispatch import dispatch
from reminder.pipeline.housekeeping import Keeper, note_versions
from reminder.pipeline.plan import plan
from reminder.pipeline.preview import Verb, preview
from reminder.pipeline.replies import Reception
from reminder.store import leases
from reminder.store.leases import LEADER, Mandate
from years.house import ENVIRON, House
from years.laws import Judge
from years.lender import Lender
from years.lives import OPEN, Lives
from years.memory import Journal, Rule, broken
from years.people import approve, settle_doubts
from years.provider import DiedError, Killer, Provider, Taken
from years.witness import Witness

Counts = dict[str, tuple[int, int, int]]
"""How much each provider has seen so far: texts taken, calls to dead numbers, calls."""

LEAD_SECONDS = 30
"""How long a process leads without saying that it still does."""


@dataclass
class Clock:
    """The machine's clock, which may be wrong, and the true time, which passes."""

    true: datetime
    offset: timedelta = timedelta()

    def now(self) -> datetime:
        """Return what the machine believes."""
        return self.true + self.offset

    def true_now(self) -> datetime:
        """Return what it is."""
        return self.true

    def steady(self) -> float:
        """Return seconds that nobody can set."""
        return self.true.timestamp()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.true += timedelta(seconds=seconds)


@dataclass
class Process:
    """One daemon: its files as it read them, and its watch over the clock, which has `looked` when that was right."""

    live: Live
    watch: ClockWatch = field(default_factory=ClockWatch)
    looked: bool = False
    mandate: Mandate | None = None
    keeper: Keeper = field(default_factory=Keeper)

    def lead(self, at: datetime, *, stale: bool) -> Mandate | None:
        """Keep or take the lead at a true instant; a `stale` process was frozen, and shows what it had before."""
        if stale and self.mandate is not None:
            return self.mandate
        deployment = self.live.deployment
        with deployment.engine.begin() as connection:
            if self.mandate is None or not leases.renew(connection, self.mandate, at=at, seconds=LEAD_SECONDS):
                self.mandate = leases.take(
                    connection, LEADER, owner=deployment.owner, at=at, seconds=LEAD_SECONDS
                )  # fmt: skip
        return self.mandate


@dataclass
class Year:
    """Everything that a year consists of. `seed` decides all that happens."""

    seed: int
    dice: Random
    clock: Clock
    house: House
    lender: Lender
    engine: Engine
    killer: Killer
    providers: dict[str, Provider]
    reception: Reception
    processes: list[Process]
    judge: Judge
    witness: Witness
    lives: Lives = field(default_factory=Lives)
    journal: Journal = field(default_factory=Journal)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    down_until: datetime | None = None
    spoilt: bool = False
    ticks: int = 0
    deaths: int = 0
    restarts: int = 0
    foretold: int = 0
    known_dead: set[str] = field(default_factory=set)
    leaks: list[str] = field(default_factory=list)
    how: str = ""

    def note(self, what: str) -> None:
        """Write down what happened now."""
        self.journal.note(self.clock.now(), what)

    def process(self) -> Process:
        """Return the process whose turn it is."""
        return self.processes[self.ticks % len(self.processes)]

    # What is in force.

    def read_rules(self) -> None:
        """Let the judge read the files that are in force now."""
        self.house.keep()
        self.judge.rules = {name: Rule(said) for name, said in self.house.read().items()}
        policies = self.processes[0].live.deployment.policies
        self.judge.policies = {policy.name: policy for policy in policies}
        self.judge.order = tuple(policy.name for policy in sorted(policies, key=lambda one: one.priority))
        self.judge.edits += 1

    def take_over(self) -> bool:
        """Let every process read the files; return whether they came into force."""
        before = [process.live.installation for process in self.processes]
        for process in self.processes:
            asyncio.run(process.live.take_over(asked=True))
        applied = [process.live.installation is not old for process, old in zip(self.processes, before, strict=True)]
        if len(set(applied)) != 1:
            raise broken(9, "two processes judged the same files differently")
        return applied[0]

    def restart(self) -> None:
        """Let new processes take over from those that died or were stopped."""
        mended, self.spoilt = self.spoilt, False
        if mended:
            self.house.mend()
        self.killer.revive()
        self.engine.dispose()
        self.restarts += 1
        for process in self.processes:
            before = process.live.installation
            installation = read_installation(self.house.config, ENVIRON) if mended else before
            fresh = redeployed(process.live.deployment, before, installation)
            process.live = Live(installation, replace(fresh, owner=f"year:{next(self.numbers)}"))
            process.watch, process.looked, process.mandate = ClockWatch(), False, None
            process.keeper = Keeper()
        self.read_rules()

    # Time.

    def tick(self) -> TickReport | None:
        """Let the process whose turn it is tick once, and judge what came of it."""
        process = self.process()
        self.ticks += 1
        if self.down_until is not None and self.clock.true < self.down_until:
            self.killer.revive()  # there is nothing to kill
            return None
        if self.down_until is not None:
            self.down_until = None
            self.restart()
        at, before = self.clock.now(), self._counts()
        self.judge.follow(at)
        report = None

        def drift(instant: datetime) -> timedelta:
            return process.watch.drift(instant, self.clock.steady())

        try:
            live = process.live
            process.keeper.begin(live.deployment)
            mandate = process.lead(self.clock.true, stale=self.dice.random() < 0.1)
            report = asyncio.run(
                tick(live.deployment, live.schedule, stopping=lambda: False, mandate=mandate, drift=drift)
            )
            if not report.pauses:
                process.watch.trust()
                process.looked = True
        except DiedError:
            self.deaths += 1
            self.note("the process died")
        taken = self._judge(before)
        if self.killer.dead:
            self.restart()
        self.killer.revive()
        if report is not None and report.slots:
            with self.engine.connect() as connection:
                self.judge.planned(connection, at)
        if report is not None and (taken or report.planned or report.pauses):
            paused = ", ".join(pause.guard.value for pause in report.pauses)
            self.note(f"tick: {report.planned} planned, {len(taken)} taken {paused}")
        return report

    def _counts(self) -> Counts:
        return {
            name: (len(each.taken), len(each.called_dead), len(each.called)) for name, each in self.providers.items()
        }

    def _judge(self, before: Counts) -> list[Taken]:
        taken = [each for name, one in self.providers.items() for each in one.taken[before[name][0] :]]
        dead = [number for name, one in self.providers.items() for number in one.called_dead[before[name][1] :]]
        called = [reference for name, one in self.providers.items() for reference in one.called[before[name][2] :]]
        again = self.known_dead & set(dead)
        if again and not self.killer.dead:
            raise broken(5, f"{len(again)} numbers were called again that the provider had said nobody has")
        if not self.killer.dead:  # a process that died could not write down what it was told
            self.known_dead.update(dead)
        if called:
            with self.engine.connect() as connection:
                self.judge.judge(connection, taken, called)
        return taken

    def compare(self) -> None:
        """Law 1: what a preview lists at this instant is what a run at this instant sends, byte for byte."""
        deployment, before = self.process().live.deployment, self._counts()
        at = self.clock.now()
        self.judge.follow(at)
        foreseen = sorted(
            (entry.gateway, str(entry.number), entry.body)
            for entry in preview(deployment, at)
            if entry.verb is Verb.SEND
        )
        note_versions(deployment, at)
        plan(deployment, at)
        asyncio.run(dispatch(deployment))
        sent = sorted((each.gateway, each.message.to, each.message.body) for each in self._judge(before))
        dead = {to for name, one in self.providers.items() for to in one.called_dead[before[name][1] :]}
        foreseen = [each for each in foreseen if each[1] not in dead]  # nobody foretells what a provider refuses
        if sent != foreseen:
            odd = sorted(set(foreseen) ^ set(sent))
            raise broken(1, f"foretold {len(foreseen)}, sent {len(sent)}; the difference begins with {odd[:2]}")
        self.foretold += len(sent)
        self.note(f"compared: {len(sent)} as foretold")

    def look(self) -> None:
        """Look at all reminders, as the judge does once a day, and at what the logs told."""
        if self.leaks:
            raise broken(13, f"a log told a number: {self.leaks[0]}")
        with self.engine.connect() as connection:
            states = self.lives.look(connection)
            self.lives.hand_overs(connection)
            self.witness.look(connection, [each for one in self.providers.values() for each in one.taken])
        self.witness.seal(self.engine, self.clock.now())
        self.note(f"lives: {dict(sorted(states.items()))}")

    def end(self) -> None:
        """Let everything come to an end: nothing may be left open once all days are over and doubts are settled."""
        for provider in self.providers.values():
            provider.mood, provider.mute, provider.freezes, provider.lag = "well", False, False, timedelta()
        self.clock.offset, self.down_until = timedelta(), None
        self.judge.clock_is_wrong = False
        if self.lender.empty:
            self.lender.come_back(self.clock.now())
        self.restart()
        for hours in (1, 12, 24, 24 * 130, 24 * 131, 24 * 132):
            self.clock.sleep(3600 * hours)
            for provider in self.providers.values():
                provider.receipts.clear()
            self.lender.stale_until = None
            self.lender.refresh(self.clock.now())
            settle_doubts(self, of_age=timedelta(), share=1.0)
            approve(self, share=1.0)
            self.tick()
        self.look()
        left = {key for key, state in self.lives.states.items() if state in OPEN}
        if left:
            raise broken(4, f"reminders that never end: {sorted(left)[:5]}")
        self.witness.verify(self.engine)
