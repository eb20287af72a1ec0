"""Words that a reminder must have, and words that it must not."""

from __future__ import annotations

import pytest

from reminder.message.wording import Remark, remarks

SIGNED_OFF = " Reply STOP to opt out"


def found(source: str, language: str = "en") -> list[Remark]:
    """Return the remarks about a text that has its way to opt out."""
    return list(remarks(source + SIGNED_OFF, language))


@pytest.mark.parametrize(
    "source",
    [
        "Please send us your password.",
        "Reply with your PIN",
        "Tell our agent the verification code you receive",
        "Enter the OTP in the app",
        "Keep your CVV ready",
        "Call us with the one-time code",
        "请回复验证码完成还款",
        "请提供您的密码",
        "請回覆驗證碼",
        "We never call at night. Send the passcode now.",
    ],
)
def test_asking_for_a_code_is_an_error(source: str) -> None:
    """Promise: our texts never ask for a code or a password; that is what fraud looks like."""
    assert [(remark.warning, "never asks" in remark.message) for remark in found(source)] == [(False, True)]


@pytest.mark.parametrize(
    "source",
    [
        "We never ask for your password.",
        "Do not share your PIN.",
        "Don't tell anyone the security code.",
        "我们不会索要验证码。",
        "请勿告知他人密码",
        "Pay in the shopping app",
        "spinning pins",
    ],
)
def test_warning_of_fraud_is_allowed(source: str) -> None:
    """Promise: a text may say that nobody will ever ask for a code, and words that only look alike are left alone."""
    assert [remark for remark in found(source) if not remark.warning] == []


@pytest.mark.parametrize(
    ("source", "link"),
    [
        ("Pay at https://bit.ly/x now", "https://bit.ly/x"),
        ("Pay at www.example.org", "www.example.org"),
        ("Pay at example.com/pay now", "example.com/pay"),
        ("登录pay.example.cn还款", "pay.example.cn"),
        ("see a-b.co.uk", "a-b.co.uk"),
    ],
)
def test_a_written_out_link_is_doubted(source: str, link: str) -> None:
    """Promise: the only link is the lender's own, `lender.pay`; a stranger's is pointed at."""
    (remark,) = found(source)

    assert remark.warning
    assert repr(link) in remark.message or link in remark.message
    assert remark.place is not None
    assert source[remark.place :].startswith(link[:4])


@pytest.mark.parametrize(
    "source", ["Pay at {{ lender.pay }}", "{% if lender.app %}x{% endif %}", "{# see example.com #}", "Paid 3.50 today"]
)
def test_the_lender_s_own_link_is_not_doubted(source: str) -> None:
    """Promise: what is printed from the configuration, and what is no link, passes."""
    assert found(source) == []


@pytest.mark.parametrize(
    "source",
    [
        "We will call the police",
        "or be arrested",
        "a lawsuit follows",
        "face prosecution",
        "将起诉",
        "律师函",
        "通知您的家人",
    ],
)
def test_threats_and_borrowed_authority_are_doubted(source: str) -> None:
    """Promise: nearly every contact rule forbids threats that are not lawful and meant; the author is told."""
    assert [remark.warning and "threat" in remark.message for remark in found(source)] == [True]


@pytest.mark.parametrize(
    ("source", "language", "expected"),
    [
        ("Pay now", "en", 1),
        ("Pay now. Reply STOP to opt out", "en-GB", 0),
        ("请还款", "zh-CN", 1),
        ("请还款，回复T退订", "zh-CN", 0),
        ("請還款，回覆T退訂", "zh-Hant-TW", 0),
        ("拒收请回复R", "zh", 0),
        ("Bitte zahlen", "de", 0),
    ],
)
def test_a_text_says_how_to_stop(source: str, language: str, expected: int) -> None:
    """Promise: in the languages whose wording we know, a text without a way to opt out is pointed at."""
    assert sum("to stop these texts" in remark.message for remark in remarks(source, language)) == expected


def test_places_are_those_of_the_source() -> None:
    """Promise: comments and values before a remark don't shift its place, not even over lines."""
    source = "{# a\nb #}\n{{ x }} www.a.org"
    (remark,) = found(source)

    assert remark.place == source.index("www")
