"""The suite that every gateway must pass, ours and plug-ins': what the pipeline relies on, over a real provider.

An author subclasses `GatewayConformance` in their own tests, names the gateway and says how to stage each situation at
their provider (or at a fake of it that speaks its protocol), and lets pytest collect it::

    class TestAcme(GatewayConformance):
        gateway_class = AcmeGateway
        secrets = {"ACME_TOKEN": "t"}
        impossible = frozenset({Situation.OPTED_OUT})      # Acme doesn't know of it

        @contextmanager
        def stage(self, situation):
            with FakeAcme(situation) as fake:
                yield Stage(options={"base_url": fake.url}, arrivals=fake.arrivals)

Nothing here needs pytest; any runner that calls the methods named `test_…` will do. The test of a situation that is
declared impossible is taken out of the subclass, so that nothing is reported as passed or skipped that can't be.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, ValidationError

from reminder.domain.message import Accepted, Message, Outcome, Refusal, Refused, Unknown
from reminder.domain.segments import Counting
from reminder.gateways.base import DETAIL_CHARS_MAX, Gateway, GatewayContext, NotConfiguredError

__all__ = ["BODIES", "Arrival", "GatewayConformance", "Situation", "Stage"]


class Situation(StrEnum):
    """What the provider does with whatever it is sent next."""

    ACCEPTING = "accepting"  #: Takes each message.
    THROTTLING = "throttling"  #: Refuses for now: too many, too fast.
    REFUSING_NUMBER = "refusing_number"  #: Says that the number can't be reached, ever.
    OPTED_OUT = "opted_out"  #: Says that the number has said stop.
    REFUSING_CONTENT = "refusing_content"  #: Takes the number but not this text.
    MISCONFIGURED = "misconfigured"  #: Refuses everything: a wrong password, a closed account.
    UNREACHABLE = "unreachable"  #: Can't be connected to; nothing can have been sent.
    LOSING_ANSWERS = "losing_answers"  #: Takes the message, then breaks the connection off.
    ANSWERING_GARBAGE = "answering_garbage"  #: Reports a success that makes no sense.
    FAILING = "failing"  #: Fails inside, saying nothing of the message's fate: HTTP 500, for one.
    HANGING = "hanging"  #: Takes the message and never answers.


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message as the provider got it, taken or not. `reference` is None where the protocol can't carry it."""

    to: str
    body: str
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """A provider in some situation: the options that lead a gateway to it, and what has arrived there so far."""

    options: Mapping[str, object]
    arrivals: Callable[[], Sequence[Arrival]]


REFUSALS: Mapping[Situation, Refusal] = {
    Situation.THROTTLING: Refusal.RETRY,
    Situation.REFUSING_NUMBER: Refusal.NUMBER,
    Situation.OPTED_OUT: Refusal.OPTED_OUT,
    Situation.REFUSING_CONTENT: Refusal.CONTENT,
    Situation.MISCONFIGURED: Refusal.CONFIGURATION,
    Situation.UNREACHABLE: Refusal.RETRY,
}

BODIES: Mapping[str, str] = {
    "plain": "Acme: your bill of $12.50 is due tomorrow.",
    "form characters": "a=b&c=d%26+e #? {{ 7*7 }} =cmd() <b>",
    "gsm extension": "100 € [a] {b} ^ ~ | \\ ~",
    "chinese": "【安心贷】王先生，您的账单 ¥1,234.50 将于5月3日到期。",
    "emoji and joined marks": "👩‍👩‍👧‍👦 e\u0301 🇨🇳 𠮷",
    "lines": "first\nsecond\n\nlast",
    "ten segments of gsm": "".join(f"{number:04d} seventeen septets " for number in range(70))[:1530],
    "ten segments of ucs2": ("账单提醒" * 168)[:670],
}
"""Texts that must arrive as they are, to the last character."""

_TEST_OF: Mapping[Situation, str] = {
    Situation.THROTTLING: "test_throttling_is_a_reason_to_try_later",
    Situation.REFUSING_NUMBER: "test_a_bad_number_is_known_as_such",
    Situation.OPTED_OUT: "test_an_opt_out_is_known_as_such",
    Situation.REFUSING_CONTENT: "test_a_refused_text_is_known_as_such",
    Situation.MISCONFIGURED: "test_a_wrong_configuration_is_known_as_such",
    Situation.UNREACHABLE: "test_an_unreachable_provider_took_nothing",
    Situation.LOSING_ANSWERS: "test_a_lost_answer_is_unknown",
    Situation.ANSWERING_GARBAGE: "test_an_answer_without_sense_is_unknown",
    Situation.FAILING: "test_a_failure_inside_the_provider_is_unknown",
    Situation.HANGING: "test_patience_ends",
}

_SECRET_WORDS = ("secret", "password", "token", "credential", "api_key", "private_key")
_NUMBER = "+8613800138000"
_CONCURRENT_MESSAGES = 50


class GatewayConformance(ABC):
    """The suite. Subclass it, name the gateway and stage the situations; see the module for an example."""

    gateway_class: ClassVar[type[Gateway]]
    """The class under test."""

    secrets: ClassVar[Mapping[str, str]] = {}
    """Variables that it needs, with values that the staged provider takes. Empty if it needs none."""

    impossible: ClassVar[frozenset[Situation]] = frozenset()
    """Situations that can't come about at this provider."""

    carries_reference: ClassVar[bool] = True
    """Whether the provider's protocol can carry our reference; a lost answer can't be settled by it otherwise."""

    number: ClassVar[str] = _NUMBER
    """The E.164 number that messages go to."""

    name: ClassVar[str] = "under-test"
    """The name that the gateway is built with."""

    def __init_subclass__(cls) -> None:
        """Take out the tests of what can't be: impossible situations, and missing variables where none is needed."""
        super().__init_subclass__()
        gone = [_TEST_OF[situation] for situation in cls.impossible]
        for name in gone if cls.secrets else [*gone, "test_missing_configuration_is_named"]:
            setattr(cls, name, None)

    @abstractmethod
    def stage(self, situation: Situation) -> AbstractContextManager[Stage]:
        """Bring the provider into a situation, for as long as the context lasts."""

    # What it is

    def test_it_has_the_shape_of_a_gateway(self) -> None:
        """The class says what options it has, how segments are counted, and whether it only stands in."""
        cls = self.gateway_class
        _require(issubclass(cls.Options, BaseModel), f"Options must be a pydantic model, found {cls.Options!r}")
        _require(isinstance(cls.stands_in, bool), f"stands_in must be a bool, found {cls.stands_in!r}")
        with self.stage(Situation.ACCEPTING) as stage:
            gateway = self._build(stage)
            _require(gateway.name == self.name, f"name must be the context's {self.name!r}, found {gateway.name!r}")
            _require(isinstance(gateway.counting, Counting), f"counting must be a Counting, found {gateway.counting!r}")
            asyncio.run(gateway.close())

    def test_unknown_options_are_errors(self) -> None:
        """A mistyped key is an error, never a setting that is silently not there."""
        with self.stage(Situation.ACCEPTING) as stage:
            try:
                self.gateway_class.Options.model_validate({**stage.options, "no_such_option_xyz": 1})
            except ValidationError as error:
                places = [place for problem in error.errors() for place in problem["loc"]]
                _require("no_such_option_xyz" in places, f"the error must name the unknown key, found {places}")
            else:
                raise AssertionError('Options must have model_config = ConfigDict(extra="forbid")')

    def test_options_hold_no_secrets(self) -> None:
        """Credentials come from the environment, for the options are in a file that is shown and committed."""
        fields = self.gateway_class.Options.model_fields
        found = [name for name in fields if any(word in name.lower() for word in _SECRET_WORDS)]
        _require(not found, f"secrets belong into variables, found the options {found}")

    def test_missing_configuration_is_named(self) -> None:
        """Without its variables it says which are missing, all at once, so that the console can stand in."""
        with self.stage(Situation.ACCEPTING) as stage:
            for secrets in ({}, dict.fromkeys(self.secrets, "")):
                try:
                    self._build(stage, secrets)
                except NotConfiguredError as error:
                    unnamed = [name for name in self.secrets if name not in error.missing]
                    _require(not unnamed, f"missing must name {unnamed}, found {error.missing}")
                else:
                    raise AssertionError(f"expected NotConfiguredError without {sorted(self.secrets)}, it was built")

    # Taking messages

    def test_an_accepted_message_arrives_once_and_unchanged(self) -> None:
        """Number, reference and body arrive as they are, in every alphabet and up to ten segments, and once."""
        messages = [self._message(f"ref/{place} &?é", body) for place, body in enumerate(BODIES.values())]
        outcomes, arrivals = self._sent(Situation.ACCEPTING, messages)
        for outcome in outcomes:
            _require(isinstance(outcome, Accepted), f"expected Accepted, found {outcome!r}")
        self._require_all_arrived(messages, arrivals)

    def test_concurrent_messages_are_not_mixed_up(self) -> None:
        """Sent at once, each message arrives once with its own text, and each gets an id of its own."""
        messages = [self._message(f"ref-{place}", f"text {place} 正文") for place in range(_CONCURRENT_MESSAGES)]
        outcomes, arrivals = self._sent(Situation.ACCEPTING, messages)
        ids = {outcome.provider_id for outcome in outcomes if isinstance(outcome, Accepted)}
        _require(len(ids) == len(messages), f"expected {len(messages)} ids, found {len(ids)} among {outcomes[:3]}…")
        _require(all(ids), "a provider_id must not be empty")
        self._require_all_arrived(messages, arrivals)

    # Refusals: proof that it was not taken

    def test_throttling_is_a_reason_to_try_later(self) -> None:
        """A provider that is too busy is asked again later, no sooner than it says."""
        refused = self._refused(Situation.THROTTLING)
        after = refused.after_seconds
        _require(after is None or after >= 0, f"after_seconds must be 0 or more, found {after}")

    def test_a_bad_number_is_known_as_such(self) -> None:
        """A number that can't be reached is marked, not tried again."""
        self._refused(Situation.REFUSING_NUMBER)

    def test_an_opt_out_is_known_as_such(self) -> None:
        """Somebody who said stop to the provider is suppressed here too."""
        self._refused(Situation.OPTED_OUT)

    def test_a_refused_text_is_known_as_such(self) -> None:
        """A text that is refused harms no other text."""
        self._refused(Situation.REFUSING_CONTENT)

    def test_a_wrong_configuration_is_known_as_such(self) -> None:
        """What is wrong with the account pauses the gateway, and burns no attempts."""
        self._refused(Situation.MISCONFIGURED)

    def test_an_unreachable_provider_took_nothing(self) -> None:
        """Where no connection came about nothing can have been sent: it may be tried again."""
        self._refused(Situation.UNREACHABLE)

    # Doubt: never sent again on a guess

    def test_a_lost_answer_is_unknown(self) -> None:
        """The provider took it and the answer was lost: never again on a guess (law 3)."""
        self._unknown(Situation.LOSING_ANSWERS)

    def test_an_answer_without_sense_is_unknown(self) -> None:
        """A success that can't be read proves nothing (law 3)."""
        self._unknown(Situation.ANSWERING_GARBAGE)

    def test_a_failure_inside_the_provider_is_unknown(self) -> None:
        """A provider that fails has perhaps sent the text first (law 3)."""
        self._unknown(Situation.FAILING)

    def test_patience_ends(self) -> None:
        """A provider that never answers is given up in time, and the message is in doubt (law 3)."""
        self._unknown(Situation.HANGING)

    # Its end

    def test_close_may_be_called_twice(self) -> None:
        """Closing is safe before the first message, after it, and again."""

        async def closings(gateway: Gateway) -> Outcome:
            await gateway.close()
            outcome = await gateway.send(self._message("ref-close", "text"))
            await gateway.close()
            await gateway.close()
            return outcome

        with self.stage(Situation.ACCEPTING) as stage:
            outcome = asyncio.run(closings(self._build(stage)))
        _require(isinstance(outcome, (Accepted, Refused)), f"expected a clear answer, found {outcome!r}")

    # Tools

    def _build(self, stage: Stage, secrets: Mapping[str, str] | None = None) -> Gateway:
        """Build the gateway for a stage."""
        have = self.secrets if secrets is None else secrets
        context = GatewayContext(self.name, have, "https://remind.example.com")
        return self.gateway_class(self.gateway_class.Options.model_validate(dict(stage.options)), context)

    def _message(self, reference: str, body: str) -> Message:
        """Return a message with an hour to go."""
        return Message(reference, self.number, body, 3600)

    def _sent(self, situation: Situation, messages: Sequence[Message]) -> tuple[list[Outcome], Sequence[Arrival]]:
        """Send messages at once in a situation; return the answers and what arrived."""

        async def send_all(gateway: Gateway) -> list[Outcome]:
            try:
                return list(await asyncio.gather(*(gateway.send(message) for message in messages)))
            finally:
                await gateway.close()

        with self.stage(situation) as stage:
            return asyncio.run(send_all(self._build(stage))), list(stage.arrivals())

    def _refused(self, situation: Situation) -> Refused:
        """Require that a message is refused for the situation's reason, posted at most once; return the answer."""
        expected = REFUSALS[situation]
        outcome, arrived = self._one(situation)
        if not isinstance(outcome, Refused) or outcome.kind is not expected:
            raise AssertionError(f"{situation}: expected Refused({expected}), found {outcome!r}")
        _require(bool(outcome.code), f"{situation}: a refusal must carry the provider's code, found none")
        most = 0 if situation is Situation.UNREACHABLE else 1
        _require(arrived <= most, f"{situation}: expected at most {most} posts, found {arrived}: it was sent twice")
        return outcome

    def _unknown(self, situation: Situation) -> None:
        """Require that a message is in doubt, posted exactly once."""
        outcome, arrived = self._one(situation)
        _require(isinstance(outcome, Unknown), f"{situation}: expected Unknown, found {outcome!r}")
        _require(arrived == 1, f"{situation}: expected 1 post, found {arrived}: each is a text to the customer")

    def _one(self, situation: Situation) -> tuple[Outcome, int]:
        """Send one message in a situation; return the answer and how often it was posted.

        Whatever the answer says is fit for a log: short, and without the number (law 13).
        """
        outcomes, arrivals = self._sent(situation, [self._message("ref-one", "text 正文")])
        detail = "" if isinstance(outcomes[0], Accepted) else outcomes[0].detail
        _require(self.number.lstrip("+") not in detail, f"{situation}: the detail tells the number")
        _require(len(detail) <= DETAIL_CHARS_MAX + 50, f"{situation}: the detail is too long: {len(detail)} characters")
        return outcomes[0], len(arrivals)

    def _require_all_arrived(self, messages: Sequence[Message], arrivals: Sequence[Arrival]) -> None:
        """Require that each message arrived once and unchanged, in whatever order."""
        with_reference = self.carries_reference
        expected = sorted((m.to, m.body, m.reference if with_reference else "") for m in messages)
        found = sorted((a.to, a.body, (a.reference or "") if with_reference else "") for a in arrivals)
        missing = [arrival for arrival in expected if arrival not in found]
        _require(not missing, f"{len(missing)} of {len(expected)} did not arrive as they were, such as {missing[:1]}")
        _require(len(found) == len(expected), f"expected {len(expected)} arrivals, found {len(found)}")


def _require(holds: bool, complaint: str) -> None:
    """Raise AssertionError with a complaint unless something holds.

    Not an assert statement: those vanish under `python -O`, and pytest explains them only in test files.
    """
    if not holds:
        raise AssertionError(complaint)
