"""Standing guard: before anything is sent, is this a run like any other? If not, it pauses and asks (law 15).

Asked before each dispatch, while something is due or a pause is open; whether the clock can be right is asked always,
for what a wrong one has put off is not due. A pause holds all processes. It ends when its cause is gone, or when a
person approves it for its day.

One more thing is abnormal: an outbox that was restored from a backup, and so has forgotten what it has sent. Nothing in
the tables themselves gives that away, for a backup forgets plans, reminders and texts alike. Only providers know more
than we do: `pipeline.recollection` asks them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection

from reminder.domain.case import Case
from reminder.domain.decide import decide
from reminder.domain.guard import (
    CLOCK_TOLERANCE,
    Finding,
    GuardName,
    day_span,
    judge_clock,
    judge_freshness,
    judge_jump,
    judge_volume,
    same_weekdays,
    too_many,
)
from reminder.domain.verdict import Send
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.facts import gather, reading
from reminder.store import guards, leases, volumes
from reminder.store.deadlocks import in_transaction
from reminder.store.guards import Pause
from reminder.store.leases import Mandate

__all__ = ["SAMPLE_ROWS", "stand_guard"]

SAMPLE_ROWS = 500
"""How many of the due reminders are looked at to tell how many of them would be sent, and how many are stale."""

log = structlog.get_logger("reminder.guard")


def stand_guard(
    deployment: Deployment,
    at: datetime,
    *,
    drift: timedelta = timedelta(),
    mandate: Mandate | None = None,
    memory: Finding | None = None,
) -> tuple[Pause, ...]:
    """Return the pauses that are in force at the instant `at`; none means that the run may send.

    `drift` is by how much the clock was put forward (or back, negative) while this process ran; `memory` is what
    providers were found to know and we don't. New pauses are written
    and logged by everybody who sends, for to stop is safe. Those whose cause is gone are lifted under the leader's
    `mandate` only; without one, only jumps of this process's own clock are.
    """
    day = at.astimezone(ZoneInfo(deployment.guards.timezone)).date()
    with deployment.engine.connect() as connection:
        before = guards.open_pauses(connection)
        due = volumes.due_count(connection, at)
        behind = judge_clock(at, volumes.newest_record(connection))
    jump = judge_jump(drift)
    if not (before or due or jump or memory or behind):
        return ()
    found = (*_found(deployment, due, day, at), behind, jump, memory)
    findings = {finding.guard: finding for finding in found if finding is not None}
    stopped = in_transaction(
        deployment.engine,
        lambda connection: [
            guards.stop(connection, finding, day=day, owner=deployment.owner, at=at) for finding in findings.values()
        ],
    )
    kept = {pause.pause_id for pause in stopped}
    lifted = _lift(deployment, [pause for pause in before if pause.pause_id not in kept], at, mandate)
    with deployment.engine.connect() as connection:
        in_force = guards.open_pauses(connection)
    _tell(before, lifted, in_force)
    return tuple(in_force)


def _lift(deployment: Deployment, silent: Sequence[Pause], at: datetime, mandate: Mandate | None) -> list[Pause]:
    """Lift those of the pauses, which nothing speaks for any more, that may be; return them.

    What was forgotten does not come back by itself: that pause waits for a person.

    A jump is seen by the process whose clock it was, and by no other: it lifts it, whoever leads. But one that is said
    to have happened in the future is over for everybody: the clock has been put right since.
    """
    jumps = [pause for pause in silent if pause.guard is GuardName.CLOCK_JUMP]
    over = [pause for pause in jumps if pause.since - at > CLOCK_TOLERANCE]
    over += [pause for pause in silent if pause.guard not in (GuardName.CLOCK_JUMP, GuardName.OUTBOX_BEHIND)]
    own = [pause for pause in jumps if pause.owner == deployment.owner and pause not in over]
    return [
        *(_lifted(deployment, own, at, None) if own else ()),
        *(_lifted(deployment, over, at, mandate) if over and mandate else ()),
    ]


def _lifted(deployment: Deployment, pauses: Sequence[Pause], at: datetime, mandate: Mandate | None) -> list[Pause]:
    def work(connection: Connection) -> list[Pause]:
        found = [pause for pause in pauses if guards.lift(connection, pause.pause_id, owner=deployment.owner, at=at)]
        leases.confirm(connection, mandate)
        return found

    return in_transaction(deployment.engine, work)


def _tell(before: list[Pause], lifted: list[Pause], in_force: list[Pause]) -> None:
    known = {pause.pause_id for pause in before}
    for pause in in_force:
        if pause.pause_id not in known:
            log.error(
                "reminder.run.paused",
                pause=pause.pause_id,
                guard=pause.guard.value,
                reason=pause.reason,
                hint=f"look, then `reminder run approve {pause.pause_id}`",
                **pause.figures,
            )
    for pause in lifted:
        log.info("reminder.run.resumed", pause=pause.pause_id, guard=pause.guard.value)


def _found(deployment: Deployment, due: int, day: date, at: datetime) -> Iterator[Finding | None]:
    """Yield what each guard finds that goes by our tables and the book."""
    limits = deployment.guards
    with deployment.engine.connect() as connection:
        (sent,) = volumes.texts_between(connection, [day_span(day, limits.timezone)])
        counts = _usual(connection, deployment, day) if sent + due > limits.volume_min else []
    most = too_many(counts, limits)
    crowded = most is not None and sent + due > most
    if not due or not (crowded or deployment.book.fresh_max_age):
        return
    cases = _sample(deployment, due, at)
    yield judge_freshness(stale=sum(bool(case.stale_book) for case in cases), asked=len(cases))
    if crowded:
        expected = _expected(cases, due, at)
        yield judge_volume(sent=sent, expected=expected, counts=counts, limits=limits)


def _usual(connection: Connection, deployment: Deployment, day: date) -> list[int]:
    spans = [day_span(each, deployment.guards.timezone) for each in same_weekdays(day)]
    return volumes.texts_between(connection, spans)


def _sample(deployment: Deployment, due: int, at: datetime) -> list[Case]:
    """Return some of the due reminders with the facts of this moment, as a dispatch would gather them."""
    with reading(deployment) as (connection, book):
        reminders = volumes.due_sample(connection, at, due=due, limit=SAMPLE_ROWS)
        return gather(connection, book, deployment, reminders, at)


def _expected(cases: list[Case], due: int, at: datetime) -> int:
    """Return about how many texts the due reminders would make: of many that are due most may stay silent.

    Without a sample all of them would (law 8: in doubt, the larger number).
    """
    if not cases:
        return due
    texts = sum(case.reminder.leg == "sms" and isinstance(decide(case, at).verdict, Send) for case in cases)
    return -(-due * texts // len(cases))
