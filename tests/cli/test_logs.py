"""Logs: masked numbers, one shape for everybody's records, nothing lost in a traceback."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from reminder.cli.logs import mask_numbers, set_up


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Put logging back as it was after each test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        pytest.param("to +8613800138000.", "to +86138****8000.", id="E.164"),
        pytest.param("+86 138 0013 8000", "+86138****8000", id="with spaces"),
        pytest.param("+1 (212) 555-0123", "+121****0123", id="North America"),
        pytest.param("13800138000", "138****8000", id="without a country"),
        pytest.param("138-0013-8000", "138****8000", id="with hyphens"),
        pytest.param("('13800138000',)", "('138****8000',)", id="a parameter of SQL"),
        pytest.param("12345678", "****", id="short"),
        pytest.param("2026-07-28T10:00:00.123456Z", "2026-07-28T10:00:00.123456Z", id="an instant"),
        pytest.param("2026-07-28 10:00", "2026-07-28 10:00", id="a day and an hour"),
        pytest.param("LN20260728001", "LN20260728001", id="an id with letters"),
        pytest.param("3f2504e04f8911d39a0c0305e82c3301", "3f2504e04f8911d39a0c0305e82c3301", id="a reference"),
        pytest.param("id 12345678-1234-4123-8123-123456789012", "id 12345678-1234-4123-8123-123456789012", id="a UUID"),
        pytest.param("CNY 123456789.50", "CNY 123456789.50", id="an amount"),
        pytest.param("port 5432, 99 rows", "port 5432, 99 rows", id="small numbers"),
    ],
)
def test_what_may_be_a_number_is_masked_and_nothing_else(text: str, masked: str) -> None:
    """Law 13: no phone number in a log; ids and instants stay readable."""
    assert mask_numbers(text) == masked


@given(
    number=st.integers(10**9, 10**11 - 1),
    around=st.sampled_from(["{}", "({})", "to {}, then", "phone={}", "'{}'", "tel:{}", "{}: none", "/{}/"]),
)
def test_no_number_of_ten_or_eleven_digits_gets_through(number: int, around: str) -> None:
    """Law 13: wherever it stands in a sentence."""
    assert str(number) not in mask_numbers(around.format(number))


def _logged(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(capsys.readouterr().err)
    return told


def test_an_event_is_one_line_of_json_with_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    """Event name first, ids as they are, numbers masked at any depth, Chinese unescaped."""
    set_up("json", "info")
    structlog.get_logger("reminder.dispatch").info(
        "reminder.dispatch.sent",
        account="13800138000",
        to="+8613800138000",
        others=["+8613900139000", {"n": 13700137000}],
        rows=12_000_000,
        name="王",
    )
    text = capsys.readouterr().err
    line = json.loads(text)

    assert line["event"] == "reminder.dispatch.sent"
    assert (line["level"], line["account"], line["to"]) == ("info", "13800138000", "+86138****8000")
    assert line["others"] == ["+86139****9000", {"n": "137****7000"}]
    assert line["rows"] == 12_000_000
    assert "王" in text
    assert line["timestamp"].endswith("Z")


def test_a_number_inside_a_traceback_is_masked(capsys: pytest.CaptureFixture[str]) -> None:
    """Law 13: masking comes after the traceback is written out."""
    set_up("json", "info")
    try:
        raise ValueError("no answer for +8613800138000")
    except ValueError:
        structlog.get_logger().exception("reminder.gateway.error")

    line = _logged(capsys)
    assert "+86138****8000" in line["exception"]
    assert "Traceback" in line["exception"]
    assert "13800138000" not in json.dumps(line)


@pytest.mark.parametrize("shape", ["json", "console"])
def test_records_of_other_libraries_pass_the_same_mask(shape: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Law 13: what SQLAlchemy or a provider's SDK logs is masked too, and says whose it is."""
    set_up(shape, "info")
    logging.getLogger("twilio.http").warning("POST to %s", "+8613800138000", extra={"phone": "13800138000"})

    text = capsys.readouterr().err
    assert "+86138****8000" in text
    assert "13800138000" not in text
    assert "twilio.http" in text


@pytest.mark.parametrize("shape", ["json", "console"])
def test_levels_below_the_wanted_one_are_silent(shape: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One-shot commands speak at warnings; logs never go to stdout, which may be JSON for a program."""
    set_up(shape, "warning")
    structlog.get_logger().info("quiet")
    logging.getLogger("alembic").info("quiet")
    structlog.get_logger().warning("loud")

    captured = capsys.readouterr()
    assert "quiet" not in captured.err
    assert "loud" in captured.err
    assert captured.out == ""


def test_a_console_shows_tracebacks_masked(capsys: pytest.CaptureFixture[str]) -> None:
    """Law 13: a person at a terminal doesn't see whole numbers either."""
    set_up("console", "info")
    try:
        raise ValueError("13800138000")
    except ValueError:
        logging.getLogger("apscheduler").exception("job failed")

    text = capsys.readouterr().err
    assert "13800138000" not in text
    assert "ValueError: 138****8000" in text
