"""A provider as they are: it takes texts, refuses some, goes silent, loses answers, and tells later what became.

It stands behind the real gateway's name, and its log of what it took is the one witness of what customers got.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import ClassVar

from pydantic import BaseModel

from reminder.domain.doubt import CannotTell, Seen, Sighting, Told
from reminder.domain.message import NOT_SENT, Accepted, Message, Outcome, Refusal, Refused, Unknown
from reminder.domain.receipt import Progress, Receipt
from reminder.domain.segments import Counting

MOODS = ("well", "busy", "down", "silent", "loses answers", "locked", "mixed", "picky")


class DiedError(BaseException):
    """The process was killed here: nothing in it runs on, whatever it catches."""


@dataclass(frozen=True)
class Taken:
    """A text that the provider took: at `at` by our clock, at `true_at` by its own."""

    at: datetime
    true_at: datetime
    message: Message
    provider_id: str
    gateway: str


@dataclass
class Killer:
    """Kills the process at a call or at a touch of the database, once it is armed."""

    calls_left: int | None = None
    after_taking: bool = False
    touches_left: int | None = None
    dead: bool = False

    def on_touch(self) -> None:
        """Count a statement or commit, and die with the last one."""
        if self.dead:
            return
        if self.touches_left is not None:
            self.touches_left -= 1
            if self.touches_left <= 0:
                self._die()

    def on_call(self, *, taken: bool) -> None:
        """Die before or after the call at which it is to happen; a dead process calls nobody."""
        if self.dead:
            raise DiedError
        if self.calls_left is not None and taken == self.after_taking:
            self.calls_left -= 1
            if self.calls_left <= 0:
                self._die()

    def _die(self) -> None:
        self.dead = True
        raise DiedError

    def revive(self) -> None:
        """A new process takes over."""
        self.calls_left, self.touches_left, self.after_taking, self.dead = None, None, False, False


@dataclass
class Provider:
    """One gateway's provider. `wall` is our clock, `true_now` its own; `freeze` lets our process hang for a while."""

    name: str
    dice: Random
    killer: Killer
    wall: Callable[[], datetime]
    true_now: Callable[[], datetime]
    freeze: Callable[[float], None]
    mood: str = "well"
    mute: bool = False
    lag: timedelta = timedelta()
    freezes: bool = False
    taken: list[Taken] = field(default_factory=list)
    called: list[str] = field(default_factory=list)
    dead_numbers: set[str] = field(default_factory=set)
    called_dead: list[str] = field(default_factory=list)
    opted_out: set[str] = field(default_factory=set)
    unclear: int = 0
    receipts: list[tuple[datetime, Receipt]] = field(default_factory=list)
    settle_seconds: float = 120.0

    Options: ClassVar[type[BaseModel]] = BaseModel
    counting = Counting.GSM
    stands_in: ClassVar[bool] = False

    async def send(self, message: Message) -> Outcome:
        """Take the text or not, as the mood is, and answer or not."""
        self.killer.on_call(taken=False)
        self.called.append(message.reference)
        mood = self.dice.choice(MOODS[:5]) if self.mood == "mixed" else self.mood
        refused = self._refusal(message, mood)
        if refused is not None:
            return refused
        if mood == "silent":
            self.unclear += 1
            return Unknown("no answer in time")
        self._take(message)
        self.killer.on_call(taken=True)
        if self.freezes and self.dice.random() < 0.3:
            self.freeze(self.dice.choice((2.0, 45.0, 400.0)))
        if mood == "loses answers" and self.dice.random() < 0.6:
            self.unclear += 1
            return Unknown("the connection broke after the text was sent")
        return Accepted(self.taken[-1].provider_id)

    def _refusal(self, message: Message, mood: str) -> Refused | None:
        if message.to in self.dead_numbers:
            self.called_dead.append(message.to)
            return Refused(Refusal.NUMBER, "21211", "no such number")
        if message.to in self.opted_out:
            return Refused(Refusal.OPTED_OUT, "21610", "said stop")
        if mood == "busy" and self.dice.random() < 0.7:
            return Refused(Refusal.RETRY, "429", "busy", self.dice.choice((None, 5.0, 90.0)))
        if mood == "down":
            return Refused(Refusal.RETRY, NOT_SENT, "nobody answers")
        if mood == "locked":
            return Refused(Refusal.CONFIGURATION, "20003", "wrong key")
        if mood == "picky" and self.dice.random() < 0.3:
            return Refused(Refusal.CONTENT, "30007", "filtered")
        return None

    def _take(self, message: Message) -> None:
        provider_id = f"SM-{self.name}-{len(self.taken) + 1}"
        true_at = self.true_now()
        self.taken.append(Taken(self.wall(), true_at, message, provider_id, self.name))
        arrives = self.dice.random() < 0.85
        words = [("sent", Progress.TAKEN), ("delivered", Progress.ARRIVED) if arrives else ("undelivered", None)]
        for word, progress in words:
            for _ in range(self.dice.choice((0, 1, 1, 1, 2))):
                wait = timedelta(seconds=self.dice.choice((1, 30, 900, 40_000, 400_000)))
                receipt = Receipt(provider_id, word, progress or Progress.MISCARRIED, message.reference)
                self.receipts.append((true_at + wait, receipt))

    def due_receipts(self) -> list[Receipt]:
        """Return the receipts whose time has come, in any order, now and then with one that is none of ours."""
        now = self.true_now()
        due = [receipt for when, receipt in self.receipts if when <= now]
        self.receipts = [(when, receipt) for when, receipt in self.receipts if when > now]
        if due and self.dice.random() < 0.1:
            due.append(Receipt("SM-forged", "delivered", Progress.ARRIVED, f"no-such-{self.dice.random()}"))
        self.dice.shuffle(due)
        return due

    async def find(self, *, reference: str, to: str, since: datetime, body: str) -> Told:
        """Tell what may be the text, by number, time and body alone, as a provider without references does."""
        if self.mute:
            return CannotTell("it is out")
        visible = self.true_now() - self.lag
        return Seen(
            tuple(
                Sighting(each.provider_id, "sent", each.message.body == body)
                for each in self.taken
                if each.message.to == to and since - timedelta(minutes=10) <= each.true_at <= visible
            )
        )

    async def close(self) -> None:
        """Do nothing."""
