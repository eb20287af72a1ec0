"""Kinds of values that stand in the files of a deployment: hours, days, zones, durations, names.

Each kind says what it expects and what to do, and carries the JSON Schema that editors check it by.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainValidator,
    Strict,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from reminder.domain.money import MoneyError, minor_digits
from reminder.domain.zones import known_zone

__all__ = [
    "WEEK_DAYS",
    "AttributeName",
    "ClockTime",
    "ClosingTime",
    "Currency",
    "Duration",
    "Flag",
    "LanguageTag",
    "OneOrMore",
    "Price",
    "Region",
    "Scalar",
    "Slug",
    "StrictModel",
    "TemplatePath",
    "WeekDays",
    "WholeNumber",
    "Zone",
    "contradict",
    "listed",
    "parsed_by",
    "refuse",
]


class StrictModel(BaseModel):
    """A mapping whose keys are all known, and which nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def refuse(expected: str, advice: str = "") -> PydanticCustomError:
    """Return the error that says what was expected and what to do; `wording` adds what was found."""
    message = f"expected {expected}; {advice}" if advice else f"expected {expected}"
    # The message is a template to pydantic: whatever the user wrote into it must not be.
    escaped = message.replace("{", "(").replace("}", ")")
    return PydanticCustomError("expected", escaped, {"expected": expected, "advice": advice})


def contradict(message: str) -> PydanticCustomError:
    """Return the error of values that are sound each by itself and can't stand together."""
    escaped = message.replace("{", "(").replace("}", ")")
    return PydanticCustomError("contradiction", escaped)


def _matching(pattern: str, expected: str, *, length_max: int = 80) -> tuple[BeforeValidator, WithJsonSchema]:
    """Return the check and the schema of text that must match a pattern as a whole."""
    compiled = re.compile(pattern)

    def check(value: object) -> str:
        if isinstance(value, str) and len(value) <= length_max and compiled.fullmatch(value):
            return value
        raise refuse(expected)

    schema: dict[str, Any] = {"type": "string", "pattern": f"^(?:{pattern})$", "maxLength": length_max}
    return BeforeValidator(check), WithJsonSchema(schema)


def parsed_by(parse: Callable[[object], Any], schema: dict[str, Any]) -> tuple[PlainValidator, WithJsonSchema]:
    """Return the annotations of a value that `parse` reads, raising `refuse(...)`, and editors check by `schema`."""
    return PlainValidator(parse), WithJsonSchema(schema)


WEEK_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Names of the days in files; their place here is the number the domain gives them."""

_DAY_RANGE: Final = r"(?:mon|tue|wed|thu|fri|sat|sun)(?:-(?:mon|tue|wed|thu|fri|sat|sun))?"
_CLOCK: Final = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_DURATION: Final = re.compile(r"([0-9]{1,5}) ?(s|m|h|d)")
_UNIT: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _parse_clock(value: object) -> time:
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise refuse('a time such as "09:00"', "write hours and minutes of the 24-hour clock in quotes")
    return time(int(match[1]), int(match[2]))


def _parse_closing(value: object) -> time:
    return time(0) if value == "24:00" else _parse_clock(value)


def _parse_days(value: object) -> frozenset[int]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not parts:
        raise _days_error()
    return frozenset(day for part in parts for day in _day_range(part))


def _day_range(part: object) -> list[int]:
    names = part.strip().lower().split("-") if isinstance(part, str) else []
    if not 1 <= len(names) <= 2 or not all(name in WEEK_DAYS for name in names):
        raise _days_error()
    first, last = WEEK_DAYS.index(names[0]), WEEK_DAYS.index(names[-1])
    return [(first + step) % 7 for step in range((last - first) % 7 + 1)]


def _days_error() -> PydanticCustomError:
    return refuse("days of the week", "write mon-fri, or [mon, wed], or mon-fri,sun")


def _parse_duration(value: object) -> timedelta:
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[1]) == 0:
        raise refuse("a duration such as 26h", "write a number and s, m, h or d")
    return timedelta(**{_UNIT[match[2]]: int(match[1])})


def _parse_zone(value: object) -> str:
    zone = known_zone(value) if isinstance(value, str) else None
    if zone is None:
        raise refuse("an IANA time zone such as Asia/Shanghai", "look it up in the tz database")
    return zone


def _parse_currency(value: object) -> str:
    try:
        minor_digits(str(value))
    except MoneyError as error:
        raise refuse("an ISO 4217 currency such as CNY", str(error).rpartition("; ")[2]) from error
    return str(value)


def _parse_price(value: object) -> Decimal:
    text = value if isinstance(value, str) else str(value) if isinstance(value, int | Decimal) else ""
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        raise refuse('a price such as "0.045"', "write digits and one point")
    return Decimal(text)


def _parse_scalar(value: object) -> str | int | Decimal:
    if isinstance(value, str | int | Decimal):
        return value
    raise refuse("text, a number, true or false")


def _parse_whole(value: object) -> int:
    # The environment has only text: `tick_seconds: ${TICK}` must be able to be a number.
    digits = value.strip() if isinstance(value, str) else ""
    if re.fullmatch(r"[0-9]{1,9}", digits):
        return int(digits)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise refuse("a whole number")


Flag = Annotated[bool, Strict()]
"""`true` or `false`, nothing that merely looks like it."""

WholeNumber = Annotated[int, BeforeValidator(_parse_whole)]
"""A whole number; digits that came from the environment count."""

Slug = Annotated[
    str, *_matching(r"[a-z][a-z0-9-]*", "a name of small letters, digits and hyphens, beginning with a letter")
]
"""Identity of a policy, step, profile or gateway."""

AttributeName = Annotated[str, *_matching(r"[A-Za-z_][A-Za-z0-9_]*", "a name of letters, digits and underscores")]
"""A field of the lender's own."""

TemplatePath = Annotated[
    str,
    *_matching(
        r"[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*)*",
        "a template such as pre_due/week_ahead (small letters, no file ending)",
    ),
]
"""Path of a template below `templates/<language>/`, without its ending."""

LanguageTag = Annotated[str, *_matching(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*", "a language tag such as en or zh-CN")]
"""A BCP 47 language tag."""

Region = Annotated[str, *_matching(r"[A-Z]{2}", "two capital letters of a country, such as CN")]
"""An ISO 3166 country."""

Currency = Annotated[str, *parsed_by(_parse_currency, {"type": "string", "pattern": "^[A-Z]{3}$"})]
"""An ISO 4217 currency in use."""

Price = Annotated[
    Decimal,
    *parsed_by(_parse_price, {"anyOf": [{"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}, {"type": "number"}]}),
]
"""An exact price in major units."""

Zone = Annotated[str, *parsed_by(_parse_zone, {"type": "string", "pattern": "^[A-Za-z0-9_+/-]+$"})]
"""An IANA time zone that this machine knows."""

ClockTime = Annotated[time, *parsed_by(_parse_clock, {"type": "string", "pattern": "^([01]?[0-9]|2[0-3]):[0-5][0-9]$"})]
"""Local wall time."""

ClosingTime = Annotated[
    time, *parsed_by(_parse_closing, {"type": "string", "pattern": "^(([01]?[0-9]|2[0-3]):[0-5][0-9]|24:00)$"})
]
"""Local wall time at which something ends; `24:00` is the end of the day, `time(0)` to the domain."""

WeekDays = Annotated[
    frozenset[int],
    *parsed_by(
        _parse_days,
        {
            "anyOf": [
                {"type": "string", "pattern": f"^{_DAY_RANGE}( *, *{_DAY_RANGE})*$"},
                {"type": "array", "items": {"type": "string", "pattern": f"^{_DAY_RANGE}$"}, "minItems": 1},
            ]
        },
    ),
]
"""Days of the week, 0 is Monday."""

Duration = Annotated[timedelta, *parsed_by(_parse_duration, {"type": "string", "pattern": "^[0-9]{1,5} ?[smhd]$"})]
"""A length of time: `90s`, `30m`, `26h`, `2d`."""

Scalar = Annotated[str | int | Decimal, *parsed_by(_parse_scalar, {"type": ["string", "number", "boolean"]})]
"""What an account's field or attribute can be compared with."""


def listed(value: object) -> object:
    """Return what is no list as the only item of one."""
    return value if isinstance(value, list | tuple) else [value]


class OneOrMore:
    """A list of a file that may also be written as its only item."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401 - pydantic's own
        """Return the check: what is no list is put into one first, and nothing into none."""
        return core_schema.no_info_before_validator_function(
            lambda value: [] if value is None else listed(value), handler(source)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return what editors check by: an item, or a list of them."""
        listed = handler(schema)
        return {"anyOf": [listed["items"], listed]}
