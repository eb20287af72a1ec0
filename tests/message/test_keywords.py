"""What customers write is understood in any language, and a STOP before anything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder.domain.receipt import Meaning
from reminder.message.keywords import TEXT_READ_MAX_CHARS, Keywords, KeywordSet, Phrases, Understood, plain

EN = KeywordSet(
    "en",
    {
        Meaning.STOP: Phrases(("stop", "opt-out"), ("stop texting", "don't text")),
        Meaning.PAID: Phrases(("paid",), ("already paid",)),
        Meaning.WRONG_PERSON: Phrases((), ("wrong number",)),
        Meaning.DISPUTE: Phrases((), ("not my debt",)),
        Meaning.START: Phrases(("start",)),
    },
    "{lender}: no more texts.",
)
FR = KeywordSet("fr", {Meaning.STOP: Phrases(("arrêt",), ("ne m'écrivez plus",))}, "{lender} : plus de SMS.")
ZH = KeywordSet(
    "zh-CN", {Meaning.STOP: Phrases(("退订", "T"), ("不要再发",)), Meaning.PAID: Phrases((), ("已经还",))}, "已退订"
)
KEYWORDS = Keywords((EN, FR, ZH))


@pytest.mark.parametrize(
    ("text", "meaning", "language"),
    [
        pytest.param("STOP", Meaning.STOP, "en", id="capitals"),
        pytest.param("  stop.\n", Meaning.STOP, "en", id="spaces-and-a-full-stop"),
        pytest.param("Stop! Stop! STOP!", Meaning.STOP, "en", id="said-thrice"),
        pytest.param("ＳＴＯＰ", Meaning.STOP, "en", id="full-width"),
        pytest.param("opt out", Meaning.STOP, "en", id="without-its-hyphen"),
        pytest.param("Don’t text me, please", Meaning.STOP, "en", id="curly-apostrophe"),
        pytest.param("For heaven's sake STOP TEXTING me!!", Meaning.STOP, "en", id="phrase"),
        pytest.param("ARRET", Meaning.STOP, "fr", id="without-its-accent"),
        pytest.param("arre\u0302t", Meaning.STOP, "fr", id="accent-apart"),
        pytest.param("退订", Meaning.STOP, "zh-CN", id="chinese"),
        pytest.param("请不要再发短信了！", Meaning.STOP, "zh-CN", id="chinese-inside-a-sentence"),
        pytest.param("ｔ", Meaning.STOP, "zh-CN", id="one-letter-by-convention"),
        pytest.param("我已经还了", Meaning.PAID, "zh-CN", id="chinese-paid"),
        pytest.param("I have already paid!", Meaning.PAID, "en", id="paid"),
        pytest.param("already paid, stop texting", Meaning.STOP, "en", id="stop-goes-first"),
        pytest.param("wrong number, already paid", Meaning.WRONG_PERSON, "en", id="wrong-person-before-paid"),
        pytest.param("start", Meaning.START, "en", id="start"),
    ],
)
def test_a_text_is_understood(text: str, meaning: Meaning, language: str) -> None:
    """Case, accents, width and punctuation don't matter; of two meanings the one that silences us more counts."""
    found = KEYWORDS.understand(text)

    assert (found.meaning, found.language) == (meaning, language)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("👍", id="no-words"),
        pytest.param("I can't stop by on Monday", id="stop-in-another-sense"),
        pytest.param("I haven't paid yet", id="not-paid"),
        pytest.param("when does it start?", id="start-in-a-question"),
        pytest.param("nonstop texting", id="inside-a-word"),
        pytest.param("Toll", id="letter-inside-a-word"),
        pytest.param("{lender}", id="our-own-placeholder"),
    ],
)
def test_what_is_not_plain_waits_for_a_person(text: str) -> None:
    """Nothing is guessed from a word in the middle of a sentence."""
    assert KEYWORDS.understand(text) == Understood(Meaning.OTHER)


@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    """No text, however odd, stops us from reading it; reading it in its plain form changes nothing."""
    assert KEYWORDS.understand(text).meaning in Meaning
    assert plain(plain(text)) == plain(text)


@given(st.sampled_from(["stop", "ARRÊT", "退订", "Opt-Out"]), st.text(" \t\n.!?…。！", max_size=6))
def test_a_stop_is_a_stop_whatever_surrounds_it(word: str, around: str) -> None:
    """Law 8: punctuation and spaces never hide a STOP."""
    assert KEYWORDS.understand(around + word + around).meaning is Meaning.STOP


def test_a_very_long_text_costs_no_more_than_a_long_one() -> None:
    """What is beyond the longest text of a provider is not read."""
    assert KEYWORDS.understand("x " * TEXT_READ_MAX_CHARS + "stop texting").meaning is Meaning.OTHER


@pytest.mark.parametrize(
    ("languages", "expected"),
    [
        pytest.param(("fr",), "{lender} : plus de SMS.", id="its-own"),
        pytest.param(("fr-CA",), "{lender} : plus de SMS.", id="another-region"),
        pytest.param(("", "zh-TW"), "已退订", id="the-first-that-is-known"),
        pytest.param(("sw",), "{lender}: no more texts.", id="english-for-any-other"),
        pytest.param((), "{lender}: no more texts.", id="none-known"),
    ],
)
def test_a_stop_is_confirmed_in_the_customers_language(languages: tuple[str, ...], expected: str) -> None:
    """The confirmation is in the language the customer wrote in, or reads, or in English."""
    assert KEYWORDS.confirmation(*languages) == expected


def test_without_a_confirmation_there_is_none() -> None:
    """A language that nobody gave an answer for gets silence, not an error."""
    assert Keywords((FR,)).confirmation("de") == ""
    assert Keywords(()).confirmation("de") == ""
