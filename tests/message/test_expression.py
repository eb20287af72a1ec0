"""Conditions: the `when` of a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder.domain.account import Account, Scalar
from reminder.domain.money import Money
from reminder.errors import TemplateError
from reminder.message.expression import compile_condition
from reminder.message.sandbox import BrokenTemplateError
from reminder.message.values import condition_values

Make = Callable[..., Account]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("not account.autopay", True),
        ("account.autopay", False),
        ("account.autopay == false", True),
        ("account.risk_band in ('B', 'C')", True),
        ("account.risk_band not in ['B', 'C']", False),
        ("account.times_overdue > 2", True),
        ("account.times_overdue >= 3 and account.risk_band == 'B'", True),
        ("account.times_overdue < 1 or account['risk_band'] == 'B'", True),
        ("1 < account.times_overdue <= 3", True),
        ("account.amount_due >= 1500", True),
        ("account.amount_due == 1500.00", True),
        ("account.currency == 'CNY'", True),
        ("account.product != 'card'", True),
        ("account.branch is defined", False),
        ("account.branch is undefined or account.branch == 'SH'", True),
        ("account.branch is defined and account.branch == 'SH'", False),
        ("true", True),
        ("(account.autopay if account.times_overdue > 9 else true)", True),
    ],
)
def test_a_condition_answers_yes_or_no(source: str, expected: bool, account: Make) -> None:
    """Promise: `when` can compare anything the account has, with `and`, `or`, `not`, `in` and `is defined`."""
    values = condition_values(account({"autopay": False, "risk_band": "B", "times_overdue": 3}))

    assert compile_condition(source)(values) is expected


@pytest.mark.parametrize(
    "source",
    [
        "not account.autopay",
        "account.autopay",
        "account.autopay == true",
        "account.autopay and account.x",
        "account.autopay > 3",
        "account.autopay.deeper",
        "nothing",
        "account.name in account.autopay",
    ],
)
def test_a_missing_value_is_neither_yes_nor_no(source: str, account: Make) -> None:
    """Law 8: what the book doesn't say must not be guessed; the error names the value."""
    with pytest.raises(TemplateError, match=r"account\.autopay|nothing"):
        compile_condition(source)(condition_values(account()))


@pytest.mark.parametrize(
    ("source", "value"),
    [("account.x", "Y"), ("not account.x", "N"), ("account.x and true", "no"), ("true and not account.x", "")],
)
def test_text_is_not_taken_for_yes_or_no(source: str, value: str, account: Make) -> None:
    """Law 8: a flag kept as the text "N" would count as yes; it must be compared instead."""
    with pytest.raises(TemplateError, match="compare it"):
        compile_condition(source)(condition_values(account({"x": value})))


@pytest.mark.parametrize(("value", "expected"), [(0, True), (1, False), (False, True), (True, False)])
def test_flags_kept_as_numbers_work(value: Scalar, expected: bool, account: Make) -> None:
    """Promise: databases without a boolean type give 0 and 1; `not` understands them."""
    assert compile_condition("not account.x")(condition_values(account({"x": value}))) is expected


@pytest.mark.parametrize("source", ["account.id", "3", "'yes'", "account.times", "none"])
def test_an_answer_that_is_not_yes_or_no_is_refused(source: str, account: Make) -> None:
    """Law 8: a condition that gives a number or a text was meant otherwise."""
    with pytest.raises(TemplateError, match="yes or no"):
        compile_condition(source)(condition_values(account({"times": 3})))


def test_values_that_cannot_be_compared_are_refused(account: Make) -> None:
    """Law 9: a text in a column of numbers refuses this account and raises nothing but a TemplateError."""
    with pytest.raises(TemplateError, match=r"account\.times > 3"):
        compile_condition("account.times > 3")(condition_values(account({"times": "many"})))


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("", id="nothing"),
        pytest.param("not", id="half"),
        pytest.param("a b", id="two"),
        pytest.param("a }} x {{ b", id="breaking-out"),
        pytest.param("a }}{% for x in y %}{% endfor %}{{ b", id="breaking-out-into-a-loop"),
        pytest.param("a }}{# ", id="breaking-out-into-a-comment"),
        pytest.param("a }}", id="closing-early"),
        pytest.param("account.delete()", id="call"),
        pytest.param("10 ** (10 ** 8) > 1", id="power"),
        pytest.param("'a' * 10**9 == 'b'", id="gigabyte"),
        pytest.param("account.x|length > 3", id="filter"),
        pytest.param("account.x + 1 > 3", id="arithmetic"),
        pytest.param("x = 3", id="assignment"),
        pytest.param("account.x is none", id="other-test"),
        pytest.param("(" * 1500 + "a" + ")" * 1500, id="deep"),
    ],
)
def test_what_is_no_condition_is_refused_when_it_is_compiled(source: str) -> None:
    """Promise: a wrong `when` is found when the file is loaded, not when the first account comes by."""
    with pytest.raises(BrokenTemplateError) as broken:
        compile_condition(source)
    assert broken.value.problems[0].line >= 1


def test_a_condition_says_what_it_asks_for() -> None:
    """Promise: a check can tell ahead of time which values of a `when` don't exist."""
    condition = compile_condition("not account.autopay and account.risk_band in ('A', 'B')")

    assert [use.path for use in condition.uses] == ["account.autopay", "account.risk_band"]
    assert [use.column for use in condition.uses] == [5, 25]


def test_asking_leaves_the_values_alone(account: Make) -> None:
    """Promise: the same values can be asked again, by preview and by the run after it (law 1)."""
    values = condition_values(account({"autopay": True}))
    before: Mapping[str, object] = dict(values)
    condition = compile_condition("account.autopay")

    assert [condition(values), condition(values)] == [True, True]
    assert values == before


@given(
    fields=st.dictionaries(
        st.sampled_from(["autopay", "risk", "times"]), st.one_of(st.booleans(), st.integers(), st.text())
    ),
    source=st.sampled_from(
        ["not account.autopay", "account.risk == 'A'", "account.times > 3", "account.autopay or account.times < 1"]
    ),
)
def test_any_account_gives_an_answer_or_a_reason(fields: dict[str, Scalar], source: str) -> None:
    """Law 9: no row of the book can make a condition raise anything but a TemplateError."""
    account = Account("a", "c", None, Money(1, "CNY"), attributes=fields)
    reason = ""
    answer: object = None
    try:
        answer = compile_condition(source)(condition_values(account))
    except TemplateError as error:
        reason = str(error)

    assert isinstance(answer, bool) or reason.startswith(f"when: {source}: ")
