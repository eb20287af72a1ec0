"""`reminder status`: how the deployment is doing, on one screen."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import click

from reminder.cli.frame import Frame, json_option, pass_frame

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Engine, Row

    from reminder.installation import Installation
    from reminder.store.gateway_states import GatewayPause
    from reminder.store.guards import Pause
    from reminder.store.leases import Lease
    from reminder.store.refusals import Refusal
    from reminder.store.upgrade import SchemaState

__all__ = ["status"]

PLANS_SHOWN = 5


@dataclass
class _Status:
    """What was found. Parts of the database are left empty where its schema is not of this release."""

    at: datetime
    schema: SchemaState
    policies: list[str]
    problems: list[str]
    gateways: dict[str, str]
    accounts: int | None = None
    outbox: dict[str, int] = field(default_factory=dict)
    oldest_waiting: datetime | None = None
    plans: Sequence[Row[Any]] = ()
    pauses: Sequence[Pause] = ()
    refusals: Sequence[Refusal] = ()
    leader: Lease | None = None
    leads: bool = False


@click.command()
@json_option
@pass_frame
def status(frame: Frame, as_json: bool) -> None:
    """Show how the deployment is doing.

    Schema, book, reminders by state, what waits and since when, which daemon leads, gateways, problems of files, the
    last plans; pauses that wait for your approval, and daemons that go on with older files because those of now are
    wrong.

    \b
    Example:
      reminder status
    """
    from reminder.app import open_database
    from reminder.cli.output import emit_json
    from reminder.store.upgrade import schema_state

    with open_database(frame.installation, read_only=True) as engine:
        found = _look(frame, engine, schema_state(engine))
    if as_json:
        emit_json(_data(found))
    else:
        _show(found, frame.installation.settings.schedule.timezone)


def _look(frame: Frame, engine: Engine, schema: SchemaState) -> _Status:
    from sqlalchemy import func, select

    from reminder.store import gateway_states, guards, leases, outbox, plan_runs, refusals
    from reminder.store.clock import common_instant
    from reminder.store.schema import account

    installation, at = frame.installation, frame.now()
    problems = [str(problem) for problem in installation.problems if not problem.warning]
    policies = [policy.name for policy in installation.policies.policies]
    found = _Status(at, schema, policies, problems, {})
    paused: dict[str, GatewayPause] = {}
    if schema.up_to_date:
        with engine.connect() as connection:
            if installation.settings.book is None:
                found.accounts = connection.scalar(select(func.count()).select_from(account))
            found.outbox = {state.value: count for state, count in outbox.counts_by_state(connection).items() if count}
            found.oldest_waiting = outbox.oldest_open(connection, at=at)
            found.plans = plan_runs.latest(connection, limit=PLANS_SHOWN)
            paused = gateway_states.paused(connection, at)
            found.pauses = guards.open_pauses(connection)
            found.refusals = refusals.listing(connection, at)
            found.leader = leases.current(connection, leases.LEADER)
            found.leads = found.leader is not None and found.leader.holds(common_instant(connection, at))
    found.gateways = _gateways(installation, paused)
    return found


def _gateways(installation: Installation, paused: dict[str, GatewayPause]) -> dict[str, str]:
    from reminder.app import gateways_of

    built, absent = gateways_of(installation)
    found = dict.fromkeys(built, "ready") | {name: f"absent: {reason}" for name, reason in absent.items()}
    for name, pause in paused.items():
        found[name] = f"paused until {pause.until:%Y-%m-%dT%H:%MZ}: {pause.reason}"
    return found


def _show(found: _Status, zone: str) -> None:
    from reminder.cli.output import clean, instant, table

    schema = found.schema.current or "none"
    cure = "" if found.schema.up_to_date else f", this program needs {found.schema.head}: run `reminder db upgrade`"
    lines = {
        "at": instant(found.at, zone),
        "schema": f"{schema}{cure}",
        "book": f"{found.accounts} accounts of our own" if found.accounts is not None else "the lender's own table",
        "policies": ", ".join(found.policies) or "none",
        "reminders": ", ".join(f"{state} {count}" for state, count in found.outbox.items()) or "none",
        "waiting since": instant(found.oldest_waiting, zone) or "nothing waits",
        "leader": _leader(found, zone),
    }
    if not found.schema.up_to_date:
        lines = {name: lines[name] for name in ("at", "schema", "policies")}
    lines |= {f"gateway {name}": state for name, state in sorted(found.gateways.items())}
    width = max(map(len, lines))
    for name, value in lines.items():
        bad = (name == "schema" and not found.schema.up_to_date) or value.startswith(("absent", "paused"))
        click.secho(f"{name:<{width}}  {clean(value)}", fg="yellow" if bad else None)
    if found.outbox.get("in_doubt"):
        click.secho("Some are in doubt: `reminder outbox doubts` says what is asked, and what waits for you", fg="red")
    for pause in found.pauses:
        click.secho(clean(f"Nothing is sent since {instant(pause.since, zone)}: {pause.reason}"), fg="red")
        click.secho(f"Look at it, then: reminder run approve {pause.pause_id} --reason …", fg="red")
    for problem in found.problems:
        click.secho(clean(problem), fg="red")
    for refusal in found.refusals:
        since = instant(refusal.since, zone)
        click.secho(f"The daemon {refusal.owner} goes on with its files of before {since}:", fg="red")
        for line in refusal.problems:
            click.secho(f"  {clean(line)}", fg="red")
    if found.plans:
        rows = [
            (f"{row.slot_date} {_wall(row)}", instant(row.started_at, zone), _ended(row), row.owner)
            for row in found.plans
        ]
        table(("slot", "began", "planned", "by"), rows, right=("planned",), title="\nLast plans")


def _leader(found: _Status, zone: str) -> str:
    from reminder.cli.output import instant

    if found.leader is None or not found.leader.owner:
        return "no daemon leads"
    since = f"{found.leader.owner} since {instant(found.leader.since, zone)}"
    return since if found.leads else f"none: the last was {since}, and says nothing any more"


def _wall(row: Row[Any]) -> str:
    return f"{row.slot_no // 60:02}:{row.slot_no % 60:02}"


def _ended(row: Row[Any]) -> object:
    return row.planned if row.ended_at else "under way"


def _data(found: _Status) -> dict[str, object]:
    return {
        "at": found.at,
        "schema": {"current": found.schema.current, "head": found.schema.head, "up_to_date": found.schema.up_to_date},
        "accounts": found.accounts,
        "policies": found.policies,
        "problems": found.problems,
        "outbox": found.outbox,
        "in_doubt": found.outbox.get("in_doubt", 0),
        "oldest_waiting": found.oldest_waiting,
        "gateways": found.gateways,
        "pauses": found.pauses,
        "refusals": found.refusals,
        "leader": {"leads": found.leads} | asdict(found.leader) if found.leader else None,
        "plans": [
            {
                "slot_date": row.slot_date, "slot_time": _wall(row), "owner": row.owner, "started_at": row.started_at,
                "ended_at": row.ended_at, "planned": row.planned,
            }
            for row in found.plans
        ],
    }  # fmt: skip
