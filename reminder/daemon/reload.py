"""Live configuration: what the files say by now comes into force as a whole, or not at all.

The files are looked at every few seconds (their names, sizes and times, not their contents). Once an edit has settled,
or at SIGHUP, they are read and checked as `reminder policy check` does. Valid as a whole, they are in force from the
next tick on. Otherwise the last good ones stay in force entirely, and log and database say where the error is. This is
stricter than a first start, where only the accounts of a broken file stay silent: here something good is in force.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import Connection

from reminder.app import redeployed
from reminder.config.settings import Settings
from reminder.daemon.ticks import Schedule
from reminder.domain.record import Actor, Entry, Kind
from reminder.errors import ConfigError, Problem
from reminder.installation import Installation, read_installation
from reminder.pipeline.check import check_installation
from reminder.pipeline.deployment import Deployment
from reminder.store import edits, record, refusals
from reminder.store.deadlocks import in_transaction

__all__ = ["WATCH_SECONDS", "InForce", "Live", "schedule_of"]

WATCH_SECONDS = 2.0
"""How often the files are looked at, in seconds. An edit counts when two looks in a row see the same."""

PROBLEMS_TOLD_MAX = 20

_READ: Final = frozenset({".yaml", ".yml", ".j2"})
"""What deployments consist of. Anything else in their folders, such as a database, changes nothing."""

_FIXED: Final = ("database", "book")
"""Settings that a running daemon can't follow, nor go on without: policies may rest on what they say."""

_AT_START: Final = ("logs", "web")
"""Settings that are read when the daemon starts, and that nothing else rests on."""

_SCHEDULE_AT_START: Final = ("tick_seconds", "lead_seconds")
"""Those of the schedule."""

Look = frozenset[tuple[str, int, int, int]]
"""Files as they lie there: path, time of change (ns), size and inode."""

log = structlog.get_logger("reminder.daemon")


def _nobody_asked() -> None:
    """Tell nobody that the files were read."""


def schedule_of(settings: Settings) -> Schedule:
    """Return what the settings say about when to plan and how often to look."""
    schedule = settings.schedule
    return Schedule(
        timezone=schedule.timezone,
        plan_at=schedule.plan_at,
        every=timedelta(seconds=schedule.tick_seconds),
        late=timedelta(hours=schedule.catch_up_hours),
        lead_seconds=schedule.lead_seconds,
    )


@dataclass
class InForce:
    """What ticks go by. It changes between two ticks only: whoever holds `busy` may rely on it."""

    deployment: Deployment
    schedule: Schedule

    def __post_init__(self) -> None:
        """Make the lock that keeps ticks and changes apart."""
        self.busy = asyncio.Lock()

    def leave_off(self) -> bool:
        """Return whether the tick under way is to end after its batch, so that a change can come into force."""
        return False

    async def watch(self) -> None:
        """Look for changes until cancelled; here there are none."""

    def close(self) -> None:
        """Take back what others were told of changes; here nothing."""


class Live(InForce):
    """What is in force, and the files that it came from. `watch` brings their edits into force.

    `answered` is called when files that somebody asked for were read, whatever was found in them.
    """

    def __init__(
        self,
        installation: Installation,
        deployment: Deployment,
        *,
        watch_seconds: float = WATCH_SECONDS,
    ) -> None:
        super().__init__(deployment, schedule_of(installation.settings))
        self.installation = installation
        _ = installation.keywords  # read with all the rest, not when the first customer writes
        self._watch_seconds = watch_seconds
        self._wanted = asyncio.Event()
        self._changed = False
        self._judged = self._seen = self._look()
        self._content = self._digest()
        self._refused_at: datetime | None = None
        self.answered: Callable[[], None] = _nobody_asked

    def leave_off(self) -> bool:
        """Return whether an edit waits to come into force."""
        return self._changed

    def ask(self) -> None:
        """Read the files now, whether they have changed or not."""
        self._wanted.set()

    async def watch(self) -> None:
        """Look at the files until cancelled; take over what has settled, between two ticks."""
        while True:
            asked = False
            try:
                asked = await self._next_look()
                if asked or self._changed:
                    async with self.busy:
                        await self.take_over(asked=asked)
                self._say_again()
            except Exception:
                log.exception("reminder.config.failed", hint="the next look tries again; the last good is in force")
            finally:
                if asked:
                    self.answered()

    async def take_over(self, *, asked: bool = False) -> None:
        """Read the files, and let them come into force if they are valid as a whole. To be called between ticks.

        Files that change while they are read are left to the next look. `asked` says that a person wants it, so that
        even files that say the same as before are told to be in force.
        """
        look = await asyncio.to_thread(self._look)
        content = await asyncio.to_thread(self._digest)
        same = content == self._content and not asked
        after, problems = (self.installation, []) if same else await asyncio.to_thread(self._read_all)
        if await asyncio.to_thread(self._look) != look:
            return
        if problems or after is None:
            self._refuse(problems)
        elif same:
            self._unrefuse()
        else:
            await self._apply(after)
            self._content = content
        self._judged, self._changed = look, False

    def close(self) -> None:
        """Take back what the database says of this daemon's files: it ends. Where that fails, it fades by itself."""
        try:
            self._unrefuse()
        except Exception:
            log.exception("reminder.config.failed", hint="`reminder status` forgets it after some minutes")

    async def _next_look(self) -> bool:
        """Wait, look, and note whether the files have changed and settled; return whether a person asks."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wanted.wait(), self._watch_seconds)
        asked = self._wanted.is_set()
        self._wanted.clear()
        before, self._seen = self._seen, await asyncio.to_thread(self._look)
        self._changed = self._seen == before and self._seen != self._judged
        return asked

    def _files(self) -> set[Path]:
        loaded = self.installation.loaded
        # Each by itself, for a folder that is a link into another place is not entered from above.
        folders = (loaded.folder, loaded.policies, loaded.profiles, loaded.templates)
        return {path for folder in folders for path in folder.rglob("*") if path.suffix in _READ}

    def _look(self) -> Look:
        found = set()
        for path in self._files():
            try:
                stat = path.stat()
            except OSError:
                continue  # gone between the two: the next look sees it
            found.add((str(path), stat.st_mtime_ns, stat.st_size, stat.st_ino))
        return frozenset(found)

    def _digest(self) -> str:
        whole = sha256()
        for path in sorted(self._files()):
            try:
                content = path.read_bytes()
            except OSError as error:
                content = str(error).encode()
            whole.update(f"{path}\0{len(content)}\0".encode() + content)
        return whole.hexdigest()

    def _read_all(self) -> tuple[Installation | None, list[Problem]]:
        """Return what the files say and all that is wrong with it, warnings left out."""
        before = self.installation
        try:
            after = read_installation(before.loaded.folder, before.environ)
            redeployed(self.deployment, before, after)
        except ConfigError as error:
            return None, list(error.problems)
        found = (*after.problems, *_not_live(before, after), *_newly_wrong(before, after))
        return after, [problem for problem in dict.fromkeys(found) if not problem.warning]

    async def _apply(self, after: Installation) -> None:
        """Let the files come into force: the database first, for if it fails all stays as it was."""
        before, old = self.installation, self.deployment
        new = redeployed(old, before, after)

        def write(connection: Connection) -> int:
            refusals.clear(connection, old.owner)
            record.append(connection, [_applied(new)], at=old.clock())
            return edits.ask_again(connection, at=old.clock())

        asked_again = in_transaction(old.engine, write)
        self.installation, self.deployment, self.schedule = after, new, schedule_of(after.settings)
        self._refused_at = None
        for name, gateway in old.gateways.items():
            if new.gateways.get(name) is not gateway:
                await gateway.close()
        versions = {policy.name: policy.version for policy in new.policies}
        log.info("reminder.config.applied", policies=versions, gateways=sorted(new.gateways), asked_again=asked_again)
        for name in _read_at_start(before.settings, after.settings):
            log.warning("reminder.config.restart_needed", setting=name, hint="it is read when the daemon starts")

    def _refuse(self, problems: Iterable[Problem]) -> None:
        told = [str(problem) for problem in problems]
        at = self.deployment.clock()
        with self.deployment.engine.begin() as connection:
            refusals.write(connection, self.deployment.owner, problems=told[:PROBLEMS_TOLD_MAX], at=at)
        self._refused_at = at
        log.error(
            "reminder.config.refused",
            problems=told[:PROBLEMS_TOLD_MAX],
            count=len(told),
            hint="the last good files stay in force: mend these, or see `reminder policy check`",
        )

    def _unrefuse(self) -> None:
        if self._refused_at is None:
            return
        with self.deployment.engine.begin() as connection:
            refusals.clear(connection, self.deployment.owner)
        self._refused_at = None
        log.info("reminder.config.restored", hint="the files say again what is in force")

    def _say_again(self) -> None:
        at = self.deployment.clock()
        if self._refused_at is None or (at - self._refused_at).total_seconds() < refusals.SAID_AGAIN_SECONDS:
            return
        with self.deployment.engine.begin() as connection:
            refusals.repeat(connection, self.deployment.owner, at=at)
        self._refused_at = at


def _applied(deployment: Deployment) -> Entry:
    versions = {policy.name: policy.version for policy in deployment.policies}
    return Entry(Kind.CONFIG, Actor.PROCESS, deployment.owner, became="applied", data={"policies": versions})


def _read_at_start(before: Settings, after: Settings) -> list[str]:
    """Return which of the settings that are read when the daemon starts have changed."""
    changed = [name for name in _AT_START if getattr(before, name, None) != getattr(after, name, None)]
    old, new = before.schedule, after.schedule
    return changed + [f"schedule.{name}" for name in _SCHEDULE_AT_START if getattr(old, name) != getattr(new, name)]


def _newly_wrong(before: Installation, after: Installation) -> list[Problem]:
    """Return what `reminder policy check` complains of now and did not before: what one lives with blocks no edit."""
    known = {(problem.path, problem.message) for problem in _checked(before)}
    return [problem for problem in _checked(after) if (problem.path, problem.message) not in known]


def _checked(found: Installation) -> list[Problem]:
    """Return all that the checks complain of; customers' words are read with the rest, so that they change with it."""
    return [*check_installation(found.files), *found.keywords.problems]


def _not_live(before: Installation, after: Installation) -> list[Problem]:
    """Return what is sound in itself and yet can't come into force while a daemon runs."""
    document = after.loaded.document
    problems = [
        document.problem((name,), f"{name}: it can't change while the daemon runs; restart it, or take the edit back")
        for name in _FIXED
        if getattr(before.settings, name) != getattr(after.settings, name)
    ]
    if before.policies.files and not after.policies.files:
        # An unmounted folder looks like this, and would cancel every reminder there is.
        where = str(after.loaded.policies)
        problems.append(Problem(where, 0, 0, "expected at least one policy, found none; restart if that is meant"))
    return problems
