"""The console: a gateway that shows each text to the operator instead of a customer.

A fresh installation sends through it, and it stands last in a route for when the real gateway is not configured.
What it takes there is `printed`, never `sent`: nobody but the operator has read it.
"""

from __future__ import annotations

import re
import sys
from typing import ClassVar, TextIO

from pydantic import BaseModel, ConfigDict, Field

from reminder.domain.message import Accepted, Message, Outcome, Refusal, Refused, Unknown
from reminder.domain.phone import mask_phone
from reminder.domain.segments import Counting, segment
from reminder.gateways.base import GatewayContext

__all__ = ["ConsoleGateway", "ConsoleOptions", "as_shown"]

_RULE = "─"
_RULE_COLUMNS = 72

_UNSEEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
# What could drive a terminal or turn a line around: controls but the line feed, bidirectional marks, halves of pairs.


class ConsoleOptions(BaseModel):
    """The section of a console in `config/reminder.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    show_numbers: bool = Field(
        default=False,
        description="Print whole phone numbers. They are personal data: only where nobody else reads the output.",
        examples=[False],
    )


class ConsoleGateway:
    """Prints each text as a person would like to read it, one write a message."""

    Options: ClassVar[type[BaseModel]] = ConsoleOptions
    counting = Counting.GSM
    stands_in: ClassVar[bool] = True

    def __init__(self, options: ConsoleOptions, context: GatewayContext) -> None:
        """Build it. There is nothing that it could lack."""
        self.name = context.name
        self._show_numbers = options.show_numbers

    async def send(self, message: Message) -> Outcome:
        """Print one message to what is `sys.stdout` at that moment.

        A reader who has gone (a closed pipe or stream, no stream at all) is a refusal: nobody sees what is written
        next either. Any other failure to write, such as a full disk, may have left half a text behind: `Unknown`.
        """
        stream: TextIO | None = sys.stdout  # None where a process was started without one.
        if stream is None or stream.closed:
            return Refused(Refusal.CONFIGURATION, "no-reader", "nobody reads the console: its stream is closed")
        try:
            _write(stream, as_shown(message, self._show_numbers))
        except BrokenPipeError:
            return Refused(Refusal.CONFIGURATION, "no-reader", "nobody reads the console: its pipe is broken")
        except OSError as error:
            return Unknown(f"the console could not be written to: {error.strerror or type(error).__name__}")
        return Accepted(f"{self.name}:{message.reference}")

    async def close(self) -> None:
        """Do nothing: the stream is not ours."""


def as_shown(message: Message, show_number: bool = False) -> str:
    """Return the lines that are printed for a message: a head with number, reference and segments, then the text.

    Nothing in a message can drive the terminal: escapes and other controls come out as U+FFFD (law 11).
    """
    number = message.to if show_number else mask_phone(message.to)
    segments = segment(message.body).segments
    parts = "1 segment" if segments == 1 else f"{segments} segments"
    head = _UNSEEN.sub("\ufffd", f"── {number} · {parts} · {message.reference} ".replace("\n", " "))
    body = _UNSEEN.sub("\ufffd", message.body).replace("\n", "\n   ")
    return f"{head.ljust(_RULE_COLUMNS, _RULE)}\n   {body}\n"


def _write(stream: TextIO, text: str) -> None:
    """Write a text at once and push it out; what the stream's encoding lacks is written as an escape."""
    try:
        stream.write(text)
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()
