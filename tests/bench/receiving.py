"""Receipts over HTTP: `reminder web` against the same endpoint doing one indexed update a batch."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import urlencode

from twilio.request_validator import RequestValidator

from bench.books import AT, world
from bench.databases import Store
from bench.measure import Figure, Sample, compared
from bench.processes import TESTS, cpu_seconds, serving
from bench.provider import SECRETS
from reminder.pipeline.plan import plan
from support.deployments import write_deployment

__all__ = ["CALLERS", "receipts_over_http", "texts_sent", "written_calls"]

CALLERS = 64
PUBLIC = "https://remind.example.com"

_SETTINGS = """\
public_url: PUBLIC
database: "DATABASE"
gateways:
  console: {}
  twilio: {from: "+15017122661"}
"""
_SENT = (
    (
        "INSERT INTO attempt (reference, gateway, customer_id, number, policy, policy_version, template, language, "
        "body, segments, counted, started_at, valid_until, outcome, provider_id) SELECT 'r-' || reminder_id, 'twilio', "
        "customer_id, '+86138' || substr(customer_id, 3, 8), policy, '', '', 'zh-CN', 'a text', 1, {true}, not_before, "
        "expires_at, 'accepted', 'SM' || reminder_id FROM outbox"
    ),
    "UPDATE outbox SET state = 'sent', reference = 'r-' || reminder_id",
)


def texts_sent(store: Store) -> None:
    """Plan all that is due, and let it be sent: each reminder has its text, taken by the provider."""
    store.clear("receipt", "record", "record_private", "outbox", "attempt", "customer_lock", "bad_number")
    plan(world(store).deployment(), AT)
    with store.engine.begin() as connection:
        for statement in _SENT:
            connection.exec_driver_sql(statement.format(true="1" if store.name == "sqlite" else "true"))


def written_calls(store: Store, file: Path) -> int:
    """Write Twilio's calls into a file, one for each text, signed as Twilio does; return how many."""
    with store.engine.connect() as connection:
        sent = connection.exec_driver_sql("SELECT reference, provider_id, number FROM attempt ORDER BY reference").all()
    validator = RequestValidator(SECRETS["TWILIO_AUTH_TOKEN"])
    calls = []
    for reference, sid, number in sent:
        form = {
            "AccountSid": SECRETS["TWILIO_ACCOUNT_SID"], "ApiVersion": "2010-04-01", "From": "+15017122661",
            "MessageSid": sid, "MessageStatus": "delivered", "SmsSid": sid, "SmsStatus": "delivered", "To": number,
        }  # fmt: skip
        path = f"/receipts/twilio?ref={reference}"
        body = urlencode(form).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: remind.example.com\r\nUser-Agent: TwilioProxy/1.1\r\nAccept: */*\r\n"
            "Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\n"
            f"X-Twilio-Signature: {validator.compute_signature(PUBLIC + path, form)}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        calls.append(head.encode() + body)
    file.write_bytes(pickle.dumps(calls))
    return len(calls)


@contextmanager
def _product(store: Store, folder: Path) -> Iterator[tuple[int, str]]:
    config = folder / "config"
    if not config.exists():
        write_deployment(folder)
        settings = config / "reminder.yaml"
        text = settings.read_text(encoding="utf-8")
        ours = _SETTINGS.replace("PUBLIC", PUBLIC).replace("DATABASE", store.url)
        settings.write_text(text.replace(text[text.index("gateways:") : text.index("web:")], ours), encoding="utf-8")
    command = [sys.executable, "-m", "reminder", "--config", str(config), "web"]
    with serving(command, folder / "web.log", SECRETS) as served:
        yield served


@contextmanager
def _floor(store: Store, folder: Path) -> Iterator[tuple[int, str]]:
    command = [sys.executable, "-m", "bench.receipts_floor", store.name, store.url, PUBLIC]
    with serving(command, folder / "floor.log", SECRETS) as served:
        yield served


def _called(store: Store, server: Callable[[], AbstractContextManager[tuple[int, str]]], file: Path) -> Sample:
    """Let a server take all the calls; return what it took."""
    texts_sent(store)
    expected = written_calls(store, file)
    with server() as (pid, address):
        begun = cpu_seconds(pid)
        command = [sys.executable, "-m", "bench.callers", address, str(file), str(CALLERS)]
        done = subprocess.run(command, cwd=TESTS, capture_output=True, text=True, check=True)
        told, cpu = json.loads(done.stdout), cpu_seconds(pid) - begun
    with store.engine.connect() as connection:
        states = connection.exec_driver_sql("SELECT state, count(*) FROM outbox GROUP BY state").all()
    assert told["taken"] == expected, f"{told['taken']} of {expected} calls were answered 200"
    assert [tuple(row) for row in states] == [("delivered", expected)], states
    return Sample(told["seconds"], cpu)


def receipts_over_http(store: Store, folder: Path, receipts: int, repeats: int) -> Figure:
    """Take a receipt for each of so many texts, from callers who wait for each answer."""
    folder.mkdir()
    products, floors = [], []
    for _ in range(repeats):
        floors.append(_called(store, lambda: _floor(store, folder), folder / "calls"))
        products.append(_called(store, lambda: _product(store, folder), folder / "calls"))
    return compared(
        "receipts",
        "receipts taken in over HTTP",
        products,
        floors,
        rows=receipts,
        bound=2.0,
        where=store.name,
        size=f"{receipts:,} receipts, {CALLERS} callers",
        note="CPU is the server's own; the product keeps each receipt, its record and a log line",
    )
