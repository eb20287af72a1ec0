"""Twilio through its own SDK: what it is sent, what each failure means, and that each is one POST."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from gateways.conftest import TwilioFake
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from reminder.domain.message import Accepted, Message, Outcome, Refusal, Refused, Unknown
from reminder.domain.segments import Counting
from reminder.gateways.base import GatewayContext, NotConfiguredError
from reminder.gateways.twilio import VALID_SECONDS_MAX, VALID_SECONDS_MIN, TwilioGateway, TwilioOptions

SENDER = {"from": "+15017122661"}
SERVICE = {"messaging_service_sid": "MG" + "a1" * 16}
ACCOUNT = "AC" + "0" * 32


@pytest.fixture
def gateway(twilio_fake: TwilioFake, context: Callable[..., GatewayContext]) -> Callable[..., TwilioGateway]:
    """Build a gateway that leads to the fake; options can be added or replaced, and the context."""

    def build(given_context: GatewayContext | None = None, **options: object) -> TwilioGateway:
        sender = {} if "messaging_service_sid" in options else SENDER
        merged = {**sender, "base_url": twilio_fake.url, **options}
        return TwilioGateway(TwilioOptions.model_validate(merged), given_context or context())

    return build


def _send(gateway: TwilioGateway, *messages: Message) -> list[Outcome]:
    """Send messages at once, in a loop of their own, and close."""

    async def all_of_them() -> list[Outcome]:
        try:
            return await asyncio.gather(*(gateway.send(message) for message in messages))
        finally:
            await gateway.close()

    return asyncio.run(all_of_them())


def test_a_broken_sdk_leaves_nothing_in_doubt(
    gateway: Callable[..., TwilioGateway], message: Callable[..., Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK is loaded at the first call: where it can't be, nothing was sent, and the route pauses (law 3)."""
    monkeypatch.setitem(sys.modules, "reminder.gateways.twilio_calls", None)
    [outcome] = _send(gateway(), message())
    assert isinstance(outcome, Refused)
    assert (outcome.kind, outcome.code) == (Refusal.CONFIGURATION, "no-sdk")


# What Twilio is sent


def test_a_text_goes_out_as_the_api_wants_it(
    twilio_fake: TwilioFake, gateway: Callable[..., TwilioGateway], message: Callable[..., Message]
) -> None:
    """Number, text, sender, validity, callback and login are those of the message and the deployment."""
    [outcome] = _send(gateway(), message(valid_seconds=600))
    [post] = twilio_fake.posts()
    assert outcome == Accepted(post["sid"])
    expected = {
        "To": "+8613800138000",
        "Body": "【安心贷】账单 ¥123.45",
        "From": "+15017122661",
        "ValidityPeriod": "600",
        "StatusCallback": "https://remind.example.com/receipts/twilio?ref=ref-1",
        "account": ACCOUNT,
        "login": [ACCOUNT, "good-token"],
    }
    assert {key: post[key] for key in expected} == expected


def test_nothing_else_is_sent(
    twilio_fake: TwilioFake, gateway: Callable[..., TwilioGateway], message: Callable[..., Message]
) -> None:
    """No parameter goes out that nobody asked for: texts are not scheduled, shortened or tracked at Twilio."""
    _send(gateway(), message())
    [post] = twilio_fake.posts()
    ours = {"accepted", "account", "at", "behaviour", "login", "reference", "sid"}
    assert set(post) - ours == {"To", "Body", "From", "ValidityPeriod", "StatusCallback"}


def test_a_messaging_service_chooses_the_sender(
    twilio_fake: TwilioFake, gateway: Callable[..., TwilioGateway], message: Callable[..., Message]
) -> None:
    """With a messaging service no From goes out, for Twilio would prefer it."""
    _send(gateway(**SERVICE), message())
    [post] = twilio_fake.posts()
    assert post["MessagingServiceSid"] == SERVICE["messaging_service_sid"]
    assert "From" not in post


def test_an_api_key_goes_before_the_token(
    twilio_fake: TwilioFake,
    gateway: Callable[..., TwilioGateway],
    context: Callable[..., GatewayContext],
    message: Callable[..., Message],
) -> None:
    """A key can be revoked by itself, so it is used where there is one; the account stays in the path."""
    secrets = {
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": "good-token",
        "TWILIO_API_KEY": "SK1",
        "TWILIO_API_SECRET": "hush",
    }
    _send(gateway(context(secrets=secrets)), message())
    [post] = twilio_fake.posts()
    assert (post["account"], post["login"]) == (ACCOUNT, ["SK1", "hush"])


def test_the_process_environment_is_not_read(
    twilio_fake: TwilioFake,
    gateway: Callable[..., TwilioGateway],
    message: Callable[..., Message],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The environment is a parameter: neither the SDK nor aiohttp looks into the process's own."""
    for name, value in {
        "TWILIO_ACCOUNT_SID": "ACother",
        "TWILIO_AUTH_TOKEN": "other",
        "TWILIO_EDGE": "sydney",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    sending = gateway()
    assert isinstance(_send(sending, message())[0], Accepted)
    assert twilio_fake.posts()[0]["login"] == [ACCOUNT, "good-token"]
    assert sending._calls.client.edge is None


def test_an_edge_comes_from_the_environment_it_is_given(
    gateway: Callable[..., TwilioGateway], context: Callable[..., GatewayContext]
) -> None:
    """Twilio's regions are chosen as its documentation says, by variables of the deployment."""
    secrets = {"TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": "t", "TWILIO_EDGE": "dublin", "TWILIO_REGION": "ie1"}
    client = gateway(context(secrets=secrets))._calls.client
    assert client.get_hostname("https://api.twilio.com/x") == "https://api.dublin.ie1.twilio.com/x"


@pytest.mark.parametrize(
    ("valid_seconds", "sent"),
    [
        pytest.param(VALID_SECONDS_MIN, "5", id="the least"),
        pytest.param(6, "6", id="more"),
        pytest.param(VALID_SECONDS_MAX, "36000", id="the most"),
        pytest.param(VALID_SECONDS_MAX + 1, "36000", id="more than Twilio keeps"),
        pytest.param(10**9, "36000", id="far more"),
    ],
)
def test_twilio_keeps_a_text_no_longer_than_its_window(
    twilio_fake: TwilioFake,
    gateway: Callable[..., TwilioGateway],
    message: Callable[..., Message],
    valid_seconds: int,
    sent: str,
) -> None:
    """A text that waits in Twilio's queue dies there when the window closes (law 6)."""
    _send(gateway(), message(valid_seconds=valid_seconds))
    assert twilio_fake.posts()[0]["ValidityPeriod"] == sent


@pytest.mark.parametrize("valid_seconds", [4, 1, 0, -1, -86_400])
def test_a_closing_window_is_not_worth_a_call(
    twilio_fake: TwilioFake, gateway: Callable[..., TwilioGateway], message: Callable[..., Message], valid_seconds: int
) -> None:
    """With less left than a text needs to get through the queue nothing is posted; it is decided anew (law 6)."""
    [outcome] = _send(gateway(), message(valid_seconds=valid_seconds))
    assert isinstance(outcome, Refused)
    assert (outcome.kind, outcome.code) == (Refusal.RETRY, "window-closing")
    assert outcome.after_seconds == max(1, valid_seconds)
    assert twilio_fake.posts() == []


def test_time_spent_waiting_for_a_place_comes_off(
    twilio_fake: TwilioFake, gateway: Callable[..., TwilioGateway], message: Callable[..., Message]
) -> None:
    """A text that waited behind others is not kept by Twilio for longer than its window is open (law 6)."""
    twilio_fake.behave({"mode": "slow", "seconds": 1.2}, mode="accept")
    in_turn = gateway(max_in_flight=1)
    outcomes = _send(
        in_turn, message("r1", valid_seconds=60), message("r2", valid_seconds=60), message("r3", valid_seconds=5)
    )
    assert [type(outcome) for outcome in outcomes] == [Accepted, Accepted, Refused]
    assert [post["ValidityPeriod"] for post in twilio_fake.posts()] == ["60", "59"]


def test_no_more_calls_are_under_way_than_allowed(
    twilio_fake: TwilioFake, gateway: Callable[..., TwilioGateway], message: Callable[..., Message]
) -> None:
    """Twilio throttles accounts by calls under way: ours stay below the option."""
    twilio_fake.behave(mode="slow", seconds=0.05)
    outcomes = _send(gateway(max_in_flight=3), *(message(f"r{place}") for place in range(12)))
    assert {type(outcome) for outcome in outcomes} == {Accepted}
    assert twilio_fake.in_flight_most() == 3


@pytest.mark.parametrize(
    ("public_url", "name", "address"),
    [
        pytest.param("https://a.example", "twilio", "https://a.example/receipts/twilio", id="plain"),
        pytest.param("https://a.example/", "twilio", "https://a.example/receipts/twilio", id="slash at the end"),
        pytest.param("https://a.example/sms", "tw 2/x", "https://a.example/sms/receipts/tw%202%2Fx", id="odd name"),
    ],
)
def test_receipts_come_back_with_our_reference(
    twilio_fake: TwilioFake,
    gateway: Callable[..., TwilioGateway],
    context: Callable[..., GatewayContext],
    message: Callable[..., Message],
    public_url: str,
    name: str,
    address: str,
) -> None:
    """Whatever a reference looks like, a receipt says which message it is for, even if the answer was lost (law 3)."""
    reference = "a/b c&d=é#1+2"
    _send(gateway(context(name=name, public_url=public_url)), message(reference))
    callback = urlsplit(twilio_fake.posts()[0]["StatusCallback"])
    assert f"{callback.scheme}://{callback.netloc}{callback.path}" == address
    assert parse_qs(callback.query) == {"ref": [reference]}


@pytest.mark.parametrize("public_url", [None, ""])
def test_without_a_public_url_no_receipt_is_asked_for(
    twilio_fake: TwilioFake,
    gateway: Callable[..., TwilioGateway],
    context: Callable[..., GatewayContext],
    message: Callable[..., Message],
    public_url: str | None,
) -> None:
    """Twilio is given no address that it can't reach: it refuses some, with 21609."""
    assert isinstance(_send(gateway(context(public_url=public_url)), message())[0], Accepted)
    assert "StatusCallback" not in twilio_fake.posts()[0]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=200), min_size=1, max_size=5))
def test_any_text_arrives_as_it_was_rendered(
    twilio_fake: TwilioFake, gateway: Callable[..., TwilioGateway], message: Callable[..., Message], bodies: list[str]
) -> None:
    """What preview shows is what the provider gets, to the last character (law 1)."""
    twilio_fake.behave(mode="accept")
    _send(gateway(), *(message(f"r{place}", body=body) for place, body in enumerate(bodies)))
    assert sorted(post["Body"] for post in twilio_fake.posts()) == sorted(bodies)


def test_half_a_character_is_the_texts_own_fault(
    twilio_fake: TwilioFake, gateway: Callable[..., TwilioGateway], message: Callable[..., Message]
) -> None:
    """A broken surrogate can't be encoded: refused as content, not left in doubt, and the next goes out (law 9)."""
    outcomes = _send(gateway(), message("r1", body="a\ud83d"), message("r2"))
    assert isinstance(outcomes[0], Refused)
    assert outcomes[0].kind is Refusal.CONTENT
    assert isinstance(outcomes[1], Accepted)
    assert len(twilio_fake.posts()) == 1


# What its answers mean


@pytest.mark.parametrize("retry_after", ["7", "0"])
def test_throttling_keeps_what_twilio_asks_for(
    twilio_fake: TwilioFake, gateway: Callable[..., TwilioGateway], message: Callable[..., Message], retry_after: str
) -> None:
    """Retry-After reaches the pipeline, although the SDK's exceptions drop it."""
    twilio_fake.behave(mode="error", status=429, code=20429, retry_after=retry_after)
    assert _send(gateway(), message()) == [
        Refused(Refusal.RETRY, "20429", "Unable to create record: the fake was told to refuse", float(retry_after))
    ]


def test_waits_of_concurrent_calls_are_not_mixed_up(
    twilio_fake: TwilioFake, gateway: Callable[..., TwilioGateway], message: Callable[..., Message]
) -> None:
    """Each refusal carries its own answer's wait, however many are under way."""
    waits = [{"mode": "error", "status": 429, "retry_after": str(wait), "words": f"wait {wait}"} for wait in range(20)]
    twilio_fake.behave(*waits)
    for outcome in _send(gateway(), *(message(f"r{place}") for place in range(20))):
        assert isinstance(outcome, Refused)
        assert outcome.detail.endswith(f"wait {outcome.after_seconds:.0f}")


FAULTS = [
    pytest.param({"mode": "hang_after_accept"}, 1, id="taken, never answered"),
    pytest.param({"mode": "hang_before_accept"}, 0, id="not taken, never answered"),
    pytest.param({"mode": "reset_after_accept"}, 1, id="taken, reset"),
    pytest.param({"mode": "reset_before_accept"}, 0, id="not taken, reset"),
    pytest.param({"mode": "truncated"}, 1, id="taken, answer broken off"),
    pytest.param({"mode": "no_sid"}, 1, id="taken, no sid"),
    pytest.param({"mode": "slow", "seconds": 1.5}, 0, id="answered too late"),
    pytest.param({"mode": "raw", "status": 201, "text": "<html>"}, 0, id="html"),
    pytest.param({"mode": "raw", "status": 201, "text": ""}, 0, id="empty"),
    pytest.param({"mode": "raw", "status": 201, "text": "[]"}, 0, id="a list"),
    pytest.param({"mode": "raw", "status": 201, "text": "null"}, 0, id="null"),
    pytest.param({"mode": "raw", "status": 201, "text": '{"sid": 5}'}, 0, id="sid is a number"),
    pytest.param({"mode": "raw", "status": 201, "text": '{"sid": ""}'}, 0, id="sid is empty"),
    pytest.param({"mode": "raw", "status": 200, "text": "ok"}, 0, id="a captive portal"),
    pytest.param({"mode": "raw", "status": 204, "text": ""}, 0, id="no content"),
    pytest.param({"mode": "raw", "status": 502, "text": "<html>"}, 0, id="bad gateway"),
    pytest.param({"mode": "redirect", "status": 307}, 0, id="redirect to itself"),
    pytest.param({"mode": "redirect", "status": 302}, 0, id="redirect as get"),
]


@pytest.mark.parametrize(("fault", "taken"), FAULTS)
def test_doubt_is_doubt_and_one_post(
    twilio_fake: TwilioFake,
    gateway: Callable[..., TwilioGateway],
    message: Callable[..., Message],
    fault: dict[str, object],
    taken: int,
) -> None:
    """Every answer that proves nothing is Unknown, and no fault makes a second POST (law 3)."""
    twilio_fake.behave(**fault)
    [outcome] = _send(gateway(timeout_seconds=0.7, connect_timeout_seconds=0.5), message())
    assert isinstance(outcome, Unknown)
    assert "8613800138000" not in outcome.detail
    assert len(twilio_fake.posts()) == 1
    assert len(twilio_fake.accepted()) == taken


def test_a_refusal_whose_words_break_off_is_still_one(
    twilio_fake: TwilioFake, gateway: Callable[..., TwilioGateway], message: Callable[..., Message]
) -> None:
    """The status line of a 4xx is proof, whatever becomes of its body."""
    twilio_fake.behave(mode="truncated_error", status=400)
    [outcome] = _send(gateway(), message())
    assert isinstance(outcome, Refused)
    assert (outcome.kind, outcome.code) == (Refusal.CONTENT, "400")
    assert len(twilio_fake.posts()) == 1


def test_a_wrong_token_is_a_matter_of_configuration(
    twilio_fake: TwilioFake,
    gateway: Callable[..., TwilioGateway],
    context: Callable[..., GatewayContext],
    message: Callable[..., Message],
) -> None:
    """A revoked token pauses the gateway and burns no attempts."""
    secrets = {"TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": "wrong"}
    [outcome] = _send(gateway(context(secrets=secrets)), message())
    assert isinstance(outcome, Refused)
    assert (outcome.kind, outcome.code) == (Refusal.CONFIGURATION, "20003")


def test_one_fault_harms_no_other_message(
    twilio_fake: TwilioFake, gateway: Callable[..., TwilioGateway], message: Callable[..., Message]
) -> None:
    """Whatever happens to some calls, those beside them are taken and told apart (law 9)."""
    twilio_fake.behave(
        {"mode": "reset_after_accept"}, {"mode": "error", "code": 21610}, {"mode": "raw", "status": 500}, mode="accept"
    )
    outcomes = _send(gateway(), *(message(f"r{place}") for place in range(10)))
    kinds = [type(outcome).__name__ for outcome in outcomes]
    assert {kind: kinds.count(kind) for kind in kinds} == {"Accepted": 7, "Unknown": 2, "Refused": 1}
    assert len(twilio_fake.posts()) == 10


def test_a_cancelled_call_is_not_swallowed(
    twilio_fake: TwilioFake, gateway: Callable[..., TwilioGateway], message: Callable[..., Message]
) -> None:
    """A process that is told to stop stops: a cancelled send ends as cancelled, and its message stays in doubt."""
    twilio_fake.behave(mode="hang_after_accept")

    async def cancelled() -> bool:
        sending = gateway()
        task = asyncio.create_task(sending.send(message()))
        await asyncio.sleep(0.3)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await sending.close()
        return task.cancelled()

    assert asyncio.run(cancelled())


def test_nothing_personal_is_logged(
    gateway: Callable[..., TwilioGateway], message: Callable[..., Message], caplog: pytest.LogCaptureFixture
) -> None:
    """Not even at DEBUG do the SDK or the HTTP library log a number, a body or a token (law 13)."""
    with caplog.at_level(logging.DEBUG):
        _send(gateway(), message())
    logged = "\n".join(record.getMessage() for record in caplog.records)
    for personal in ("8613800138000", "账单", "good-token", "ref-1", "StatusCallback"):
        assert personal not in logged


def test_a_details_number_is_masked(
    twilio_fake: TwilioFake, gateway: Callable[..., TwilioGateway], message: Callable[..., Message]
) -> None:
    """Twilio's own words repeat the number; ours don't (law 13)."""
    twilio_fake.behave(mode="error", code=21211, words="The 'To' number +8613800138000 is not a valid phone number.")
    [outcome] = _send(gateway(), message())
    assert isinstance(outcome, Refused)
    assert "is not a valid phone number" in outcome.detail
    assert "138" not in outcome.detail


# How it is set up


@pytest.mark.parametrize(
    ("secrets", "options", "missing"),
    [
        pytest.param({}, {}, ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "from or messaging_service_sid"), id="all"),
        pytest.param({}, SENDER, ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"), id="credentials"),
        pytest.param({"TWILIO_ACCOUNT_SID": "AC"}, SENDER, ("TWILIO_AUTH_TOKEN",), id="token"),
        pytest.param(
            {"TWILIO_ACCOUNT_SID": "AC", "TWILIO_AUTH_TOKEN": " "}, SENDER, ("TWILIO_AUTH_TOKEN",), id="blank"
        ),
        pytest.param({"TWILIO_API_KEY": "SK"}, SENDER, ("TWILIO_ACCOUNT_SID", "TWILIO_API_SECRET"), id="key alone"),
        pytest.param({"TWILIO_API_SECRET": "s"}, SENDER, ("TWILIO_ACCOUNT_SID", "TWILIO_API_KEY"), id="secret alone"),
        pytest.param(
            {"TWILIO_ACCOUNT_SID": "AC", "TWILIO_AUTH_TOKEN": "t"}, {}, ("from or messaging_service_sid",), id="sender"
        ),
        pytest.param(
            {"TWILIO_ACCOUNT_SID": "AC", "TWILIO_AUTH_TOKEN": "t"},
            {"from": "", "messaging_service_sid": ""},
            ("from or messaging_service_sid",),
            id="sender set to nothing",
        ),
    ],
)
def test_what_is_missing_is_named_at_once(
    context: Callable[..., GatewayContext], secrets: dict[str, str], options: dict[str, str], missing: tuple[str, ...]
) -> None:
    """An operator learns of everything that is missing in one go, before anything is sent."""
    with pytest.raises(NotConfiguredError) as caught:
        TwilioGateway(TwilioOptions.model_validate(options), context(secrets=secrets))
    assert caught.value.missing == missing


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        pytest.param({**SENDER, **SERVICE}, "exclude each other", id="two senders"),
        pytest.param({"from": 15017122661}, "in quotes", id="a number YAML has read"),
        pytest.param({"from": "+0123"}, "expected a number", id="no e164"),
        pytest.param({"from": "a name that is too long"}, "expected a number", id="long name"),
        pytest.param({"from": "+86 138"}, "expected a number", id="a name without a letter"),
        pytest.param({"messaging_service_sid": "AC1"}, "should match pattern", id="no service"),
        pytest.param({"base_url": "http://example.com"}, "expected https", id="credentials in the clear"),
        pytest.param({"base_url": "http://localhost.evil.com"}, "expected https", id="looks like this machine"),
        pytest.param({"base_url": "https://u:p@example.com"}, "without a login", id="login in the url"),
        pytest.param({"base_url": "https://example.com?a=b"}, "without a login, a query", id="query"),
        pytest.param({"base_url": "ftp://example.com"}, "expected https", id="ftp"),
        pytest.param({"base_url": "https://"}, "expected https", id="no host"),
        pytest.param({"timeout_seconds": 0}, "greater than 0", id="no patience"),
        pytest.param({"timeout_seconds": 5, "connect_timeout_seconds": 5}, "must be less than", id="connect as long"),
        pytest.param({"max_in_flight": 0}, "greater than or equal to 1", id="none in flight"),
        pytest.param({"auth_token": "x"}, "auth_token", id="a secret in the file"),
        pytest.param({"form": "+15017122661"}, "form", id="mistyped"),
    ],
)
def test_wrong_options_are_told(options: dict[str, object], complaint: str) -> None:
    """A wrong option is an error that says what was expected, before anything is sent (law 8)."""
    with pytest.raises(ValidationError, match=complaint):
        TwilioOptions.model_validate(options)


@pytest.mark.parametrize(
    "options",
    [
        {"from": "+15017122661"},
        {"from": "10690000"},
        {"from": "ACME Bank"},
        {"from": "", **SERVICE},
        {**SENDER, "base_url": "http://localhost:4010/base"},
        {**SENDER, "base_url": "http://[::1]:4010"},
        {**SENDER, "base_url": "https://proxy.example.com/twilio"},
        {**SENDER, "base_url": ""},
    ],
    ids=lambda options: ",".join(f"{key}={value}" for key, value in options.items()),
)
def test_right_options_are_taken(options: dict[str, object]) -> None:
    """Every kind of sender and every safe address can be configured."""
    assert isinstance(TwilioOptions.model_validate(options), TwilioOptions)


def test_a_call_that_would_begin_too_late_is_not_made(
    twilio_fake: TwilioFake, gateway: Callable[..., TwilioGateway], message: Callable[..., Message]
) -> None:
    """Law 3: who waits for a place in flight for longer than its lease does not post any more."""
    twilio_fake.behave(mode="slow", seconds=0.5)
    hurried = [replace(message(reference=f"ref-{number}"), begin_within_seconds=0.3) for number in range(3)]
    outcomes = _send(gateway(max_in_flight=1), *hurried)
    assert [isinstance(outcome, Accepted) for outcome in outcomes] == [True, False, False]
    kinds = [outcome.kind for outcome in outcomes[1:] if isinstance(outcome, Refused)]
    assert kinds == [Refusal.HELD_BACK, Refusal.HELD_BACK]
    assert len(twilio_fake.posts()) == 1


def test_every_option_is_described() -> None:
    """Editors complete and explain each key: a description for all, an example where the shape isn't plain."""
    schema = TwilioOptions.model_json_schema(by_alias=True)
    assert set(schema["properties"]) == {
        "from",
        "messaging_service_sid",
        "base_url",
        "timeout_seconds",
        "confirm_stop",
        "connect_timeout_seconds",
        "max_in_flight",
        "settle_seconds",
    }
    assert all(field["description"] for field in schema["properties"].values())


def test_it_counts_as_gsm_and_really_sends() -> None:
    """The pipeline knows how Twilio bills, and that what it takes is sent, not printed."""
    assert TwilioGateway.counting is Counting.GSM
    assert TwilioGateway.stands_in is False


# The fake itself


@pytest.fixture
def own_fake(twilio_fake: TwilioFake, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A fake of our own, started as its documentation says."""
    program = twilio_fake.program
    command = [sys.executable, program, "--port", "0", "--log", str(tmp_path / "log.jsonl")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.terminate()


def test_the_fake_runs_by_itself_and_logs_what_it_takes(
    own_fake: subprocess.Popen[str],
    gateway: Callable[..., TwilioGateway],
    message: Callable[..., Message],
    tmp_path: Path,
) -> None:
    """A crash test starts it as a process, kills the sender, and reads from its log what customers received."""
    assert own_fake.stdout is not None
    url = own_fake.stdout.readline().strip()
    outcomes = _send(gateway(base_url=url), message("r1"), message("r2", to="+15005550004"))
    assert [type(outcome) for outcome in outcomes] == [Accepted, Refused]
    assert (tmp_path / "log.jsonl").read_text("utf-8").count('"reference": "r1"') == 1


@pytest.mark.parametrize(
    ("to", "kind"),
    [
        ("+15005550001", Refusal.NUMBER),
        ("+15005550002", Refusal.CONTENT),
        ("+15005550003", Refusal.CONTENT),
        ("+15005550004", Refusal.OPTED_OUT),
        ("+15005550009", Refusal.NUMBER),
        ("not a number", Refusal.NUMBER),
    ],
)
def test_the_fake_refuses_what_twilio_refuses(
    gateway: Callable[..., TwilioGateway], message: Callable[..., Message], to: str, kind: Refusal
) -> None:
    """Twilio's own test numbers do at the fake what they do at Twilio."""
    [outcome] = _send(gateway(), message(to=to))
    assert isinstance(outcome, Refused)
    assert outcome.kind is kind


def test_a_text_too_long_for_twilio_is_the_texts_own_fault(
    gateway: Callable[..., TwilioGateway], message: Callable[..., Message]
) -> None:
    """Twilio takes 1,600 characters; one more is refused as content and harms no other."""
    outcomes = _send(gateway(), message("r1", body="a" * 1600), message("r2", body="a" * 1601), message("r3", body=""))
    assert isinstance(outcomes[0], Accepted)
    kinds = [outcome.kind for outcome in outcomes[1:] if isinstance(outcome, Refused)]
    assert kinds == [Refusal.CONTENT, Refusal.CONTENT]
