"""Rates and breakers as dispatch keeps them: shared by all processes, and nothing burnt by waiting."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from reminder.app import open_deployment
from reminder.domain.breaker import FAILURES_MAX, OPEN_SECONDS, PROBE_SECONDS
from reminder.domain.rate import Rate
from reminder.domain.verdict import Reason
from reminder.installation import read_installation
from reminder.pipeline.admission import AHEAD_MAX, PROBE_WAIT
from reminder.pipeline.dispatch import dispatch
from reminder.pipeline.tally import DispatchReport
from reminder.store import gateway_states, rates
from reminder.store.schema import attempt, breaker
from support.deployments import write_deployment
from support.processes import together
from support.worlds import World, account_row

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)


def fill(world: World, due: date, count: int) -> None:
    """Plan so many texts for as many customers."""
    world.add_accounts(*(account_row(f"A{number:03}", due, phone=f"138{number:08}") for number in range(count)))
    world.plan()


def send(world: World, *, per_second: float | None = None, burst: int = 1, owner: str = "test:1") -> DispatchReport:
    """Dispatch at this rate, as this process."""
    known = {} if per_second is None else {"recorder": Rate(per_second, burst)}
    return asyncio.run(dispatch(replace(world.deployment(), rates=known, owner=owner)))


def waits(world: World) -> list[float]:
    """Return when what is planned is to be tried, in seconds from now."""
    return sorted((row.not_before - world.at).total_seconds() for row in world.rows() if row.state == "planned")


def test_no_more_than_the_rate_goes_out(real_world: World, due: date) -> None:
    """What finds no slot is put off to its own one, a step of the rate apart, and burns no attempt."""
    world = real_world
    fill(world, due, 10)
    report = send(world, per_second=2, burst=4)

    assert (report.texts, report.reasons) == (4, Counter({Reason.RATE: 6}))
    assert waits(world) == [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
    assert {row.attempts for row in world.rows()} == {0}
    assert "recorder takes 2 texts a second" in {row.reason.partition(": ")[2] for row in world.rows()}
    for _ in range(6):
        world.later(seconds=0.5)
        assert send(world, per_second=2, burst=4).texts == 1
    assert Counter(row.state for row in world.rows()) == {"sent": 10}
    assert len({message.to for message in world.recorder.taken}) == world.recorder.calls == 10


def test_a_long_queue_is_put_off_once(world: World, due: date) -> None:
    """Law 12: a backlog that takes long at its rate is not claimed over and over; AHEAD_MAX is the longest wait."""
    world.batch_rows = 10
    fill(world, due, 60)
    report = send(world, per_second=0.05, burst=1)
    assert report.claimed == 60
    assert waits(world) == [min(20.0 * number, AHEAD_MAX.total_seconds()) for number in range(1, 60)]
    assert send(world, per_second=0.05, burst=1).claimed == 0


def test_a_gateway_without_a_rate_has_none(world: World, due: date) -> None:
    """The bound is an option: without it everything goes out at once, and no row is kept."""
    fill(world, due, 30)
    assert send(world).texts == 30
    with world.engine.connect() as connection:
        assert rates.ailing(connection, ["recorder"]) == set()
        assert connection.execute(select(breaker)).all() == []


def test_two_processes_share_a_rate(world: World, due: date) -> None:
    """The bound holds for all processes together: what one has used the other has not."""
    fill(world, due, 10)
    world.batch_rows = 3
    first = send(world, per_second=1, burst=5, owner="one")
    second = send(world, per_second=1, burst=5, owner="two")
    assert (first.texts + second.texts, world.recorder.calls) == (5, 5)


def test_a_patient_dispatch_waits_for_its_slots(world: World, due: date) -> None:
    """A run that may wait sends everything, at the rate; one that may not leaves the rest to the next."""
    began = asyncio.new_event_loop()
    fill(world, due, 5)
    start = world.at
    deployment = replace(
        world.deployment(),
        rates={"recorder": Rate(10, 1)},
        clock=lambda: start + timedelta(seconds=began.time() - origin),
    )
    origin = began.time()
    report = began.run_until_complete(dispatch(deployment, patience_seconds=20))
    began.close()
    assert report.texts == 5


TAKE = """
import time
from reminder.domain.rate import Rate
from reminder.store import rates
from datetime import UTC, datetime
wait_for_the_others()
got, until = 0, time.monotonic() + 2
while time.monotonic() < until:
    with engine.begin() as connection:
        at = datetime.fromtimestamp(time.clock_gettime(time.CLOCK_REALTIME), UTC)
        got += rates.take(connection, "g", Rate(50, 10), 7, at=at).calls
print(got)
"""


def test_processes_together_are_no_faster_than_one(database_url: str) -> None:
    """Three processes that grab what they can get 50 a second and a burst of 10, on every database."""
    found = together(TAKE, database_url, processes=3)
    total = sum(int(words[0]) for words in found)
    assert 80 <= total <= 125


@pytest.fixture
def silent(real_world: World, due: date) -> World:
    """A world whose gateway has stopped answering, after a batch of 40."""
    fill(real_world, due, 40)
    real_world.recorder.answer_with("lost")
    send(real_world)
    return real_world


def counts(world: World) -> Counter[str]:
    """Count the outbox by state."""
    return Counter(row.state for row in world.rows())


def paused(world: World) -> dict[str, Any]:
    """Return the gateways that are paused now."""
    with world.engine.connect() as connection:
        return gateway_states.paused(connection, world.at)


def test_a_silent_gateway_is_left_alone(silent: World) -> None:
    """Law 3: after a few lost answers the rest of the batch is not called at all: few doubts, nothing burnt."""
    doubtful = counts(silent)["in_doubt"]
    assert FAILURES_MAX <= doubtful <= FAILURES_MAX + 8
    assert counts(silent)["planned"] == 40 - doubtful
    assert silent.recorder.calls == doubtful
    assert {row.attempts for row in silent.rows()} == {0}
    with silent.engine.connect() as connection:
        assert len(connection.execute(select(attempt).where(attempt.c.counted)).all()) == doubtful
    assert paused(silent)["recorder"].until == silent.at + timedelta(seconds=OPEN_SECONDS)
    assert "does not answer" in paused(silent)["recorder"].reason


def test_other_processes_see_it(silent: World) -> None:
    """The breaker is in the database: another process leaves the gateway alone as well."""
    calls = silent.recorder.calls
    silent.later(seconds=OPEN_SECONDS - 1)
    assert send(silent, owner="two").texts == 0
    assert silent.recorder.calls == calls


def test_one_text_tries_it_again_and_the_rest_follow(silent: World) -> None:
    """When the pause is over one text goes first; its answer lets the others go, in whichever process."""
    silent.recorder.answer_with("accept")
    waiting = counts(silent)["planned"]
    silent.later(seconds=OPEN_SECONDS)
    report = send(silent, owner="two")
    assert (report.texts, report.reasons[Reason.PAUSED]) == (1, waiting - 1)
    silent.later(seconds=PROBE_WAIT.total_seconds())
    assert send(silent, owner="three").texts == waiting - 1
    assert paused(silent) == {}


def test_a_probe_without_an_answer_opens_it_again(silent: World) -> None:
    """Law 3: one more doubt, not a batch of them, and a longer wait."""
    doubtful = counts(silent)["in_doubt"]
    silent.later(seconds=OPEN_SECONDS)
    send(silent)
    assert counts(silent)["in_doubt"] == doubtful + 1
    assert paused(silent)["recorder"].until == silent.at + timedelta(seconds=2 * OPEN_SECONDS)


def test_a_probe_whose_process_died_is_made_by_another(silent: World) -> None:
    """Law 4: a probe that never comes back keeps the others waiting for a while only."""
    silent.later(seconds=OPEN_SECONDS)
    with silent.engine.begin() as connection:
        probing = rates.lock_breaker(connection, "recorder")
        until = silent.at + timedelta(seconds=PROBE_SECONDS)
        rates.keep_breaker(connection, "recorder", replace(probing, probe_until=until))
    silent.recorder.answer_with("accept")
    assert send(silent).texts == 0
    silent.later(seconds=PROBE_SECONDS)
    assert send(silent).texts == 1


def test_breakers_and_rates_are_kept_per_gateway(engine: Engine) -> None:
    """What one gateway does says nothing of another, and what is written is what is read."""
    with engine.begin() as connection:
        state = replace(rates.lock_breaker(connection, "a"), failures=2, failing_since=AT)
        rates.keep_breaker(connection, "a", state)
        assert rates.lock_breaker(connection, "a") == state
        assert rates.lock_breaker(connection, "b") == replace(state, failures=0, failing_since=None)
        assert rates.ailing(connection, ["a", "b", "c"]) == {"a"}
        assert rates.take(connection, "a", Rate(1, 2), 5, at=AT).calls == 2
        assert rates.take(connection, "a", Rate(1, 2), 5, at=AT).calls == 0
        assert rates.take(connection, "b", Rate(1, 2), 5, at=AT).calls == 2


@pytest.mark.parametrize(
    ("section", "rate"),
    [
        pytest.param("{}", None, id="no bound"),
        pytest.param("{rate_per_second: 2.5}", Rate(2.5, 2), id="a second's worth"),
        pytest.param("{rate_per_second: 0.1}", Rate(0.1, 1), id="one at least"),
        pytest.param("{rate_per_second: 10, burst: 3}", Rate(10, 3), id="burst as said"),
    ],
)
def test_the_rate_comes_from_the_settings(tmp_path: Path, section: str, rate: Rate | None) -> None:
    """What the operator writes is what dispatch keeps; left out, a burst is what a second allows."""
    config = write_deployment(tmp_path)
    settings = (config / "reminder.yaml").read_text("utf-8")
    (config / "reminder.yaml").write_text(settings.replace("console: {}", f"console: {section}"), "utf-8")
    with open_deployment(read_installation(config, {})) as deployment:
        assert deployment.rates == ({} if rate is None else {"console": rate})
