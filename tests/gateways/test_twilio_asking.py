"""Asking Twilio for a text whose answer was lost: what is taken for it, and what proves that it is not there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from gateways.conftest import TwilioFake

from reminder.domain.doubt import CannotTell, Seen, Sighting, Told
from reminder.domain.message import Accepted, Message
from reminder.gateways.asking import can_be_asked
from reminder.gateways.base import GatewayContext
from reminder.gateways.console import ConsoleGateway, ConsoleOptions
from reminder.gateways.twilio import TwilioGateway, TwilioOptions
from reminder.gateways.twilio_asking import PAGE_SIZE, PAGES_MAX, SKEW_SECONDS

NUMBER = "+8613800138000"
OTHER = "+8613800138001"
BODY = "【安心贷】您的账单 ¥123.45 将于 3月5日 到期。"
SINCE = datetime(2026, 3, 1, 9, tzinfo=UTC)


def listed(sid: str = "SM1", /, **changes: object) -> dict[str, object]:
    """Return a message as Twilio lists it: the text asked for, created a second after the call began."""
    created = format_datetime(SINCE + timedelta(seconds=1))
    return {
        "sid": sid, "to": NUMBER, "body": BODY, "status": "delivered", "direction": "outbound-api",
        "date_created": created, "date_sent": created,
    } | changes  # fmt: skip


@pytest.fixture
def gateway(twilio_fake: TwilioFake, context: Callable[..., GatewayContext]) -> TwilioGateway:
    """A gateway that leads to the fake."""
    options = {"from": "+15017122661", "base_url": twilio_fake.url, "timeout_seconds": 2, "connect_timeout_seconds": 1}
    return TwilioGateway(TwilioOptions.model_validate(options), context())


def ask(gateway: TwilioGateway, *, to: str = NUMBER, since: datetime = SINCE) -> Told:
    """Ask for the text, in a loop of its own, and close."""

    async def question() -> Told:
        try:
            return await gateway.find(reference="r", to=to, since=since, body=BODY)
        finally:
            await gateway.close()

    return asyncio.run(question())


def asked_for(twilio_fake: TwilioFake) -> list[dict[str, str]]:
    """Return the queries of the lists that the fake was asked for."""
    lists: list[dict[str, str]] = twilio_fake._call("GET", "/_fake/posts")["lists"]
    return lists


def test_twilio_can_be_asked_and_the_console_cannot(gateway: TwilioGateway) -> None:
    """The port is optional: a gateway without it is known as such."""
    console = ConsoleGateway(ConsoleOptions(), GatewayContext("console", {}))
    assert can_be_asked(gateway)
    assert gateway.settle_seconds == 900
    assert not can_be_asked(console)


def test_a_text_that_was_taken_is_found(
    twilio_fake: TwilioFake, gateway: TwilioGateway, message: Callable[..., Message]
) -> None:
    """Law 3: what was accepted, and whose answer might have been lost, is seen as what it is."""

    async def send() -> object:
        outcome = await gateway.send(message(to=NUMBER, body=BODY))
        await gateway.close()
        return outcome

    outcome = asyncio.run(send())
    assert isinstance(outcome, Accepted)
    now = datetime.fromtimestamp(1_000_000_000, UTC)  # long ago: the fake's own clock is the machine's
    assert ask(gateway, since=now) == Seen((Sighting(outcome.provider_id, "queued", exact=True),))
    assert ask(gateway, since=now, to=OTHER) == Seen(())


def test_a_text_that_is_still_queued_is_found_without_a_date(twilio_fake: TwilioFake, gateway: TwilioGateway) -> None:
    """Twilio's DateSent is empty until a text leaves: the list is asked for with a date and without."""
    twilio_fake._call("POST", "/_fake/list", {"messages": [listed(status="queued", date_sent=None)]})
    assert ask(gateway) == Seen((Sighting("SM1", "queued", exact=True),))
    assert [query.get("DateSent>") for query in asked_for(twilio_fake)] == ["2026-03-01", None]
    assert {query["To"] for query in asked_for(twilio_fake)} == {NUMBER}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"to": OTHER}, id="another number"),
        pytest.param({"direction": "inbound"}, id="from the customer"),
        pytest.param({"body": "您的验证码是 123456"}, id="another text"),
        pytest.param({"body": BODY.replace("123.45", "543.21")}, id="another amount"),
        pytest.param({"body": BODY.replace("3月5日", "3月6日")}, id="another day"),
        pytest.param(
            {"date_created": format_datetime(SINCE - timedelta(seconds=SKEW_SECONDS + 1))}, id="long before the call"
        ),
    ],
)
def test_other_messages_are_not_the_text(
    twilio_fake: TwilioFake, gateway: TwilioGateway, changes: dict[str, object]
) -> None:
    """Law 4: a message that can't be the text does not keep it from being sent."""
    twilio_fake._call("POST", "/_fake/list", {"messages": [listed(**changes)]})
    assert ask(gateway) == Seen(())


def test_clocks_may_differ(twilio_fake: TwilioFake, gateway: TwilioGateway) -> None:
    """Law 3: a message that Twilio's clock puts a little before the call is the text all the same."""
    early = format_datetime(SINCE - timedelta(seconds=SKEW_SECONDS))
    twilio_fake._call("POST", "/_fake/list", {"messages": [listed(date_created=early)]})
    assert ask(gateway) == Seen((Sighting("SM1", "delivered", exact=True),))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"body": ""}, id="redacted"),
        pytest.param({"body": f"Sent from your Twilio trial account - {BODY}"}, id="trial account"),
        pytest.param({"body": BODY.replace("【", '"').replace("】", '"').replace("。", ".")}, id="smart encoding"),
        pytest.param({"date_created": None}, id="no date"),
        pytest.param({"date_created": "yesterday"}, id="no date that can be read"),
    ],
)
def test_what_may_be_the_text_is_seen_as_such(
    twilio_fake: TwilioFake, gateway: TwilioGateway, changes: dict[str, object]
) -> None:
    """Law 3: a message that was changed on the way, or has lost its date, is no proof and no proof of absence."""
    twilio_fake._call("POST", "/_fake/list", {"messages": [listed(**changes)]})
    assert ask(gateway) == Seen((Sighting("SM1", "delivered", exact=False),))


def test_equal_messages_are_all_seen_once(twilio_fake: TwilioFake, gateway: TwilioGateway) -> None:
    """Two equal messages are two sightings, and one that both lists have is one."""
    twilio_fake._call("POST", "/_fake/list", {"messages": [listed("SM1"), listed("SM2", date_sent=None)]})
    told = ask(gateway)
    assert isinstance(told, Seen)
    assert sorted(one.provider_id for one in told.sightings) == ["SM1", "SM2"]


def test_every_page_is_read(twilio_fake: TwilioFake, gateway: TwilioGateway) -> None:
    """Law 3: the text may be on the last page."""
    others = [listed(f"SM{number}", body=f"text {number}") for number in range(7)]
    twilio_fake._call("POST", "/_fake/list", {"messages": [listed("SMx"), *others], "page_size": 3})
    assert ask(gateway) == Seen((Sighting("SMx", "delivered", exact=True),))
    assert len(asked_for(twilio_fake)) == 6


def test_a_history_too_long_to_read_proves_nothing(twilio_fake: TwilioFake, gateway: TwilioGateway) -> None:
    """Law 3: a list that was not read to its end does not say that the text is not there; the asking is bounded."""
    others = [listed(f"SM{number}", body=f"text {number}") for number in range(PAGES_MAX + 1)]
    twilio_fake._call("POST", "/_fake/list", {"messages": others, "page_size": 1})
    told = ask(gateway)
    assert isinstance(told, CannotTell)
    assert f"more than {PAGES_MAX * PAGE_SIZE} messages" in told.reason
    assert len(asked_for(twilio_fake)) == PAGES_MAX


def page(**changes: object) -> str:
    """Return an empty page of messages, changed."""
    return json.dumps({"messages": [], "next_page_uri": None} | changes)


@pytest.mark.parametrize(
    "listing",
    [
        pytest.param({"status": 500}, id="failing"),
        pytest.param({"status": 429}, id="throttling"),
        pytest.param({"status": 404, "text": page()}, id="not there"),
        pytest.param({"status": 201, "text": page()}, id="another success"),
        pytest.param({"text": ""}, id="empty"),
        pytest.param({"text": "<html>"}, id="a page of something else"),
        pytest.param({"text": "[]"}, id="a bare list"),
        pytest.param({"text": '{"data": []}'}, id="a stranger's list"),
        pytest.param({"text": '{"messages": []}'}, id="no word on what follows"),
        pytest.param({"text": page(messages=None)}, id="no list"),
        pytest.param({"text": page(messages=[None])}, id="no message in it"),
        pytest.param({"text": page(messages=[{"sid": "SM1"}])}, id="a message without a body"),
        pytest.param({"text": page(next_page_uri="https://elsewhere.example/")}, id="next page elsewhere"),
        pytest.param({"text": page(next_page_uri=7)}, id="next page is no address"),
    ],
)
def test_nonsense_never_passes_for_an_empty_list(
    twilio_fake: TwilioFake, gateway: TwilioGateway, listing: dict[str, object]
) -> None:
    """Law 3: only Twilio's own list, read to its end, can say that a text is not there."""
    twilio_fake._call("POST", "/_fake/list", listing)
    told = ask(gateway)
    assert isinstance(told, CannotTell)
    assert told.reason.startswith("Twilio could not be asked")
    assert NUMBER not in told.reason


def test_wrong_credentials_and_a_dead_host_prove_nothing(
    twilio_fake: TwilioFake, context: Callable[..., GatewayContext]
) -> None:
    """Law 3: who can't get in, or gets through to nobody, has not been told anything."""
    options = {"from": "+15017122661", "base_url": twilio_fake.url}
    wrong = {"TWILIO_ACCOUNT_SID": "AC" + "0" * 32, "TWILIO_AUTH_TOKEN": "wrong"}
    locked_out = TwilioGateway(TwilioOptions.model_validate(options), context(secrets=wrong))
    nobody = TwilioGateway(TwilioOptions.model_validate(options | {"base_url": "http://127.0.0.1:9"}), context())
    assert ask(locked_out) == CannotTell("Twilio could not be asked: it answered with status 401")
    assert ask(nobody) == CannotTell("Twilio could not be asked: NotSentError")


def test_a_full_page_of_long_texts_is_read(twilio_fake: TwilioFake, gateway: TwilioGateway) -> None:
    """A list is far longer than any answer to a POST, and is read all the same."""
    others = [listed(f"SM{number}", body="催" * 1600) for number in range(PAGE_SIZE)]
    twilio_fake._call("POST", "/_fake/list", {"messages": [listed("SMx"), *others]})
    assert ask(gateway) == Seen((Sighting("SMx", "delivered", exact=True),))
