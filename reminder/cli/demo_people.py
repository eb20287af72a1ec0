"""Who lives in the made-up book: names, places, and phone numbers that belong to nobody.

Numbers: `+1 … 555 01xx` is kept for fiction in North America (NANPA) and `0491 57x xxx` in Australia (ACMA). China
keeps none, so these have the shape 1380 0xxx 500, which its largest carrier gives to its own message centres. The
other countries have one or two numbers of the shape `1234 5678`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["AMERICA", "BRITAIN", "CHINA", "EAST", "EXPATS", "LOS_ANGELES", "Place", "name_in"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a customer lives: IANA zone (as the book has it), language, currency, usual amounts in major units."""

    timezone: str
    language: str
    currency: str
    amounts: tuple[int, int]
    number: Callable[[int], str]


def _in_china(count: int) -> str:
    return f"138 00{count % 1000:03} 500"


def _in_america(area: int) -> Callable[[int], str]:
    return lambda count: f"+1 {area} 555 01{count % 100:02}"


def _in_australia(count: int) -> str:
    return f"+61 491 570 {(6, 156, 157, 158, 159, 110)[count % 6]:03}"


def _from(*numbers: str) -> Callable[[int], str]:
    return lambda count: numbers[count % len(numbers)]


CHINA = Place("Asia/Shanghai", "zh-CN", "CNY", (300, 4800), _in_china)
EXPATS = Place("Asia/Shanghai", "en", "CNY", (800, 6500), _in_china)
AMERICA = Place("America/New_York", "en", "USD", (40, 900), _in_america(212))
LOS_ANGELES = Place("America/Los_Angeles", "en", "USD", (40, 900), _in_america(415))
BRITAIN = Place("Europe/London", "en", "GBP", (30, 700), _from("+44 7400 123456", "+44 7400 123457"))
EAST = (
    Place("Asia/Tokyo", "en", "JPY", (5_000, 90_000), _from("+81 90 1234 5678", "+81 80 1234 5678")),
    Place("Asia/Singapore", "zh-CN", "SGD", (60, 1200), _from("+65 8123 4567", "+65 9123 4567")),
    Place("Asia/Hong_Kong", "zh-CN", "HKD", (400, 9000), _from("+852 5123 4567", "+852 9123 4567")),
    Place("Australia/Sydney", "en", "AUD", (60, 1500), _in_australia),
)
"""Places whose morning is China's, more or less."""

_FAMILY = "王李张刘陈杨赵黄周吴徐孙马朱胡郭何林高罗"
_GIVEN = "子涵 雨欣 浩然 欣怡 宇轩 思远 晓燕 建国 丽华 志强 秀英 俊杰 婉清 明哲 佳宁 海涛"
_FIRST = "Amelia Daniel Grace Oliver Hana Lucas Sofia Noah Priya Ethan Mei Jack Chloe Ryan Aiko Samuel"
_LAST = "Carter Nguyen Walker Tanaka Murphy Patel Lim O'Brien Wong Fischer Reyes Clarke Sato Turner"


def name_in(language: str, count: int) -> str:
    """Return a name for the customer of this number, as people who read this language are often called."""
    if language == "zh-CN":
        return _FAMILY[count % len(_FAMILY)] + _one_of(_GIVEN, count * 7)
    return f"{_one_of(_FIRST, count)} {_one_of(_LAST, count * 5)}"


def _one_of(words: str, count: int) -> str:
    choice = words.split()
    return choice[count % len(choice)]
