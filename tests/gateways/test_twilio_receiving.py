"""Twilio's calls: only those that its own signature proves are believed, and each is read for what it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from reminder.domain.message import Refusal
from reminder.domain.receipt import Inbound, Meaning, Progress, Receipt
from reminder.gateways.base import GatewayContext
from reminder.gateways.console import ConsoleGateway, ConsoleOptions
from reminder.gateways.receiving import FormError, Receiver, Request, SignatureError, receiver
from reminder.gateways.twilio import TwilioGateway, TwilioOptions
from reminder.gateways.twilio_receiving import PROGRESS, TwilioReceiving

PUBLIC = "https://remind.example.com"
TOKEN = "good-token"
PATH = "/receipts/twilio?ref=ref-1"
DELIVERED = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+8613800138000", "AccountSid": "AC0"}
WRITTEN = {"MessageSid": "SM2", "From": "+8613800138000", "To": "+15017122661", "Body": "STOP"}
SECRETS = {"TWILIO_AUTH_TOKEN": TOKEN}


def _signed(
    form: Mapping[str, str], path: str = PATH, *, token: str = TOKEN, public: str = PUBLIC, **headers: str
) -> Request:
    """Return a call as Twilio makes it, signed by the SDK's own validator."""
    signature = RequestValidator(token).compute_signature(public + path, dict(form))
    return _unsigned(form, path, **{"x-twilio-signature": signature, **headers})


def _unsigned(form: Mapping[str, str], path: str = PATH, **headers: str) -> Request:
    query = tuple(parse_qsl(urlsplit(path).query))
    return Request(path, headers, tuple(form.items()), urlencode(form).encode(), query)


def _receiving(public_url: str | None = PUBLIC, secrets: Mapping[str, str] | None = None) -> TwilioReceiving:
    context = GatewayContext("twilio", SECRETS if secrets is None else secrets, public_url)
    return TwilioReceiving(context, confirms_stop=False)


def test_a_signed_receipt_is_read() -> None:
    """A callback says for which of our texts it is, what Twilio calls it and how far it has come."""
    assert _receiving().receipts(_signed(DELIVERED)) == [Receipt("SM1", "delivered", Progress.ARRIVED, "ref-1")]


def test_a_public_url_may_have_a_path() -> None:
    """Behind a proxy that takes a prefix away, the signature is still for the address that Twilio was given."""
    public = "https://example.com/remind"
    assert _receiving(public + "/").receipts(_signed(DELIVERED, public=public))[0].status == "delivered"


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(_unsigned(DELIVERED), id="absent"),
        pytest.param(_unsigned(DELIVERED, **{"x-twilio-signature": ""}), id="empty"),
        pytest.param(_unsigned(DELIVERED, **{"x-twilio-signature": "c2lnbmVkIGJ5IG5vYm9keQ=="}), id="made-up"),
        pytest.param(_unsigned(DELIVERED, **{"x-twilio-signature": "签名"}), id="not-ascii"),
        pytest.param(_signed(DELIVERED, token="another"), id="another-token"),
        pytest.param(_signed(DELIVERED, public="https://evil.example"), id="another-host"),
        pytest.param(
            _signed(DELIVERED, public="https://evil.example", host="evil.example"), id="host-header-is-not-asked"
        ),
        pytest.param(
            _signed(DELIVERED, **{"x-twilio-webhooks-signature-settings": "algorithm=HMAC_SHA256"}, token="x"),
            id="another-algorithm",
        ),
    ],
)
def test_a_forged_call_is_refused(request_: Request) -> None:
    """Nobody but Twilio moves a reminder or suppresses a number: whatever is not signed with the token is refused."""
    for read in (_receiving().receipts, _receiving().inbound):
        with pytest.raises(SignatureError):
            read(request_)


@given(
    st.dictionaries(st.sampled_from(["MessageStatus", "ErrorCode", "From", "Body"]), st.text(max_size=20), min_size=1)
)
def test_a_changed_field_is_refused(changes: dict[str, str]) -> None:
    """Neither a field nor our reference can be changed on the way."""
    genuine = _signed(DELIVERED)
    form = DELIVERED | changes
    if form == DELIVERED:
        return
    for forged in (
        Request(genuine.path, genuine.headers, tuple(form.items()), b"", genuine.query),
        Request(genuine.path + "x", genuine.headers, genuine.form, b"", genuine.query),
    ):
        with pytest.raises(SignatureError):
            _receiving().receipts(forged)


def test_a_repeated_field_is_part_of_the_signature() -> None:
    """A second value smuggled in beside a signed one is noticed."""
    genuine = _signed(DELIVERED)
    smuggled = Request(genuine.path, genuine.headers, (("MessageStatus", "failed"), *genuine.form), b"", genuine.query)
    with pytest.raises(SignatureError):
        _receiving().receipts(smuggled)


@pytest.mark.parametrize(
    ("public_url", "secrets", "missing"),
    [
        pytest.param(None, SECRETS, "public_url", id="public-url"),
        pytest.param(PUBLIC, {}, "TWILIO_AUTH_TOKEN", id="token"),
    ],
)
def test_without_url_or_token_nothing_is_believed(
    public_url: str | None, secrets: Mapping[str, str], missing: str
) -> None:
    """An empty key would make every forger's signature right: where there is none, all is refused, and said why."""
    receiving = _receiving(public_url, secrets)

    assert missing in receiving.cannot_receive()
    with pytest.raises(SignatureError, match=missing):
        receiving.receipts(_signed(DELIVERED, token=""))


@pytest.mark.parametrize(
    ("status", "code", "progress", "refusal"),
    [
        pytest.param("queued", None, Progress.TAKEN, None, id="queued"),
        pytest.param("sent", None, Progress.TAKEN, None, id="sent"),
        pytest.param("delivered", None, Progress.ARRIVED, None, id="delivered"),
        pytest.param("read", None, Progress.ARRIVED, None, id="read"),
        pytest.param("undelivered", "30006", Progress.MISCARRIED, Refusal.NUMBER, id="landline"),
        pytest.param("failed", "21610", Progress.MISCARRIED, Refusal.OPTED_OUT, id="opted-out"),
        pytest.param("undelivered", "30003", Progress.MISCARRIED, Refusal.RETRY, id="out-of-reach"),
        pytest.param("failed", "99999", Progress.MISCARRIED, None, id="unlisted-code"),
        pytest.param("failed", "x²", Progress.MISCARRIED, None, id="no-code"),
        pytest.param("delivered", "30006", Progress.ARRIVED, None, id="code-of-one-that-arrived"),
        pytest.param("teleported", None, Progress.UNCLEAR, None, id="new-word"),
    ],
)
def test_a_status_says_how_far_a_text_has_come(
    status: str, code: str | None, progress: Progress, refusal: Refusal | None
) -> None:
    """Twilio's words are read by one table, its codes by the one that refusals are read by; new ones prove nothing."""
    form = {"MessageSid": "SM1", "MessageStatus": status} | ({"ErrorCode": code} if code else {})
    (found,) = _receiving().receipts(_signed(form))

    assert (found.progress, found.refusal, found.code, found.status) == (progress, refusal, code, status)


def test_the_table_knows_every_status_of_an_outbound_message() -> None:
    """No word that the SDK lists for a text of ours is new to us; the two for texts to us are no receipts."""
    from twilio.rest.api.v2010.account.message import MessageInstance

    words = {str(word) for name, word in vars(MessageInstance.Status).items() if name.isupper()}
    assert words - {"receiving", "received"} == set(PROGRESS)


@pytest.mark.parametrize(
    ("told", "meaning"),
    [
        pytest.param("STOP", Meaning.STOP, id="stop"),
        pytest.param("start", Meaning.START, id="start"),
        pytest.param("HELP", Meaning.HELP, id="help"),
        pytest.param("", None, id="nothing"),
        pytest.param("LATER", None, id="new-word"),
    ],
)
def test_a_text_is_read_with_what_twilio_took_it_for(told: str, meaning: Meaning | None) -> None:
    """Who writes, to which of our numbers, what; and whether Twilio has answered it by itself."""
    form = WRITTEN | {"OptOutType": told}
    (found,) = _receiving().inbound(_signed(form, "/inbound/twilio"))

    assert found == Inbound("SM2", "+8613800138000", "+15017122661", "STOP", meaning)


@pytest.mark.parametrize("missing", ["MessageSid", "From", "To"])
def test_a_signed_call_that_lacks_something_is_said_so(missing: str) -> None:
    """An address that was given to Twilio for another purpose is told apart from a forgery."""
    form = {name: value for name, value in WRITTEN.items() if name != missing}
    with pytest.raises(FormError, match=missing):
        _receiving().inbound(_signed(form, "/inbound/twilio"))


def test_an_empty_text_is_a_text() -> None:
    """A picture without words is kept as well."""
    assert _receiving().inbound(_signed(WRITTEN | {"Body": ""}))[0].body == ""


def test_the_gateway_takes_calls(context: Callable[..., GatewayContext]) -> None:
    """The registered gateway is a receiver; whether we confirm a STOP is its option, off where nobody says."""
    built = TwilioGateway(TwilioOptions.model_validate({"sender": "+15017122661"}), context())
    options = TwilioOptions.model_validate({"sender": "+15017122661", "confirm_stop": True})
    confirming = TwilioGateway(options, context())

    assert isinstance(receiver(built), Receiver)
    assert (built.confirms_stop, confirming.confirms_stop) == (False, True)
    assert built.cannot_receive() == ""


def test_the_console_takes_none(context: Callable[..., GatewayContext]) -> None:
    """A gateway that nobody calls back is no receiver."""
    assert receiver(ConsoleGateway(ConsoleOptions(), context("console"))) is None
    assert receiver(None) is None


def test_an_acknowledgement_says_nothing_to_the_customer() -> None:
    """Twilio sends any words of the answer on as a text: there are none."""
    said = TwilioReceiving.acknowledgement

    assert (said.status, said.media_type) == (200, "text/xml")
    assert said.body.endswith("<Response/>")
