"""What a payment reminder must say, and what it must not: threats, borrowed authority, strangers' links and numbers.

The words are data (`config/wording/<language>.yaml`), each rule with its source; this module finds them, at their
place in a template. Asking for a code or sending a stranger's link is what fraud looks like: a lender that never does
it can say so.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from reminder.message.languages import nearest, primary

__all__ = ["OPT_OUT", "Forbidden", "LanguageWords", "Remark", "Required", "Words", "words_alone"]

OPT_OUT = "opt_out"
"""The requirement that a text says how to stop these texts."""

# ASCII: where a Chinese word touches a Latin one, one ends and the other begins.
_FLAGS = re.IGNORECASE | re.ASCII
_SENTENCE = re.compile(r"[^.!?;。！？；\n]+")
_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_MARKUP = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing about the wording; `place` is the offset in the source, None where something isn't there."""

    place: int | None
    message: str
    warning: bool = False


@dataclass(frozen=True)
class Forbidden:
    """Phrases that no text may have. In a sentence with a word of `unless_denied` they are a warning against it."""

    rule: str
    source: str
    expected: str
    phrases: tuple[str, ...]
    unless_denied: tuple[str, ...] = ()

    def found(self, words: str) -> Iterator[re.Match[str]]:
        """Yield each phrase in the words, which are plain (see `plain`)."""
        phrases, denials = _any_of(self.phrases), _any_of(self.unless_denied)
        for sentence in _SENTENCE.finditer(words):
            if denials is None or denials.search(sentence[0]) is None:
                yield from phrases.finditer(words, *sentence.span()) if phrases else ()


@dataclass(frozen=True)
class Required:
    """How a requirement is met: one of these anywhere, or one of those as the first or the last thing of a text."""

    any_of: tuple[str, ...] = ()
    at_edge: tuple[str, ...] = ()

    def met_by(self, source: str) -> bool:
        """Return whether a template, its comments left out, meets it."""
        text = _plain(_COMMENT.sub("", source)).strip()
        spelt = re.sub(r"\{\{-?\s*(.*?)\s*-?\}\}", r"{{ \1 }}", text)
        edges = tuple(map(_plain, self.at_edge))
        if edges and (spelt.startswith(edges) or spelt.endswith(edges)):
            return True
        anywhere = _any_of(tuple(map(_plain, self.any_of)))
        return anywhere is not None and anywhere.search(spelt) is not None

    def __str__(self) -> str:
        """Return what would meet it, for people."""
        return " or ".join(f"“{phrase}”" for phrase in (*self.any_of[:3], *self.at_edge))


@dataclass(frozen=True)
class LanguageWords:
    """The words of one language: what is forbidden, and how each requirement is recognised, by its name."""

    language: str
    forbidden: tuple[Forbidden, ...] = ()
    required: Mapping[str, Required] = field(default_factory=dict)


class Words:
    """The words of all languages that a deployment knows."""

    def __init__(self, languages: Iterable[LanguageWords] = ()) -> None:
        self._languages = {each.language: each for each in languages}
        # Each text is held to the words of all languages, so each way to deny something counts in all of them.
        denials: dict[str, tuple[str, ...]] = {}
        for words in self._languages.values():
            for each in words.forbidden:
                denials[each.rule] = (*denials.get(each.rule, ()), *each.unless_denied)
        self._forbidden = [
            replace(each, unless_denied=denials[each.rule])
            for words in self._languages.values()
            for each in words.forbidden
        ]

    def of(self, language: str) -> LanguageWords:
        """Return the words of the nearest known form of a language; none at all where nobody has listed any."""
        tag = nearest(language, frozenset(self._languages))
        return self._languages.get(tag or "", LanguageWords(primary(language)))

    def remarks(self, source: str, language: str) -> Iterator[Remark]:
        """Yield everything about the words of a template that its author must look at."""
        # A sentence in another language is found out by that language's words.
        words = _plain(words_alone(source))
        places: set[int] = set()
        for each in self._forbidden:
            for match in each.found(words):
                if match.start() in places:
                    continue  # one slip, though two languages list it
                places.add(match.start())
                told = f"expected {each.expected}; found {source[match.start() : match.end()]!r}"
                yield Remark(match.start(), f"{told} (rule {each.rule}: {each.source}); take it out")
        opt_out = self.of(language).required.get(OPT_OUT)
        if opt_out is not None and not opt_out.met_by(source):
            yield Remark(None, f"expected a way to stop these texts, such as {opt_out}, found none; add one", True)


def words_alone(source: str) -> str:
    """Return a template with everything but its words blanked, so that every place stays where it was."""
    return _MARKUP.sub(lambda markup: re.sub(r"[^\n]", " ", markup[0]), source)


def _plain(text: str) -> str:
    """Return the text with full-width and capital letters read as plain small ones, each character at its own place."""
    return "".join(_plain_character(character) for character in text)


def _plain_character(character: str) -> str:
    plain = unicodedata.normalize("NFKC", character).casefold()
    return plain if len(plain) == 1 else character


def _any_of(phrases: tuple[str, ...]) -> re.Pattern[str] | None:
    return re.compile("|".join(map(_pattern, phrases)), _FLAGS) if phrases else None


def _pattern(phrase: str) -> str:
    """Return the pattern of a phrase: whole words in scripts that have spaces, any ending where it ends in `*`."""
    open_ended = phrase.endswith("*")
    body = re.escape(phrase.removesuffix("*")).replace(r"\ ", r"\s+").replace(r"\*", r"\w*")
    before = r"\b" if re.match(r"\w", phrase, re.ASCII) else ""
    after = r"\w*" if open_ended else r"\b" if re.search(r"\w$", phrase, re.ASCII) else ""
    return f"{before}{body}{after}"
