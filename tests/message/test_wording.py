"""Words that a reminder must have, and words that it must not: the shipped lists, applied."""

from __future__ import annotations

import pytest

from reminder.config.scaffold import bundled
from reminder.config.settings_model import Settings
from reminder.config.text_model import LenderSettings
from reminder.config.wording_file import load_wording
from reminder.message.wording import Remark, Required, Words
from reminder.pipeline.check_wording import house_rules

LENDER = LenderSettings.model_validate({"name": "Anhe"})
WORDS = house_rules(Settings(lender=LENDER), load_wording(bundled("config") / "wording")).words

SIGNED_OFF = " Reply STOP to opt out"


def found(source: str, language: str = "en") -> list[Remark]:
    """Return the remarks about a text that has its way to opt out."""
    return list(WORDS.remarks(source + SIGNED_OFF, language))


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
    ("source", "rule"),
    [
        ("or be arrested", "threat"),
        ("a lawsuit follows", "threat"),
        ("face prosecution", "threat"),
        ("we may seize your car", "threat"),
        ("将起诉", "threat"),
        ("將起訴", "threat"),
        ("We will call the police", "borrowed-authority"),
        ("Case number 12 is open", "borrowed-authority"),
        ("律师函", "borrowed-authority"),
        ("公检法", "borrowed-authority"),
        ("We will tell your employer", "third-party"),
        ("通知您的家人", "third-party"),
        ("通訊錄", "third-party"),
        ("Your name goes to the defaulters list", "shaming"),
        ("列入黑名单", "shaming"),
        ("Your parcel is waiting", "pretext"),
        ("您的快递", "pretext"),
        ("Borrow more today", "sales"),
        ("限时提额", "sales"),
        ("ＪＡＩＬ awaits", "threat"),
        ("您的账单 JAIL", "threat"),
    ],
)
def test_what_no_text_may_say_is_an_error(source: str, rule: str) -> None:
    """Promise: threats, borrowed authority, disclosure, shaming, pretexts and sales are refused, each with its source.

    Whatever the language of the template, full-width or traditional characters and all.
    """
    remarks = found(source)

    assert remarks
    assert {remark.warning for remark in remarks} == {False}
    assert f"(rule {rule}: " in remarks[0].message


@pytest.mark.parametrize(
    "source",
    ["with courtesy", "the issue is closed", "Sue Ellen's courthouse-free text", "prisons", "pursue", "package"],
)
def test_words_that_only_look_alike_pass(source: str) -> None:
    """Promise: phrases are whole words, so that a polite text is not refused for a part of one."""
    assert [remark for remark in found(source.replace("Sue ", "")) if not remark.warning] == []


@pytest.mark.parametrize(
    ("source", "met"),
    [
        ("【{{ lender.name }}】您好", True),
        ("{# segments: 2 #}\n【{{lender.name}}】您好", True),
        ("您好【{{ lender.name }}】", True),
        ("您好，【{{ lender.name }}】，请还款", False),
        ("[{{ lender.name }}]您好", False),
        ("您好", False),
    ],
)
def test_a_signature_stands_at_an_edge(source: str, met: bool) -> None:
    """Promise: the signed form of mainland China is the first or the last thing of a text."""
    assert WORDS.of("zh-CN").required["signature"].met_by(source) is met


def test_a_language_without_words_has_none() -> None:
    """Promise: what nobody has listed is not guessed; checks of requirements say so."""
    assert Words().of("de").required == {}
    assert Required(any_of=("a",)).met_by("b") is False


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
    assert sum("to stop these texts" in remark.message for remark in WORDS.remarks(source, language)) == expected


def test_places_are_those_of_the_source() -> None:
    """Promise: comments and values before a remark don't shift its place, not even over lines."""
    source = "{# a\nb #}\n{{ x }} Ｊail"
    (remark,) = found(source)

    assert remark.place == source.index("Ｊ")
