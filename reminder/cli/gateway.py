"""`reminder gateway`: the ways out of the house."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from reminder.cli.frame import EXIT_FAILURE, Frame, dry_run_option, json_option, pass_frame

if TYPE_CHECKING:
    from reminder.domain.message import Message, Outcome
    from reminder.gateways.base import Gateway
    from reminder.store.gateway_states import GatewayPause

__all__ = ["gateway"]

TEST_TEXT = "This is a test of the reminder service. Please ignore it."
TEST_VALID_SECONDS = 600


@click.group()
def gateway() -> None:
    """List gateways, and send a test text through one."""


@gateway.command("list")
@json_option
@pass_frame
def list_(frame: Frame, as_json: bool) -> None:
    """List the gateways of the settings and how they are, and the types that can be had.

    \b
    Example:
      reminder gateway list
    """
    from reminder.cli.output import emit_json, table
    from reminder.gateways.registry import available

    pauses = _pauses(frame)
    gateways = [
        {"gateway": name, "type": section.type, **_condition(frame, name, pauses.get(name))}
        for name, section in frame.installation.settings.gateways.items()
    ]
    types = [
        {"type": kind.name, "from": f"{kind.distribution} {kind.version}".strip(), "error": kind.error}
        for kind in available()
    ]
    if as_json:
        emit_json({"gateways": gateways, "types": types})
        return
    table(("gateway", "type", "state", "detail"), [tuple(each.values()) for each in gateways])
    click.echo()
    table(("type", "from", "error"), [tuple(each.values()) for each in types])


def _pauses(frame: Frame) -> dict[str, GatewayPause]:
    """Return the gateways that are paused now; none where there is no database to ask."""
    from reminder.errors import StoreError
    from reminder.store.gateway_states import paused

    try:
        with frame.database(read_only=True) as engine, engine.connect() as connection:
            return paused(connection, frame.now())
    except StoreError:
        return {}


def _condition(frame: Frame, name: str, pause: GatewayPause | None) -> dict[str, str]:
    from reminder.cli.output import instant
    from reminder.errors import ConfigError

    try:
        built, why_not = _built(frame, name)
    except ConfigError as error:
        return {"state": "wrong", "detail": str(error)}
    if built is None:
        return {"state": "not configured", "detail": why_not}
    if pause is not None:
        until = instant(pause.until, frame.installation.settings.schedule.timezone)
        return {"state": "paused", "detail": f"until {until}: {pause.reason}"}
    return {"state": "ready", "detail": ""}


def _built(frame: Frame, name: str) -> tuple[Gateway | None, str]:
    """Return one gateway, or None and why it can't be used; raise ConfigError for wrong options of this one."""
    from reminder.app import gateways_of

    loaded, settings = frame.installation.loaded, frame.installation.settings
    alone = settings.model_copy(update={"gateways": {name: settings.gateways[name]}})
    built, absent = gateways_of(replace(frame.installation, loaded=replace(loaded, settings=alone)))
    return built.get(name), absent.get(name, "")


def _require(frame: Frame, name: str) -> Gateway:
    from reminder.config.wording import nearest
    from reminder.errors import GatewayError

    known = frame.installation.settings.gateways
    if name not in known:
        raise GatewayError(f"expected a gateway of the settings, found {name!r}{nearest(name, known)}")
    built, why_not = _built(frame, name)
    if built is None:
        raise GatewayError(why_not)
    return built


@gateway.command()
@click.argument("name")
@click.option("--to", "number", required=True, metavar="NUMBER", help="Your own mobile number.")
@click.option("--text", default=TEST_TEXT, show_default=True, help="What to send.")
@dry_run_option
@pass_frame
def test(frame: Frame, name: str, number: str, text: str, dry_run: bool) -> None:
    """Send one test text through a gateway, and say what it answers.

    It is kept nowhere, counts against no cap and asks no gate: send it to yourself. Exit code 1 unless it is taken.

    \b
    Example:
      reminder gateway test twilio --to +8613800138000
    """
    import asyncio
    from uuid import uuid4

    from reminder.domain.message import Accepted, Message
    from reminder.domain.phone import mask_phone, parse_phone

    e164 = parse_phone(number, frame.installation.settings.default_region).e164
    built = _require(frame, name)
    if dry_run:
        click.echo(f"{name} is ready; would send to {mask_phone(e164)}: {text}")
        return
    frame.start_logs()
    outcome = asyncio.run(_send(built, Message(f"test{uuid4().hex}", e164, text, TEST_VALID_SECONDS)))
    click.echo(f"{name}: {_spelt(outcome)}")
    if not isinstance(outcome, Accepted):
        click.get_current_context().exit(EXIT_FAILURE)


async def _send(built: Gateway, message: Message) -> Outcome:
    try:
        return await built.send(message)
    finally:
        await built.close()


def _spelt(outcome: Outcome) -> str:
    from reminder.domain.message import Accepted, Refused

    if isinstance(outcome, Accepted):
        return f"taken, as {outcome.provider_id}"
    if isinstance(outcome, Refused):
        return f"refused ({outcome.kind}): {outcome.code} {outcome.detail}".rstrip()
    return f"nobody can tell whether it was taken: {outcome.detail}"
