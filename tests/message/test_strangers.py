"""Links and phone numbers that are not the lender's are found, wherever they stand."""

from __future__ import annotations

import pytest

from reminder.domain.account import Account
from reminder.message.strangers import links_in, own_hosts, phones_in
from reminder.message.values import Lender, condition_values, text_values

OWN = own_hosts(["https://pay.anhe.example/now", "anhe.cn"])


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("Pay at https://evil.example/x now", "https://evil.example/x"),
        ("Pay at www.example.org", "www.example.org"),
        ("Pay at example.com/pay now", "example.com/pay"),
        ("登录pay.example.cn还款", "pay.example.cn"),
        ("see a-b.co.uk", "a-b.co.uk"),
        ("https://pay.anhe.example.evil.com/", "https://pay.anhe.example.evil.com/"),
        ("https://pay.anhe.example@evil.com/", "https://pay.anhe.example@evil.com/"),
        ("notanhe.cn", "notanhe.cn"),
        ("http://192.0.2.7/pay", "http://192.0.2.7/pay"),
    ],
)
def test_a_strangers_link_is_found(text: str, link: str) -> None:
    """Promise: the only links are the lender's own; look-alikes of them are strangers."""
    (strange,) = links_in(text, OWN)

    assert strange.text == link
    assert text[strange.place :].startswith(link)


@pytest.mark.parametrize(
    "text", ["https://pay.anhe.example/x", "app.anhe.cn", "HTTPS://PAY.ANHE.EXAMPLE", "Paid 3.50 today", "Mr. Li"]
)
def test_the_lenders_own_links_pass(text: str) -> None:
    """Promise: a host that is allowed, whatever is below it, and what is no link, pass."""
    assert list(links_in(text, OWN)) == []


def test_a_shortener_is_refused_even_if_allowed() -> None:
    """Promise: nobody can tell where a shortened link leads, so no setting allows one."""
    (strange,) = links_in("https://bit.ly/x", own_hosts(["bit.ly"]))

    assert strange.shortened


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("call 13800138000", "13800138000"),
        ("call +44 20 7946 0958 now", "+44 20 7946 0958"),
        ("致电400-111-2222", "400-111-2222"),
        ("致电010-87654321咨询", "010-87654321"),
    ],
)
def test_a_strangers_number_is_found(text: str, phone: str) -> None:
    """Promise: a text names no phone number but the lender's."""
    (strange,) = phones_in(text, ["400-000-1234"])

    assert strange.text == phone


@pytest.mark.parametrize("text", ["call 400-000-1234", "致电4000001234", "¥1,234.56", "ending 8000", "2026-11-22"])
def test_the_lenders_own_number_passes(text: str) -> None:
    """Promise: however it is grouped, the lender's own number and what is no number pass."""
    assert list(phones_in(text, ["400-000-1234"])) == []


def test_a_value_with_a_link_is_not_printed(facts: object) -> None:
    """Law 11: whoever can write a name into the book can't send a link in the lender's name; that value is missing."""
    told = facts(0, name="Win at evil.com", attributes={"shop": "anhe.cn", "note": "go www.evil.org"})  # type: ignore[operator]

    account = text_values(told, Lender(hosts=OWN), "en")["account"]

    assert "name" not in account  # type: ignore[operator]
    assert "note" not in account  # type: ignore[operator]
    assert account["shop"] == "anhe.cn"  # type: ignore[index]


def test_conditions_see_every_value() -> None:
    """Promise: only what is printed is withheld; `when` decides on the book as it is."""
    fields = condition_values(Account("A", "C", None, None, attributes={"shop": "evil.com"}))["account"]

    assert fields["shop"] == "evil.com"  # type: ignore[index]
