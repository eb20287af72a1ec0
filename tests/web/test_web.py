"""`reminder web` as a process: what Twilio signs is believed, all else is refused, and a STOP is heard."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import Engine, select, text, update
from twilio.request_validator import RequestValidator

from reminder.app import open_deployment
from reminder.installation import read_installation
from reminder.pipeline.run import run_pass
from reminder.store.schema import attempt, hold, inbound, outbox, receipt, suppression
from support.deployments import add_accounts, row

TOKEN = "good-token"
SECRETS = {"TWILIO_ACCOUNT_SID": "AC" + "0" * 32, "TWILIO_AUTH_TOKEN": TOKEN}
OURS = "+15017122661"
THEIRS = "+12125550123"
WAIT_SECONDS = 15.0


def send(config: Path) -> None:
    """Make one pass: plan and send through the stand-in."""

    async def go() -> None:
        with open_deployment(read_installation(config, SECRETS)) as deployment:
            await run_pass(deployment)

    asyncio.run(go())


def texted(config: Path, engine: Engine, *rows: Any) -> str:
    """Send one text; return its reference."""
    add_accounts(config, *(rows or (row("A"),)))
    send(config)
    with engine.connect() as connection:
        return str(connection.scalar(select(attempt.c.reference)))


def states(engine: Engine) -> list[str]:
    """Return the states of all reminders."""
    with engine.connect() as connection:
        return list(connection.scalars(select(outbox.c.state).order_by(outbox.c.reminder_id)))


def count(engine: Engine, table: Any) -> int:
    """Return how many rows a table has."""
    with engine.connect() as connection:
        return len(connection.execute(select(table)).all())


def written(body: str, sid: str = "SM-in-1", **given: str) -> dict[str, str]:
    """Return the form of a customer's text."""
    return {"MessageSid": sid, "From": THEIRS, "To": OURS, "Body": body, "NumMedia": "0"} | given


def status(word: str, sid: str = "SM1", **given: str) -> dict[str, str]:
    """Return the form of a status callback."""
    return {"MessageSid": sid, "MessageStatus": word, "To": THEIRS, "AccountSid": SECRETS["TWILIO_ACCOUNT_SID"]} | given


def wait_until(true: Callable[[], bool]) -> None:
    """Wait until it is true."""
    end = time.monotonic() + WAIT_SECONDS
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_receipts_move_the_reminder(config: Path, engine: Engine, served: Any) -> None:
    """A text goes out with its callback's address; what Twilio reports there, in any order, ends as delivered."""
    reference = texted(config, engine)
    path = f"/receipts/twilio?ref={reference}"
    answers = [served.post(path, status(word)) for word in ("delivered", "queued", "sent", "delivered", "undelivered")]

    assert [code for code, _ in answers] == [200] * 5
    assert states(engine) == ["delivered"]
    assert count(engine, receipt) == 4


def test_the_callbacks_address_is_the_one_that_is_served(config: Path, engine: Engine, served: Any, fake: Any) -> None:
    """What the text told Twilio and what the endpoint believes are the same URL: no receipt is lost between them."""
    texted(config, engine)
    (posted,) = fake.accepted()
    path = posted["StatusCallback"].removeprefix("https://remind.example.com")

    assert served.post(path, status("delivered", posted["sid"]))[0] == 200
    assert states(engine) == ["delivered"]


def test_a_receipt_settles_what_was_in_doubt(config: Path, engine: Engine, served: Any) -> None:
    """Law 3: the answer was lost, the receipt names our reference: sent, with Twilio's id."""
    reference = texted(config, engine)
    with engine.begin() as connection:
        connection.execute(update(outbox).values(state="in_doubt"))
        connection.execute(update(attempt).values(outcome="unknown", provider_id=None))
    served.post(f"/receipts/twilio?ref={reference}", status("sent", "SM77"))

    with engine.connect() as connection:
        found = connection.execute(select(attempt)).one()
    assert (states(engine), found.outcome, found.provider_id) == (["sent"], "accepted", "SM77")


FORGED: dict[str, dict[str, str]] = {
    "absent": {"signature": ""},
    "made up": {"signature": "bm9ib2R5"},
    "another token": {"token": "another"},
    "no token": {"token": ""},
    "the right host": {"token": "x", "Host": "remind.example.com", "X-Forwarded-Proto": "https"},
}


def test_what_is_not_signed_is_refused(config: Path, engine: Engine, served: Any) -> None:
    """403, nothing kept, nothing moved: neither a receipt nor a STOP can be forged."""
    reference = texted(config, engine)
    found = {
        name: (
            served.post(f"/receipts/twilio?ref={reference}", status("failed"), **given)[0],
            served.post("/inbound/twilio", written("STOP"), **given)[0],
        )
        for name, given in FORGED.items()
    }

    assert found == dict.fromkeys(FORGED, (403, 403))
    assert (states(engine), count(engine, receipt), count(engine, inbound)) == (["sent"], 0, 0)
    assert count(engine, suppression) == 0


def test_a_signature_is_for_one_reference(config: Path, engine: Engine, served: Any) -> None:
    """A genuine receipt played back for another text is refused."""
    reference = texted(config, engine)
    form = status("failed")
    stolen = RequestValidator(TOKEN).compute_signature("https://remind.example.com/receipts/twilio?ref=mine", form)

    assert served.post(f"/receipts/twilio?ref={reference}", form, signature=stolen)[0] == 403
    assert states(engine) == ["sent"]


@pytest.mark.parametrize("word", ["STOP", "请不要再发短信"])
def test_after_a_stop_nothing_is_sent(config: Path, engine: Engine, served: Any, fake: Any, word: str) -> None:
    """The law of laws: from the answer to the STOP on, no reminder goes to that number; one confirmation does."""
    code, said = served.post("/inbound/twilio", written(word))
    add_accounts(config, row("A"), row("B", 5))
    send(config)
    wait_until(lambda: len(fake.accepted()) == 1)

    assert (code, said) == (200, '<?xml version="1.0" encoding="UTF-8"?><Response/>')
    assert set(states(engine)) == {"planned"}
    (confirmation,) = fake.accepted()
    assert confirmation["To"] == THEIRS
    assert int(confirmation["ValidityPeriod"]) <= 300

    served.post("/inbound/twilio", written(word))
    served.post("/inbound/twilio", written(word, "SM-in-2"))
    assert served.stop()[0] == 0
    assert len(fake.accepted()) == 1


def test_start_lets_texts_go_again(config: Path, engine: Engine, served: Any, fake: Any) -> None:
    """A START through the same door undoes the STOP, and nothing else needs to be done."""
    for number, word in enumerate(("STOP", "START")):
        served.post("/inbound/twilio", written(word, f"SM-in-{number}", OptOutType=word))
    texted(config, engine)

    assert states(engine) == ["sent"]
    assert len(fake.accepted()) == 1


def test_a_dispute_opens_a_hold(config: Path, engine: Engine, served: Any) -> None:
    """A reply opens what fits, for the customer whom the number was texted for, and waits for a person."""
    texted(config, engine)
    served.post("/inbound/twilio", written("This is not my debt"))
    with engine.connect() as connection:
        opened = connection.execute(select(hold)).one()
        kept = connection.execute(select(inbound)).one()

    assert (opened.kind, opened.customer_id, opened.who) == ("dispute", "C-A", "twilio")
    assert (kept.meaning, kept.waits, kept.body) == ("dispute", True, "This is not my debt")


def test_other_addresses_are_not_there(served: Any) -> None:
    """There are two doors and two lamps, nothing else: no other gateway, method, root or way up."""
    expected = {
        ("POST", "/receipts/nobody"): 404,
        ("POST", "/inbound/console"): 404,
        ("GET", "/receipts/twilio"): 405,
        ("GET", "/"): 404,
        ("POST", "/receipts/../healthz"): 404,
    }
    assert {call: served.call(*call)[0] for call in expected} == expected


BODIES: dict[str, tuple[bytes, str, int]] = {
    "too long": (b"x" * 70_000, "application/x-www-form-urlencoded", 413),
    "too many fields": (b"&".join(b"a=1" for _ in range(300)), "application/x-www-form-urlencoded", 400),
    "no UTF-8": (b"a=%ff", "application/x-www-form-urlencoded", 400),
    "not encoded": ("a=é".encode(), "application/x-www-form-urlencoded", 400),
    "JSON": (b'{"MessageSid": "x"}', "application/json", 403),
}


def test_a_body_is_bounded_and_a_form(served: Any) -> None:
    """What nobody who signs would send costs little and ends early; the next call is answered as ever."""
    found = {
        name: served.call("POST", "/inbound/twilio", body, {"Content-Type": kind, "X-Twilio-Signature": "eA=="})[0]
        for name, (body, kind, _) in BODIES.items()
    }

    assert found == {name: code for name, (_, _, code) in BODIES.items()}
    assert served.call("GET", "/healthz") == (200, "alive\n")


def test_a_signed_call_without_its_fields_is_malformed(served: Any) -> None:
    """400 and a line in the log: an address given to Twilio for another purpose is no attack."""
    assert served.post("/receipts/twilio", {"CallSid": "CA1"})[0] == 400
    assert "reminder.web.malformed" in {line["event"] for line in served.stop()[1]}


def test_logs_hold_no_number_and_no_text(config: Path, engine: Engine, served: Any) -> None:
    """Law 13: from the log nobody learns who wrote what."""
    reference = texted(config, engine)
    served.post(f"/receipts/twilio?ref={reference}", status("delivered"))
    served.post("/inbound/twilio", written("my secret sorrow"))
    served.post("/inbound/twilio", written("my secret sorrow"), signature="forged")
    log = json.dumps(served.stop()[1])

    assert "reminder.inbound.received" in log
    assert "secret sorrow" not in log
    assert THEIRS not in log
    assert THEIRS[1:] not in log


def test_a_database_that_is_away_is_told_and_the_next_call_is_taken(config: Path, engine: Engine, served: Any) -> None:
    """503 makes the provider come again; the process lives, and the text's words are in no log."""
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE inbound RENAME TO away"))
    assert served.post("/inbound/twilio", written("my secret sorrow"))[0] == 503
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO inbound"))
    assert served.post("/inbound/twilio", written("my secret sorrow"))[0] == 200

    log = served.stop()[1]
    assert "reminder.web.failed" in {line["event"] for line in log}
    assert "secret sorrow" not in json.dumps(log)


def test_it_stops_cleanly_though_a_caller_stays(served: Any) -> None:
    """SIGTERM ends it with 0 and its clean-up, also while somebody holds a connection open and says nothing."""
    host, _, port = served.address.partition(":")
    with socket.create_connection((host, int(port))) as idle:
        idle.sendall(b"POST /inbound/twilio HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n")
        time.sleep(0.3)
        code, log = served.stop()

    assert code == 0
    assert log[-1]["event"] == "reminder.web.stopped"


def test_without_the_token_it_is_deaf_and_says_so(serve_with: Callable[..., Any]) -> None:
    """By API key alone texts go out, but no signature can be checked: every call is refused, and the log says why."""
    secrets = {"TWILIO_ACCOUNT_SID": "AC" + "0" * 32, "TWILIO_API_KEY": "SK1", "TWILIO_API_SECRET": "s"}
    with serve_with(**secrets) as served:
        assert served.post("/inbound/twilio", written("STOP"), token="")[0] == 403
        log = served.stop()[1]
    (deaf,) = [line for line in log if line["event"] == "reminder.web.deaf"]
    assert "TWILIO_AUTH_TOKEN" in str(deaf["missing"])


def test_a_taken_port_is_told(config: Path) -> None:
    """Which address, and what to do: exit code 3, for it is a setting that is wrong."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        path = config / "reminder.yaml"
        port = taken.getsockname()[1]
        path.write_text(path.read_text("utf-8").replace("port: 0", f"port: {port}"), "utf-8")
        ended = subprocess.run(
            [sys.executable, "-m", "reminder", "--config", str(config), "web"],
            capture_output=True, text=True, timeout=60, check=False,
            env={**os.environ, **SECRETS},  # noqa: TID251 - a process of its own needs one to start in
        )  # fmt: skip

    assert ended.returncode == 3
    assert f"127.0.0.1:{port}" in ended.stderr


def test_many_calls_at_once_are_each_taken_once(config: Path, engine: Engine, served: Any) -> None:
    """The same receipts from many connections at once leave one row each and one state."""
    from concurrent.futures import ThreadPoolExecutor

    reference = texted(config, engine)
    words = ["queued", "sent", "delivered", "undelivered"] * 10
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda word: served.post(f"/receipts/twilio?ref={reference}", status(word))[0], words))

    assert codes == [200] * 40
    assert (states(engine), count(engine, receipt)) == (["delivered"], 4)


def test_the_same_text_from_many_connections_acts_once(config: Path, engine: Engine, served: Any, fake: Any) -> None:
    """A STOP that is told eight times in one instant is one row, one suppression, one confirmation."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: served.post("/inbound/twilio", written("STOP"))[0], range(8)))
    assert served.stop()[0] == 0

    assert codes == [200] * 8
    assert (count(engine, inbound), count(engine, suppression), len(fake.accepted())) == (1, 1, 1)


def test_the_form_is_read_as_it_was_signed(served: Any, engine: Engine) -> None:
    """Plus signs, percent signs, line breaks and every script arrive as the customer typed them."""
    body = "50% + 50%?\r\n你好 & goodbye=;é\t🙂"
    assert urlencode({"Body": body})
    assert served.post("/inbound/twilio", written(body))[0] == 200
    with engine.connect() as connection:
        assert connection.scalar(select(inbound.c.body)) == body
