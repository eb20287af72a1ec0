"""Segments: how many parts a text is sent and billed in, and how a text is kept from needing more.

Sources: 3GPP TS 23.038 §6.2.1 (the alphabet and its extension table) and TS 23.040 §9.2.3.24 (a part of a long text
gives 6 of its 140 octets to the header that joins the parts). Mainland China's gateways bill by characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Counting", "Encoding", "Segmentation", "forcing", "segment", "smooth"]

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = "\f^{}\\[~]|€"

_NOT_BASIC = re.compile(f"[^{re.escape(_BASIC)}]")
_NOT_GSM = re.compile(f"[^{re.escape(_BASIC + _EXTENDED)}]")
_IS_EXTENDED = re.compile(f"[{re.escape(_EXTENDED)}]")
_IS_PAIR = re.compile("[\U00010000-\U0010ffff]")


class Encoding(StrEnum):
    """How the characters of a text travel."""

    GSM7 = "gsm7"  #: 7 bits a character; those of the extension table take two.
    UCS2 = "ucs2"  #: 16 bits a character; emoji and rare Han take two.


class Counting(StrEnum):
    """How a provider counts. Each gateway says which is its."""

    GSM = "gsm"  #: As the text travels: 160 septets or 153 each, 70 UTF-16 units or 67 each.
    CN = "cn"  #: Mainland China: every character counts as one, Latin ones too; 70, or 67 each.


@dataclass(frozen=True, slots=True)
class Segmentation:
    """What a text costs: `units` (septets or UTF-16 units) in so many `segments`; none for an empty text."""

    encoding: Encoding
    units: int
    segments: int


def segment(text: str, counting: Counting = Counting.GSM) -> Segmentation:
    """Return how a text is encoded and into how many segments it is packed.

    A part is filled until the next character doesn't fit whole: neither an escape pair (`€`) nor a surrogate pair
    (an emoji) is ever cut in two, so a text may need a part more than its units divided by a part's.
    """
    if counting is Counting.GSM:
        if _NOT_BASIC.search(text) is None:
            return Segmentation(Encoding.GSM7, len(text), _parts(len(text), 160, 153))
        if _NOT_GSM.search(text) is None:
            return _packed(text, Encoding.GSM7, _IS_EXTENDED, 160, 153)
    # To encode a text is far cheaper than to look through it, and most have no pair.
    if len(text.encode("utf-16-le", "surrogatepass")) == 2 * len(text):
        return Segmentation(Encoding.UCS2, len(text), _parts(len(text), 70, 67))
    return _packed(text, Encoding.UCS2, _IS_PAIR, 70, 67)


def forcing(text: str) -> tuple[str, ...]:
    """Return the characters, each once and in order, that keep a text from being GSM-7."""
    return tuple(dict.fromkeys(_NOT_GSM.findall(text)))


def _parts(units: int, single: int, each: int) -> int:
    """Return how many parts hold units that can be divided anywhere."""
    return -(-units // each) if units > single else int(units > 0)


def _packed(text: str, encoding: Encoding, double: re.Pattern[str], single: int, each: int) -> Segmentation:
    """Return the segmentation of a text in which the characters that match `double` take two units."""
    places = [match.start() for match in double.finditer(text)]
    units = len(text) + len(places)
    if units <= single:
        return Segmentation(encoding, units, _parts(units, single, each))
    return Segmentation(encoding, units, _parts(units + _left_empty(places, each), single, each))


def _left_empty(places: Iterable[int], each: int) -> int:
    """Return how many units stay empty at seams: one for each pair that would otherwise be cut there."""
    # A pair that starts in the last unit of a part moves on as a whole, and with it all that follows.
    empty = 0
    for earlier, place in enumerate(places):
        empty += (place + earlier + empty) % each == each - 1
    return empty


_SPACES_AND_YEN = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\uffe5": "¥"})
# CLDR puts the first three into times and amounts; each would more than halve what an English text can hold.

_LOOK_ALIKES = str.maketrans(
    {
        "\u2018": "'", "\u2019": "'", "\u201a": "'", "\u201b": "'", "\u2032": "'",
        "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u201f": '"', "\u2033": '"',
        "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-", "\u2015": "-", "\u2212": "-",
        "\u2026": "...",
    }
)  # fmt: skip


_ODD = re.compile(f"[{''.join(map(chr, (*_SPACES_AND_YEN, *_LOOK_ALIKES)))}]")
# Most texts have none of them, and to ask is far cheaper than to replace.


def smooth(text: str) -> str:
    """Return the text with the typography that would cost segments for nothing made plain.

    Odd spaces become spaces and the full-width yen sign ¥. Curly quotes, dashes and the ellipsis become their plain
    look-alikes only where the whole text is GSM-7 then; a Chinese text keeps its own.
    """
    if _ODD.search(text) is None:
        return text
    plain = text.translate(_SPACES_AND_YEN)
    plainer = plain.translate(_LOOK_ALIKES)
    return plainer if _NOT_GSM.search(plainer) is None else plain
