"""Readiness: is all well, or what is wrong? One look at files, database, schema, ticks and troubles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reminder.domain.trouble import CODES, Kind
from reminder.installation import Installation
from reminder.pipeline.deployment import Deployment
from reminder.pipeline.troubles import TICK_PATIENCE, Calendar, look_for_troubles
from reminder.store.rekeying import amiss, standing
from reminder.store.sealed import keyring_of
from reminder.store.upgrade import schema_state
from reminder.web.served import Served

__all__ = ["Complaint", "Readiness", "calendar_of", "readiness_of"]


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing wrong, by the code of `reminder doctor`. Only the code is for strangers."""

    code: str
    found: str
    hint: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """All that is wrong; nothing, where all is well."""

    complaints: tuple[Complaint, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether nothing waits for a person."""
        return not self.complaints

    @property
    def codes(self) -> list[str]:
        """The codes of what is wrong, each once."""
        return sorted({complaint.code for complaint in self.complaints})


def calendar_of(installation: Installation) -> Calendar:
    """Return when plans are to be made."""
    schedule = installation.settings.schedule
    return Calendar(schedule.timezone, schedule.plan_at)


def readiness_of(served: Served) -> Readiness:
    """Return what is wrong now. Never raises: a database that does not answer is one of the things that may be."""
    installation, deployment = served.installation, served.deployment
    return Readiness((*_files(installation), *_own_ticks(deployment), *_database(installation, deployment)))


def _files(installation: Installation) -> Iterator[Complaint]:
    wrong = [problem for problem in installation.problems if not problem.warning]
    if wrong:
        yield Complaint("RM-E001", f"{len(wrong)} problems, such as {wrong[0]}", "run `reminder policy check`")


def _own_ticks(deployment: Deployment) -> Iterator[Complaint]:
    """Yield that this very daemon hangs: the database knows of others that may be well."""
    seen_at = deployment.vitals.ticks.seen_at
    if seen_at is not None and seen_at < deployment.clock() - TICK_PATIENCE:
        found = f"this daemon has done nothing since {seen_at:%Y-%m-%dT%H:%MZ}"
        yield Complaint(CODES[Kind.TICKS], found, "restart it")


def _database(installation: Installation, deployment: Deployment) -> Iterator[Complaint]:
    try:
        state = schema_state(deployment.engine)
        if not state.up_to_date:
            found = f"the tables are of {state.current or 'no release'}, this program needs {state.head}"
            yield Complaint("RM-E011", found, "run `reminder db upgrade`")
            return
        with deployment.engine.connect() as connection:
            if wrong := amiss(standing(connection), keyring_of(deployment.engine.dialect)):
                yield Complaint("RM-E013", wrong, "restart it with the newest keys")
                return
            troubles = look_for_troubles(connection, calendar_of(installation), deployment.clock())
    except Exception as error:  # noqa: BLE001 - a lost connection has a driver's own error; here only that counts
        yield Complaint("RM-E010", f"it does not answer ({type(error).__name__})", "see the database's own log")
        return
    yield from (Complaint(trouble.code, trouble.found, trouble.hint) for trouble in troubles)
