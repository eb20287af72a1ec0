"""What gateways teach: numbers that can't be reached, and gateways that can't send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, select

from reminder.errors import DataError
from reminder.store import gateway_states, numbers
from reminder.store.gateway_states import GatewayPause
from reminder.store.numbers import BadNumber
from reminder.store.schema import bad_number

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NUMBER = "+8613800138000"


def test_bad_number_is_known_with_its_code(engine: Engine) -> None:
    """A number that a carrier calls unreachable is not paid for again; other numbers are free."""
    with engine.begin() as connection:
        numbers.mark_bad(connection, NUMBER, gateway="twilio", code="30005", at=AT)

        assert numbers.bad_among(connection, [NUMBER, "+8613800138001"]) == {NUMBER: "30005"}
        assert numbers.bad_among(connection, []) == {}


def test_latest_word_on_a_number_counts(engine: Engine) -> None:
    """A number refused twice has one entry, with the latest gateway, code and time."""
    with engine.begin() as connection:
        numbers.mark_bad(connection, NUMBER, gateway="twilio", code="30005", at=AT)
        numbers.mark_bad(connection, NUMBER, gateway="other", code="21211", at=AT + MINUTE)

        assert connection.execute(select(bad_number)).all() == [
            (NUMBER, "other", "21211", AT + MINUTE, None, None, None)
        ]


def cleared(connection: Connection, reason: str = "he called from it") -> bool:
    """Take the mark on the number back, as a person does."""
    return numbers.clear(connection, NUMBER, who="li.na", reason=reason, at=AT + MINUTE)


def test_cleared_number_is_tried_again(engine: Engine) -> None:
    """A person can say that a number works; saying it twice changes nothing, and who said it stays on record."""
    with engine.begin() as connection:
        numbers.mark_bad(connection, NUMBER, gateway="twilio", code="30005", at=AT)

        assert cleared(connection) is True
        assert cleared(connection) is False
        assert numbers.bad_among(connection, [NUMBER]) == {}
        assert numbers.listing(connection, active_only=True, limit=9) == []
        assert numbers.listing(connection, active_only=False, limit=9) == [
            BadNumber(NUMBER, "twilio", "30005", AT, AT + MINUTE, "li.na", "he called from it")
        ]


def test_a_number_marked_again_after_it_was_cleared_is_bad_again(engine: Engine) -> None:
    """The mark begins anew, without the old signature under it."""
    with engine.begin() as connection:
        numbers.mark_bad(connection, NUMBER, gateway="twilio", code="30005", at=AT)
        cleared(connection)
        numbers.mark_bad(connection, NUMBER, gateway="twilio", code="30006", at=AT + 2 * MINUTE)

        assert numbers.listing(connection, active_only=True, limit=9) == [
            BadNumber(NUMBER, "twilio", "30006", AT + 2 * MINUTE)
        ]


def test_what_its_owner_said_is_not_written_over(engine: Engine) -> None:
    """A carrier's code in its place would be taken back by the next text that arrives, at a stranger's."""
    with engine.begin() as connection:
        numbers.mark_bad(connection, NUMBER, gateway="twilio", code=numbers.WRONG_PERSON, at=AT)
        numbers.mark_bad(connection, NUMBER, gateway="twilio", code="30005", at=AT + MINUTE)
        assert numbers.bad_among(connection, [NUMBER]) == {NUMBER: numbers.WRONG_PERSON}

        cleared(connection)
        numbers.mark_bad(connection, NUMBER, gateway="twilio", code="30005", at=AT + MINUTE)
        assert numbers.bad_among(connection, [NUMBER]) == {NUMBER: "30005"}


def test_a_number_is_not_cleared_without_a_reason(engine: Engine) -> None:
    """Somebody will ask why a dead number was texted again."""
    with engine.begin() as connection:
        numbers.mark_bad(connection, NUMBER, gateway="twilio", code="30005", at=AT)
        with pytest.raises(DataError, match="expected a reason"):
            cleared(connection, " ")
        assert numbers.bad_among(connection, [NUMBER]) == {NUMBER: "30005"}


def test_bad_numbers_of_thousands_are_found_in_one_call(engine: Engine) -> None:
    """A batch of any size finds its bad numbers, across the seams of the chunks."""
    batch = [f"+86138{number:08}" for number in range(1_100)]
    with engine.begin() as connection:
        for number in (batch[499], batch[500], batch[1_099]):
            numbers.mark_bad(connection, number, gateway="twilio", code="30005", at=AT)

        assert set(numbers.bad_among(connection, batch)) == {batch[499], batch[500], batch[1_099]}


def test_endless_code_of_a_provider_is_cut(engine: Engine) -> None:
    """Law 9: a provider's odd answer is recorded as far as it fits, not lost with the whole batch."""
    with engine.begin() as connection:
        numbers.mark_bad(connection, NUMBER, gateway="twilio", code="x" * 500, at=AT)
        gateway_states.pause(connection, "twilio", until=AT + MINUTE, reason="y" * 500, at=AT)

        assert len(numbers.bad_among(connection, [NUMBER])[NUMBER]) == 64
        assert len(gateway_states.paused(connection, AT)["twilio"].reason) == 300


def test_pause_ends_by_itself(engine: Engine) -> None:
    """A gateway is paused up to its end and not a microsecond longer; another one never."""
    with engine.begin() as connection:
        gateway_states.pause(connection, "twilio", until=AT + MINUTE, reason="401", at=AT)

        expected = GatewayPause(gateway="twilio", until=AT + MINUTE, reason="401", since=AT)
        assert gateway_states.paused(connection, AT) == {"twilio": expected}
        assert "twilio" in gateway_states.paused(connection, AT + MINUTE - timedelta(microseconds=1))
        assert gateway_states.paused(connection, AT + MINUTE) == {}


def test_longer_pause_takes_over(engine: Engine) -> None:
    """A gateway that fails again is paused on, with the latest reason."""
    with engine.begin() as connection:
        gateway_states.pause(connection, "twilio", until=AT + MINUTE, reason="401", at=AT)
        gateway_states.pause(connection, "twilio", until=AT + 2 * MINUTE, reason="403", at=AT + MINUTE)

        found = gateway_states.paused(connection, AT + MINUTE)["twilio"]
        assert found == GatewayPause(gateway="twilio", until=AT + 2 * MINUTE, reason="403", since=AT + MINUTE)


def test_shorter_pause_changes_nothing(engine: Engine) -> None:
    """Trap 5: what a person paused for a day stays so, with its reason, when the next call fails for 15 minutes."""
    day = timedelta(days=1)
    with engine.begin() as connection:
        gateway_states.pause(connection, "twilio", until=AT + day, reason="credit ran out", at=AT)
        gateway_states.pause(connection, "twilio", until=AT + 15 * MINUTE, reason="402", at=AT + MINUTE)

        found = gateway_states.paused(connection, AT + MINUTE)["twilio"]
        assert found == GatewayPause(gateway="twilio", until=AT + day, reason="credit ran out", since=AT)


def test_resumed_gateway_sends(engine: Engine) -> None:
    """A person can end a pause early; a second time there is nothing to end."""
    with engine.begin() as connection:
        gateway_states.pause(connection, "twilio", until=AT + MINUTE, reason="401", at=AT)

        assert gateway_states.resume(connection, "twilio") is True
        assert gateway_states.resume(connection, "twilio") is False
        assert gateway_states.paused(connection, AT) == {}
