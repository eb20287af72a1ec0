"""A provider that fails in every way that HTTP allows: the daemon goes on, says so, and each text is taken once."""

from __future__ import annotations

from collections import defaultdict
from typing import Any
from urllib.parse import urlsplit

from faults.conftest import Setter
from sqlalchemy import select

from reminder.domain.lifecycle import State
from reminder.store.numbers import mark_bad
from reminder.store.schema import outbox
from support.checkers import states
from support.nursery import Child
from support.proxy import wire
from support.stage import Stage, told
from support.stormy import Provider

EACH = 3
"""How many texts meet each fault."""

RETRY_AFTER_SECONDS = 1200

CONFIRMED = {"reminder.dispatch.in_doubt", "reminder.doubt.confirm"}
DISPROVED = {"reminder.dispatch.in_doubt", "reminder.doubt.wait", "reminder.doubt.disprove"}
PUT_OFF = {"reminder.dispatch.planned"}

ANSWERS: dict[str, tuple[set[str], dict[str, Any]]] = {
    "answer lost after acceptance": (CONFIRMED, {"mode": "reset_after_accept"}),
    "no answer after acceptance": (CONFIRMED, {"mode": "hang_after_accept"}),
    "accepted after we gave up": (CONFIRMED, {"mode": "slow", "seconds": 1.6}),
    "answer broken off": (CONFIRMED, {"mode": "truncated"}),
    "created without a name": (CONFIRMED, {"mode": "no_sid"}),
    "reset, nothing taken": (DISPROVED, {"mode": "reset_before_accept"}),
    "no answer, nothing taken": (DISPROVED, {"mode": "hang_before_accept"}),
    "500": (DISPROVED, {"mode": "error", "status": 500}),
    "503 with Retry-After": (DISPROVED, {"mode": "error", "status": 503, "retry_after": "60"}),
    "wrong JSON": (DISPROVED, {"mode": "raw", "status": 201, "text": '{"sid": "SM'}),
    "wrong content type": (DISPROVED, {"mode": "raw", "status": 201, "text": "<html>welcome</html>"}),
    "empty 201": (DISPROVED, {"mode": "raw", "status": 201, "text": ""}),
    "429": (PUT_OFF, {"mode": "error", "status": 429, "code": 20429}),
    "429 with Retry-After": (
        PUT_OFF,
        {"mode": "error", "status": 429, "code": 20429, "retry_after": str(RETRY_AFTER_SECONDS)},
    ),
}
"""What the provider does with some of the first texts, and what the daemon says of each of these."""

PHASES: tuple[dict[str, int], ...] = ({"up": 0}, {"up": 100}, {"down": 0}, {"down": 60})
"""When connections are reset: as they stand, in mid-request, before the answer and in its middle."""


def play(stage: Stage) -> Child:
    """Let a daemon do its work to the end, and hold what it did against the provider."""
    daemon = stage.start("daemon")
    assert not stage.settle(daemon, seconds=120), daemon.output.read_text("utf-8")[-3000:]
    stage.stop(daemon)
    assert stage.complaints() == []
    assert len(stage.provider.accepted()) == stage.people.made
    return daemon


def test_answers_that_are_none(staged: Setter, sqlite_url: str, provider: Provider) -> None:
    """Laws 3 and 4: whatever comes in place of an answer, each text is taken once, and the log says how."""
    coming = [behaviour | {"words": name} for _ in range(EACH) for name, (_, behaviour) in ANSWERS.items()]
    provider.call("POST", "/_fake/behave", {"next": coming})
    daemon = play(staged(sqlite_url, len(coming)))

    said = defaultdict(set)
    for event in daemon.events():
        said[event.get("reference")].add(event["event"])
    met = {post["reference"]: post["behaviour"] for post in provider.posts() if post["behaviour"] in ANSWERS}
    assert len(met) == len(coming)
    wrong = {(name, *said[reference]) for reference, name in met.items() if not ANSWERS[name][0] <= said[reference]}
    assert wrong == set()
    assert shortest_wait(provider, "429 with Retry-After") >= RETRY_AFTER_SECONDS


def shortest_wait(provider: Provider, behaviour: str) -> float:
    """Return the least time after such an answer until the same number was tried again, in seconds of both clocks."""
    waits: list[float] = []
    since: dict[str, float] = {}
    for post in provider.posts():
        if post["To"] in since:
            waits.append(post["at"] - since.pop(post["To"]))
        if post["behaviour"] == behaviour:
            since[post["To"]] = post["at"]
    assert since == {}
    return min(waits)


def test_connections_that_are_reset(staged: Setter, sqlite_url: str, provider: Provider) -> None:
    """Laws 3 and 4: wherever in a call the connection is cut, the text is in doubt until the provider is asked."""
    place = urlsplit(provider.url)
    with wire(str(place.hostname), int(place.port or 0)) as line:
        for where in PHASES:
            line.cut_next(EACH, **where)
        daemon = play(staged(sqlite_url, 4 * len(PHASES) * EACH, provider_url=f"http://127.0.0.1:{line.port}"))
    assert told(daemon).keys() >= CONFIRMED | DISPROVED


def test_a_provider_that_is_away(staged: Setter, sqlite_url: str, provider: Provider) -> None:
    """Laws 3 and 9: where no connection comes about nothing was sent; it is left alone, tried again, and told of."""
    place = urlsplit(provider.url)
    with wire(str(place.hostname), int(place.port or 0)) as line:
        line.tear()
        stage = staged(sqlite_url, 9, provider_url=f"http://127.0.0.1:{line.port}")
        daemon = stage.start("daemon")
        stage.nursery.until(lambda: "reminder.gateway.silent" in told(daemon))
        line.mend()
        assert not stage.settle(daemon, seconds=90)
        stage.stop(daemon)
    assert stage.complaints() == []
    assert len(provider.accepted()) == stage.people.made
    assert {"reminder.gateway.answers", "reminder.dispatch.sent"} <= told(daemon).keys()
    assert "reminder.dispatch.in_doubt" not in told(daemon)


def test_receipts_that_come_as_they_like(staged: Setter, sqlite_url: str, provider: Provider) -> None:
    """Laws 3 and 4: receipts repeated, in any order, before the answer, count once; forged ones are only told of."""
    provider.weather((1, {"mode": "slow", "seconds": 0.2}), seed=5, seconds=0.2, twice=0.7, forged=0.5, undelivered=0.2)
    stage = staged(sqlite_url, 25)
    daemon, web = stage.start("daemon"), stage.start("web")
    assert not stage.settle(daemon, web, seconds=90)
    stage.stop(daemon, web)
    assert stage.complaints() == []
    ends = states(stage.engine)
    assert ends["delivered"] + ends["undelivered"] == stage.people.made
    assert min(ends.values()) > 0
    assert told(web)["reminder.web.forged"] == provider.receipts()["told"]["403"] > 0
    assert told(web)["reminder.receipt.received"] > 2 * stage.people.made


def test_numbers_refused_for_good(staged: Setter, sqlite_url: str, provider: Provider) -> None:
    """Law 4: reminders whose number was refused for good wait and say why, and all the others come to their end."""
    stage = staged(sqlite_url, 6)
    refused = [f"+86138{number:08}" for number in (2, 5)]
    with stage.engine.begin() as connection:
        for number in refused:
            mark_bad(connection, number, gateway="twilio", code="21211", at=stage.clock.now())
    daemon = stage.start("daemon")
    assert stage.settle(daemon, seconds=60) == []
    stage.stop(daemon)
    assert stage.complaints() == []
    with stage.engine.connect() as connection:
        waiting = connection.scalars(select(outbox.c.reason).where(outbox.c.state == State.PLANNED)).all()
    assert ["21211" in reason for reason in waiting] == [True, True]
    assert {each.number for each in provider.accepted()}.isdisjoint(refused)
    assert len(provider.accepted()) == 4
