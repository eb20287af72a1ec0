"""Language tags: which of the languages that exist is nearest to the one a customer reads.

Tags are BCP 47 (`zh-Hant-TW`); `_` and `-`, capitals and small letters are alike, because books write all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

__all__ = ["nearest", "normal", "parents", "primary"]


@lru_cache(maxsize=1024)
def normal(tag: str) -> str:
    """Return the one spelling in which tags are compared: `zh_Hant_TW` is `zh-hant-tw`."""
    return tag.strip().replace("_", "-").casefold()


def primary(tag: str) -> str:
    """Return the language itself, without script and region: `zh` for `zh-Hant-TW`."""
    return normal(tag).partition("-")[0]


@lru_cache(maxsize=1024)
def parents(tag: str) -> tuple[str, ...]:
    """Return the tag and each one it is a case of, nearest first: `zh-hant-tw`, `zh-hant`, `zh`."""
    parts = [part for part in normal(tag).split("-") if part]
    return tuple("-".join(parts[:count]) for count in range(len(parts), 0, -1))


@lru_cache(maxsize=4096)
def nearest(wanted: str | None, available: frozenset[str], otherwise: tuple[str, ...] = ()) -> str | None:
    """Return the available tag, as spelled there, that is nearest to the wanted one, or None.

    First the tag and its parents, then another region or script of the same language (whoever reads `zh-TW` reads
    `zh-CN` more easily than English; the first in alphabetical order), then the same for each of `otherwise`.
    """
    by_tag = {normal(tag): tag for tag in sorted(available)}
    for tag in (wanted, *otherwise):
        if tag is None:
            continue
        found = _of_one_language(tag, by_tag)
        if found is not None:
            return by_tag[found]
    return None


def _of_one_language(tag: str, known: Iterable[str]) -> str | None:
    tags = sorted(known)
    cousins = (candidate for candidate in tags if primary(candidate) == primary(tag))
    return next((parent for parent in parents(tag) if parent in tags), None) or next(cousins, None)
