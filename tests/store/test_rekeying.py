"""Sealed tables: nothing personal can be read in them, all look-ups work, and keys can be changed or taken away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Connection, Engine, insert, select, text

from reminder.domain.receipt import Inbound, Meaning
from reminder.errors import StoreError
from reminder.store import consents, erasure, inbound, numbers, rekeying, sealing, suppressions
from reminder.store.engine import open_engine
from reminder.store.keyring import Keyring
from reminder.store.rekeying import PLAIN
from reminder.store.schema import account, attempt, metadata
from reminder.store.trial import trial_database
from reminder.store.upgrade import upgrade
from support.outbox_rows import remind, write_attempt
from support.records import text_entry, verified, write
from support.worlds import account_row

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
NUMBER = "+8613800138000"
SECRETS = ("13800138000", "王小明", "Wang Xiaoming", "please stop", "owes 123")
FIRST, SECOND = b"1" * 64, b"2" * 64
Open = Callable[..., Engine]


def know(connection: Connection, customer_id: str = "C") -> None:
    """Write into every room that keeps numbers, names and texts."""
    key = f"A-{customer_id}"
    person = account_row(key, date(2026, 3, 1), customer_id=customer_id, phone=NUMBER[3:], name="Wang Xiaoming")
    connection.execute(insert(account).values(person))
    write_attempt(connection, f"ref-{customer_id}", customer_id=customer_id, number=NUMBER, body="王小明 owes 123")
    remind(connection, key, customer_id=customer_id, state="sent", reference=f"ref-{customer_id}")
    reply = Inbound(f"IM-{customer_id}", NUMBER, "+100", "please stop", None)
    inbound.write(connection, "twilio", reply, meaning=Meaning.STOP, customer_id=customer_id, at=AT)
    suppressions.add(connection, number=NUMBER, channel="sms", source="STOP by text", who="twilio", at=AT)
    numbers.mark_bad(connection, NUMBER, gateway="twilio", code="30006", at=AT)


def raw(engine: Engine) -> str:
    """Return all that stands in any table as it lies there, past every type of ours."""
    with engine.connect() as connection:
        rows = [sorted(connection.execute(text(f"SELECT * FROM {name}")), key=repr) for name in metadata.tables]
    return repr(rows)


def readable(engine: Engine) -> list[str]:
    """Return what of the customer anybody can read who sees the tables."""
    found = raw(engine)
    return [secret for secret in SECRETS if secret in found]


def found_again(engine: Engine) -> None:
    """Assert that the customer is known by number in every room, and read as they were written."""
    with engine.connect() as connection:
        (entry,) = suppressions.covering(connection, numbers=[NUMBER, "+8613900139000"], customer_ids=[])
        assert entry.number == NUMBER
        assert numbers.bad_among(connection, [NUMBER]) == {NUMBER: "30006"}
        assert connection.scalar(select(attempt.c.body).where(attempt.c.number == NUMBER)) == "王小明 owes 123"
        assert connection.scalar(select(account.c.name)) == "Wang Xiaoming"
        assert erasure.numbers_of(connection, "C", "CN") == [NUMBER]


@pytest.fixture
def opened(database_url: str) -> Iterator[Open]:
    """A function that opens the database with these keys, the newest first."""
    made: list[Engine] = []

    def open_with(*keys: bytes) -> Engine:
        made.append(open_engine(database_url, keyring=Keyring(keys) if keys else None))
        return made[-1]

    yield open_with
    for each in made:
        each.dispose()


@pytest.fixture
def sealed(opened: Open) -> Engine:
    """A database that was sealed with the first key before it knew a customer."""
    engine = opened(FIRST)
    rekeying.rewrite(engine)
    with engine.begin() as connection:
        know(connection)
    write(engine, text_entry("C", NUMBER), at=AT)
    sealing.seal(engine, at=AT)
    return engine


def test_nothing_personal_can_be_read_in_any_table(sealed: Engine) -> None:
    """Law 13: who has the tables and no key sees no number, name or text; who has the key finds all of it."""
    assert readable(sealed) == []
    found_again(sealed)
    assert verified(sealed).sound


def test_a_sealed_customer_is_erased_and_still_protected(sealed: Engine) -> None:
    """Erasing works on sealed rows, the record stays green, and the STOP of an erased number stays in force."""
    with sealed.begin() as connection:
        erasure.erase(connection, "C", who="li.na", region="CN", at=AT)
        assert len(suppressions.covering(connection, numbers=[NUMBER], customer_ids=[])) == 1
        assert connection.scalar(select(account.c.account_id)) is None
        assert connection.scalar(select(attempt.c.number)) == ""
    sealing.seal(sealed, at=AT)

    assert (readable(sealed), verified(sealed).faults) == ([], [])


def test_a_start_lifts_a_sealed_stop(sealed: Engine) -> None:
    """Its owner's word ends a suppression that is found by number only."""
    with sealed.begin() as connection:
        assert inbound.lift_stops(connection, NUMBER, gateway="twilio", at=AT) == 1
        assert suppressions.covering(connection, numbers=[NUMBER], customer_ids=[]) == []


def test_a_consent_is_found_by_its_sealed_number(sealed: Engine) -> None:
    """A consent for a number counts for whoever is about to text that number."""
    with sealed.begin() as connection:
        connection.execute(
            insert(metadata.tables["consent"]).values(
                number=NUMBER, channel="sms", source="form", proof="p", who="ann", given_at=AT, recorded_at=AT
            )
        )
        assert [each.number for each in consents.covering(connection, numbers=[NUMBER], customer_ids=[])] == [NUMBER]


def test_a_trial_writes_no_plain_copy(sealed: Engine) -> None:
    """The copy of a simulation lies on a disk too: it is sealed as its source is."""
    with trial_database(sealed, due_since=date(2020, 1, 1), texts_since=datetime(2020, 1, 1, tzinfo=UTC)) as trial:
        assert readable(trial) == []
        with trial.connect() as connection:
            assert numbers.bad_among(connection, [NUMBER]) == {NUMBER: "30006"}


def test_an_old_database_is_sealed_and_made_plain_again(opened: Open) -> None:
    """Switching on rewrites every row, switching off too; each is refused to the rest of the program until then."""
    plain = opened()
    with plain.begin() as connection:
        know(connection)
    write(plain, text_entry("C", NUMBER), at=AT)
    assert set(SECRETS) == set(readable(plain))
    engine = opened(FIRST)
    with pytest.raises(StoreError, match=r"found rows that are plain: .*`reminder db rotate-key`"):
        rekeying.require_newest(engine)
    found_before = raw(plain)
    with engine.connect() as connection:
        left = rekeying.count_left(connection)

    assert rekeying.rewrite(engine) == left
    assert set(left) == {"account", "attempt", "bad_number", "inbound", "record_private", "suppression"}
    rekeying.require_newest(engine)
    assert readable(engine) == []
    found_again(engine)
    assert rekeying.rewrite(engine) == {}

    assert rekeying.rewrite(engine, off=True) == left
    assert raw(plain) == found_before
    rekeying.require_newest(plain)
    found_again(plain)


@contextmanager
def _interrupted(monkeypatch: pytest.MonkeyPatch, after: int) -> Iterator[None]:
    """Batches of one row, and an end with a bang after some of them."""
    batches = iter(range(after))
    real = rekeying._batch

    def dying(*given: object) -> tuple[int, int, object]:
        if next(batches, None) is None:
            raise KeyboardInterrupt
        return real(*given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(rekeying, "_BATCH_ROWS", 1)
        patch.setattr(rekeying, "_batch", dying)
        yield


def test_an_interrupted_rotation_closes_the_database_and_goes_on(
    sealed: Engine, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half rewritten, a look-up would miss a STOP: nothing opens until the next call has come to the end."""
    both, first = opened(SECOND, FIRST), Keyring([FIRST]).newest
    with _interrupted(monkeypatch, after=4), pytest.raises(KeyboardInterrupt):
        rekeying.rewrite(both)

    with both.connect() as connection:
        left = rekeying.count_left(connection)
        assert rekeying.standing(connection) == (first, Keyring([SECOND]).newest)
    assert 0 < sum(left.values()) < 8
    for keys in ((SECOND, FIRST), (FIRST, SECOND), (FIRST,), (SECOND,), ()):
        with pytest.raises(StoreError, match=r"encryption_key_file|rotate-key"):
            rekeying.require_newest(opened(*keys))
    with pytest.raises(StoreError, match=f"expected the key {first}"):
        rekeying.rewrite(opened(SECOND))

    assert rekeying.rewrite(both) == left
    only = opened(SECOND)
    rekeying.require_newest(only)
    found_again(only)
    assert (readable(only), first in raw(only), verified(only).sound) == ([], False, True)


@pytest.mark.parametrize("keys", [(), (SECOND,)], ids=["no key", "another key"])
def test_a_missing_key_is_told(sealed: Engine, opened: Open, keys: tuple[bytes, ...]) -> None:
    """Law 8: without its key nothing opens, and the error names the key by fingerprint and the setting."""
    with pytest.raises(StoreError, match=rf"the key {Keyring([FIRST]).newest} that .* `encryption_key_file`"):
        rekeying.require_newest(opened(*keys))


def test_off_without_a_key_is_told(opened: Open) -> None:
    """Nothing can be rewritten by who has no key; the error says where one is named."""
    with pytest.raises(StoreError, match="`reminder db new-key`"):
        rekeying.rewrite(opened(), off=True)


def test_more_rows_than_a_batch_are_all_rewritten(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches follow one another to the last row, also where the column that changes is the key itself."""
    with opened().begin() as connection:
        for each in range(7):
            numbers.mark_bad(connection, f"+861380013800{each}", gateway="g", code="1", at=AT)
    monkeypatch.setattr(rekeying, "_BATCH_ROWS", 2)
    engine = opened(FIRST)

    assert rekeying.rewrite(engine)["bad_number"] == 7
    with engine.connect() as connection:
        assert len(numbers.bad_among(connection, [f"+861380013800{each}" for each in range(9)])) == 7


def test_new_tables_are_sealed_from_the_start(bare_url: str) -> None:
    """A deployment that begins with a key has nothing to rotate."""
    engine = open_engine(bare_url, keyring=Keyring([FIRST]))
    try:
        upgrade(engine)
        rekeying.require_newest(engine)
        with engine.connect() as connection:
            assert rekeying.standing(connection) == (Keyring([FIRST]).newest,)
    finally:
        engine.dispose()


def test_without_keys_all_is_plain(engine: Engine) -> None:
    """Off by default: rows are what they were before there was such a thing."""
    with engine.begin() as connection:
        know(connection)
        assert rekeying.standing(connection) == (PLAIN,)
    rekeying.require_newest(engine)
    assert set(readable(engine)) == set(SECRETS)
