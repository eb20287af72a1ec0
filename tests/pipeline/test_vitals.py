"""What a process knows of itself: counted rightly, from any thread."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

from reminder.pipeline.dispatch import dispatch
from reminder.pipeline.vitals import LATENCY_BOUNDS_SECONDS, Ticks, Vitals
from support.worlds import World, account_row

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_a_call_is_counted_in_the_bucket_it_belongs_to() -> None:
    """A bound is part of its bucket, as Prometheus has it; what took longer than all is in the last."""
    vitals = Vitals()
    for seconds in (0.05, 0.051, 31.0):
        vitals.called("twilio", "accepted", seconds)
    found = vitals.calls()[("twilio", "accepted")]

    assert found.counts == [1, 1, *(0 for _ in LATENCY_BOUNDS_SECONDS[2:]), 1]
    assert found.total_seconds == 31.101


def test_no_call_is_lost_between_threads() -> None:
    """Calls come from everywhere while somebody reads."""
    vitals = Vitals()
    with ThreadPoolExecutor(8) as pool:
        for number in range(400):
            pool.submit(vitals.called, f"g-{number % 4}", "accepted", 0.1)
            pool.submit(vitals.calls)

    assert sum(sum(histogram.counts) for histogram in vitals.calls().values()) == 400


def test_ticks_fail_since_the_first_of_them() -> None:
    """Since when is told as long as none succeeds; a sign of life in between is no success."""
    vitals = Vitals()
    assert vitals.ticks == Ticks(None, None)
    vitals.ticked(AT, failed=True)
    vitals.alive(AT + SECOND)
    vitals.ticked(AT + 2 * SECOND, failed=True)
    assert vitals.ticks == Ticks(AT + 2 * SECOND, AT)
    vitals.ticked(AT + 3 * SECOND, failed=False)
    assert vitals.ticks == Ticks(AT + 3 * SECOND, None)


def test_dispatch_measures_its_calls(world: World, due: date) -> None:
    """Every call to a gateway is counted, with its outcome."""
    world.add_accounts(account_row("A", due))
    world.plan()
    deployment = world.deployment()
    asyncio.run(dispatch(deployment))

    ((key, histogram),) = deployment.vitals.calls().items()
    assert (key, sum(histogram.counts)) == (("recorder", "accepted"), 1)
