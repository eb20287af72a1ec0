"""A provider that can be asked: it keeps what it takes, tells it after a while, and may lie in wait."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import cycle

from reminder.domain.doubt import CannotTell, Seen, Sighting, Told
from reminder.domain.message import Message, Outcome
from support.recorder import TAKING, Recorder


class Provider(Recorder):
    """A recorder that is asked for texts by number, time and body, as one without references is.

    What it takes can be seen `lag_seconds` later. `moods` say how it answers a question, in turn: `well`, `silent`
    (it can't tell) or `raise`.
    """

    settle_seconds: float = 120.0

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        name: str = "recorder",
        script: tuple[str, ...] = ("accept",),
        moods: tuple[str, ...] = ("well",),
        lag_seconds: float = 0.0,
    ) -> None:
        super().__init__(name, script)
        self.clock = clock
        self.lag = timedelta(seconds=lag_seconds)
        self.book: list[tuple[datetime, Message]] = []
        self.questions: list[tuple[datetime, str]] = []
        self.be(*moods)

    def be(self, *moods: str) -> None:
        """Answer questions in these moods from now on, over and over."""
        self._moods = cycle(moods)

    async def send(self, message: Message) -> Outcome:
        """Answer as the script says, and keep what is taken with its time."""
        taken = len(self.taken)
        outcome = await super().send(message)
        if len(self.taken) > taken:
            self.book.append((self.clock(), message))
        return outcome

    async def find(self, *, reference: str, to: str, since: datetime, body: str) -> Told:
        """Tell what may be the text, by number, time and body alone."""
        self.questions.append((self.clock(), reference))
        mood = next(self._moods)
        if mood == "raise":
            raise RuntimeError("the gateway is poisoned")
        if mood == "silent":
            return CannotTell("it is out")
        return Seen(
            tuple(
                Sighting(f"P-{message.reference}", "sent", message.body == body)
                for taken_at, message in self.book
                if message.to == to and since <= taken_at <= self.clock() - self.lag
            )
        )


__all__ = ["TAKING", "Provider"]
