"""Shadows: what a broken policy file owns stays silent, and what it doesn't own is nobody's concern."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder.config.policies import LoadedPolicies
from reminder.config.salvage import BEFORE_ALL, shadow
from reminder.domain.policy import Policy
from reminder.domain.selector import Selector, Term
from reminder.errors import Problem

FolderOf = Callable[..., LoadedPolicies]
Write = Callable[..., Path]

LOANS = Selector((Term("product", frozenset({"cash-loan"})),))
HEAD = "policy: loans\npriority: 10\napplies_to: {product: cash-loan}\n"
REST = "timezone: UTC\nroute: {sms: [console]}\n"
STEPS = "steps:\n  - {id: due, at: 0, template: grace/due_today, until: 3}\n"


def _shadow(path: Path) -> Policy:
    return shadow(path, [Problem(str(path), 2, 3, "is wrong")])


@pytest.mark.parametrize(
    ("text", "name", "priority", "selector"),
    [
        pytest.param(HEAD + REST + STEPS.replace("until", "untill"), "loans", 10, LOANS, id="misspelt key in a step"),
        pytest.param(HEAD + REST + "steps:\n\t- {id: x}\n", "loans", 10, LOANS, id="tab in the steps"),
        pytest.param(HEAD + REST + "steps: [{id: due\n", "loans", 10, LOANS, id="bracket left open at the end"),
        pytest.param("# ours\n---\n" + HEAD + "steps: *a\n", "loans", 10, LOANS, id="alias, after a comment"),
        pytest.param(HEAD + "description: 'half\n" + REST, "loans", 10, LOANS, id="quote left open"),
        pytest.param("policy: loans\napplies_to: {product: cash-loan}\n", "loans", 100, LOANS, id="no priority given"),
        pytest.param(HEAD.replace("10", "high"), "loans", BEFORE_ALL, LOANS, id="priority is no number"),
        pytest.param(HEAD.replace("priority", "prioriti"), "loans", BEFORE_ALL, LOANS, id="priority misspelt"),
        pytest.param(HEAD.replace("priority", " priority"), "file", BEFORE_ALL, LOANS, id="priority indented"),
        pytest.param(HEAD.replace("10", "-7"), "loans", BEFORE_ALL, LOANS, id="priority below all"),
        pytest.param(HEAD + "priority: 20\n", "loans", BEFORE_ALL, LOANS, id="two priorities"),
        pytest.param(HEAD.replace("policy: loans", "policy: 7"), "file", 10, LOANS, id="name is no name"),
        pytest.param(HEAD.replace("}", ""), "loans", 10, Selector(), id="selector is no YAML"),
        pytest.param(HEAD + "applies_to: {product: b}\n", "loans", 10, Selector(), id="two selectors"),
        pytest.param(HEAD.replace("{product: cash-loan}", "cash-loan"), "loans", 10, Selector(), id="selector is text"),
        pytest.param(
            HEAD.replace("}", ", amount_due: {at_leest: 5}}"), "loans", 10, LOANS, id="one condition misspelt"
        ),
        pytest.param(HEAD.replace("}", ", amount_due: 5}"), "loans", 10, LOANS, id="one condition of a wrong kind"),
        pytest.param(
            HEAD.replace("}", ", amount_due: {at_least: 5}}"),
            "loans",
            10,
            Selector((*LOANS.terms, Term("amount_due", at_least=Decimal(5)))),
            id="a range",
        ),
        pytest.param(HEAD.replace("applies_to", "aplies_to"), "loans", 10, Selector(), id="selector misspelt"),
        pytest.param("", "file", BEFORE_ALL, Selector(), id="empty"),
        pytest.param("- a list\n", "file", BEFORE_ALL, Selector(), id="a list"),
        pytest.param("{policy: loans, priority: 10", "file", BEFORE_ALL, Selector(), id="one open bracket"),
        pytest.param(b"\xff\xfe", "file", BEFORE_ALL, Selector(), id="no text"),
    ],
)
def test_what_can_be_read_on_its_own_is_believed(
    write: Write, text: str | bytes, name: str, priority: int, selector: Selector
) -> None:
    """Laws 8 and 9: a broken file silences what is surely or possibly its own, and as little else as can be known."""
    made = _shadow(write(text))

    assert (made.name, made.priority, made.selector) == (name, priority, selector)


def test_a_shadow_sends_nothing_and_says_why(write: Write) -> None:
    """Law 9: loudly: the file, the line and what is wrong there travel with the silence."""
    made = _shadow(write(HEAD, "policies/loans.yaml"))

    assert made.steps == ()
    assert made.broken == "policies/loans.yaml:2:3: is wrong"


def test_a_file_that_is_gone_meanwhile_silences_everybody(tmp_path: Path) -> None:
    """Law 8: a file that can't be opened may have owned any account."""
    made = _shadow(tmp_path / "gone.yaml")

    assert (made.name, made.priority, made.selector) == ("gone", BEFORE_ALL, Selector())


@given(
    text=st.text(alphabet=st.sampled_from("policy: riort\n\t{}[]'\"#-,&*!|>%@`10"), max_size=60)
    | st.binary(max_size=40)
)
def test_no_garbage_keeps_the_other_files_from_loading(
    tmp_path_factory: pytest.TempPathFactory, text: str | bytes
) -> None:
    """Law 9: whatever stands in one file, there is a shadow for it and no exception."""
    path = tmp_path_factory.mktemp("garbage") / "garbage.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())

    made = _shadow(path)

    assert made.steps == ()
    assert made.priority >= BEFORE_ALL


def test_a_shadow_stands_where_its_file_stood(folder_of: FolderOf) -> None:
    """Accounts of a broken file don't fall to a policy behind it, and those before it are not touched."""
    first, rest = (
        f"policy: {name}\npriority: {priority}\n" + REST + STEPS for name, priority in (("first", 1), ("rest", 99))
    )
    loaded = folder_of(a=first, b=HEAD + REST + "steps: [", c=rest)

    assert [(policy.name, bool(policy.broken)) for policy in loaded.policies] == [
        ("first", False),
        ("loans", True),
        ("rest", False),
    ]
    assert [file.policy.name for file in loaded.files] == ["first", "rest"]


def test_a_file_whose_name_is_taken_keeps_its_accounts_silent(folder_of: FolderOf) -> None:
    """The second policy of a name is refused, and its accounts don't fall to others either."""
    loaded = folder_of(a=HEAD + REST + STEPS, b=HEAD.replace("cash-loan", "bill") + REST + STEPS)

    (aside,) = loaded.shadows
    assert aside.selector == Selector((Term("product", frozenset({"bill"})),))
    assert aside.steps == ()
    assert "is taken by a.yaml" in aside.broken
