"""What a text can say: everything from the decision, nothing from elsewhere."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder.domain.account import Account
from reminder.domain.money import Money
from reminder.domain.policy import Tier
from reminder.message.filters import Listing, Total
from reminder.message.sandbox import Fields
from reminder.message.values import (
    ACCOUNT_FIELDS,
    CONDITION_FIELDS,
    LENDER_FIELDS,
    TEXT_MAX_CHARS,
    VARIABLES,
    Lender,
    TextFacts,
    clean,
    condition_values,
    text_values,
)

MakeFacts = Callable[..., TextFacts]
MakeAccount = Callable[..., Account]


def test_every_value_comes_from_the_decision(facts: MakeFacts, lender: Lender) -> None:
    """Law 1: amount, dates, tier and step of a text are those that were decided, one by one."""
    decided = facts(4, amount=Money(99, "USD"))

    values = text_values(decided, lender, "en")

    assert values["amount"] == Money(99, "USD")
    assert values["currency"] == "USD"
    assert values["due_date"] == date(2026, 5, 3)
    assert values["today"] == date(2026, 5, 7)
    assert values["grace_ends"] == date(2026, 5, 6)
    assert values["step_ends"] == date(2026, 5, 12)
    assert (values["dpd"], values["tier"], values["step"], values["number"]) == (4, "escalation", "step", 2)


def test_the_amount_is_the_decided_one_and_not_the_book_s_older_one(facts: MakeFacts, lender: Lender) -> None:
    """Law 5: where the two differ, the text says what was decided."""
    decided = facts(4, amount=Money(1, "CNY"), amount_due=Money(2, "CNY"))

    assert text_values(decided, lender, "en")["amount"] == Money(1, "CNY")


@pytest.mark.parametrize(
    ("dpd", "until", "overdue"), [(-7, 7, None), (-1, 1, None), (0, 0, 0), (1, None, 1), (31, None, 31)]
)
def test_days_are_there_only_while_they_are_true(
    dpd: int, until: int | None, overdue: int | None, facts: MakeFacts, lender: Lender
) -> None:
    """Law 5: an overdue amount can't be called due in some days, nor one that isn't due called overdue."""
    values = text_values(facts(dpd), lender, "en")

    assert (values.get("days_until_due"), values.get("days_overdue")) == (until, overdue)


@pytest.mark.parametrize(("dpd", "tier"), [(-1, Tier.PRE_DUE), (0, Tier.GRACE), (3, Tier.GRACE), (4, Tier.ESCALATION)])
def test_the_tier_is_plain_text(dpd: int, tier: Tier, facts: MakeFacts, lender: Lender) -> None:
    """Promise: a template can compare the tier with its name in the policy."""
    assert text_values(facts(dpd), lender, "en")["tier"] == tier.value


def test_the_list_of_variables_is_complete_and_true(facts: MakeFacts, lender: Lender) -> None:
    """Promise: what the checks take for a variable is what a template can print, on the day when all of it is there."""
    values = text_values(facts(0, language="en", timezone="Asia/Shanghai"), lender, "en", (), "K7QM4RXP")
    names = {name for name, value in values.items() if not isinstance(value, Fields)}
    names |= {f"{group}.{name}" for group, value in values.items() if isinstance(value, Fields) for name in value}

    assert names == set(VARIABLES)


def test_attributes_are_fields_of_the_account(facts: MakeFacts, lender: Lender) -> None:
    """Promise: the lender's own columns are `account.<attribute>`, as what they are: text, number, yes or no."""
    values = text_values(facts(0, attributes={"branch": "上海", "times": 3, "autopay": True}), lender, "en")
    account = values["account"]

    assert isinstance(account, Fields)
    assert (account["branch"], account["times"], account["autopay"]) == ("上海", 3, True)


def test_an_attribute_cannot_pass_for_a_field(facts: MakeFacts, lender: Lender) -> None:
    """Law 8: an attribute called `id` or `name` never replaces the account's own, not even one that is missing."""
    values = text_values(facts(0, attributes={"id": "other", "name": "other"}, name=None), lender, "en")
    account = values["account"]

    assert isinstance(account, Fields)
    assert account["id"] == "LN-2026-8000"
    assert "name" not in account


@pytest.mark.parametrize("text", [None, "", "  ", "\n", "\u202e"])
def test_a_field_without_text_is_not_there(text: str | None, facts: MakeFacts, lender: Lender) -> None:
    """Law 8: an empty name is a missing name, and refuses the text that prints it."""
    account = text_values(facts(0, name=text), lender, "en")["account"]

    assert isinstance(account, Fields)
    assert "name" not in account


def test_accounts_of_one_text_are_counted_added_and_listed(facts: MakeFacts, lender: Lender) -> None:
    """Promise: a consolidated text speaks of all of a customer's accounts, the lead first."""
    others = [
        facts(0, amount=Money(200, "CNY"), account_id="B"),
        facts(-3, amount=Money(5, "USD"), account_id="C"),
    ]

    accounts = text_values(facts(9, account_id="A"), lender, "en", others)["accounts"]

    assert isinstance(accounts, Fields)
    assert accounts["count"] == 3
    assert accounts["total"] == Total((Money(150_200, "CNY"), Money(5, "USD")))
    assert isinstance(accounts["list"], Listing)
    assert [entry[0] for entry in accounts["list"].entries] == ["A", "B", "C"]


def test_one_account_is_a_list_of_one(facts: MakeFacts, lender: Lender) -> None:
    """Promise: a consolidated template also works for a single account."""
    accounts = text_values(facts(0), lender, "en")["accounts"]

    assert isinstance(accounts, Fields)
    assert (accounts["count"], accounts["total"]) == (1, Total((Money(150_000, "CNY"),)))


@pytest.mark.parametrize(
    ("language", "expected"),
    [("zh-CN", "中"), ("zh_cn", "中"), ("zh", "中"), ("zh-TW", "中"), ("en-GB", "english"), ("fr", "any"), ("", "any")],
)
def test_the_lender_speaks_the_language_of_the_text(language: str, expected: str) -> None:
    """Promise: each field of the lender by language, nearest first, then the one for all."""
    lender = Lender(name={"zh-CN": "中", "en": "english", "": "any"})

    assert lender.in_language(language)["name"] == expected


def test_what_the_lender_does_not_have_is_not_there() -> None:
    """Law 8: a hotline that isn't configured refuses the text that would print it."""
    fields = Lender(name={"en": "A"}, hotline={"": " "}, app={"zh": "应用"}).in_language("en")

    assert dict(fields) == {"name": "A"}
    assert fields.of == "lender"


def test_every_field_of_the_lender_is_known() -> None:
    """Promise: the checks know the same fields as the lender has."""
    every: dict[str, Any] = dict.fromkeys(LENDER_FIELDS, {"": "x"})  # noqa: RUF024 - read only
    fields = Lender(**every).in_language("en")

    assert tuple(fields) == LENDER_FIELDS


def test_conditions_see_the_account_and_its_amount(account: MakeAccount) -> None:
    """Promise: a `when` can ask for the amount in major units, the currency and the due date."""
    fields = condition_values(account({"autopay": True}, language="en", timezone="UTC"))["account"]

    assert isinstance(fields, Fields)
    assert set(fields) == {*CONDITION_FIELDS, "autopay"}
    assert fields["amount_due"] == Decimal("1500.00")


def test_conditions_of_an_incomplete_account_lack_what_it_lacks(account: MakeAccount) -> None:
    """Law 8: no amount, no due date: asking for them is an error, not a zero."""
    fields = condition_values(account(amount_due=None, due_date=None, name=None, product=None))["account"]

    assert isinstance(fields, Fields)
    assert set(fields) == {"id", "customer_id"} < {*ACCOUNT_FIELDS}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("张三", "张三", id="plain"),
        pytest.param("  Ann  ", "Ann", id="spaces-around"),
        pytest.param("Ann\r\nSTOP", "Ann STOP", id="line-break"),
        pytest.param("Ann\u2028Lee", "Ann Lee", id="unicode-line-break"),
        pytest.param("Ann\x00\x1b[31mLee", "Ann [31mLee", id="control-characters"),
        pytest.param("Ann\u202eeeL", "AnneeL", id="right-to-left-override"),
        pytest.param("\u2066Ann\u2069", "Ann", id="isolates"),
        pytest.param("\u200fAnn\u200e", "Ann", id="direction-marks"),
        pytest.param("A\u200bnn\ufeff", "Ann", id="zero-width"),
        pytest.param("نمی\u200cخواهم", "نمی\u200cخواهم", id="joiner-that-spells"),
        pytest.param("A\u00a0B\u3000C", "A B C", id="odd-spaces"),
        pytest.param("\ud800x", "x", id="lone-surrogate"),
        pytest.param("x" * 500, "x" * TEXT_MAX_CHARS, id="too-long"),
        pytest.param("{{ 7*7 }}", "{{ 7*7 }}", id="template"),
        pytest.param("=cmd()", "=cmd()", id="formula"),
    ],
)
def test_text_from_the_book_is_cleaned(text: str, expected: str) -> None:
    """Law 11: a name can't break a line, turn the direction of reading or hide characters."""
    assert clean(text) == expected


@given(st.text(alphabet=st.characters(), max_size=120))
def test_cleaned_text_is_one_short_visible_line(text: str) -> None:
    """Law 11: nothing invisible and no line break is left, whatever the book holds; twice cleaned is once cleaned."""
    cleaned = clean(text)

    assert len(cleaned) <= TEXT_MAX_CHARS
    assert cleaned == cleaned.strip() == clean(cleaned)
    hidden = {character for character in cleaned if unicodedata.category(character)[0] == "C"}
    assert hidden <= {"\u200c", "\u200d"}
    cleaned.encode()


@given(name=st.text(max_size=80), value=st.text(max_size=80))
def test_every_text_of_an_account_is_cleaned(name: str, value: str) -> None:
    """Law 11: id, customer, name, product and attributes all pass through the same cleaning."""
    dirty = Account(
        account_id=value, customer_id=value, due_date=None, amount_due=None, name=name, product=name,
        attributes={"note": value},
    )  # fmt: skip
    fields = condition_values(dirty)["account"]

    assert isinstance(fields, Fields)
    assert (fields["id"], fields["customer_id"], fields["note"]) == (clean(value),) * 3
    assert fields.get("name", "") == fields.get("product", "") == clean(name)
