"""What a text costs is counted as carriers count it, character by character."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import smsutil
from hypothesis import example, given
from hypothesis import strategies as st

from reminder.domain.segments import Counting, Encoding, Segmentation, forcing, segment, smooth

GSM = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
ESCAPED = "\f^{}\\[~]|€"

gsm_texts = st.text(st.sampled_from(GSM + ESCAPED * 6), min_size=1, max_size=480)
any_texts = st.text(st.sampled_from("aé€中国您的还款\u00a0…🙂𠮷"), min_size=1, max_size=220) | st.text(min_size=1)


@pytest.mark.parametrize(
    ("text", "units", "segments"),
    [
        pytest.param("", 0, 0, id="nothing"),
        pytest.param("a", 1, 1, id="one"),
        pytest.param("a" * 160, 160, 1, id="a full single"),
        pytest.param("a" * 161, 161, 2, id="one more"),
        pytest.param("a" * 306, 306, 2, id="two full parts"),
        pytest.param("a" * 307, 307, 3, id="one more than two"),
        pytest.param("€" * 80, 160, 1, id="a full single of escapes"),
        pytest.param("€" * 81, 162, 2, id="escapes never split: 76 fit a part"),
        pytest.param("€" * 152, 304, 2, id="two parts of escapes, a septet of each empty"),
        pytest.param("€" * 153, 306, 3, id="306 septets, but not in two parts"),
        pytest.param("a" * 152 + "€" + "a" * 152, 306, 3, id="an escape at the seam"),
        pytest.param("a" * 151 + "€" + "a" * 153, 306, 2, id="an escape before the seam"),
        pytest.param("a" * 158 + "€", 160, 1, id="an escape at the end of a single"),
        pytest.param("a" * 159 + "€", 161, 2, id="an escape over the end of a single"),
        pytest.param("ΔΦΓΛΩΠΨΣΘΞ", 10, 1, id="Greek capitals are basic"),
    ],
)
def test_gsm_texts_are_packed(text: str, units: int, segments: int) -> None:
    """Cost forecasts rest on this: 160 septets, or 153 a part, and an escape pair is never cut."""
    assert segment(text) == Segmentation(Encoding.GSM7, units, segments)


@pytest.mark.parametrize(
    ("text", "units", "segments", "odd"),
    [
        pytest.param("您" * 70, 70, 1, ("您",), id="a full single"),
        pytest.param("您" * 71, 71, 2, ("您",), id="one more"),
        pytest.param("您" * 134, 134, 2, ("您",), id="two full parts"),
        pytest.param("您" * 135, 135, 3, ("您",), id="one more than two"),
        pytest.param("🙂" * 35, 70, 1, ("🙂",), id="a full single of pairs"),
        pytest.param("🙂" * 36, 72, 2, ("🙂",), id="one pair more"),
        pytest.param("🙂" * 67, 134, 3, ("🙂",), id="134 units, but 33 pairs a part"),
        pytest.param("您" * 66 + "🙂" + "您" * 66, 134, 3, ("您", "🙂"), id="a pair at the seam"),
        pytest.param("a" * 70 + "ç", 71, 2, ("ç",), id="one letter turns a text"),
        pytest.param("9:00\u202fPM", 7, 1, ("\u202f",), id="CLDR's narrow space"),
        pytest.param("`ç`ç", 4, 1, ("`", "ç"), id="each forcing character once, in order"),
        pytest.param("\x1b", 1, 1, ("\x1b",), id="the escape itself is no character"),
        pytest.param("\ud83d", 1, 1, ("\ud83d",), id="half a pair"),
    ],
)
def test_other_texts_are_packed(text: str, units: int, segments: int, odd: tuple[str, ...]) -> None:
    """One character outside GSM-7 halves what fits: 70 units, or 67 a part, and a surrogate pair is never cut."""
    assert segment(text) == Segmentation(Encoding.UCS2, units, segments)
    assert forcing(text) == odd


@pytest.mark.parametrize(
    ("text", "units", "segments"),
    [
        pytest.param("", 0, 0, id="nothing"),
        pytest.param("a" * 70, 70, 1, id="Latin counts as Han does"),
        pytest.param("a" * 71, 71, 2, id="one more"),
        pytest.param("€" * 70, 70, 1, id="escapes are one"),
        pytest.param("【某某】" + "您" * 130, 134, 2, id="two full parts, signature included"),
        pytest.param("您" * 160, 160, 3, id="67 + 67 + 26"),
    ],
)
def test_mainland_gateways_count_every_character(text: str, units: int, segments: int) -> None:
    """Mainland China bills 70, then 67 each, whatever the alphabet; so nothing forces an encoding."""
    assert segment(text, Counting.CN) == Segmentation(Encoding.UCS2, units, segments)


@pytest.mark.parametrize(
    ("pair", "each", "single"), [pytest.param("€", 76, 80, id="€"), pytest.param("🙂", 33, 35, id="🙂")]
)
def test_every_seam_may_leave_a_unit_empty(pair: str, each: int, single: int) -> None:
    """An odd part holds pairs only up to its last unit but one, at each seam anew, however long the text."""
    for count in range(single + 1, each * 9):
        assert segment(pair * count).segments == -(-count // each), count


@given(gsm_texts | any_texts)
@example("a" * 152 + "€" + "a" * 152)
@example("a" * 159 + "€")
@example("🙂" * 67)
def test_an_independent_counter_agrees(text: str) -> None:
    """smsutil packs character by character too. It takes a bare escape for a character, which no carrier does."""
    if "\x1b" in text:
        return
    theirs = smsutil.split(text)
    ours = segment(text)
    assert (ours.encoding is Encoding.GSM7) == (theirs.encoding == "gsm0338")
    assert ours.segments == len(theirs.parts)
    assert ours.units == (theirs.total_bytes if ours.encoding is Encoding.GSM7 else theirs.total_bytes // 2)


@given(any_texts, any_texts)
def test_more_text_never_costs_less(text: str, more: str) -> None:
    """Counting is monotone: a longer text has at least as many units in the same encoding, and segments."""
    assert segment(text + more).segments >= segment(text).segments
    assert segment(text + more, Counting.CN).units == sum(segment(t, Counting.CN).units for t in (text, more))


@pytest.mark.parametrize(
    ("text", "smoothed"),
    [
        pytest.param("9:00\u202fPM, 1\u00a0234,50\u2009€", "9:00 PM, 1 234,50 €", id="CLDR's spaces"),
        pytest.param("￥5", "¥5", id="full-width yen"),
        pytest.param("“It’s due” – or—else…", '"It\'s due" - or-else...', id="typography of a word processor"),
        pytest.param("您好，“明天”——还款…", "您好，“明天”——还款…", id="Chinese keeps its own"),
        pytest.param("明天 9:00\u202fPM", "明天 9:00 PM", id="odd spaces go from every text"),
        pytest.param("Ваш “долг”", "Ваш “долг”", id="another alphabet keeps its own"),
        pytest.param("plain", "plain", id="nothing to do"),
    ],
)
def test_typography_is_smoothed_where_it_pays(text: str, smoothed: str) -> None:
    """An English text isn't sent at the price of a Chinese one for a curly quote; a Chinese one keeps its quotes."""
    assert smooth(text) == smoothed


@given(st.text(st.sampled_from("aé€中“”‘’–—…\u00a0\u202f￥\u2009-'\"")))
def test_smoothing_is_settled_and_never_dearer(text: str) -> None:
    """Smoothing twice changes nothing more, and no text needs more segments after it."""
    once = smooth(text)
    assert smooth(once) == once
    assert segment(once).segments <= segment(text).segments
    assert segment(once).encoding is Encoding.GSM7 or len(once) == len(text)


@pytest.mark.parametrize(
    "text", ["Your payment of 1,234.56 is due tomorrow. " * 3, "您的账单将于明天到期，请按时还款。" * 3]
)
def test_counting_is_cheap(text: str) -> None:
    """A preview counts 100,000 texts: one costs no more than a few looks at each of its characters."""
    seen = frozenset(text)

    def look() -> int:
        return sum(character in seen for character in text)

    assert _least_seconds(lambda: segment(text)) < 10 * _least_seconds(look)


def _least_seconds(work: Callable[[], object]) -> float:
    """Return how long some rounds of it took of the processor at best."""
    taken = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(1_000):
            work()
        taken.append(time.process_time() - start)
    return min(taken)
