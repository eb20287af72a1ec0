"""A gateway that keeps what it takes, and answers as a script says: the provider's side of the laws."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle
from typing import ClassVar

from pydantic import BaseModel

from reminder.domain.message import Accepted, Message, Outcome, Refusal, Refused, Unknown
from reminder.domain.segments import Counting

ANSWERS: dict[str, Callable[[Message], Outcome]] = {
    "accept": lambda message: Accepted(f"P-{message.reference}"),
    "retry": lambda _: Refused(Refusal.RETRY, "429", "busy"),
    "number": lambda _: Refused(Refusal.NUMBER, "21211", "no such number"),
    "opted_out": lambda _: Refused(Refusal.OPTED_OUT, "21610", "said stop"),
    "content": lambda _: Refused(Refusal.CONTENT, "30007", "filtered"),
    "configuration": lambda _: Refused(Refusal.CONFIGURATION, "20003", "wrong key"),
    "lost": lambda _: Unknown("the answer was lost"),
    "lost after taking it": lambda _: Unknown("the answer was lost"),
}
"""What a provider may say; the last one takes the message and its answer is lost."""

TAKING = ("accept", "lost after taking it")


class Recorder:
    """Takes messages as its script says, in turn, and keeps every one that the provider would have sent."""

    Options: ClassVar[type[BaseModel]] = BaseModel
    counting = Counting.GSM
    stands_in: ClassVar[bool] = False

    def __init__(self, name: str = "recorder", script: tuple[str, ...] = ("accept",)) -> None:
        self.name = name
        self.taken: list[Message] = []
        self.calls = 0
        self.answer_with(*script)

    def answer_with(self, *script: str) -> None:
        """Answer with these from now on, over and over."""
        self._script: Iterator[str] = cycle(script)

    async def send(self, message: Message) -> Outcome:
        """Answer as the script says next."""
        self.calls += 1
        word = next(self._script)
        if word in TAKING:
            self.taken.append(message)
        return ANSWERS[word](message)

    async def close(self) -> None:
        """Do nothing."""
