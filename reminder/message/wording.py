"""Words that a payment reminder must have, and words that it must not.

Sources: nearly every contact rule bars threats that are not lawful or not meant, and borrowed authority (USA 12 CFR
1006.18, FL 559.72; China's collection guidelines of 2024 and 2026; Philippines SEC MC 18/2019). 12 CFR 1006.6(e) wants
a simple way to opt out in every electronic message, China's Order 31 of 2015 one in every commercial text. Asking for a
code or sending a stranger's link is what fraud looks like: a lender that never does it can say so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from reminder.message.languages import primary

__all__ = ["Remark", "remarks"]

# ASCII: where a Chinese word touches a Latin one, one ends and the other begins.
_FLAGS = re.IGNORECASE | re.ASCII

_SECRET = re.compile(
    r"\bpass ?(?:word|code|phrase)s?\b|\bPIN(?: code| number)?\b"
    r"|\b(?:verification|security|one[- ]time) (?:code|password)s?\b|\bOTP\b|\bCV[VC]2?\b"
    r"|验证码|校验码|动态码|口令|密码|驗證碼|密碼",
    _FLAGS,
)
_DENIAL = re.compile(r"\b(?:never|not)\b|n't\b|不|勿|莫", _FLAGS)
_LINK = re.compile(
    r"\bhttps?://[!-~]*|\bwww\.[!-~]*"
    r"|\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|cn|net|org|info|biz|io|co|cc|me|ly|link|top|xyz|vip|hk|tw|sg|in|uk|de|fr)\b[!-~]*",
    _FLAGS,
)
_THREAT = re.compile(
    r"\b(?:police|arrest\w*|jail|prison|lawsuit|sued?|summons|prosecut\w+|seiz\w+|criminal\w*)\b"
    r"|警察|公安|检察|逮捕|拘留|坐牢|刑事|起诉|传票|查封|律师函|上门|家人|亲友|单位领导",
    _FLAGS,
)
_OPT_OUT = {"en": re.compile(r"\bSTOP\b|\bopt[- ]out\b", _FLAGS), "zh": re.compile("退订|拒收|退訂|TD")}
_SENTENCE = re.compile(r"[^.!?;。！？；\n]+")
_MARKUP = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing about the wording; `place` is the offset in the source, None where something isn't there."""

    place: int | None
    message: str
    warning: bool = True


def remarks(source: str, language: str) -> Iterator[Remark]:
    """Yield everything about the wording of a template that its author should look at."""
    # Blanked, not cut out, so that every place stays where it was.
    words = _MARKUP.sub(lambda markup: re.sub(r"[^\n]", " ", markup[0]), source)
    yield from _secrets(words)
    for link in _LINK.finditer(words):
        message = (
            f"expected {{{{ lender.pay }}}} or no link, found {link[0][:40]!r}; customers learn to trust one address"
        )
        yield Remark(link.start(), message)
    for threat in _THREAT.finditer(words):
        message = (
            f"found {threat[0]!r}, which is read as a threat; most contact rules forbid it unless lawful and meant"
        )
        yield Remark(threat.start(), message)
    opt_out = _OPT_OUT.get(primary(language))
    if opt_out is not None and opt_out.search(words) is None:
        yield Remark(None, "expected a way to stop these texts (Reply STOP to opt out, 回复T退订), found none; add one")


def _secrets(words: str) -> Iterator[Remark]:
    for sentence in _SENTENCE.finditer(words):
        secret = _SECRET.search(sentence[0])
        if secret is not None and _DENIAL.search(sentence[0]) is None:
            message = f"expected a text that never asks for a code or a password, found {secret[0]!r}; take it out"
            yield Remark(sentence.start() + secret.start(), message, warning=False)
