"""The longest values that a text may have to print, so that its segments are known before anyone pays for them.

Lengths are those of this program's own caps where it has one, and otherwise the longest that is still believable. Names
and products are in the letters of the template's language, and all accounts of a consolidated text in one currency:
what a name in other letters, or a second currency, does to one text, `preview` shows; here it would inflate budgets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from itertools import product

from reminder.domain.account import Account, Scalar
from reminder.domain.check_code import CODE_CHARS
from reminder.domain.money import Money
from reminder.domain.policy import Step, tier_of
from reminder.message.filters import Filters
from reminder.message.languages import primary
from reminder.message.values import TEXT_MAX_CHARS, Lender, Missed, TextFacts, text_values

__all__ = ["plain_case", "worst_cases", "worst_lender"]

_AMOUNTS = (
    Money.of("9999999.99", "CNY"), Money.of("999999.99", "USD"), Money.of("999999.99", "EUR"),
    Money.of("999999.99", "GBP"), Money.of("999999.99", "HKD"), Money.of(99_999_999, "JPY"),
    Money.of("9999999.99", "INR"),
)  # fmt: skip
# The largest instalment of a consumer in each, give or take a digit.

_DAYS_PAST_DUE = (-88, -1, 0, 1, 20, 188)
_GRACE_DAYS = (0, 20)  # The second makes 20 days past due the last day of grace.
_ACCOUNTS = 12
_DUE_DATES = (date(2026, 9, 10), date(2026, 12, 10))  # The longest month in letters, and in digits.

_WIDE = {"zh": "龘", "ja": "龘", "ko": "뷁"}
# Any other language gets the widest Latin letter, which is one septet.


def worst_lender(language: str) -> Lender:
    """Return a lender whose name and ways to pay are as long as is believable."""
    han = primary(language) in _WIDE
    letter = _WIDE.get(primary(language), "W")
    return Lender(
        name={"": letter * (12 if han else 20)},  # Mainland signatures have 2 to 12 characters.
        hotline={"": "400-888-8888" if han else "+44 800 888 8888"},
        app={"": letter * (8 if han else 20)},
        pay={"": f"https://pay.example.com/{'w' * 8}"},
    )


def worst_cases(
    language: str, attributes: Iterable[str], lender: Lender | None = None
) -> Iterator[Mapping[str, object]]:
    """Yield the values of texts that are as long as they get: early, due, late, with and without every optional part.

    `lender` is the deployment's own where it is known. Attributes are tried as long texts, as numbers, each as yes
    among texts, and not there; give only those that the template asks for.
    """
    letter = _WIDE.get(primary(language), "W")
    words = letter * TEXT_MAX_CHARS
    first = _longest(_AMOUNTS, language)
    samples = _attribute_samples(tuple(attributes), words)
    for due_date, dpd, grace_days, sample in product(_DUE_DATES, _DAYS_PAST_DUE, _GRACE_DAYS, samples):
        account = _account(sample, words, language, due_date)
        facts = _facts(account, due_date, dpd, grace_days, first)
        yield text_values(
            facts, lender or worst_lender(language), language, [facts] * (_ACCOUNTS - 1), "W" * CODE_CHARS
        )


def _attribute_samples(names: tuple[str, ...], words: str) -> list[dict[str, Scalar]]:
    texts: dict[str, Scalar] = dict.fromkeys(names, words)
    return [texts, *({**texts, name: True} for name in names), dict.fromkeys(names, 99_999), {}]


def plain_case(language: str, attributes: Iterable[str], dpd: int) -> Mapping[str, object]:
    """Return values that are plain letters and digits, so that what forces UCS-2 is the template's own."""
    due_date = _DUE_DATES[0]
    account = _account(dict.fromkeys(attributes, "x"), "Ann Lee", language, due_date)
    word = {"": "Lender"}
    lender = Lender(name=word, hotline=word, app=word, pay=word)
    return text_values(
        _facts(account, due_date, dpd, 3, Money.of("500.00", "USD")), lender, language, (), "W" * CODE_CHARS
    )


def _longest(amounts: Iterable[Money], language: str) -> Money:
    filters = Filters(language)
    return max(amounts, key=lambda amount: len(filters.money(amount)))


def _account(attributes: Mapping[str, Scalar], words: str, language: str, due_date: date) -> Account:
    return Account(
        account_id="8" * TEXT_MAX_CHARS,
        customer_id="8" * TEXT_MAX_CHARS,
        due_date=due_date,
        amount_due=None,
        name=words,
        language=language,
        timezone="America/Argentina/ComodRivadavia",  # The longest name in the zone database.
        product=words,
        attributes=attributes,
    )


def _facts(account: Account, due_date: date, dpd: int, grace_days: int, amount: Money) -> TextFacts:
    tier = tier_of(dpd, grace_days)
    return TextFacts(
        account=account,
        amount=amount,
        due_date=due_date,
        dpd=dpd,
        tier=tier,
        step=Step(key="s" * 30, id="s" * 30, number=99, opens=dpd, closes=dpd + 9, tier=tier),
        grace_ends=due_date + timedelta(days=grace_days),
        today=due_date + timedelta(days=dpd),
        missed=Missed(due_date, amount, amount),
    )
