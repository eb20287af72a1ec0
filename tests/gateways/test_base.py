"""What all gateways share: errors that name what is missing, and details fit for a log."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder.errors import GatewayError
from reminder.gateways.base import DETAIL_CHARS_MAX, GatewayContext, NotConfiguredError, scrub


def test_not_configured_names_everything_that_is_missing() -> None:
    """An operator sets up a gateway in one go: the error names each thing, and where it goes."""
    error = NotConfiguredError("twilio", ["TWILIO_AUTH_TOKEN", "from"])
    assert isinstance(error, GatewayError)
    assert (error.gateway, error.missing) == ("twilio", ("TWILIO_AUTH_TOKEN", "from"))
    for word in ("'twilio'", "TWILIO_AUTH_TOKEN", "from", "environment", "config/reminder.yaml"):
        assert word in str(error)


def test_a_context_never_tells_its_secrets(context: Callable[..., GatewayContext]) -> None:
    """A traceback that shows the context shows no credentials (law 13)."""
    shown = repr(context())
    assert "good-token" not in shown
    assert "2 hidden" in shown
    assert "'twilio'" in shown


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        pytest.param("The 'To' number +8613800138000 is bad", "The 'To' number (number) is bad", id="e164"),
        pytest.param("number 138 0013 8000.", "number (number).", id="spaces"),
        pytest.param("number +1 (501) 712-2661.", "number (number).", id="north american"),
        pytest.param("number １３８００１３８０００.", "number (number).", id="full width"),
        pytest.param("HTTP 400, code 21211", "HTTP 400, code 21211", id="a code of five digits stays"),
        pytest.param("line\r\nnext\x1b[2J", "line next [2J", id="controls become a space"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_details_are_scrubbed(words: str, kept: str) -> None:
    """A provider's words reach a log on one line, without numbers and without what drives a terminal (laws 11, 13)."""
    assert scrub(words) == kept


def test_details_are_short() -> None:
    """A page of HTML in place of an answer doesn't fill the log."""
    assert len(scrub("word " * 1000)) == DETAIL_CHARS_MAX
    assert scrub("word " * 1000).endswith("…")
    assert scrub("w" * DETAIL_CHARS_MAX) == "w" * DETAIL_CHARS_MAX


@given(st.text(max_size=300), st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True), st.text(max_size=300))
def test_no_number_survives_wherever_it_stands(before: str, number: str, after: str) -> None:
    """Whatever surrounds a number, its digits don't reach a log (law 13)."""
    scrubbed = scrub(f"{before}{number}{after}")
    assert number not in scrubbed
    assert scrubbed.isprintable() or not any(ord(char) < 32 for char in scrubbed)
