"""Only numbers that can be texted pass, and no number is ever told."""

from __future__ import annotations

import subprocess
import sys
from zoneinfo import available_timezones

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import tzdata as phone_zones

from reminder.domain.phone import (
    PhoneError,
    PhoneFault,
    PhoneNumber,
    _looked_up,
    _plain_chinese,
    mask_phone,
    parse_phone,
)

SHANGHAI = frozenset({"Asia/Shanghai"})
CHINESE = PhoneNumber("+8613800138000", "CN", SHANGHAI)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param("13800138000", id="national"),
        pytest.param("+8613800138000", id="E.164"),
        pytest.param("+86 138-0013-8000", id="dashes"),
        pytest.param("0086-138 0013 8000", id="dialled prefix"),
        pytest.param("１３８００１３８０００", id="full-width digits"),
        pytest.param("＋８６（138）00138000", id="full-width punctuation"),
        pytest.param("\u202a+8613800138000\u202c", id="direction marks, as copied from a chat"),
        pytest.param("  13800138000\t", id="blanks around"),
        pytest.param("(138) 0013.8000", id="brackets and points"),
    ],
)
def test_one_number_however_it_is_written(raw: str) -> None:
    """Suppressions and caps count numbers: every spelling of one becomes the same E.164."""
    assert parse_phone(raw, "CN") == CHINESE


@given(
    st.sampled_from(["", "+86", "0086", "86", "+", "0"]),
    st.from_regex(r"1[0-9]{10}|1[3-9][0-9]{8,10}|[0-9]{11}", fullmatch=True),
    st.sampled_from(["CN", "US", "GB", "HK", "XX", None]),
)
def test_the_short_way_to_a_chinese_number_says_what_the_long_one_says(
    code: str, digits: str, region: str | None
) -> None:
    """Plain Chinese numbers are read by their pattern alone: number, zones and refusals are those of phonenumbers."""
    short = _plain_chinese(code + digits, region)
    try:
        long = _looked_up(code + digits, region)
    except PhoneError:
        assert short is None
    else:
        assert short in (long, None)


@pytest.mark.parametrize("written", ["13800138000", "+8613800138000", "008613800138000"])
def test_plain_chinese_numbers_take_the_short_way(written: str) -> None:
    """The common shapes of a Chinese book are not looked up, which is what makes a pass over it quick."""
    assert _plain_chinese(written, "CN") == CHINESE


def test_country_code_wins_over_region() -> None:
    """A number that names its country is read there, whatever the deployment's default."""
    assert parse_phone("+447400123456", "CN").region == "GB"


def test_region_may_be_lower_case() -> None:
    """`cn` in a configuration is China."""
    assert parse_phone("13800138000", "cn") == CHINESE


def test_north_american_numbers_pass() -> None:
    """North America doesn't tell mobile from fixed numbers, so those that may be mobile are texted."""
    assert parse_phone("(202) 555-0123", "US").e164 == "+12025550123"


def test_a_number_may_be_in_many_zones() -> None:
    """Law 8: a Russian mobile number may be in any Russian zone, so all of them count."""
    zones = parse_phone("+79161234567", None).zones
    assert {"Europe/Moscow", "Asia/Vladivostok"} <= zones


def test_the_zone_nobody_knows_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """`Etc/Unknown` is no zone: a number without one has none, so that the fallback is used."""
    monkeypatch.setattr("phonenumbers.timezone.time_zones_for_number", lambda _number: ("Etc/Unknown",))
    assert parse_phone("+447400123999", None).zones == frozenset()


def test_every_zone_of_a_number_is_one_we_can_reckon_in() -> None:
    """Law 8: a plausible zone that our clock data lacks would silently widen the hours."""
    named = {zone for zones in phone_zones.TIMEZONE_DATA.values() for zone in zones}
    assert named - available_timezones() <= {"Etc/Unknown"}


@pytest.mark.parametrize(
    ("raw", "region", "fault"),
    [
        pytest.param("", "CN", PhoneFault.EMPTY, id="nothing"),
        pytest.param(" \u3000", "CN", PhoneFault.EMPTY, id="blanks"),
        pytest.param("n/a", "CN", PhoneFault.UNPARSABLE, id="words"),
        pytest.param("{{ 7*7 }}", "CN", PhoneFault.UNPARSABLE, id="a template"),
        pytest.param("13800138000 ext 5", "CN", PhoneFault.UNPARSABLE, id="an extension in letters"),
        pytest.param("13800138000#5", "CN", PhoneFault.INVALID, id="an extension in signs"),
        pytest.param("1800FLOWERS", "US", PhoneFault.UNPARSABLE, id="letters on keys"),
        pytest.param("1" * 300, "CN", PhoneFault.UNPARSABLE, id="endless"),
        pytest.param("95588", "CN", PhoneFault.INVALID, id="a bank's short code"),
        pytest.param("12345", "CN", PhoneFault.INVALID, id="a city's hotline"),
        pytest.param("13800138000.0", "CN", PhoneFault.INVALID, id="a number that was once a float"),
        pytest.param("13800138000/13900139000", "CN", PhoneFault.UNPARSABLE, id="two numbers"),
        pytest.param("13800138000;13900139000", "CN", PhoneFault.INVALID, id="two numbers with a semicolon"),
        pytest.param("13800138000, 13900139000", "CN", PhoneFault.UNPARSABLE, id="two numbers with a comma"),
        pytest.param("1380013800", "CN", PhoneFault.INVALID, id="a digit short"),
        pytest.param("+999123456789", None, PhoneFault.INVALID, id="no such country"),
        pytest.param("010-62345678", "CN", PhoneFault.NOT_MOBILE, id="a landline in Beijing"),
        pytest.param("+442079460123", None, PhoneFault.NOT_MOBILE, id="a landline in London"),
        pytest.param("+80012345678", None, PhoneFault.NOT_MOBILE, id="a number of no country"),
        pytest.param("13800138000", None, PhoneFault.NO_REGION, id="no region"),
        pytest.param("13800138000", "XX", PhoneFault.NO_REGION, id="a region nobody knows"),
        pytest.param("0086 13800138000", None, PhoneFault.NO_REGION, id="a dialled prefix without a place"),
    ],
)
def test_what_cant_be_texted_is_refused_with_its_reason(raw: str, region: str | None, fault: PhoneFault) -> None:
    """Law 8: a number that would have to be guessed refuses the account, saying why."""
    with pytest.raises(PhoneError, match="expected") as caught:
        parse_phone(raw, region)
    assert caught.value.code is fault


@given(st.text(max_size=40), st.sampled_from(["CN", "US", "GB", None]))
def test_any_text_is_a_number_or_a_phone_error(raw: str, region: str | None) -> None:
    """Law 9: no text of a book, however odd, raises anything else or passes unless it can exist."""
    try:
        number = parse_phone(raw, region)
    except PhoneError:
        return
    assert phonenumbers.is_valid_number(phonenumbers.parse(number.e164))


@given(st.integers(10**8, 10**11))
def test_errors_and_representations_never_tell_the_number(digits: int) -> None:
    """Law 13: neither an error nor a traceback that prints the value tells a number."""
    raw = f"1{digits}"
    try:
        shown = repr(parse_phone(raw, "CN"))
    except PhoneError as error:
        shown = str(error)
    assert raw not in shown


@pytest.mark.parametrize(
    ("e164", "masked"),
    [
        pytest.param("+8613800138000", "+86138****8000", id="China"),
        pytest.param("+12025550123", "+120****0123", id="United States"),
        pytest.param("+79161234567", "+791****4567", id="Russia"),
        pytest.param("+447400123456", "+4474****3456", id="United Kingdom"),
        pytest.param("+85251234567", "+852****4567", id="Hong Kong: eight digits"),
        pytest.param("+4112345678901", "+41123****8901", id="Switzerland: a long one"),
        pytest.param("+171234567890", "+1712****7890", id="North America: a long one"),
        pytest.param("+2901234", "****", id="short"),
        pytest.param("+", "****", id="a sign"),
        pytest.param("", "****", id="nothing"),
        pytest.param("13800138000", "****", id="not E.164"),
        pytest.param("+86 13800138000", "****", id="blanks"),
        pytest.param("+８６13800138000", "****", id="full-width"),
        pytest.param("Li Lei", "****", id="a name in the wrong column"),
    ],
)
def test_a_number_is_shown_masked(e164: str, masked: str) -> None:
    """Law 13: a person can tell two numbers apart and can't dial either."""
    assert mask_phone(e164) == masked


@given(st.sampled_from(sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)), st.integers(0, 10**12 - 1))
def test_masking_keeps_at_most_code_three_and_four(code: int, national: int) -> None:
    """Law 13: of every country's numbers at most code + 3 and the last 4 digits remain, and 4 or more are hidden."""
    e164 = f"+{code}{national}"
    head, _, tail = mask_phone(e164).partition("****")
    assert len(head) <= len(f"+{code}") + 3
    assert len(tail) <= 4
    assert e164.startswith(head)
    assert e164.endswith(tail)
    assert len(e164) - len(head) - len(tail) >= 4 or not head + tail


def test_importing_phone_is_cheap() -> None:
    """`reminder --help` and everything else that parses no number doesn't wait for phonenumbers."""
    asks = "import sys, reminder.domain.phone; sys.exit('phonenumbers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asks], check=False).returncode == 0


def test_a_number_is_parsed_once() -> None:
    """Planning and dispatch ask for the same number often: the second answer is the same object."""
    assert parse_phone("+8613800138001", None) is parse_phone("+8613800138001", None)
