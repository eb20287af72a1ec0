"""Routes: who takes the next try, when the console may stand in, and when a route waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from reminder.gateways.base import Gateway, GatewayContext
from reminder.gateways.console import ConsoleGateway, ConsoleOptions
from reminder.pipeline.routing import choose, paused_until, turns
from support.recorder import Recorder

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
RECHECK = timedelta(minutes=30)
SOON, LATER = AT + timedelta(minutes=5), AT + timedelta(minutes=10)
CONSOLE = ConsoleGateway(ConsoleOptions(), GatewayContext("console", {}))
ALL: dict[str, Gateway] = {"a": Recorder("a"), "b": Recorder("b"), "console": CONSOLE}


def having(*names: str) -> dict[str, Gateway]:
    """Return the gateways of these names, as if only they were configured."""
    return {name: ALL[name] for name in names}


@pytest.mark.parametrize(
    ("route", "configured", "paused", "attempts", "chosen", "instead_of"),
    [
        pytest.param(("a", "b"), "a b", "", 0, "a", None, id="the first try goes to the first"),
        pytest.param(("a", "b"), "a b", "", 1, "b", None, id="after a refusal, the next"),
        pytest.param(("a", "b"), "a b", "", 2, "a", None, id="then the first again"),
        pytest.param(("a", "b"), "b", "", 0, "b", None, id="one that is not configured is passed over"),
        pytest.param(("a", "b"), "a b", "a", 0, "b", None, id="one that is paused is passed over"),
        pytest.param(("a", "b"), "a b", "a", 1, "b", None, id="however many tries there were"),
        pytest.param(("a", "b"), "a b", "a b", 0, None, None, id="all paused: nobody"),
        pytest.param(("a", "console"), "a console", "a", 0, None, None, id="a real one that is out is waited for"),
        pytest.param(("a", "console"), "a console", "", 1, "a", None, id="the console takes no turns"),
        pytest.param(("a", "console"), "console", "", 0, "console", "a", id="none configured: the console stands in"),
        pytest.param(("a", "b", "console"), "console", "", 5, "console", "a", id="however many tries, for the first"),
        pytest.param(("console",), "console", "", 0, "console", None, id="a route of the console alone sends"),
        pytest.param(("console", "a"), "a console", "", 1, "console", None, id="a console that comes first is meant"),
        pytest.param(("a",), "", "", 0, None, None, id="nothing configured: nobody"),
        pytest.param(("a",), "b console", "", 0, None, None, id="nothing of this route"),
        pytest.param((), "a", "", 0, None, None, id="no route"),
    ],
)
def test_who_takes_the_next_try(
    route: tuple[str, ...], configured: str, paused: str, attempts: int, chosen: str | None, instead_of: str | None
) -> None:
    """Real gateways take turns; what the console prints ends a reminder unread, so it is the last resort."""
    choice = choose(route, having(*configured.split()), dict.fromkeys(paused.split(), SOON), attempts)
    assert (choice.gateway.name if choice else None) == chosen
    assert choice is None or choice.instead_of == instead_of


@pytest.mark.parametrize(("paused", "number"), [("", 2), ("a", 1), ("b", 1)])
def test_turns_are_counted_among_those_that_can_send(paused: str, number: int) -> None:
    """A gateway that is paused takes no turn: the only one left is not asked again at once after its refusal."""
    choice = choose(("a", "b", "console"), ALL, dict.fromkeys(paused.split(), SOON), 0)
    assert choice is not None
    assert choice.turns == number


def test_who_takes_turns() -> None:
    """Every configured real gateway of the route, in its order, whether or not it is paused."""
    assert [one.name for one in turns(("b", "console", "a", "none"), ALL)] == ["b", "a"]
    assert [one.name for one in turns(("console", "a"), ALL)] == ["console"]
    assert turns((), ALL) == []


@pytest.mark.parametrize(
    ("route", "configured", "paused", "until"),
    [
        pytest.param(("a", "b"), "a b", {"a": LATER}, None, id="one can send"),
        pytest.param(("a", "b"), "a b", {"a": LATER, "b": SOON}, SOON, id="the first that can again"),
        pytest.param(("a", "b"), "a", {"a": LATER, "b": SOON}, LATER, id="only those configured"),
        pytest.param(("a", "console"), "console", {"a": LATER}, None, id="the console stands in now"),
        pytest.param(("a",), "b", {}, AT + RECHECK, id="nothing configured: asked again after a while"),
    ],
)
def test_how_long_a_route_waits(
    route: tuple[str, ...], configured: str, paused: dict[str, datetime], until: datetime | None
) -> None:
    """A route waits until the first of its gateways can send again; without any it goes on asking."""
    assert paused_until(route, having(*configured.split()), paused, at=AT, recheck=RECHECK) == until
