"""Phone numbers: which texts of a book are mobile numbers, and how a number is shown without being told.

phonenumbers takes a while to import, so it is imported by the first number that is parsed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING
from unicodedata import normalize

from reminder.errors import DataError

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber as ParsedNumber

__all__ = ["PhoneError", "PhoneFault", "PhoneNumber", "mask_phone", "parse_phone"]

PHONE_CACHE_MAX = 65_536

_UNKNOWN_ZONE = "Etc/Unknown"  # What phonenumbers says where it knows no zone.

_THREE_DIGIT_CODES = re.compile("2[1-689]|3[578]|42|50|59|6[789]|8[03578]|9[679]")
# ITU-T E.164, list of assigned country codes: 1 and 7 have one digit, those that begin like this three, others two.

_PLAIN_CHINESE = re.compile(r"(?:\+86|0086)?(1[0-9]{10})")

_HIDDEN_DIGITS_MIN = 4
_HEAD_DIGITS_MAX = 3
_TAIL_DIGITS = 4
_MASK = "****"


class PhoneFault(StrEnum):
    """Why a text is not a number that can be texted."""

    EMPTY = "empty"  #: There is nothing there.
    UNPARSABLE = "unparsable"  #: It isn't a phone number at all.
    INVALID = "invalid"  #: It looks like one, but nobody can have it.
    NOT_MOBILE = "not_mobile"  #: It is a valid number that doesn't take texts.
    NO_REGION = "no_region"  #: It has no country code, and no region says which one is meant.


_SENTENCES = {
    PhoneFault.EMPTY: "expected a mobile number, found nothing; fill it in",
    PhoneFault.UNPARSABLE: "expected one mobile number in digits, found something else; correct it",
    PhoneFault.INVALID: "expected a number that can exist, found one of a wrong length or range; correct it",
    PhoneFault.NOT_MOBILE: "expected a mobile number, found one that takes no texts, such as a landline",
    PhoneFault.NO_REGION: (
        "expected a number with its country code (+86 …), found one without it and no known region to read it in; "
        "add the code or set the region"
    ),
}


class PhoneError(DataError):
    """A text that is not a number that can be texted. `code` says why; the message never contains the text."""

    def __init__(self, code: PhoneFault) -> None:
        super().__init__(_SENTENCES[code])
        self.code = code


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """A mobile number: `e164` (`+8613800138000`), its `region` (ISO 3166) and the IANA `zones` it may be in."""

    e164: str
    region: str
    zones: frozenset[str]

    def __repr__(self) -> str:
        """Return it masked, so that no log or traceback tells the number (law 13)."""
        return f"PhoneNumber({mask_phone(self.e164)!r}, {self.region!r}, {sorted(self.zones)!r})"


def parse_phone(raw: str, region: str | None) -> PhoneNumber:
    """Return the mobile number that `raw` writes, or raise PhoneError.

    `region` (ISO 3166, such as `CN`) is where a number without a country code is read; it is never guessed.
    Full-width digits, spaces, dashes and `0086-` are understood; letters and extensions are not, for they would make
    the number a guess (law 8).
    """
    return _parse(raw, region.upper() if region else None)


@lru_cache(maxsize=PHONE_CACHE_MAX)
def _parse(raw: str, region: str | None) -> PhoneNumber:
    return _plain_chinese(raw, region) or _looked_up(raw, region)


def _plain_chinese(raw: str, region: str | None) -> PhoneNumber | None:
    """Return a Chinese mobile number that is written as plain digits; None for what needs a closer look.

    Asking phonenumbers costs more than deciding the rest of a reminder. Its own pattern alone answers the most common
    shape just the same; a property test holds the two together.
    """
    plain = _PLAIN_CHINESE.fullmatch(raw)
    if plain is None or not (region == "CN" or raw.startswith("+")):
        return None
    mobile, zones = _chinese_mobiles()
    return PhoneNumber(f"+86{plain[1]}", "CN", zones) if mobile.fullmatch(plain[1]) else None


@lru_cache(maxsize=1)
def _chinese_mobiles() -> tuple[re.Pattern[str], frozenset[str]]:
    """Return what phonenumbers knows of Chinese mobile numbers: their pattern, and the zones they may be in."""
    from phonenumbers import PhoneMetadata

    known = PhoneMetadata.metadata_for_region("CN")
    assert known is not None  # noqa: S101 - its tables have China
    assert known.mobile is not None  # noqa: S101
    example = _looked_up(f"+86{known.mobile.example_number}", None)
    return re.compile(known.mobile.national_number_pattern or "", re.ASCII), example.zones


def _looked_up(raw: str, region: str | None) -> PhoneNumber:
    """Return the number that phonenumbers reads in a text, or raise PhoneError."""
    from phonenumbers import PhoneNumberFormat, format_number, is_valid_number, region_code_for_number
    from phonenumbers.timezone import time_zones_for_number

    number = _read(raw, region)
    if number.extension or not is_valid_number(number):
        raise PhoneError(PhoneFault.INVALID)
    home = region_code_for_number(number)
    if home is None or not _takes_texts(number):
        raise PhoneError(PhoneFault.NOT_MOBILE)
    zones = frozenset(time_zones_for_number(number)) - {_UNKNOWN_ZONE}
    return PhoneNumber(format_number(number, PhoneNumberFormat.E164), home, zones)


def _read(raw: str, region: str | None) -> ParsedNumber:
    """Return what phonenumbers makes of the text, valid or not, or raise PhoneError."""
    from phonenumbers import SUPPORTED_REGIONS, NumberParseException, parse

    text = normalize("NFKC", raw).strip()
    if not text:
        raise PhoneError(PhoneFault.EMPTY)
    if any(character.isalpha() for character in text):
        raise PhoneError(PhoneFault.UNPARSABLE)
    try:
        return parse(text, region if region in SUPPORTED_REGIONS else None)
    except NumberParseException as error:
        if error.error_type != NumberParseException.INVALID_COUNTRY_CODE:
            raise PhoneError(PhoneFault.UNPARSABLE) from None
        # A plus sign was there, so a region would not have helped: the code itself is wrong.
        raise PhoneError(PhoneFault.INVALID if text.startswith("+") else PhoneFault.NO_REGION) from None


def _takes_texts(number: ParsedNumber) -> bool:
    """Return whether the number may be a mobile one; North America doesn't tell them apart from landlines."""
    from phonenumbers import PhoneNumberType, number_type

    return number_type(number) in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


def mask_phone(e164: str) -> str:
    """Return a number as people and logs may see it: `+86138****8000`.

    At most the country code, three digits and the last four remain, and at least four stay hidden; what is shorter
    than eight digits behind its country code, or no E.164 number, is masked as a whole.
    """
    digits = e164[1:]
    if not (e164.startswith("+") and digits.isascii() and digits.isdigit()):
        return _MASK
    code = 1 if digits[0] in "17" else 3 if _THREE_DIGIT_CODES.match(digits) else 2
    spare = len(digits) - code - _HIDDEN_DIGITS_MIN - _TAIL_DIGITS
    if spare < 0:
        return _MASK
    return f"+{digits[: code + min(spare, _HEAD_DIGITS_MAX)]}{_MASK}{digits[-_TAIL_DIGITS:]}"
