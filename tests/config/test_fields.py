"""Kinds of values: what each takes, what it refuses, and that its schema is of the same mind."""

from __future__ import annotations

import re
from datetime import time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, ValidationError

from reminder.config import fields
from reminder.config.fields import (
    WEEK_DAYS,
    AttributeName,
    ClockTime,
    ClosingTime,
    Currency,
    Duration,
    Flag,
    LanguageTag,
    Price,
    Region,
    Scalar,
    Slug,
    StrictModel,
    TemplatePath,
    WeekDays,
    WholeNumber,
    Zone,
    contradict,
    refuse,
)


def _read(kind: Any, value: object) -> Any:
    return TypeAdapter(kind).validate_python(value)


def _patterns(kind: Any) -> list[str]:
    schema = TypeAdapter(kind).json_schema()
    branches = schema.get("anyOf", [schema])
    return [branch["pattern"] for branch in branches if "pattern" in branch]


def _case(kind: Any, value: object, meant: object, name: str) -> Any:
    return pytest.param(kind, value, meant, id=name)


@pytest.mark.parametrize(
    ("kind", "value", "meant"),
    [
        _case(Slug, "a", "a", "slug-of-one-letter"),
        _case(Slug, "week-2-ahead", "week-2-ahead", "slug"),
        _case(Slug, "a" * 80, "a" * 80, "longest-slug"),
        _case(AttributeName, "risk_band", "risk_band", "attribute"),
        _case(AttributeName, "_x9", "_x9", "attribute-with-underscore-first"),
        _case(TemplatePath, "pre_due/week_ahead", "pre_due/week_ahead", "template"),
        _case(TemplatePath, "plain", "plain", "template-without-folder"),
        _case(LanguageTag, "zh-Hant-TW", "zh-Hant-TW", "language-script-region"),
        _case(LanguageTag, "zh_CN", "zh_CN", "language-with-underscore"),
        _case(LanguageTag, "fil", "fil", "language-of-three-letters"),
        _case(Region, "CN", "CN", "region"),
        _case(Currency, "KWD", "KWD", "currency"),
        _case(Price, "0.045", Decimal("0.045"), "price-as-text"),
        _case(Price, 1, Decimal(1), "price-as-number"),
        _case(Price, Decimal("0.10"), Decimal("0.10"), "price-as-decimal"),
        _case(Price, "0", Decimal(0), "price-of-nothing"),
        _case(Zone, "America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires", "zone-of-three-parts"),
        _case(Zone, "UTC", "UTC", "zone-utc"),
        _case(ClockTime, "00:00", time(0), "midnight"),
        _case(ClockTime, "9:05", time(9, 5), "hour-of-one-digit"),
        _case(ClockTime, "23:59", time(23, 59), "last-minute"),
        _case(ClosingTime, "24:00", time(0), "end-of-the-day"),
        _case(ClosingTime, "20:00", time(20), "closing"),
        _case(WeekDays, "mon", frozenset({0}), "day"),
        _case(WeekDays, "fri-mon", frozenset({4, 5, 6, 0}), "days-over-the-turn-of-the-week"),
        _case(WeekDays, ["mon", "wed-thu"], frozenset({0, 2, 3}), "days-as-a-list"),
        _case(WeekDays, "mon,mon", frozenset({0}), "day-twice"),
        _case(Duration, "1s", timedelta(seconds=1), "second"),
        _case(Duration, "99999d", timedelta(days=99999), "longest-duration"),
        _case(Scalar, "x", "x", "scalar-text"),
        _case(Scalar, True, True, "scalar-flag"),
        _case(Scalar, 5, 5, "scalar-number"),
        _case(WholeNumber, 5, 5, "number"),
        _case(WholeNumber, -5, -5, "negative-number"),
        _case(WholeNumber, " 5 ", 5, "digits-of-the-environment"),
        _case(Flag, True, True, "flag"),
    ],
)
def test_a_value_is_read_as_it_is_meant(kind: Any, value: object, meant: object) -> None:
    """Each kind of value has one meaning, and its type says which."""
    read = _read(kind, value)

    assert read == meant
    assert type(read) is type(meant)


REFUSALS = [
    _case(Slug, "", "a name of small letters", "empty-slug"),
    _case(Slug, "2nd", "a name of small letters", "slug-beginning-with-a-digit"),
    _case(Slug, "a_b", "a name of small letters", "slug-with-underscore"),
    _case(Slug, "a.2", "a name of small letters", "slug-with-point"),
    _case(Slug, "a\n", "a name of small letters", "slug-with-line-break"),
    _case(Slug, "a" * 81, "a name of small letters", "slug-too-long"),
    _case(Slug, "é", "a name of small letters", "slug-not-ascii"),
    _case(Slug, None, "a name of small letters", "slug-of-nothing"),
    _case(AttributeName, "a-b", "a name of letters, digits and underscores", "attribute-with-hyphen"),
    _case(AttributeName, "a.b", "a name of letters, digits and underscores", "attribute-with-point"),
    _case(AttributeName, "9a", "a name of letters, digits and underscores", "attribute-beginning-with-a-digit"),
    _case(TemplatePath, "../secrets", "a template such as", "template-outside"),
    _case(TemplatePath, "/etc/passwd", "a template such as", "template-absolute"),
    _case(TemplatePath, "a//b", "a template such as", "template-with-empty-part"),
    _case(TemplatePath, "a/b.sms.j2", "a template such as", "template-with-ending"),
    _case(TemplatePath, "A/b", "a template such as", "template-with-capital"),
    _case(LanguageTag, "e", "a language tag", "language-of-one-letter"),
    _case(LanguageTag, "zh-", "a language tag", "language-unfinished"),
    _case(Region, "cn", "two capital letters", "region-small"),
    _case(Region, "CHN", "two capital letters", "region-of-three"),
    _case(Currency, "cny", "an ISO 4217 currency", "currency-small"),
    _case(Currency, "XYZ", "an ISO 4217 currency", "currency-unknown"),
    _case(Currency, 156, "an ISO 4217 currency", "currency-number"),
    _case(Price, "0,045", "a price such as", "price-with-comma"),
    _case(Price, "-1", "a price such as", "price-negative"),
    _case(Price, "1e3", "a price such as", "price-with-exponent"),
    _case(Price, True, "a price such as", "price-flag"),
    _case(Price, None, "a price such as", "price-of-nothing"),
    _case(Zone, "Beijing", "an IANA time zone", "zone-unknown"),
    _case(Zone, "GMT+8:00", "an IANA time zone", "zone-offset"),
    _case(Zone, "../UTC", "an IANA time zone", "zone-as-a-path"),
    _case(Zone, "", "an IANA time zone", "zone-empty"),
    _case(ClockTime, "24:00", "a time such as", "opens-at-24"),
    _case(ClockTime, "9", "a time such as", "hour-alone"),
    _case(ClockTime, "09:60", "a time such as", "sixty-minutes"),
    _case(ClockTime, "9:5", "a time such as", "minute-of-one-digit"),
    _case(ClockTime, "09:00:00", "a time such as", "with-seconds"),
    _case(ClockTime, "9am", "a time such as", "am"),
    _case(ClosingTime, "24:01", "a time such as", "after-24"),
    _case(WeekDays, "monday", "days of the week", "whole-word"),
    _case(WeekDays, "mon-tue-wed", "days of the week", "range-of-three"),
    _case(WeekDays, "mon,", "days of the week", "trailing-comma"),
    _case(WeekDays, [], "days of the week", "no-day"),
    _case(WeekDays, [1, 2], "days of the week", "days-as-numbers"),
    _case(WeekDays, "1-5", "days of the week", "days-as-digits"),
    _case(Duration, "26", "a duration such as", "no-unit"),
    _case(Duration, "0h", "a duration such as", "no-length"),
    _case(Duration, "-1h", "a duration such as", "negative-length"),
    _case(Duration, "1.5h", "a duration such as", "half-hours"),
    _case(Duration, "1w", "a duration such as", "unknown-unit"),
    _case(Scalar, None, "text, a number, true or false", "scalar-of-nothing"),
    _case(Scalar, ["a"], "text, a number, true or false", "scalar-list"),
    _case(WholeNumber, True, "a whole number", "number-flag"),
    _case(WholeNumber, 1.0, "a whole number", "number-float"),
    _case(WholeNumber, "-5", "a whole number", "negative-digits-as-text"),
    _case(WholeNumber, "٥", "a whole number", "digits-of-another-script"),
    _case(WholeNumber, "1" * 10, "a whole number", "too-many-digits"),
]


@pytest.mark.parametrize(("kind", "value", "expected"), REFUSALS)
def test_what_is_not_of_the_kind_is_refused_with_what_was_expected(kind: Any, value: object, expected: str) -> None:
    """Law 8: nothing is bent until it fits; the refusal teaches what would."""
    with pytest.raises(ValidationError) as caught:
        _read(kind, value)

    (error,) = caught.value.errors()
    assert error["type"] == "expected"
    assert error["msg"].startswith(f"expected {expected}")


@pytest.mark.parametrize("value", ["yes", "true", 1, 0, None])
def test_a_flag_is_true_or_false_alone(value: object) -> None:
    """`yes` is a word and 1 a number."""
    with pytest.raises(ValidationError):
        _read(Flag, value)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [case for case in REFUSALS if isinstance(case.values[1], str) and case.id not in {
        "currency-unknown", "zone-unknown", "no-length", "zone-as-a-path", "slug-too-long", "slug-with-line-break",
    } and case.values[0] not in (Scalar, WholeNumber)],
)  # fmt: skip
def test_the_schema_refuses_what_the_reader_refuses(kind: Any, value: str, expected: str) -> None:
    """An editor underlines it while it is being typed, wherever a pattern can say so."""
    patterns = _patterns(kind)

    assert patterns, expected
    assert not any(re.search(pattern, value) for pattern in patterns)


@pytest.mark.parametrize(
    "kind", [Slug, AttributeName, TemplatePath, LanguageTag, Region, ClockTime, ClosingTime, WeekDays]
)
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_the_reader_takes_what_the_schema_takes(kind: Any, data: st.DataObject) -> None:
    """Where an editor is content, so is the reader: the pattern is not looser than the check."""
    pattern = data.draw(st.sampled_from(_patterns(kind)))
    value = data.draw(st.from_regex(pattern, fullmatch=True).filter(lambda text: len(text) <= 80))

    _read(kind, value.rstrip("\n"))


@given(days=st.sets(st.sampled_from(range(7)), min_size=1))
@settings(deadline=None)
def test_any_set_of_days_can_be_written(days: set[int]) -> None:
    """A list of names says every set of days there is."""
    names = [WEEK_DAYS[day] for day in sorted(days)]

    assert _read(WeekDays, names) == _read(WeekDays, ",".join(names)) == days


@given(first=st.integers(0, 6), last=st.integers(0, 6))
@settings(deadline=None)
def test_a_range_of_days_runs_from_its_first_to_its_last(first: int, last: int) -> None:
    """Ranges may pass Sunday; one of a single day is that day."""
    days = _read(WeekDays, f"{WEEK_DAYS[first]}-{WEEK_DAYS[last]}")

    assert {first, last} <= days
    assert len(days) == (last - first) % 7 + 1


@given(at=st.times(timezones=st.none()).map(lambda moment: moment.replace(second=0, microsecond=0)))
@settings(deadline=None)
def test_any_minute_of_the_day_can_be_written(at: time) -> None:
    """What a window opens at is what its file says."""
    assert _read(ClockTime, f"{at:%H:%M}") == at


@given(text=st.text(max_size=60))
@settings(deadline=None)
def test_words_of_a_refusal_are_never_a_template(text: str) -> None:
    """Law 11: whatever is put into an error's words, braces included, arrives as words."""
    error, clash = refuse(text, text), contradict(text)

    assert error.context == {"expected": text, "advice": text}
    assert "{" not in error.message()
    assert "{" not in clash.message()


class _Model(StrictModel):
    """A mapping with one key."""

    size: WholeNumber = Field(ge=0)


def test_a_model_knows_its_keys_and_never_changes() -> None:
    """Settings that were read stay as they were read."""
    model = _Model.model_validate({"size": 1})

    with pytest.raises(ValidationError, match="frozen"):
        model.size = 2
    with pytest.raises(ValidationError, match="Extra inputs"):
        _Model.model_validate({"size": 1, "sise": 2})


def test_every_public_name_is_there() -> None:
    """`__all__` names what the module has."""
    assert all(hasattr(fields, name) for name in fields.__all__)
