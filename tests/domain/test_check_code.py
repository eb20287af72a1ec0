"""A check code tells our texts from a fraudster's: it can't be guessed, and a slip in reading it out is found."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder.domain.check_code import ALPHABET, CODE_CHARS, make_code, read_code

KEY = b"k" * 32
DUE = date(2026, 11, 27)

texts = st.fixed_dictionaries(
    {
        "account_id": st.text(min_size=1, max_size=40),
        "due_date": st.dates(),
        "step": st.text(min_size=1, max_size=20),
        "leg": st.sampled_from(["sms", "voice"]),
    }
)


def code(**changed: object) -> str:
    """Return the code of one text, with something changed."""
    about = {"account_id": "LN-1", "due_date": DUE, "step": "overdue", "leg": "sms"} | changed
    return make_code(KEY, **about)  # type: ignore[arg-type]


@given(texts)
def test_what_is_made_can_be_read(about: dict[str, object]) -> None:
    """The hotline takes every code that a text can carry."""
    made = make_code(KEY, **about)  # type: ignore[arg-type]
    assert len(made) == CODE_CHARS
    assert read_code(made) == made


def test_the_same_text_has_the_same_code() -> None:
    """Law 1: a preview, the run and a second try show the same bytes."""
    assert code() == code()


@pytest.mark.parametrize(
    "changed",
    [
        {"account_id": "LN-2"},
        {"due_date": DUE + timedelta(days=1)},
        {"step": "overdue.2"},
        {"leg": "voice"},
        {"account_id": "LN", "step": "1overdue"},
    ],
)
def test_another_text_has_another_code(changed: dict[str, object]) -> None:
    """Each thing that makes a text another one goes into its code."""
    assert code(**changed) != code()


def test_another_key_has_other_codes() -> None:
    """Who doesn't have the key can't work a code out."""
    about = {"account_id": "LN-1", "due_date": DUE, "step": "overdue", "leg": "sms"}
    assert make_code(b"x" * 32, **about) != make_code(KEY, **about)  # type: ignore[arg-type]


def test_codes_are_spread_evenly() -> None:
    """20,000 codes of one loan book share next to none, and use every character about as often."""
    codes = [code(account_id=f"LN-{number}") for number in range(20_000)]
    assert len(set(codes)) >= 19_998
    for place in range(CODE_CHARS):
        counts = [sum(each[place] == character for each in codes) for character in ALPHABET]
        assert min(counts) > 500, place
        assert max(counts) < 800, place


@given(texts, st.integers(0, CODE_CHARS - 1), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_found(about: dict[str, object], place: int, wrong: str) -> None:
    """A slip is called a slip, and not a forgery."""
    made = make_code(KEY, **about)  # type: ignore[arg-type]
    slipped = made[:place] + wrong + made[place + 1 :]
    assert (read_code(slipped) is None) == (slipped != made)


@given(texts, st.integers(0, CODE_CHARS - 2))
def test_neighbours_that_changed_places_are_found(about: dict[str, object], place: int) -> None:
    """The other common slip of people who type is found as well."""
    made = make_code(KEY, **about)  # type: ignore[arg-type]
    slipped = made[:place] + made[place + 1] + made[place] + made[place + 2 :]
    assert (read_code(slipped) is None) == (slipped != made)


@pytest.mark.parametrize("spelt", [str.lower, lambda made: f"{made[:4]}-{made[4:]}", lambda made: " ".join(made)])
def test_however_it_is_typed(spelt: object) -> None:
    """Whoever reads a code out over the phone need not care for capitals, spaces and hyphens."""
    assert read_code(spelt(code())) == code()  # type: ignore[operator]


def test_full_width_letters_are_the_same() -> None:
    """Chinese keyboards write full-width letters."""
    assert read_code("".join(chr(ord(each) + 0xFEE0) for each in code())) == code()


@pytest.mark.parametrize("written", ["", "K7QM4RX", "K7QM4RXPA", "K7QM-4RX0", "你好你好你好你好", "=cmd()!!"])
def test_what_is_no_code_is_none(written: str) -> None:
    """Anything else is a slip, whatever it is."""
    assert read_code(written) is None
