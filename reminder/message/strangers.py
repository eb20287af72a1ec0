"""Strangers' links and phone numbers: a text leads to the lender and to nobody else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["Strange", "links_in", "own_hosts", "phones_in"]

_FLAGS = re.IGNORECASE | re.ASCII
_ENDINGS = "com|cn|net|org|info|biz|io|co|cc|me|ly|gl|gd|link|top|xyz|vip|shop|app|hk|tw|sg|in|uk|de|fr|example"
_LINK = re.compile(
    rf"\bhttps?://(?P<named>[^\s/:?#，。；）]+)[!-~]*|\b(?P<bare>(?:[a-z0-9-]+\.)+(?:{_ENDINGS}))\b(?:[/?#:][!-~]*)?",
    _FLAGS,
)
_PHONE = re.compile(
    r"(?<![\w.])(?:\+\d[\d ()-]{6,18}\d|1[3-9]\d(?:[ -]?\d{4}){2}|[48]00-?\d{3}-?\d{4}|0\d{2,3}-\d{7,8})(?![\w])",
    _FLAGS,
)
_SHORTENERS = frozenset({
    "bit.ly", "tinyurl.com", "t.co", "goo.gl", "ow.ly", "is.gd", "buff.ly", "rebrand.ly", "t.cn", "url.cn", "dwz.cn",
    "suo.im", "t.me", "wa.me",
})  # fmt: skip
# Carriers block links behind which anything may be (Twilio 30007; Tencent refuses links in values altogether).


@dataclass(frozen=True, slots=True)
class Strange:
    """A link or a number that is not the lender's, as it stands in a text at the offset `place`."""

    place: int
    text: str
    shortened: bool = False


def own_hosts(links: Iterable[str]) -> frozenset[str]:
    """Return the hosts of addresses of the lender's: `https://pay.acme.example/x` and `pay.acme.example` are one."""
    return frozenset(_host(match) for link in links for match in _LINK.finditer(link))


def links_in(text: str, own: frozenset[str]) -> Iterator[Strange]:
    """Yield the links of a text that lead to none of the hosts in `own`, nor below one of them.

    A shortener's link is strange whatever `own` says: behind it anything may be.
    """
    for match in _LINK.finditer(text):
        host = _host(match)
        shortened = host in _SHORTENERS
        if shortened or not any(host == each or host.endswith(f".{each}") for each in own):
            yield Strange(match.start(), match[0], shortened)


def phones_in(text: str, own: Iterable[str]) -> Iterator[Strange]:
    """Yield the phone numbers of a text that are none of `own`; only the digits count."""
    known = {_digits(number) for number in own} - {""}
    for match in _PHONE.finditer(text):
        digits = _digits(match[0])
        if not any(digits.endswith(each) or each.endswith(digits) for each in known):
            yield Strange(match.start(), match[0])


def _host(match: re.Match[str]) -> str:
    return (match["named"] or match["bare"]).lower().removeprefix("www.").rpartition("@")[2]


def _digits(number: str) -> str:
    return re.sub(r"\D", "", number)
