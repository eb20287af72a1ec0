"""Selectors in SQL say what selectors in Python say, on every database, of every row a book may hold."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, insert, not_, select, text

from reminder.book.book import Book
from reminder.domain.account import Account
from reminder.domain.money import Money
from reminder.domain.selector import Selector, Term
from reminder.store.schema import account

AWKWARD = [
    "cash-loan", "Cash-Loan", "cash-loan ", " cash-loan", "现金贷", "it's", '"q"', "100%", "a_b", "\\", "true", "True",
    "1", "01", "-1", "1.5", "1.50", "0", "null", "{{ 7*7 }}", "=cmd()", "é", "e\u0301", "😀", "[]", ":x", "$.a", "NaN",
]  # fmt: skip
SETTINGS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
CURRENCIES = ["CNY", "JPY", "KWD", "USD", "CLF"]

awkward = st.sampled_from(AWKWARD) | st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=8
)
values = st.frozensets(awkward, max_size=4)
amounts = st.decimals(-10, 2000, places=3, allow_nan=False) | st.integers(-1, 3000).map(Decimal)


def terms(fields: list[str]) -> st.SearchStrategy[Term]:
    """Return a strategy for terms on these fields, and for ranges of the amount due."""
    some = st.builds(Term, field=st.sampled_from(fields), values=values, negated=st.booleans())
    currency = st.builds(
        Term, field=st.just("currency"), values=st.frozensets(st.sampled_from([*CURRENCIES, "XXX"])),
        negated=st.booleans(),
    )  # fmt: skip
    ranges = st.builds(
        Term, field=st.just("amount_due"), at_least=st.none() | amounts, at_most=st.none() | amounts
    ).filter(lambda term: term.is_range)
    return some | currency | ranges


def selectors(fields: list[str]) -> st.SearchStrategy[Selector]:
    """Return a strategy for selectors of up to three terms on these fields."""
    return st.lists(terms(fields), max_size=3).map(lambda found: Selector(tuple(found)))


def selected(engine: Engine, book: Book, selector: Selector) -> tuple[set[str], set[str]]:
    """Return the ids that the selector's SQL is true of, and those that it is false of."""
    condition = book.matching(selector)
    with engine.connect() as connection:
        ids = select(book.columns.account_id).select_from(book.selectable)
        return set(connection.scalars(ids.where(condition))), set(connection.scalars(ids.where(not_(condition))))


def agree(engine: Engine, book: Book, accounts: dict[str, Account], selector: Selector) -> None:
    """Assert that SQL and Python select the same accounts, that SQL is never NULL, and that rows read back the same."""
    expected = {key for key, each in accounts.items() if selector.matches(each)}
    assert selected(engine, book, selector) == (expected, set(accounts) - expected)
    with engine.connect() as connection:
        read = book.read(connection, list(accounts))
    assert {key for key, found in read.items() if selector.matches(found[0])} == expected


own_accounts = st.lists(
    st.fixed_dictionaries(
        {
            "amount_due": st.integers(-10, 300_000) | st.just(2**62),
            "currency": st.sampled_from([*CURRENCIES, "XXX"]),
            "product": st.none() | awkward,
            "language": st.none() | st.sampled_from(["zh-CN", "ZH-CN", "en", "en "]),
            "timezone": st.none() | st.sampled_from(["Asia/Shanghai", "asia/shanghai"]),
            "attributes": st.dictionaries(st.sampled_from(["autopay", "band", "区域"]), awkward, max_size=3),
        }
    ),
    min_size=1,
    max_size=5,
)
OWN_FIELDS = ["product", "language", "timezone", "account_id", "autopay", "band", "区域", "no_such", "not a name"]


@SETTINGS
@given(rows=own_accounts, selector=selectors(OWN_FIELDS))
@example(
    rows=[{"amount_due": 1, "currency": "CNY", "product": None, "language": None, "timezone": None, "attributes": {}}],
    selector=Selector((Term("product", frozenset({"x"}), negated=True), Term("band", negated=True))),
)
def test_sql_equals_python_on_our_own_table(
    engine: Engine, own: Book, rows: list[dict[str, Any]], selector: Selector
) -> None:
    """`applies_to` means the same in planning (SQL) and in deciding (Python): law 1, on our own table."""
    common = {"customer_id": "C", "due_date": date(2026, 1, 1), "loaded_at": datetime(2026, 1, 1, tzinfo=UTC)}
    rows = [{**common, **row, "account_id": f"{AWKWARD[place]}"} for place, row in enumerate(rows)]
    with engine.begin() as connection:
        connection.execute(delete(account))
        connection.execute(insert(account), rows)
    agree(engine, own, {row["account_id"]: _own_account(row) for row in rows}, selector)


def _own_account(row: dict[str, Any]) -> Account:
    """Return what the row means, made without the code under test."""
    money = None if row["currency"] == "XXX" else Money(row["amount_due"], row["currency"])
    return Account(
        row["account_id"], row["customer_id"], row["due_date"], money, product=row["product"],
        language=row["language"], timezone=row["timezone"], attributes=row["attributes"],
    )  # fmt: skip


lender_rows = st.lists(
    st.fixed_dictionaries(
        {
            "unpaid": st.none() | amounts.map(str),
            "ccy": st.none() | st.sampled_from([*CURRENCIES, "XXX", "cny", " CNY"]),
            "prod": st.none() | awkward.filter(lambda value: value.strip(" ")),
            "autopay": st.none() | st.booleans(),
            "times_overdue": st.none() | st.integers(-2, 12),
            "rate": st.none() | st.decimals(-2, 2, places=2).map(str),
            "branch": st.none() | awkward,
            "opened_on": st.none() | st.dates(date(2000, 1, 1), date(2030, 1, 1)).map(str),
        }
    ),
    min_size=1,
    max_size=5,
)
LENDER_FIELDS = ["product", "autopay", "times_overdue", "rate", "branch", "opened_on", "account_id", "no_such"]


@pytest.fixture
def lender(lender_book: Any) -> Book:
    """A lender's book without rows."""
    book: Book = lender_book()
    return book


@SETTINGS
@given(rows=lender_rows, selector=selectors(LENDER_FIELDS))
@example(
    rows=[{"unpaid": None, "ccy": None, "prod": None, "autopay": None, "times_overdue": None, "rate": None,
           "branch": None, "opened_on": None}],
    selector=Selector((Term("rate", frozenset({"0"}), negated=True), Term("currency", frozenset(), negated=True))),
)  # fmt: skip
def test_sql_equals_python_on_a_lenders_table(
    engine: Engine, lender: Book, fill_table: Any, rows: list[dict[str, Any]], selector: Selector
) -> None:
    """The same on a lender's table with types, NULLs and a case-insensitive column of its own (law 1)."""
    rows = [{"loan_no": f"L{place}", "cust_no": "C", "due_dt": "2026-01-01", **row} for place, row in enumerate(rows)]
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM loan"))
        fill_table(connection, "loan", rows)
    agree(engine, lender, {row["loan_no"]: _lender_account(row) for row in rows}, selector)


def _lender_account(row: dict[str, Any]) -> Account:
    """Return what the row means, made without the code under test."""
    currency = (row["ccy"] or "").strip() or None
    amount = None if row["unpaid"] is None else Decimal(row["unpaid"])
    digits = {"CNY": 2, "USD": 2, "JPY": 0, "KWD": 3, "CLF": 4}.get(currency or "")
    fits = amount is not None and digits is not None and amount == round(amount, digits)
    attributes = {name: row[name] for name in ("autopay", "times_overdue", "branch", "opened_on")}
    if row["rate"] is not None:
        attributes["rate"] = format((Decimal(row["rate"]) + 0).normalize(), "f")  # a sum has no negative zero
    return Account(
        row["loan_no"], "C", date(2026, 1, 1), Money.of(amount, currency) if fits and currency and amount is not None
        else None, product=row["prod"].strip(" ") if row["prod"] else None,
        attributes={name: value for name, value in attributes.items() if value is not None},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("amount", "currency", "matches"),
    [
        ("99.99", "CNY", False),
        ("100", "CNY", True),
        ("100.00", "CNY", True),
        ("200.004", "CNY", False),
        ("200.01", "CNY", False),
        ("150", "XXX", False),
        ("150", None, False),
        (None, "CNY", False),
        ("150.5", "JPY", False),
        ("150.5", "KWD", True),
    ],
    ids=["below", "at the lower edge", "zeros", "no such fen", "above", "no such currency", "none", "no amount",
         "yen have no fraction", "dinars have three digits"],
)  # fmt: skip
def test_a_range_compares_money_not_numbers(
    engine: Engine, lender_book: Any, loan: Any, amount: str | None, currency: str | None, matches: bool
) -> None:
    """Bounds are in major units of the account's own currency, and what is no money is in no range (law 8)."""
    book = lender_book(loan(unpaid=amount, ccy=currency))
    term = Term("amount_due", at_least=Decimal("99.995"), at_most=Decimal("200.005"))
    assert selected(engine, book, Selector((term,)))[0] == ({"L-1"} if matches else set())


def test_minor_units_of_a_lender_are_divided_by_their_currency(
    engine: Engine, make_table: Any, lender_book: Any, loan: Any
) -> None:
    """With `amount_unit: minor`, 15000 is 150 yuan, 15000 yen and 15 dinars; half a fen is no money."""
    rows = [loan(loan_no=code, ccy=code, unpaid="15000") for code in ("CNY", "JPY", "KWD")]
    book = lender_book(*rows, loan(loan_no="half", unpaid="15000.5"), amount_unit="minor")
    assert selected(engine, book, Selector((Term("amount_due", at_least=Decimal(150)),)))[0] == {"CNY", "JPY"}
    with engine.connect() as connection:
        read = book.read(connection, ["KWD", "half"])
    assert read["KWD"][0].amount_due == Money(15000, "KWD")
    assert "whole number of minor units" in read["half"][0].problems[0]


@pytest.mark.parametrize(
    "bound", [Decimal("1E+30"), Decimal("-1E+30"), Decimal("92233720368547758.07"), Decimal("0.0000001")]
)
@pytest.mark.parametrize("side", ["at_least", "at_most"])
def test_bounds_beyond_all_money_are_answered_not_refused(engine: Engine, own: Book, bound: Decimal, side: str) -> None:
    """A bound that no 64-bit amount can reach is simply above or below them all."""
    row = {"account_id": "A", "customer_id": "C", "due_date": date(2026, 1, 1), "amount_due": 1, "currency": "CNY",
           "attributes": {}, "loaded_at": datetime(2026, 1, 1, tzinfo=UTC)}  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(account), [row])
    bounds: dict[str, Any] = {side: bound}
    selector = Selector((Term("amount_due", **bounds),))
    money = Account("A", "C", date(2026, 1, 1), Money(1, "CNY"))
    agree(engine, own, {"A": money}, selector)


@pytest.mark.parametrize("value", ["\0", "a\0b", "\ud800"], ids=["NUL", "NUL inside", "half a surrogate pair"])
def test_values_that_a_database_cannot_hold_match_nothing(engine: Engine, own: Book, value: str) -> None:
    """A selector can't make a statement fail, whatever text its author got into it (law 9)."""
    selector = Selector((Term("product", frozenset({value})),))
    assert selected(engine, own, selector) == (set(), set())


@pytest.mark.parametrize("field", ["branch", "product"])
def test_texts_of_a_lender_compare_exactly(engine: Engine, lender_book: Any, loan: Any, field: str) -> None:
    """Case, accents and spaces tell texts apart, also where the lender's column ignores them (law 1)."""
    column = {"branch": "branch", "product": "prod"}[field]
    texts = [each for each in AWKWARD if field == "branch" or each == each.strip()]
    book = lender_book(*(loan(loan_no=str(place), **{column: each}) for place, each in enumerate(texts)))
    for place, each in enumerate(texts):
        assert selected(engine, book, Selector((Term(field, frozenset({each})),)))[0] == {str(place)}, each


@pytest.mark.parametrize("field", ["band", "product"])
def test_texts_of_our_own_compare_exactly(engine: Engine, own: Book, field: str) -> None:
    """The same holds for columns and for JSON attributes of our own table (law 1)."""
    common = {"customer_id": "C", "due_date": date(2026, 1, 1), "amount_due": 1, "currency": "CNY",
              "loaded_at": datetime(2026, 1, 1, tzinfo=UTC)}  # fmt: skip
    rows = [{**common, "account_id": each, "product": each, "attributes": {"band": each}} for each in AWKWARD]
    with engine.begin() as connection:
        connection.execute(insert(account), rows)
    for each in AWKWARD:
        assert selected(engine, own, Selector((Term(field, frozenset({each})),)))[0] == {each}
