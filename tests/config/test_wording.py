"""How values and places are quoted in messages."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reminder.config.wording import found, nearest, secret_key, spell_loc


@pytest.mark.parametrize(
    ("value", "words"),
    [
        pytest.param("abc", "'abc'", id="text"),
        pytest.param("it's", '"it\'s"', id="quote"),
        pytest.param("", "''", id="empty-text"),
        pytest.param(5, "the number 5", id="number"),
        pytest.param(Decimal("0.50"), "the number 0.50", id="decimal"),
        pytest.param(True, "true", id="true"),
        pytest.param(False, "false", id="false"),
        pytest.param(None, "nothing", id="nothing"),
        pytest.param([], "an empty list", id="empty-list"),
        pytest.param([1], "a list", id="list"),
        pytest.param({"a": 1}, "keys and values", id="mapping"),
        pytest.param("a\nb", "'a\\nb'", id="line-break-stays-on-the-line"),
        pytest.param("postgresql://u:hunter2@h/d", "'postgresql://u:…@h/d'", id="password-in-a-url"),
    ],
)
def test_a_value_is_quoted_as_people_write_it(value: object, words: str) -> None:
    """A message shows the file's words, not Python's."""
    assert found(value) == words


@pytest.mark.parametrize("key", ["password", "AUTH_TOKEN", "api_key", "apiKey", "client_secret", "credentials"])
def test_a_value_of_a_secret_key_is_hidden(key: str) -> None:
    """Law 13: not even an error shows it."""
    assert secret_key(key)
    assert found("hunter2", key) == "a hidden value"


@pytest.mark.parametrize("key", ["hotline", "name", "from", "monkey", "account_sid", "keyboard"])
def test_other_keys_are_no_secrets(key: str) -> None:
    """A name that merely resembles one is not hidden."""
    assert not secret_key(key)
    assert found("x", key) == "'x'"


@settings(deadline=None)
@given(text=st.text())
def test_a_quotation_is_one_short_line(text: str) -> None:
    """Whatever stood in the file, its quotation keeps the message a line."""
    assert len(found(text).splitlines()) == 1
    assert len(found(text)) <= 40 * 10 + 2


@pytest.mark.parametrize(
    ("loc", "spelt"),
    [
        pytest.param(("a",), "a", id="key"),
        pytest.param(("a", "b"), "a.b", id="key-in-key"),
        pytest.param(("steps", 2, "at"), "steps[2].at", id="in-a-list"),
        pytest.param(("a", 0, 1), "a[0][1]", id="list-in-list"),
        pytest.param((), "", id="root"),
    ],
)
def test_a_place_is_spelt_as_people_write_it(loc: tuple[str | int, ...], spelt: str) -> None:
    """The way to a value reads like a path."""
    assert spell_loc(loc) == spelt


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        pytest.param("templat", ["template", "at"], "; did you mean `template`?", id="near"),
        pytest.param("TIMEZONE", ["timezone"], "; did you mean `timezone`?", id="any-case"),
        pytest.param("xyz", ["b", "a"], "; one of `a`, `b`", id="nothing-near"),
        pytest.param("x", [], "", id="nothing-known"),
    ],
)
def test_the_nearest_word_is_suggested(word: str, known: list[str], hint: str) -> None:
    """A slip of the finger costs no search."""
    assert nearest(word, known) == hint
