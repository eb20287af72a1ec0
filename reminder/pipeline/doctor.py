"""The doctor: looks at everything that sending depends on, changes nothing, and says what is wrong and what to do.

Each function looks at one part and returns what it found; `diagnosis.CODES` lists the codes. What was read or asked
comes in as a parameter, so that a part can be looked at even where another one is broken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from reminder.book.findings import Finding as BookFinding
from reminder.book.findings import Severity
from reminder.domain.calendar import adjusted_data_known
from reminder.domain.policy import Action, Policy
from reminder.domain.trouble import Kind
from reminder.domain.window import ContactWindow, HolidayRule
from reminder.errors import Problem
from reminder.gateways.base import Gateway
from reminder.pipeline.diagnosis import Finding
from reminder.pipeline.routing import choose
from reminder.pipeline.troubles import Calendar, look_for_troubles
from reminder.store import guards, refusals, soundness
from reminder.store.gateway_states import GatewayPause
from reminder.store.leases import Lease
from reminder.store.refusals import Refusal
from reminder.store.soundness import Found
from reminder.store.upgrade import SchemaState

__all__ = [
    "CLOCK_APART_MAX",
    "book_unreachable",
    "look_at_book",
    "look_at_calendars",
    "look_at_clock",
    "look_at_daemons",
    "look_at_files",
    "look_at_gateways",
    "look_at_keys",
    "look_at_leader",
    "look_at_outbox",
    "look_at_plans",
    "look_at_schema",
    "look_at_watch",
    "unreachable",
]

PROBLEMS_SHOWN_MAX = 20
"""How many problems of files, and how many doubts, are told one by one."""

CLOCK_APART_MAX = timedelta(seconds=5)
"""How far the database's clock may be from ours: leases are counted in minutes."""

DOUBT_AGE_MAX = timedelta(days=1)
"""How long a reminder may be in doubt before somebody should look."""

LEASE_SLACK = timedelta(minutes=5)
"""How much later than a lease lasts it may end: two machines' clocks are never quite the same."""

PATIENCE = timedelta(hours=1)
"""How long a reminder whose time has come may be left alone: a daemon looks every few seconds."""

PLAN_LASTS_MAX = timedelta(minutes=15)
"""How long a plan may take before somebody should look; who leads next plans its slots again."""

LEADERLESS_MAX = timedelta(minutes=1)
"""How long the daemons may be without a leader: the next one takes the lead within seconds of its end."""

NEXT_YEAR_FROM_MONTH = 12
"""The month from which next year's holidays should be known. China announced those of 2026 on 4 November 2025."""


def look_at_files(problems: Iterable[Problem]) -> list[Finding]:
    """Return what is wrong (RM-E001) or doubtful (RM-W002) in files."""
    found: list[Finding] = []
    ordered = list(problems)
    for code, warning, expected, hint in (
        ("RM-E001", False, "files without a mistake", "correct it; `reminder policy check` lists all"),
        ("RM-W002", True, "files without a doubt", "see whether it is meant; `reminder policy check` lists all"),
    ):
        told = [problem for problem in ordered if problem.warning is warning]
        shown = [Finding(code, "files", expected, _place(each), hint) for each in told[:PROBLEMS_SHOWN_MAX]]
        more = len(told) - len(shown)
        found += [*shown, Finding(code, "files", expected, f"{more} more", hint, count=more)] if more else shown
    return found


def _place(problem: Problem) -> str:
    return str(problem).replace(": warning: ", ": ", 1)


def look_at_check_codes(installed: bool, used: bool) -> list[Finding]:
    """Return whether texts that could carry a check code have no key for it (RM-W004)."""
    if installed or not used:
        return []
    hint = "make one with `reminder message new-key`: customers can then tell your texts from a fraudster's"
    return [Finding("RM-W004", "files", "a key for check codes", "none", hint)]


def unreachable(message: str) -> list[Finding]:
    """Return that the database can't be reached (RM-E010); `message` says why and what to do."""
    return [
        Finding("RM-E010", "database", "to reach the database", message, "nothing else can be looked at until then")
    ]


def look_at_schema(state: SchemaState) -> list[Finding]:
    """Return whether the tables are those of this release (RM-E011)."""
    if state.up_to_date:
        return []
    newer = state.current is not None and state.current > state.head
    hint = "install the newer release" if newer else "run `reminder db upgrade`"
    return [Finding("RM-E011", "schema", f"schema {state.head}", state.current or "no tables", hint)]


def look_at_keys(wrong: str) -> list[Finding]:
    """Return that rows are sealed with other keys than they should be (RM-E013); `wrong` says which and what to do."""
    hint = "nothing is sent until then; see `reminder db keys`"
    return [Finding("RM-E013", "schema", "rows sealed with the newest key", wrong, hint)] if wrong else []


def look_at_clock(theirs: datetime | None, before: datetime, after: datetime) -> list[Finding]:
    """Return whether the database's clock is ours (RM-W012); it was read between two instants of ours (all UTC).

    None is a database that has no clock of its own.
    """
    if theirs is None or before - CLOCK_APART_MAX <= theirs <= after + CLOCK_APART_MAX:
        return []
    apart = theirs - after if theirs > after else before - theirs
    way = "ahead of" if theirs > after else "behind"
    found = f"it {apart.total_seconds():.0f} s {way} ours"
    expected = f"the database's clock within {CLOCK_APART_MAX.total_seconds():.0f} s of ours"
    return [Finding("RM-W012", "clock", expected, found, "let both machines keep time by NTP")]


def look_at_calendars(policies: Iterable[Policy], at: datetime) -> list[Finding]:
    """Return which public holidays that policies ask for are not known for good (RM-E030, RM-W031)."""
    windows = {window for policy in policies for layer in policy.layers for window in layer.windows}
    asked = {window for window in windows if window.holidays is not HolidayRule.ALLOW}
    years = [("RM-E030", at.year)]
    if at.month >= NEXT_YEAR_FROM_MONTH:
        years.append(("RM-W031", at.year + 1))
    return [
        _unknown_holidays(code, calendar, year)
        for calendar in sorted({window.calendar for window in asked if window.calendar is not None})
        for code, year in years
        if not all(_are_known(window, year) for window in asked if window.calendar == calendar)
    ]


def _are_known(window: ContactWindow, year: int) -> bool:
    # All parts of a country live by its one notice.
    return adjusted_data_known((window.calendar or "").removesuffix("-*"), year, window.changes)


def _unknown_holidays(code: str, calendar: str, year: int) -> Finding:
    expected = f"the official notice of {calendar}'s holidays of {year}"
    found = "the days of the statute alone, without those that are moved"
    hint = "install a newer release of `holidays`, or write the notice down among the calendars of the deployment"
    return Finding(code, "calendars", expected, found, hint, examples=(f"{calendar} {year}",))


def look_at_gateways(
    policies: Iterable[Policy],
    gateways: Mapping[str, Gateway],
    absent: Mapping[str, str],
    paused: Mapping[str, GatewayPause],
) -> list[Finding]:
    """Return policies that nobody can send for (RM-E040), gateways that are absent (RM-W041) or paused (RM-W042)."""
    found: list[Finding] = []
    for policy in policies:
        texts = any(step.action is Action.TEXT for step in policy.steps)
        if texts and choose(policy.route, gateways, {}, attempts=0) is None:
            route = ", ".join(policy.route) or "an empty route"
            hint = "configure one of them, or put the console at the end of its route"
            found.append(Finding("RM-E040", "gateways", f"a gateway for {policy.name}", f"none of {route}", hint))
    for name, reason in sorted(absent.items()):
        found.append(Finding("RM-W041", "gateways", f"{name} to be configured", reason, "the console may stand in"))
    for name, pause in sorted(paused.items()):
        said = f"it paused until {pause.until:%Y-%m-%dT%H:%MZ} ({pause.reason})"
        hint = "mend the cause; it is tried again by itself then"
        found.append(Finding("RM-W042", "gateways", f"{name} to take texts", said, hint))
    return found


def look_at_book(findings: Iterable[BookFinding]) -> list[Finding]:
    """Return what the check of the book found: errors as RM-E020, warnings as RM-W021."""
    hint = "see `reminder book check`"
    found: list[Finding] = []
    for each in findings:
        if each.severity is Severity.INFO:
            continue
        code, expected = "RM-W021", "accounts that can be texted"
        if each.severity is Severity.ERROR:
            code, expected = "RM-E020", "a book that keeps its contract"
        said = f"{each.code} {each.part}: {each.message}"
        found.append(Finding(code, "book", expected, said, hint, count=max(1, each.count), examples=each.examples))
    return found


def book_unreachable(message: str) -> list[Finding]:
    """Return that the database of the book can't be reached (RM-E020); `message` says why."""
    hint = "nobody is texted before it can be read"
    return [Finding("RM-E020", "book", "to reach the database of the book", message, hint)]


def look_at_outbox(connection: Connection, at: datetime, *, lease_seconds: int) -> list[Finding]:
    """Return what is not sound in the outbox at the instant `at` (UTC): what law 4 promises, and what got stuck."""
    return [*_look_at_conservation(connection), *_look_at_what_is_stuck(connection, at, lease_seconds)]


def _look_at_conservation(connection: Connection) -> Iterator[Finding]:
    restored = "was the database edited by hand, or restored from a backup? Ask who did, before anything is sent"
    unknown = soundness.unknown_states(connection)
    yield from _told("RM-E050", "outbox", unknown, "open + final = planned", "{count} in no known state", restored)
    missing = soundness.missing_rows(connection)
    if missing:
        found = f"at least {missing} fewer"
        yield Finding("RM-E051", "outbox", "every reminder that was planned", found, restored, count=missing)
    bare, orphans = soundness.without_text(connection), soundness.orphans(connection)
    yield from _told("RM-E052", "outbox", bare, "an attempt for every text", "{count} reminders without one", restored)
    yield from _told("RM-E053", "outbox", orphans, "a reminder for every attempt", "{count} without one", restored)


def _look_at_what_is_stuck(connection: Connection, at: datetime, lease_seconds: int) -> Iterator[Finding]:
    ended = soundness.ended_leases(connection, at=at)
    hint = "their process died or hangs; the next run or tick takes them into doubt"
    yield from _told("RM-W054", "outbox", ended, "calls under a lease", "{count} whose lease has ended", hint)
    doubts = soundness.old_doubts(connection, before=at - DOUBT_AGE_MAX)
    hint = "ask the provider, then `reminder outbox resolve`; `reminder outbox list --state in_doubt` lists them"
    yield from _told("RM-W055", "outbox", doubts, "doubts settled within a day", "{count} since {since}", hint)
    after = at + timedelta(seconds=lease_seconds) + LEASE_SLACK
    far = soundness.far_leases(connection, after=after)
    hint = "nobody can claim them before; correct the clocks, and wait or let an engineer take the leases back"
    yield from _told("RM-W056", "outbox", far, f"leases of {lease_seconds} s", "{count} that end from {since} on", hint)
    neglected = soundness.neglected(connection, at=at, patience=PATIENCE)
    hint = "does the daemon run? See its log, or send with `reminder run`"
    found = "{count} whose time came an hour ago or more, the first at {since}"
    yield from _told("RM-W057", "outbox", neglected, "what is due to be sent", found, hint)


def look_at_daemons(connection: Connection, at: datetime) -> list[Finding]:
    """Return the daemons that refuse the files as they are now (RM-E003), each with the first of their problems."""
    hint = "mend the files: the daemon takes them over by itself then"
    return [
        Finding("RM-E003", "plans", f"{each.owner} to work by the files of now", _refused(each), hint)
        for each in refusals.listing(connection, at)
    ]


def _refused(refusal: Refusal) -> str:
    first = refusal.problems[0] if refusal.problems else "no reason told"
    return f"that it refuses them since {refusal.since:%Y-%m-%dT%H:%MZ} ({first})"


def look_at_watch(connection: Connection, calendar: Calendar, at: datetime) -> list[Finding]:
    """Return what alerts tell of and no other look does: daemons, missed slots, silent gateways, doubts."""
    expected = {
        Kind.TICKS: "a daemon at work",
        Kind.MISSED_RUN: "every slot of the schedule planned",
        Kind.GATEWAY_SILENT: "gateways that answer",
        Kind.DOUBTS: "doubts settled within an hour",
    }
    return [
        Finding(trouble.code, "plans", expected[trouble.kind], trouble.found, trouble.hint)
        for trouble in look_for_troubles(connection, calendar, at)
        if trouble.kind in expected
    ]


def look_at_plans(connection: Connection, at: datetime) -> list[Finding]:
    """Return the plans that began and have not ended (RM-W060), and what guards keep from being sent (RM-E061)."""
    unended = soundness.unended_plans(connection, before=at - PLAN_LASTS_MAX)
    expected = f"plans that end within {int(PLAN_LASTS_MAX.total_seconds() // 60)} minutes"
    hint = "a daemon that runs takes its slot again; if none does, start one"
    found = list(_told("RM-W060", "plans", unended, expected, "{count} under way since {since}", hint))
    for pause in guards.open_pauses(connection):
        said = f"them paused since {pause.since:%Y-%m-%dT%H:%MZ} by guard {pause.guard} ({pause.reason})"
        hint = f"mend the cause, or let it go on with `reminder run approve {pause.pause_id}`"
        found.append(Finding("RM-E061", "plans", "runs that may send", said, hint))
    return found


def look_at_leader(lead: Lease | None, at: datetime) -> list[Finding]:
    """Return whether the leader of the daemons is gone without a successor (RM-W062); `at` is the common instant (UTC).

    A lead that was given back, or that nobody ever had, is no finding: `reminder run` may be what sends here.
    """
    if lead is None or not lead.owner or lead.until > at - LEADERLESS_MAX:
        return []
    found = f"that {lead.owner}, the last one, says nothing since {lead.until:%Y-%m-%dT%H:%MZ}"
    hint = "start a daemon, and see in the log of the last one why it ended"
    return [Finding("RM-W062", "plans", "a daemon that leads", found, hint)]


def _told(code: str, part: str, rows: Found, expected: str, found: str, hint: str) -> Sequence[Finding]:
    """Return the finding for these rows, if there are any; `found` may name their `{count}` and `{since}`."""
    if not rows:
        return ()
    since = f"{rows.since:%Y-%m-%dT%H:%MZ}" if rows.since else ""
    said = found.format(count=rows.count, since=since)
    return (Finding(code, part, expected, said, hint, count=rows.count, examples=rows.examples),)
