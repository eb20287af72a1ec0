"""Twilio's codes: each row of the table, through the SDK and over HTTP, and the rule for what the table lacks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from gateways.conftest import TwilioFake
from hypothesis import given
from hypothesis import strategies as st

from reminder.domain.message import Message, Outcome, Refusal, Refused, Unknown
from reminder.gateways.base import GatewayContext
from reminder.gateways.twilio import TwilioGateway, TwilioOptions
from reminder.gateways.twilio_errors import REFUSALS, refusal_for, verdict_on_error, verdict_on_failed

NUMBER, OPTED_OUT, CONTENT, CONFIGURATION, RETRY = (
    Refusal.NUMBER,
    Refusal.OPTED_OUT,
    Refusal.CONTENT,
    Refusal.CONFIGURATION,
    Refusal.RETRY,
)

Send = Callable[..., tuple[Outcome, list[dict[str, object]]]]

# Written out a second time on purpose: a row that slips to another kind in the source must not slip here with it.
EXPECTED = {
    NUMBER: [21211, 21217, 21265, 21268, 21614, 21635, 30005, 30006],
    OPTED_OUT: [21610],
    CONTENT: [21266, 21408, 21602, 21605, 21606, 21608, 21612, 21617, 21619, 30004, 30007, 30010],
    CONFIGURATION: [
        *(10001, 20003, 20005, 20006, 20008, 20403, 20404, 21210, 21212, 21267, 21601, 21603),
        *(21609, 21659, 21660, 21661, 21701, 21703, 21705, 30002, 30032, 30034, 30460, 30863),
    ],
    RETRY: [14107, 20429, 21611, 21730, 30001, 30003, 30008, 30022, 30023, 30036, 30500, 63017, 63038],
}
ROWS = [pytest.param(code, kind, id=f"{code}-{kind}") for kind, codes in EXPECTED.items() for code in codes]


def test_every_row_is_expected() -> None:
    """No code is in the table without a test, and none in the tests without a row."""
    assert {code: kind for kind, codes in EXPECTED.items() for code in codes} == dict(REFUSALS)


@pytest.fixture
def send(twilio_fake: TwilioFake, context: Callable[..., GatewayContext], message: Callable[..., Message]) -> Send:
    """Send one message through the SDK to the fake, behaving as told; return the answer and the posts."""

    def call(**behaviour: object) -> tuple[Outcome, list[dict[str, object]]]:
        twilio_fake.behave(**behaviour)
        options = TwilioOptions.model_validate({"from": "+15017122661", "base_url": twilio_fake.url})

        async def one() -> Outcome:
            gateway = TwilioGateway(options, context())
            try:
                return await gateway.send(message())
            finally:
                await gateway.close()

        return asyncio.run(one()), twilio_fake.posts()

    return call


@pytest.mark.parametrize(("code", "kind"), ROWS)
def test_a_code_means_what_the_table_says(send: Send, code: int, kind: Refusal) -> None:
    """A 4xx with a code of the table is a refusal of its kind, from one POST (law 3)."""
    outcome, posts = send(mode="error", status=400, code=code)
    assert isinstance(outcome, Refused)
    assert (outcome.kind, outcome.code) == (kind, str(code))
    assert len(posts) == 1


@pytest.mark.parametrize(("code", "kind"), ROWS)
def test_a_message_that_failed_at_once_was_refused(send: Send, code: int, kind: Refusal) -> None:
    """A 201 with status failed is no acceptance: the code says what follows, from one POST."""
    outcome, posts = send(mode="failed", code=code)
    assert isinstance(outcome, Refused)
    assert (outcome.kind, outcome.code) == (kind, str(code))
    assert len(posts) == 1


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        pytest.param(400, 29999, CONTENT, id="unlisted code of a bad request"),
        pytest.param(400, None, CONTENT, id="bad request without a code"),
        pytest.param(401, None, CONFIGURATION, id="not authorized"),
        pytest.param(403, 29999, CONFIGURATION, id="forbidden"),
        pytest.param(404, None, CONFIGURATION, id="no such account"),
        pytest.param(407, None, CONFIGURATION, id="a proxy wants a login"),
        pytest.param(405, None, CONTENT, id="method not allowed"),
        pytest.param(413, None, CONTENT, id="too large"),
        pytest.param(422, None, CONTENT, id="unprocessable"),
        pytest.param(429, None, RETRY, id="throttled without a code"),
        pytest.param(429, 29999, RETRY, id="throttled with an unlisted code"),
        pytest.param(429, 21211, RETRY, id="throttled is throttled whatever the code"),
        pytest.param(403, 21211, NUMBER, id="a known code goes before its status"),
    ],
)
def test_what_the_table_lacks_is_judged_by_status(send: Send, status: int, code: int | None, kind: Refusal) -> None:
    """An unlisted code harms at most its own reminder; account troubles pause the gateway (law 9)."""
    outcome, posts = send(mode="error", status=status, code=code)
    assert isinstance(outcome, Refused)
    assert (outcome.kind, outcome.code) == (kind, str(code or status))
    assert len(posts) == 1


@pytest.mark.parametrize(
    ("status", "code"),
    [
        *[pytest.param(status, 20500, id=f"{status}-20500") for status in (400, 429, 500)],
        *[pytest.param(status, None, id=str(status)) for status in (300, 302, 307, 408, 499, 500, 502, 503, 504, 599)],
        pytest.param(503, 20503, id="503-20503"),
        pytest.param(500, 21211, id="500 with a code that would prove refusal"),
    ],
)
def test_what_proves_nothing_is_unknown(send: Send, status: int, code: int | None) -> None:
    """A text may have gone out behind a 5xx, a redirect or a request timeout: never again on a guess (law 3)."""
    outcome, posts = send(mode="error", status=status, code=code)
    assert isinstance(outcome, Unknown)
    assert f"HTTP {status}" in outcome.detail
    assert len(posts) == 1


def test_the_status_line_is_believed_not_the_body(send: Send) -> None:
    """An RFC 9457 body that claims 400 behind an HTTP 500 proves nothing (law 3)."""
    outcome, posts = send(mode="problem", status=500, code=21211)
    assert isinstance(outcome, Unknown)
    assert len(posts) == 1


def test_the_newer_shape_of_errors_is_understood(send: Send) -> None:
    """Twilio's RFC 9457 errors go through the same table."""
    outcome, _ = send(mode="problem", status=400, code=21610, words="stopped")
    assert outcome == Refused(OPTED_OUT, "21610", "stopped")


@pytest.mark.parametrize("code", ["21211", None, [21211], {"code": 1}], ids=["text", "null", "list", "object"])
def test_a_code_that_is_no_number_counts_for_nothing(send: Send, code: object) -> None:
    """What stands in a code's place can't make the gateway raise, nor pass for a code (law 9)."""
    outcome, posts = send(mode="error", status=400, code=code)
    assert isinstance(outcome, Refused)
    assert outcome.kind is CONTENT
    assert len(posts) == 1


@pytest.mark.parametrize("code", range(30400, 30500, 9))
def test_verification_codes_are_a_family(code: int) -> None:
    """304xx and 308xx are about the sender's registration, those of tomorrow too."""
    assert refusal_for(code) is CONFIGURATION
    assert refusal_for(code + 400) is CONFIGURATION


@pytest.mark.parametrize("code", [0, -1, 30399, 30500 - 1 + 2, 30799, 30900, 99999])
def test_an_unlisted_code_is_not_guessed(code: int) -> None:
    """Codes beside the families are none of them."""
    assert refusal_for(code) is None


def test_a_daily_cap_is_not_asked_again_at_once() -> None:
    """A rolling day's cap without a Retry-After waits an hour; what Twilio says goes first."""
    assert _patience(verdict_on_error(400, 63038, "")) == 3600
    assert _patience(verdict_on_error(429, 63038, "", 60.0)) == 60
    assert _patience(verdict_on_failed("failed", 30023, "")) == 3600
    assert _patience(verdict_on_error(400, 20429, "")) is None


def _patience(outcome: Outcome) -> float | None:
    """Return how long a refusal asks us to wait."""
    assert isinstance(outcome, Refused)
    return outcome.after_seconds


def test_a_failed_message_with_an_unknown_code_is_not_repeated() -> None:
    """Without knowing why it failed, the same text is not tried again on a guess."""
    assert verdict_on_failed("failed", 39999, "odd").kind is CONTENT
    assert verdict_on_failed("canceled", None, "").code == "canceled"


@given(st.integers(200, 599), st.one_of(st.none(), st.integers(0, 99_999)), st.text(max_size=100))
def test_only_a_4xx_is_proof(status: int, code: int | None, words: str) -> None:
    """Whatever the code and the words: outside 4xx nothing is refused, and within it most is (law 3)."""
    outcome = verdict_on_error(status, code, words)
    unproven = not 400 <= status < 500 or status in (408, 499) or code == 20500
    assert isinstance(outcome, Unknown if unproven else Refused)
