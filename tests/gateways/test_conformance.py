"""The conformance suite over our own gateways, and over broken ones: it must catch each."""

from __future__ import annotations

import asyncio
import io
import re
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stdout
from dataclasses import replace
from typing import ClassVar

import pytest
from gateways.conftest import TwilioFake
from pydantic import BaseModel, ConfigDict

from reminder.domain.message import Accepted, Message, Outcome, Refusal, Refused, Unknown
from reminder.domain.segments import Counting, segment
from reminder.gateways.base import GatewayContext, NotConfiguredError
from reminder.gateways.conformance import BODIES, REFUSALS, Arrival, GatewayConformance, Situation, Stage
from reminder.gateways.console import ConsoleGateway
from reminder.gateways.twilio import TwilioGateway

HEAD = re.compile(r"── (\S+) · [0-9]+ segments? · (.*?) ─*")


class TestConsole(GatewayConformance):
    """The console keeps the port's promises; a terminal can only accept, or be gone."""

    gateway_class = ConsoleGateway
    impossible = frozenset(Situation) - {Situation.ACCEPTING, Situation.MISCONFIGURED}

    @contextmanager
    def stage(self, situation: Situation) -> Iterator[Stage]:
        """Put a stream in place of the terminal: open, or closed as after `| head`."""
        stream = io.StringIO()
        if situation is Situation.MISCONFIGURED:
            stream.close()
        with redirect_stdout(stream):
            yield Stage({"show_numbers": True}, lambda: [] if stream.closed else _printed(stream.getvalue()))


def _printed(text: str) -> list[Arrival]:
    """Return the messages that a console's output shows."""
    shown: list[Arrival] = []
    for line in text.splitlines():
        if head := HEAD.fullmatch(line):
            shown.append(Arrival(head[1], "", head[2]))
        else:
            last = shown.pop()
            body = f"{last.body}\n{line[3:]}" if last.body else line[3:]
            shown.append(Arrival(last.to, body, last.reference))
    return shown


class TestTwilio(GatewayConformance):
    """Twilio, through its own SDK and over the fake, keeps the port's promises."""

    gateway_class = TwilioGateway
    secrets: ClassVar = {"TWILIO_ACCOUNT_SID": "AC" + "0" * 32, "TWILIO_AUTH_TOKEN": "good-token"}
    behaviours: ClassVar[dict[Situation, dict[str, object]]] = {
        Situation.ACCEPTING: {"mode": "accept"},
        Situation.THROTTLING: {"mode": "error", "status": 429, "code": 20429, "retry_after": "3"},
        Situation.REFUSING_NUMBER: {"mode": "error", "code": 21211, "words": "The number +8613800138000 is not valid"},
        Situation.OPTED_OUT: {"mode": "error", "code": 21610},
        Situation.REFUSING_CONTENT: {"mode": "error", "code": 21617},
        Situation.MISCONFIGURED: {"mode": "error", "status": 401, "code": 20003},
        Situation.UNREACHABLE: {"mode": "accept"},
        Situation.LOSING_ANSWERS: {"mode": "reset_after_accept"},
        Situation.ANSWERING_GARBAGE: {"mode": "raw", "status": 201, "text": "<html>created</html>"},
        Situation.FAILING: {"mode": "error", "status": 500, "code": 20500},
        Situation.HANGING: {"mode": "hang_after_accept"},
    }

    @pytest.fixture(autouse=True)
    def _with_fake(self, twilio_fake: TwilioFake) -> None:
        """Lend every test the fake."""
        self.fake = twilio_fake

    @contextmanager
    def stage(self, situation: Situation) -> Iterator[Stage]:
        """Tell the fake how to behave; unreachable is a port that nobody listens on."""
        self.fake.behave(**self.behaviours[situation])
        url = f"http://127.0.0.1:{_closed_port()}" if situation is Situation.UNREACHABLE else self.fake.url
        options: dict[str, object] = {"from": "+15017122661", "base_url": url}
        if situation is Situation.HANGING:
            options |= {"timeout_seconds": 0.6, "connect_timeout_seconds": 0.5}
        yield Stage(options, self._arrivals)

    def _arrivals(self) -> list[Arrival]:
        """Return what the fake was posted."""
        return [Arrival(post["To"], post["Body"], post["reference"]) for post in self.fake.posts()]


def _closed_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


class PlainOptions(BaseModel):
    """Options of a gateway without any."""

    model_config = ConfigDict(extra="forbid")


class MemoryGateway:
    """A gateway that keeps to the port: the one each broken gateway below differs from in one thing."""

    Options: ClassVar[type[BaseModel]] = PlainOptions
    counting = Counting.GSM
    stands_in: ClassVar[bool] = False
    situation: ClassVar[Situation] = Situation.ACCEPTING
    arrived: ClassVar[list[Arrival]] = []

    def __init__(self, options: BaseModel, context: GatewayContext) -> None:
        """Build it, or say that TOKEN is missing."""
        if not context.secrets.get("TOKEN"):
            raise NotConfiguredError(context.name, ["TOKEN"])
        self.name = context.name

    async def send(self, message: Message) -> Outcome:
        """Do what the situation asks for."""
        if self.situation is not Situation.UNREACHABLE:
            self.post(message)
        await asyncio.sleep(0)
        if self.situation in REFUSALS:
            return Refused(REFUSALS[self.situation], "code")
        if self.situation is Situation.ACCEPTING:
            return Accepted(f"id-{len(self.arrived)}-{message.reference}")
        return Unknown("lost")

    def post(self, message: Message) -> None:
        """Keep a message as arrived."""
        self.arrived.append(Arrival(message.to, message.body, message.reference))

    async def close(self) -> None:
        """Hold nothing that needs closing."""


def _suite(cls: type[MemoryGateway], cannot: frozenset[Situation] = frozenset()) -> GatewayConformance:
    """Return the suite over a gateway in memory."""

    class Suite(GatewayConformance):
        gateway_class = cls
        impossible = cannot
        secrets: ClassVar = {"TOKEN": "t"}

        @contextmanager
        def stage(self, situation: Situation) -> Iterator[Stage]:
            """Set the situation and forget what arrived."""
            cls.situation, cls.arrived = situation, []
            yield Stage({}, lambda: cls.arrived)

    return Suite()


TESTS = [name for name in vars(GatewayConformance) if name.startswith("test_")]


@pytest.mark.parametrize("test", TESTS)
def test_a_sound_gateway_passes(test: str) -> None:
    """The suite asks for nothing more than the port does."""
    getattr(_suite(MemoryGateway), test)()


class MixesUp(MemoryGateway):
    """Sends the text that came last."""

    def post(self, message: Message) -> None:
        """Keep the message with the text of another."""
        body = self.arrived[-1].body if self.arrived else message.body
        self.arrived.append(Arrival(message.to, body, message.reference))


class PostsTwice(MemoryGateway):
    """Repeats itself."""

    def post(self, message: Message) -> None:
        """Keep it twice."""
        super().post(message)
        super().post(message)


class Guesses(MemoryGateway):
    """Takes a lost answer for a refusal."""

    async def send(self, message: Message) -> Outcome:
        """Say that it wasn't sent."""
        outcome = await super().send(message)
        return Refused(Refusal.RETRY, "guess") if isinstance(outcome, Unknown) else outcome


class Hopes(MemoryGateway):
    """Takes a lost answer for a success."""

    async def send(self, message: Message) -> Outcome:
        """Say that it was sent."""
        outcome = await super().send(message)
        return Accepted("hope") if isinstance(outcome, Unknown) else outcome


class Raises(MemoryGateway):
    """Raises where it should answer."""

    async def send(self, message: Message) -> Outcome:
        """Raise what a socket raises."""
        if not isinstance(outcome := await super().send(message), Accepted):
            raise ConnectionError(outcome.detail)
        return outcome


class Retries(MemoryGateway):
    """Takes every refusal for a reason to try again."""

    async def send(self, message: Message) -> Outcome:
        """Say retry."""
        outcome = await super().send(message)
        return Refused(Refusal.RETRY, "any") if isinstance(outcome, Refused) else outcome


class Tells(MemoryGateway):
    """Tells the number in its details."""

    async def send(self, message: Message) -> Outcome:
        """Say too much."""
        outcome = await super().send(message)
        return outcome if isinstance(outcome, Accepted) else replace(outcome, detail=f"{message.to} refused")


class OneIdForAll(MemoryGateway):
    """Has the same id for every message."""

    async def send(self, message: Message) -> Outcome:
        """Accept under one id."""
        outcome = await super().send(message)
        return Accepted("id") if isinstance(outcome, Accepted) else outcome


class Shortens(MemoryGateway):
    """Cuts long texts."""

    def post(self, message: Message) -> None:
        """Keep the first 160 characters."""
        super().post(Message(message.reference, message.to, message.body[:160], message.valid_seconds))


class DropsReference(MemoryGateway):
    """Doesn't hand our reference on."""

    def post(self, message: Message) -> None:
        """Keep it without its reference."""
        self.arrived.append(Arrival(message.to, message.body))


class ClosesOnce(MemoryGateway):
    """Can't be closed twice."""

    closed = False

    async def close(self) -> None:
        """Raise at the second time."""
        if self.closed:
            raise RuntimeError("closed already")
        self.closed = True


class LaxOptions(MemoryGateway):
    """Ignores unknown keys."""

    Options = type("Lax", (BaseModel,), {"__module__": __name__})


class SecretOptions(MemoryGateway):
    """Takes its token from the file."""

    Options = type(
        "Secret",
        (PlainOptions,),
        {"__module__": __name__, "__annotations__": {"auth_token": "str"}, "auth_token": ""},
    )


class NeedsNothing(MemoryGateway):
    """Builds without its variables, to fail later."""

    def __init__(self, options: BaseModel, context: GatewayContext) -> None:
        """Build it anyway."""
        self.name = context.name


class OtherName(MemoryGateway):
    """Goes by a name of its own."""

    def __init__(self, options: BaseModel, context: GatewayContext) -> None:
        """Build it under another name."""
        super().__init__(options, context)
        self.name = "acme"


BROKEN = [
    (MixesUp, "test_concurrent_messages_are_not_mixed_up"),
    (PostsTwice, "test_an_accepted_message_arrives_once_and_unchanged"),
    (PostsTwice, "test_a_lost_answer_is_unknown"),
    (PostsTwice, "test_throttling_is_a_reason_to_try_later"),
    (Guesses, "test_a_lost_answer_is_unknown"),
    (Guesses, "test_an_answer_without_sense_is_unknown"),
    (Guesses, "test_a_failure_inside_the_provider_is_unknown"),
    (Guesses, "test_patience_ends"),
    (Hopes, "test_a_lost_answer_is_unknown"),
    (Raises, "test_a_bad_number_is_known_as_such"),
    (Retries, "test_a_bad_number_is_known_as_such"),
    (Retries, "test_an_opt_out_is_known_as_such"),
    (Retries, "test_a_refused_text_is_known_as_such"),
    (Retries, "test_a_wrong_configuration_is_known_as_such"),
    (Tells, "test_a_bad_number_is_known_as_such"),
    (Tells, "test_patience_ends"),
    (OneIdForAll, "test_concurrent_messages_are_not_mixed_up"),
    (Shortens, "test_an_accepted_message_arrives_once_and_unchanged"),
    (DropsReference, "test_an_accepted_message_arrives_once_and_unchanged"),
    (ClosesOnce, "test_close_may_be_called_twice"),
    (LaxOptions, "test_unknown_options_are_errors"),
    (SecretOptions, "test_options_hold_no_secrets"),
    (NeedsNothing, "test_missing_configuration_is_named"),
    (OtherName, "test_it_has_the_shape_of_a_gateway"),
]


@pytest.mark.parametrize(("cls", "test"), BROKEN, ids=[f"{cls.__name__}-{test[5:30]}" for cls, test in BROKEN])
def test_a_broken_gateway_is_caught(cls: type[MemoryGateway], test: str) -> None:
    """Each promise of the port has a test in the suite that fails when it is broken."""
    with pytest.raises((AssertionError, ConnectionError, RuntimeError)):
        getattr(_suite(cls), test)()


@pytest.mark.parametrize("situation", [situation for situation in Situation if situation is not Situation.ACCEPTING])
def test_an_impossible_situation_has_no_test(situation: Situation) -> None:
    """What a provider can't do is neither staged nor reported as passed; everything else still is."""
    suite = _suite(MemoryGateway, frozenset({situation}))
    assert len([test for test in TESTS if getattr(suite, test) is None]) == 1
    staged = _staged(suite)
    assert staged == set(Situation) - {situation}


def _staged(suite: GatewayConformance) -> set[Situation]:
    """Run a suite and return the situations that it staged."""
    staged: set[Situation] = set()
    stage = suite.stage

    def noted(situation: Situation) -> AbstractContextManager[Stage]:
        staged.add(situation)
        return stage(situation)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(suite, "stage", noted)
        for test in TESTS:
            if getattr(suite, test) is not None:
                getattr(suite, test)()
    return staged


def test_a_gateway_without_reference_can_still_pass() -> None:
    """A protocol that has no room for our reference is no fault of the gateway's, if it is declared."""
    suite = _suite(DropsReference)
    type(suite).carries_reference = False
    suite.test_an_accepted_message_arrives_once_and_unchanged()


def test_ten_segments_are_ten_segments() -> None:
    """The suite's long texts are as long as it says, in both alphabets."""
    long = {name: segment(body).segments for name, body in BODIES.items() if name.startswith("ten ")}
    assert long == {"ten segments of gsm": 10, "ten segments of ucs2": 10}


def test_every_situation_has_a_test() -> None:
    """No situation is declared that the suite never stages."""
    assert _staged(_suite(MemoryGateway)) == set(Situation)
