"""What a customer's text means: whole texts and phrases of all languages at once, for people write as they like.

A whole text (`words`) is taken at its word. A phrase counts wherever it stands, as whole words in scripts that put
spaces between them. What is neither is left to a person: nothing is guessed from a single word in the middle of a
sentence, except by the phrases of STOP, which are many, for doubt about a STOP is a STOP (law 8).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from reminder.domain.receipt import Meaning
from reminder.message.languages import nearest

__all__ = ["TEXT_READ_MAX_CHARS", "KeywordSet", "Keywords", "Phrases", "Understood", "plain"]

TEXT_READ_MAX_CHARS: Final = 1600
"""How much of a customer's text is read for its meaning: the longest that a provider passes on as one."""

_ORDER: Final = (
    Meaning.STOP, Meaning.DECEASED, Meaning.FRAUD_VICTIM, Meaning.INSOLVENT, Meaning.REPRESENTED, Meaning.WRONG_PERSON,
    Meaning.DISPUTE, Meaning.PAID, Meaning.START, Meaning.HELP,
)  # fmt: skip
# A text of two meanings has the one that silences us more.

_ACCENTS: Final = re.compile("[\u0300-\u036f]+")
_APART: Final = re.compile(r"(?:[^\w']|_)+")
_SPACELESS: Final = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\u0e00-\u0e7f]")
# Japanese, Chinese, Thai: no spaces between words.


@dataclass(frozen=True, slots=True)
class Phrases:
    """What is understood as one meaning: `words` are whole texts, `phrases` may stand anywhere in one."""

    words: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeywordSet:
    """The words of one language. `confirmation` answers a STOP; `{lender}` in it is who we are."""

    language: str
    meanings: Mapping[Meaning, Phrases]
    confirmation: str


@dataclass(frozen=True, slots=True)
class Understood:
    """A meaning, the word or phrase it was found by, and the language of that."""

    meaning: Meaning
    found: str = ""
    language: str = ""


class Keywords:
    """The words of all languages."""

    def __init__(self, sets: tuple[KeywordSet, ...]) -> None:
        self._words: dict[Meaning, dict[str, str]] = {meaning: {} for meaning in _ORDER}
        self._phrases: dict[Meaning, list[tuple[str, str]]] = {meaning: [] for meaning in _ORDER}
        self._confirmations = {each.language: each.confirmation for each in sets}
        for each in sets:
            for meaning, known in each.meanings.items():
                self._words[meaning].update((plain(word), each.language) for word in known.words)
                self._phrases[meaning] += [(plain(phrase), each.language) for phrase in known.phrases]

    def understand(self, text: str) -> Understood:
        """Return what a text means; OTHER for all that a person must read."""
        read = plain(text[:TEXT_READ_MAX_CHARS])
        if not read:
            return Understood(Meaning.OTHER)
        return next(self._meanings(read), Understood(Meaning.OTHER))

    def meanings(self, text: str) -> frozenset[Meaning]:
        """Return everything that a text can mean: "stop, she has died" is two things."""
        return frozenset(one.meaning for one in self._meanings(plain(text[:TEXT_READ_MAX_CHARS])))

    def confirmation(self, *languages: str) -> str:
        """Return the answer to a STOP in the first of these languages that has one, or in English."""
        found = nearest(None, frozenset(self._confirmations), tuple(filter(None, (*languages, "en"))))
        return self._confirmations[found] if found else ""

    def _meanings(self, read: str) -> Iterator[Understood]:
        """Yield each meaning that a text can have, the most silencing first."""
        once = _said_once(read)
        for meaning in _ORDER:
            if (language := self._words[meaning].get(once)) is not None:
                yield Understood(meaning, once, language)
            for phrase, spoken in self._phrases[meaning]:
                if _stands_in(phrase, read):
                    yield Understood(meaning, phrase, spoken)


def plain(text: str) -> str:
    """Return a text as it is compared: one form of each letter, small, no accents, single spaces, no punctuation."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    bare = unicodedata.normalize("NFC", _ACCENTS.sub("", folded)).replace("\u2019", "'")
    return _APART.sub(" ", bare).strip(" '")


def _said_once(read: str) -> str:
    """Return `stop` for `stop stop stop`."""
    words = read.split()
    return words[0] if len(set(words)) == 1 else read


def _stands_in(phrase: str, read: str) -> bool:
    """Return whether a phrase stands in a text: between spaces, or anywhere in a script that has none."""
    if _SPACELESS.search(phrase):
        return phrase.replace(" ", "") in read.replace(" ", "")
    return f" {phrase} " in f" {read} "
