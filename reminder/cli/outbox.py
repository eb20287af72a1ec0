"""`reminder outbox`: look at reminders, and settle those that wait for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from reminder.cli.doubts import doubts
from reminder.cli.frame import Frame, dry_run_option, json_option, limit_option, pass_frame, who_option

if TYPE_CHECKING:
    from sqlalchemy import Row

__all__ = ["outbox"]

_STATES = (
    "planned", "sending", "in_doubt", "sent", "delivered", "undelivered", "failed", "cancelled", "suppressed",
    "superseded", "expired", "printed", "handed_over",
)  # fmt: skip
# Written out, so that help need not import the domain; a test holds them to domain.lifecycle.State.


@click.group()
def outbox() -> None:
    """Look at reminders, and settle those that wait for a person.

    \b
    Examples:
      reminder outbox doubts
      reminder outbox requeue --printed
    """


outbox.add_command(doubts)


@outbox.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice(_STATES), help="Only these; can be repeated.")
@click.option("--account", metavar="ID", help="Only this account.")
@limit_option(50)
@json_option
@pass_frame
def list_(frame: Frame, states: tuple[str, ...], account: str | None, limit: int, as_json: bool) -> None:
    """List reminders, the newest first.

    \b
    Example:
      reminder outbox list --state failed --limit 20
    """
    from reminder.cli.output import emit_json, instant, table
    from reminder.domain.lifecycle import State
    from reminder.store import outbox as rows

    wanted = [State(state) for state in states]
    with frame.database(read_only=True) as engine, engine.connect() as connection:
        found = rows.listing(connection, states=wanted, account_id=account, limit=limit)
    if as_json:
        emit_json([_data(row) for row in found])
        return
    zone = frame.installation.settings.schedule.timezone
    columns = ("id", "state", "account", "due", "policy", "step", "since", "not before", "reason")
    cells = (
        (row.reminder_id, row.state, row.account_id, row.due_date, row.policy, row.step,
         instant(row.changed_at, zone), instant(row.not_before, zone), row.reason)
        for row in found
    )  # fmt: skip
    table(columns, cells, right=("id",))
    if not found:
        click.echo("No reminder is like that.")


@outbox.command()
@click.argument("reminder", type=int)
@json_option
@pass_frame
def show(frame: Frame, reminder: int, as_json: bool) -> None:
    """Show one reminder, and the text that was made for it.

    \b
    Example:
      reminder outbox show 42
    """
    from reminder.cli.output import clean, emit_json
    from reminder.store import attempts
    from reminder.store import outbox as rows

    with frame.database(read_only=True) as engine, engine.connect() as connection:
        row = rows.by_id(connection, reminder)
        if row is None:
            raise _none_called(reminder)
        made = attempts.of_references(connection, [row.reference]) if row.reference else []
    if as_json:
        emit_json({**_data(row), "attempts": [_attempt_data(each) for each in made]})
        return
    for name, value in _data(row).items():
        click.echo(f"{name.replace('_', ' '):<14} {clean(value)}")
    for each in made:
        _show_attempt(each)


@outbox.command()
@click.argument("reminders", type=int, nargs=-1, required=True)
@click.option("--reason", default="asked for again", show_default=True, help="Kept with the reminder.")
@who_option
@dry_run_option
@pass_frame
def retry(frame: Frame, reminders: tuple[int, ...], reason: str, who: str, dry_run: bool) -> None:
    """Plan failed reminders again.

    They are decided again when they are sent: what is not true any more is not sent. One that was given up in doubt
    stays as it is, for its text may have been taken.

    \b
    Example:
      reminder outbox retry 42 43 --reason "number corrected"
    """
    from reminder.domain.lifecycle import State

    _require_state(frame, reminders, State.FAILED, "retry")
    if dry_run:
        click.echo(f"Would plan {len(set(reminders))} again.")
        return
    _replan(frame, reminders, who, reason)


@outbox.command()
@click.option("--printed", is_flag=True, required=True, help="Those that the console printed in place of a gateway.")
@click.option("--account", metavar="ID", help="Only this account.")
@click.option("--reason", default="printed, not sent", show_default=True, help="Kept with the reminders.")
@who_option
@dry_run_option
@pass_frame
def requeue(frame: Frame, printed: bool, account: str | None, reason: str, who: str, dry_run: bool) -> None:  # noqa: ARG001 - the flag says which; there is one kind yet
    """Plan again what was only printed and is still true.

    What the console printed in place of a gateway reached nobody: it is planned again and no longer counts as a
    contact. Reminders whose days are over stay as they are.

    \b
    Example:
      reminder outbox requeue --printed
    """
    from reminder.domain.lifecycle import State
    from reminder.store import requeue as store

    at = frame.now()
    with frame.database() as engine, engine.begin() as connection:
        ids = store.still_true(connection, State.PRINTED, at=at, account_id=account)
        if dry_run:
            click.echo(f"Would plan {len(ids)} again.")
            return
        store.uncount(connection, ids)
        moved = store.plan_again(connection, ids, who=who, reason=reason, at=at)
    click.echo(f"Planned {moved} again.")


@outbox.command()
@click.argument("reminder", type=int)
@click.option("--sent", "outcome", flag_value="confirm", help="The provider has it: it was sent.")
@click.option("--not-sent", "outcome", flag_value="disprove", help="The provider never had it: plan it again.")
@click.option("--give-up", "outcome", flag_value="abandon", help="Nobody can say: never send it.")
@click.option("--reason", required=True, help="How you know. Kept with the reminder.")
@who_option
@dry_run_option
@pass_frame
def resolve(frame: Frame, reminder: int, outcome: str | None, reason: str, who: str, dry_run: bool) -> None:
    """Settle a reminder that is in doubt.

    Ask the provider first: --not-sent sends it again. All reminders of the same text are settled with it.

    \b
    Examples:
      reminder outbox resolve 42 --sent --reason "in Twilio's log as SM0123"
      reminder outbox resolve 42 --not-sent --reason "not in Twilio's log"
    """
    from reminder.domain.lifecycle import Event, State, target
    from reminder.errors import StoreError
    from reminder.store import unanswered

    if outcome is None:
        raise click.UsageError("expected --sent, --not-sent or --give-up, found none: say what became of it")
    (row,) = _require_state(frame, (reminder,), State.IN_DOUBT, "resolve")
    event = Event(outcome)
    if dry_run:
        click.echo(f"Would be {target(event)}.")
        return
    with frame.database() as engine, engine.begin() as connection:
        moved = unanswered.resolve(
            connection, row.reference, event=event, reason=f"{who}: {reason}", who=who, at=frame.now()
        )
    if not moved:
        raise StoreError(f"expected reminder {reminder} to be in doubt still, found it settled meanwhile: look again")
    click.echo(f"{moved} now {target(event)}.")


def _none_called(reminder: int) -> Exception:
    from reminder.errors import StoreError

    return StoreError(f"expected a reminder of the outbox, found none with id {reminder}: see `reminder outbox list`")


def _require_state(frame: Frame, reminders: Sequence[int], state: str, verb: str) -> list[Row[Any]]:
    """Return the rows; raise StoreError for the first that is not there or in another state, and change nothing."""
    from reminder.errors import StoreError
    from reminder.store import outbox as rows

    found = []
    with frame.database(read_only=True) as engine, engine.connect() as connection:
        for reminder in dict.fromkeys(reminders):
            row = rows.by_id(connection, reminder)
            if row is None:
                raise _none_called(reminder)
            if row.state != state:
                raise StoreError(
                    f"expected a reminder that is {state} to {verb}, found {reminder}, which is {row.state}"
                )
            found.append(row)
    return found


def _replan(frame: Frame, reminders: Sequence[int], who: str, reason: str) -> None:
    from reminder.store import requeue as store

    asked = list(dict.fromkeys(reminders))
    with frame.database() as engine, engine.begin() as connection:
        moved = store.plan_again(connection, asked, who=who, reason=reason, at=frame.now())
    click.echo(f"Planned {moved} again.")
    if moved < len(asked):
        click.echo(f"{len(asked) - moved} stay as they are: a text that was given up in doubt may have been taken.")


def _show_attempt(row: Row[Any]) -> None:
    from reminder.cli.output import clean

    click.echo()
    for name, value in _attempt_data(row).items():
        if name != "text":
            click.echo(f"{name.replace('_', ' '):<14} {clean(value)}")
    for line in row.body.split("\n"):
        click.echo(f"    {clean(line)}")


def _data(row: Row[Any]) -> dict[str, object]:
    names = (
        "reminder_id", "state", "reason", "account_id", "customer_id", "due_date", "policy", "step", "leg",
        "planned_at", "not_before", "expires_at", "changed_at", "attempts", "reference",
    )  # fmt: skip
    data = {name: getattr(row, name) for name in names}
    return data | {"refusals": data.pop("attempts")}


def _attempt_data(row: Row[Any]) -> dict[str, object]:
    from reminder.domain.phone import mask_phone

    names = (
        "reference", "gateway", "policy_version", "template", "language", "segments", "counted", "started_at",
        "valid_until", "ended_at", "outcome", "provider_id", "code", "detail",
    )  # fmt: skip
    return {name: getattr(row, name) for name in names} | {"to": mask_phone(row.number), "text": row.body}
