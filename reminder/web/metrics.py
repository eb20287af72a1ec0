"""Metrics: what Prometheus may ask. Read from our tables when it asks, so that any process answers for all of them.

Only what one process alone can know, how long its calls to gateways took, is counted as it goes. Labels are words of
this program and names from its settings, so there is a bound to them, and none of them names a customer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection

from reminder import __version__
from reminder.domain.guard import GuardName, day_span
from reminder.domain.lifecycle import FINAL
from reminder.domain.trouble import CODES
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.troubles import look_for_troubles, missed_slots
from reminder.pipeline.vitals import Histogram
from reminder.store import daemons, figures, gateway_states, guards, leases, refusals
from reminder.store.clock import common_instant
from reminder.web.exposition import Family, Metric, exposed
from reminder.web.readiness import calendar_of
from reminder.web.served import Kept, Served

__all__ = ["BOOK_SECONDS", "FIGURES_SECONDS", "METRICS", "Metrics"]

FIGURES_SECONDS = 10.0
"""For how long figures of the database are good, in seconds, however many scrape."""

BOOK_SECONDS = 300.0
"""For how long the age of the book is good, in seconds: to ask for it may mean to read the lender's whole table."""

METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("reminder_info", "This program; always 1.", ("version",)),
        Metric("reminder_database_up", "Whether the database answers; where it does not, most others are absent."),
        Metric("reminder_trouble", "Whether something is wrong, by the doctor's code for it.", ("code",)),
        Metric("reminder_open", "Reminders that have not come to their end, by state.", ("state",)),
        Metric("reminder_waiting", "Planned reminders that were asked and wait, by the reason why.", ("reason",)),
        Metric("reminder_backlog", "Reminders whose time has come and that nobody has taken."),
        Metric("reminder_backlog_age_seconds", "How long the first of the backlog has waited; 0 without one."),
        Metric("reminder_doubt_age_seconds", "How long the oldest doubt has been one; 0 without one."),
        Metric("reminder_today_planned", "Reminders planned since midnight in the schedule's zone."),
        Metric("reminder_today_ended", "Those of today's reminders that came to an end, by state.", ("state",)),
        Metric("reminder_today_silent", "Those of today's reminders that ended unsent, by reason.", ("reason",)),
        Metric("reminder_today_texts", "Texts handed to gateways since midnight, by outcome.", ("gateway", "outcome")),
        Metric("reminder_today_segments", "Segments of the texts that gateways took since midnight.", ("gateway",)),
        Metric("reminder_replies_waiting", "Texts from customers that wait for a person."),
        Metric("reminder_gateway_configured", "Whether a gateway of the settings can be used.", ("gateway",)),
        Metric("reminder_gateway_paused", "Whether nothing is sent through a gateway for now.", ("gateway",)),
        Metric("reminder_gateway_trips", "How often in a row a gateway's breaker opened; 0 is closed.", ("gateway",)),
        Metric(
            "reminder_gateway_call_seconds",
            "How long this process's calls to a gateway took, by outcome.",
            ("gateway", "outcome"),
            "histogram",
        ),
        Metric("reminder_daemons", "Daemons that have not taken their leave."),
        Metric("reminder_leader", "Whether one of the daemons leads, and so plans the slots."),
        Metric("reminder_tick_age_seconds", "How long ago the last sign was that a daemon works."),
        Metric("reminder_tick_failing_seconds", "For how long the ticks of a daemon have failed; 0 if they don't."),
        Metric("reminder_plan_age_seconds", "How long ago the last plan of the schedule began."),
        Metric("reminder_runs_missed", "Slots of the schedule in the last day that nobody planned in time."),
        Metric("reminder_paused", "Whether a guard keeps everything from being sent.", ("guard",)),
        Metric("reminder_config_refused", "Daemons that go on with older files because those of now are wrong."),
        Metric("reminder_book_age_seconds", "How long ago the book was refreshed, where it says so."),
        Metric("reminder_book_age_max_seconds", "How old the book may be."),
    )
}
"""Every metric, in the order in which it is told."""

_Samples = dict[str, dict[tuple[str, ...], float]]

log = structlog.get_logger("reminder.web")


class Metrics:
    """What is told when Prometheus asks. To be asked on a thread: the database is read, at most every few seconds."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._figures = Kept(self._ask, FIGURES_SECONDS)
        self._loaded = Kept(self._ask_book, BOOK_SECONDS)

    def __call__(self) -> bytes:
        """Return all metrics in Prometheus' text format. Never raises: what can't be known is left out."""
        deployment = self._served.deployment
        samples: dict[str, Mapping[tuple[str, ...], float | Histogram]] = {
            "reminder_info": {(__version__,): 1.0},
            "reminder_gateway_call_seconds": dict(deployment.vitals.calls().items()),
            **self._of_gateways(),
            **self._figures(),
            **self._of_book(deployment.clock()),
        }
        return exposed(Family(metric, samples.get(name, {})) for name, metric in METRICS.items())

    def _of_gateways(self) -> _Samples:
        deployment = self._served.deployment
        known = dict.fromkeys(deployment.gateways, 1.0) | dict.fromkeys(deployment.absent, 0.0)
        return {"reminder_gateway_configured": {(name,): value for name, value in known.items()}}

    def _ask(self) -> _Samples:
        served = self._served
        try:
            with served.deployment.engine.connect() as connection:
                return {"reminder_database_up": {(): 1.0}, **dict(_read(connection, served))}
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the database, the other metrics are told
            log.warning("reminder.web.unmeasured", error=type(error).__name__)
            return {"reminder_database_up": {(): 0.0}}

    def _ask_book(self) -> datetime | None:
        book = self._served.deployment.book
        if book.fresh_max_age is None:
            return None
        try:
            with book.engine.connect() as connection:
                return book.newest_load(connection)
        except Exception as error:  # noqa: BLE001 - a book that is away is told by the doctor and by the log of plans
            log.warning("reminder.web.unmeasured", error=type(error).__name__)
            return None

    def _of_book(self, at: datetime) -> _Samples:
        loaded, most = self._loaded(), self._served.deployment.book.fresh_max_age
        found: _Samples = {} if most is None else {"reminder_book_age_max_seconds": {(): most.total_seconds()}}
        return found if loaded is None else {**found, "reminder_book_age_seconds": {(): (at - loaded).total_seconds()}}


def _read(connection: Connection, served: Served) -> Iterator[tuple[str, dict[tuple[str, ...], float]]]:
    """Yield the samples that the database knows, by the name of their metric."""
    deployment, calendar = served.deployment, calendar_of(served.installation)
    at = deployment.clock()
    found = {trouble.code for trouble in look_for_troubles(connection, calendar, at)}
    yield "reminder_trouble", {(code,): float(code in found) for code in CODES.values()}
    yield "reminder_runs_missed", _one(len(missed_slots(connection, calendar, at)))
    yield from _read_outbox(connection, at)
    midnight, _ = day_span(at.astimezone(ZoneInfo(calendar.timezone)).date(), calendar.timezone)
    yield from _read_today(connection, midnight)
    yield "reminder_replies_waiting", _one(figures.replies_waiting(connection))
    yield from _read_gateways(connection, deployment, at)
    yield from _read_daemons(connection, at)
    paused = {pause.guard for pause in guards.open_pauses(connection)}
    yield "reminder_paused", {(guard.value,): float(guard in paused) for guard in GuardName}
    yield "reminder_config_refused", _one(len(refusals.listing(connection, at)))


def _read_outbox(connection: Connection, at: datetime) -> Iterator[tuple[str, dict[tuple[str, ...], float]]]:
    yield "reminder_open", {(state.value,): count for state, count in figures.open_by_state(connection).items()}
    yield "reminder_waiting", {(reason,): n for reason, n in figures.waiting_by_reason(connection).items() if n}
    backlog = figures.backlog(connection, at)
    yield "reminder_backlog", _one(backlog.count)
    yield "reminder_backlog_age_seconds", _one(_age(backlog.since, at))
    yield "reminder_doubt_age_seconds", _one(_age(figures.doubts(connection)[1], at))


def _read_today(connection: Connection, since: datetime) -> Iterator[tuple[str, dict[tuple[str, ...], float]]]:
    states, reasons = figures.fates(connection, since)
    yield "reminder_today_planned", _one(sum(states.values()))
    yield "reminder_today_ended", {(state.value,): states[state] for state in sorted(FINAL)}
    yield "reminder_today_silent", {(reason,): count for reason, count in reasons.items() if count}
    texts = figures.texts_since(connection, since)
    yield "reminder_today_texts", {(each.gateway, each.outcome): each.texts for each in texts}
    taken = [each for each in texts if each.outcome == "accepted"]
    yield "reminder_today_segments", {(each.gateway,): each.segments for each in taken}


def _read_gateways(
    connection: Connection, deployment: Deployment, at: datetime
) -> Iterator[tuple[str, dict[tuple[str, ...], float]]]:
    names = sorted({*deployment.gateways, *deployment.absent})
    paused = gateway_states.paused(connection, at)
    yield "reminder_gateway_paused", {(name,): float(name in paused) for name in names}
    trips = {each.gateway: each.trips for each in figures.silent_gateways(connection)}
    yield "reminder_gateway_trips", {(name,): trips.get(name, 0) for name in names}


def _read_daemons(connection: Connection, at: datetime) -> Iterator[tuple[str, dict[tuple[str, ...], float]]]:
    signs = daemons.listing(connection, at)
    yield "reminder_daemons", _one(len(signs))
    lead = leases.current(connection, leases.LEADER)
    led = lead is not None and bool(lead.owner) and lead.until > common_instant(connection, at)
    yield "reminder_leader", _one(float(led))
    if signs:
        yield "reminder_tick_age_seconds", _one(_age(signs[0].seen_at, at))
    failing = [sign.failing_since for sign in signs if sign.failing_since is not None]
    yield "reminder_tick_failing_seconds", _one(_age(min(failing, default=None), at))
    if (planned := figures.last_plan(connection)) is not None:
        yield "reminder_plan_age_seconds", _one(_age(planned, at))


def _age(since: datetime | None, at: datetime) -> float:
    return 0.0 if since is None else max(0.0, (at - since).total_seconds())


def _one(value: float) -> dict[tuple[str, ...], float]:
    return {(): value}
