"""The console: readable, quick, deaf to escapes, and never the reason that a run ends."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from reminder.domain.message import Accepted, Message, Refusal, Refused, Unknown
from reminder.domain.segments import Counting
from reminder.gateways.base import GatewayContext
from reminder.gateways.console import ConsoleGateway, ConsoleOptions, as_shown


@pytest.fixture
def console() -> ConsoleGateway:
    """A console as a fresh installation has it."""
    return ConsoleGateway(ConsoleOptions(), GatewayContext("screen", {}))


class Stream(io.StringIO):
    """A stream that counts its writes and can fail at them."""

    def __init__(self, failure: OSError | None = None) -> None:
        super().__init__()
        self.failure = failure
        self.writes = 0
        self.flushes = 0

    def write(self, text: str) -> int:
        """Count, then write or fail."""
        self.writes += 1
        if self.failure is not None:
            raise self.failure
        return super().write(text)

    def flush(self) -> None:
        """Count."""
        self.flushes += 1


def test_a_text_is_shown_as_a_person_reads_it(
    console: ConsoleGateway, message: Callable[..., Message], capsys: pytest.CaptureFixture[str]
) -> None:
    """Masked number, segments, reference and the text itself, all in one glance (law 13)."""
    outcome = asyncio.run(console.send(message(body="【安心贷】王先生：\n账单 ¥123.45")))
    assert outcome == Accepted("screen:ref-1")
    head, *body = capsys.readouterr().out.splitlines()
    assert head.startswith("── +86138****8000 · 1 segment · ref-1 ──")
    assert body == ["   【安心贷】王先生：", "   账单 ¥123.45"]


def test_numbers_are_shown_only_on_request(message: Callable[..., Message], capsys: pytest.CaptureFixture[str]) -> None:
    """Whole numbers are printed where the operator asked for it, and only there (law 13)."""
    for show, expected in ((True, True), (False, False)):
        gateway = ConsoleGateway(ConsoleOptions(show_numbers=show), GatewayContext("screen", {}))
        asyncio.run(gateway.send(message()))
        assert ("+8613800138000" in capsys.readouterr().out) is expected


def test_it_stands_in_and_counts_as_gsm(console: ConsoleGateway) -> None:
    """What the console takes in another's place is printed, not sent: the pipeline is told so."""
    assert console.stands_in is True
    assert console.counting is Counting.GSM


def test_segments_are_counted(message: Callable[..., Message]) -> None:
    """The head says what a real provider would bill."""
    assert "· 2 segments ·" in as_shown(message(body="账" * 71))
    assert "· 1 segment ·" in as_shown(message(body="a" * 160))


def test_one_message_is_one_write(
    console: ConsoleGateway, message: Callable[..., Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Texts sent at once are never interleaved, and each is out before it is reported as taken."""
    stream = Stream()
    monkeypatch.setattr(sys, "stdout", stream)

    async def send_all() -> None:
        await asyncio.gather(*(console.send(message(reference=f"r{place}")) for place in range(20)))

    asyncio.run(send_all())
    assert (stream.writes, stream.flushes) == (20, 20)


def test_the_stream_is_looked_up_at_the_call(
    console: ConsoleGateway, message: Callable[..., Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A console built before the output was redirected prints to where it goes now."""
    stream = Stream()
    monkeypatch.setattr(sys, "stdout", stream)
    asyncio.run(console.send(message()))
    assert "ref-1" in stream.getvalue()


def test_a_broken_pipe_pauses_the_gateway(
    console: ConsoleGateway, message: Callable[..., Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`reminder run | head` ends the printing, not the run, and burns no attempts."""
    monkeypatch.setattr(sys, "stdout", Stream(BrokenPipeError()))
    outcome = asyncio.run(console.send(message()))
    assert isinstance(outcome, Refused)
    assert (outcome.kind, outcome.code) == (Refusal.CONFIGURATION, "no-reader")


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "none"])
def test_no_stream_pauses_the_gateway(
    console: ConsoleGateway, message: Callable[..., Message], monkeypatch: pytest.MonkeyPatch, closed: bool
) -> None:
    """A daemon without any output is told, not crashed."""
    stream = Stream() if closed else None
    if stream is not None:
        stream.close()
    monkeypatch.setattr(sys, "stdout", stream)
    outcome = asyncio.run(console.send(message()))
    assert isinstance(outcome, Refused)
    assert outcome.kind is Refusal.CONFIGURATION


def test_a_full_disk_leaves_doubt(
    console: ConsoleGateway, message: Callable[..., Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that failed halfway may have shown the text: never printed again on a guess (law 3)."""
    monkeypatch.setattr(sys, "stdout", Stream(OSError(28, "No space left on device")))
    outcome = asyncio.run(console.send(message()))
    assert outcome == Unknown("the console could not be written to: No space left on device")


@pytest.mark.parametrize(
    "hostile",
    ["\x1b[2J\x1b[1;1H", "\x1b]0;title\x07", "\x9b31m", "\r", "\x08\x08", "\x00", "\u202eesrever", "\u2066", "\ud800"],
    ids=["clear", "title", "c1 csi", "return", "backspace", "nul", "right-to-left", "isolate", "half a pair"],
)
@pytest.mark.parametrize("place", ["body", "reference", "to"])
def test_data_cannot_drive_the_terminal(message: Callable[..., Message], hostile: str, place: str) -> None:
    """Escapes, overwriting and reversed text in any value are shown as what they are not: data (law 11)."""
    shown = as_shown(message(**{place: f"a{hostile}b"}), show_number=True)
    assert hostile[0] not in shown
    assert "\ufffd" in shown


def test_a_reference_cannot_forge_a_line(message: Callable[..., Message]) -> None:
    """Only a body has lines, and they are set in, so that no text looks like the head of another (law 11)."""
    shown = as_shown(message(reference="r\n── +1 ·", body="x\n── +86138****0000 · 1 segment · forged ──"))
    assert [line for line in shown.splitlines() if line.startswith("──")] == shown.splitlines()[:1]


@given(st.text(max_size=200), st.text(max_size=60))
def test_whatever_is_sent_can_be_shown(body: str, reference: str) -> None:
    """No text makes the console raise, and none brings a control character through (laws 9, 11)."""
    shown = as_shown(Message(reference, "+8613800138000", body, 60))
    assert shown.endswith("\n")
    assert not [char for char in shown if char != "\n" and (ord(char) < 32 or 0x7F <= ord(char) < 0xA0)]
    shown.encode()


def test_a_poor_terminal_gets_escapes(console: ConsoleGateway, message: Callable[..., Message]) -> None:
    """Chinese on a terminal that can't is shown as code points; the run goes on (law 9)."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    kept, sys.stdout = sys.stdout, stream
    try:
        outcome = asyncio.run(console.send(message(body="账单 due")))
    finally:
        sys.stdout = kept
    assert isinstance(outcome, Accepted)
    assert rb"\u8d26\u5355 due" in raw.getvalue()


def test_a_real_pipe_that_closes_ends_nothing(message: Callable[..., Message]) -> None:
    """With a real reader that goes away the program still ends by itself, with its own answer."""
    program = (
        "import asyncio, sys\n"
        "from reminder.domain.message import Message\n"
        "from reminder.gateways.base import GatewayContext\n"
        "from reminder.gateways.console import ConsoleGateway, ConsoleOptions\n"
        "gateway = ConsoleGateway(ConsoleOptions(), GatewayContext('c', {}))\n"
        "kinds = set()\n"
        "for place in range(5000):\n"
        "    kinds.add(type(asyncio.run(gateway.send(Message('r', '+8613800138000', 'x' * 300, 60)))).__name__)\n"
        "    if 'Refused' in kinds: break\n"
        "sys.stderr.write(','.join(sorted(kinds)))\n"
        "sys.stderr.flush()\n"
        "import os; os._exit(0)\n"
    )
    reading, writing = os.pipe()
    with subprocess.Popen([sys.executable, "-c", program], stdout=writing, stderr=subprocess.PIPE) as process:
        os.close(writing)
        os.read(reading, 100)
        os.close(reading)
        assert process.stderr is not None
        told = process.stderr.read().decode()
        assert process.wait(timeout=30) == 0
    assert told == "Accepted,Refused"


def test_options_refuse_what_they_do_not_know() -> None:
    """A mistyped option is an error, not a default (law 8)."""
    with pytest.raises(ValidationError, match="show_number"):
        ConsoleOptions.model_validate({"show_number": True})
