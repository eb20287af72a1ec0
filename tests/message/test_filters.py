"""What an amount, a date or an account number looks like in a text."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal
from hypothesis import given
from hypothesis import strategies as st

from reminder.domain.money import CURRENCIES, Money, minor_digits
from reminder.domain.segments import Encoding, segment, smooth
from reminder.errors import TemplateError
from reminder.message.filters import FILTERS, LIST_MAX_LINES, Filters, Listing, Total

LANGUAGES = ("en", "zh-CN", "zh-Hant-TW", "de", "fr", "es", "hi", "en-IN", "pt-BR", "ja", "ru", "vi", "th", "id")
BOUND = {language: Filters(language) for language in LANGUAGES}

moneys = st.builds(Money, st.integers(-(10**12), 10**12), st.sampled_from(sorted(CURRENCIES)))
dates = st.dates(date(2000, 1, 1), date(2099, 12, 31))


@pytest.mark.parametrize(
    ("language", "money", "expected"),
    [
        ("en", Money(50_000, "CNY"), "CN¥500.00"),
        ("en", Money(123_456_789, "USD"), "$1,234,567.89"),
        ("en", Money(500, "JPY"), "¥500"),
        ("en", Money(12_345, "KWD"), "KWD 12.345"),
        ("en", Money(5, "GBP"), "£0.05"),
        ("en", Money(0, "EUR"), "€0.00"),
        ("en", Money(-150, "USD"), "-$1.50"),
        ("en", Money(100_000, "INR"), "INR 1,000.00"),
        ("en-IN", Money(1_234_567_890, "USD"), "$1,23,45,678.90"),
        ("zh-CN", Money(50_000, "CNY"), "¥500.00"),
        ("zh-CN", Money(50_000, "USD"), "US$500.00"),
        ("zh-CN", Money(100_000, "INR"), "₹1,000.00"),
        ("zh-CN", Money(123_456_789, "IQD"), "IQD 123,456.789"),
        ("de", Money(123_456, "EUR"), "1.234,56 €"),
        ("de", Money(123_456, "CHF"), "1.234,56 CHF"),
        ("fr", Money(123_456, "EUR"), "1 234,56 €"),
        ("vi", Money(500_000, "VND"), "500.000 VND"),
    ],
)
def test_amounts_are_written_as_the_language_writes_them(language: str, money: Money, expected: str) -> None:
    """Promise: right symbol, separators and decimals; plain spaces; a code where a symbol would cost UCS-2."""
    assert Filters(language).money(money) == expected


@given(money=moneys, language=st.sampled_from(LANGUAGES))
def test_the_digits_of_an_amount_are_never_changed(money: Money, language: str) -> None:
    """Law 5: the amount in the text is the amount that is owed, to the last minor unit, in every currency."""
    text = BOUND[language].money(money)
    digits = "".join(character for character in text if character in "0123456789")

    assert int(digits) == abs(money.minor)


@given(money=moneys, language=st.sampled_from(LANGUAGES))
def test_amounts_agree_with_babel(money: Money, language: str) -> None:
    """Promise: the quick way of writing amounts writes what CLDR asks for, digit groups and separators included."""
    locale = Locale.parse(language, sep="-")
    pattern = locale.currency_formats["standard"].pattern.split(";")[0]
    digits = minor_digits(money.currency)
    exact = re.sub(r"0\.00", "0." + "0" * digits if digits else "0", pattern)

    expected = format_currency(abs(money.amount), money.currency, exact, locale=locale, currency_digits=False)

    def numerals(text: str) -> str:
        found = re.search(r"\d[\d., ’']*\d|\d", smooth(text))
        return found[0].strip() if found else ""

    assert numerals(BOUND[language].money(money)) == numerals(expected)


@given(number=st.integers(-(10**12), 10**12), language=st.sampled_from(LANGUAGES))
def test_numbers_agree_with_babel(number: int, language: str) -> None:
    """Promise: thousands are grouped as the language groups them, two by two in India."""
    assert BOUND[language].number(number) == smooth(format_decimal(number, locale=Locale.parse(language, sep="-")))


@given(money=moneys, day=dates, language=st.sampled_from(LANGUAGES))
def test_no_filter_prints_a_space_that_costs_segments(money: Money, day: date, language: str) -> None:
    """Promise: U+00A0 and U+202F, which CLDR puts into amounts, never turn a GSM-7 text into UCS-2."""
    filters = BOUND[language]

    printed = filters.money(money) + filters.date(day) + filters.day(day) + filters.number(money.minor)

    assert not set(printed) & {"\u00a0", "\u202f", "\u2009", "\uffe5"}


@given(money=moneys, day=dates)
def test_english_values_are_gsm(money: Money, day: date) -> None:
    """Promise: whatever the currency, an English text keeps its 160 characters a segment."""
    filters = BOUND["en"]
    printed = f"{filters.money(money)} {filters.date(day)} {filters.day(day)} {filters.weekday(day)}"

    assert segment(printed).encoding is Encoding.GSM7


@pytest.mark.parametrize(
    ("language", "full", "short", "weekday"),
    [
        ("en", "3 May 2026", "3 May", "Sunday"),
        ("en-US", "3 May 2026", "3 May", "Sunday"),
        ("en-GB", "3 May 2026", "3 May", "Sunday"),
        ("zh-CN", "2026年5月3日", "5月3日", "星期日"),
        ("zh-Hant-TW", "2026年5月3日", "5月3日", "星期日"),
        ("de", "3. Mai 2026", "3. Mai", "Sonntag"),
        ("ja", "2026年5月3日", "5月3日", "日曜日"),
        ("pt-BR", "3 de mai. de 2026", "3 de mai.", "domingo"),
    ],
)
def test_dates_name_month_and_day(language: str, full: str, short: str, weekday: str) -> None:
    """Promise: no reader, British or American, can take 3 May for 5 March."""
    filters = Filters(language)
    day = date(2026, 5, 3)

    assert (filters.date(day), filters.day(day), filters.weekday(day)) == (full, short, weekday)


@given(day=dates)
def test_english_dates_can_be_read_back(day: date) -> None:
    """Promise: a printed date is one date only: day, month in letters, year."""
    number, month, year = BOUND["en"].date(day).split()
    name = format_date(day, "MMM", locale="en")

    assert (int(number), month, int(year)) == (day.day, name, day.year)


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, "0th"), (1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (10, "10th"), (11, "11th"), (12, "12th"),
     (13, "13th"), (21, "21st"), (22, "22nd"), (101, "101st"), (111, "111th"), (112, "112th"), (123, "123rd")],
)  # fmt: skip
def test_english_ordinals(number: int, expected: str) -> None:
    """Promise: 11th, 12th and 13th, but 21st, 22nd and 23rd."""
    assert Filters("en").ordinal(number) == expected


@pytest.mark.parametrize(
    ("language", "expected"), [("zh-CN", "第2次"), ("zh-Hant", "第2次"), ("de", "2."), ("fr", "2.")]
)
def test_ordinals_of_other_languages(language: str, expected: str) -> None:
    """Promise: Chinese counts times; a language whose form isn't known gets the number with a point."""
    assert Filters(language).ordinal(2) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("LN-2026-8000", "8000", id="account-number"),
        pytest.param("6222 0212 3456 7890", "7890", id="card-number"),
        pytest.param("80-00", "8000", id="separators-don't-count"),
        pytest.param("A-17", "A17", id="short-number"),
        pytest.param("贷2026000123", "0123", id="number-with-han"),
        pytest.param("张三丰", "张*", id="han-name"),
        pytest.param("Anna Smith", "A*", id="latin-name"),
        pytest.param("Ø", "Ø*", id="one-letter"),
        pytest.param("", "*", id="nothing"),
        pytest.param(20268000, "8000", id="number-kept-as-a-number"),
    ],
)
def test_masking(value: object, expected: str) -> None:
    """Law 13: of an account number only the last four are printed, of a name only its first character."""
    assert Filters("en").mask(value) == expected


@given(st.text())
def test_masking_never_prints_more_than_four_characters(value: str) -> None:
    """Law 13: whatever the book calls a name or a number, hardly any of it is shown."""
    assert len(Filters("en").mask(value)) <= 4


def test_totals_keep_currencies_apart() -> None:
    """Promise: amounts of two currencies are never added; both are named."""
    total = Total((Money(50_000, "CNY"), Money(2_000, "USD")))

    assert Filters("zh-CN").show(total) == Filters("zh-CN").money(total) == "¥500.00 + US$20.00"


@pytest.mark.parametrize(
    ("language", "count", "expected"),
    [
        ("en", 1, ["8000 CN¥500.00 (3 May)"]),
        ("en", 3, ["8000 CN¥500.00 (3 May)", "8001 CN¥500.00 (4 May)", "8002 CN¥500.00 (5 May)"]),
        ("en", 5, ["8000 CN¥500.00 (3 May)", "8001 CN¥500.00 (4 May)", "8002 CN¥500.00 (5 May)", "and 2 more"]),
        ("zh-CN", 4, ["8000 ¥500.00 (5月3日)", "8001 ¥500.00 (5月4日)", "8002 ¥500.00 (5月5日)", "另有1笔"]),
        ("th", 4, ["8000 CN¥500.00 (3 พ.ค.)", "8001 CN¥500.00 (4 พ.ค.)", "8002 CN¥500.00 (5 พ.ค.)", "+1"]),
    ],
)
def test_lists_name_the_first_few_and_count_the_rest(language: str, count: int, expected: list[str]) -> None:
    """Promise: a text for many accounts stays short and still says how many there are."""
    entries = tuple(
        (f"LN-{8000 + i}", Money(50_000, "CNY"), date(2026, 5, 3) + timedelta(days=i)) for i in range(count)
    )

    assert Filters(language).show(Listing(entries)).split("\n") == expected
    assert len(expected) <= LIST_MAX_LINES + 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("text", "text", id="text"),
        pytest.param(7, "7", id="number"),
        pytest.param(Decimal("1.50"), "1.50", id="decimal"),
        pytest.param(Money(50_000, "USD"), "$500.00", id="money"),
        pytest.param(date(2026, 5, 3), "3 May 2026", id="date"),
    ],
)
def test_values_are_printed_well_without_a_filter(value: object, expected: str) -> None:
    """Promise: an author who forgets `|money` still gets an amount that people can read."""
    assert Filters("en").show(value) == expected


@pytest.mark.parametrize("value", [True, False, {"a": 1}])
def test_what_is_no_text_is_not_printed(value: object) -> None:
    """Law 8: "True" or a Python mapping in a customer's text is a mistake of the template, and refuses it."""
    with pytest.raises(TemplateError, match="something to print"):
        Filters("en").show(value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("money", "500"), ("money", 5), ("date", "2026-05-03"), ("day", 3), ("weekday", None), ("number", "3"),
     ("number", True), ("ordinal", Decimal(2)), ("ordinal", False)],
)  # fmt: skip
def test_filters_refuse_what_they_are_not_for(name: str, value: object) -> None:
    """Law 9: a filter on the wrong value says what it expected, and only this text falls."""
    with pytest.raises(TemplateError, match=f"the filter {name} on a"):
        BOUND["en"].by_name()[name](value)


@pytest.mark.parametrize("language", ["xx-nope", "", "../etc", "english", "zh/CN"])
def test_a_language_that_does_not_exist_is_refused(language: str) -> None:
    """Promise: a folder with a name that is no language is reported, with what to do."""
    with pytest.raises(TemplateError, match="language tag"):
        Filters(language)


def test_every_filter_has_its_name() -> None:
    """Promise: the list of filters that checks know is the list that templates get."""
    assert tuple(BOUND["en"].by_name()) == FILTERS


def test_what_is_remembered_is_bounded() -> None:
    """Law 12: memory stays flat, however many different dates a book has."""
    filters = Filters("en")
    for day in range(10_000):
        filters.date(date(2000, 1, 1) + timedelta(days=day))

    assert filters._dates.cache_info().currsize <= 4096
