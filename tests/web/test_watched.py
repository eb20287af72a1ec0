"""Who watches: whether it lives, whether all is well, and figures for whoever may read them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from starlette.requests import Request

from reminder.web.access import may_read

TOKEN = "a-token-that-nobody-guesses"


def ready(served: Any, **headers: str) -> tuple[int, dict[str, Any]]:
    """Return what /readyz answers."""
    code, body = served.call("GET", "/readyz", headers=headers)
    return code, json.loads(body)


def change(config: Path, before: str, after: str) -> None:
    """Edit the settings."""
    path = config / "reminder.yaml"
    path.write_text(path.read_text("utf-8").replace(before, after), "utf-8")


def test_ready_while_nothing_is_wrong(served: Any) -> None:
    """200, and nothing to say."""
    assert ready(served) == (200, {"ready": True, "codes": [], "complaints": []})


def test_not_ready_with_a_code_and_to_strangers_no_more(config: Path, engine: Engine, served: Any) -> None:
    """A stranger learns the doctor's code and nothing of the deployment; who sits at the machine gets the words."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))

    assert ready(served, **{"X-Forwarded-For": "203.0.113.9"}) == (503, {"ready": False, "codes": ["RM-E011"]})
    (complaint,) = ready(served)[1]["complaints"]
    assert complaint["hint"] == "run `reminder db upgrade`"


def test_metrics_of_a_real_process_are_read_from_this_machine(served: Any) -> None:
    """Without a token, the machine itself may ask, and nobody who came through a proxy."""
    code, body = served.call("GET", "/metrics")
    assert code == 200
    assert "reminder_database_up 1\n" in body
    code, body = served.call("GET", "/metrics", headers={"X-Forwarded-For": "203.0.113.9"})
    assert (code, body) == (401, "not for you\n")


def test_with_a_token_only_the_token_counts(config: Path, serve_with: Callable[..., Any]) -> None:
    """Who has it may ask from anywhere; who has it not may not, from the machine itself either."""
    change(config, "web: {", 'web: {token: "${REMINDER_WEB_TOKEN}", ')
    with serve_with(REMINDER_WEB_TOKEN=TOKEN) as served:
        answers = {
            given: served.call("GET", "/metrics", headers={"Authorization": given} if given else {})[0]
            for given in ("", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", f"Bearer {TOKEN}", f"bearer  {TOKEN}")
        }
        assert ready(served) == (200, {"ready": True, "codes": []})
        assert ready(served, Authorization=f"Bearer {TOKEN}")[1] == {"ready": True, "codes": [], "complaints": []}

    assert [given for given, code in answers.items() if code == 200] == [f"Bearer {TOKEN}", f"bearer  {TOKEN}"]
    assert set(answers.values()) == {200, 401}


def asked(client: str | None, **headers: str) -> Request:
    """Return a call as it arrives from a client."""
    raw = [(name.lower().replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw, "client": (client, 4711) if client else None})


@pytest.mark.parametrize(
    ("client", "headers", "may"),
    [
        pytest.param("127.0.0.1", {}, True, id="this machine"),
        pytest.param("::1", {}, True, id="this machine, IPv6"),
        pytest.param("10.0.0.7", {}, False, id="the neighbour"),
        pytest.param("::ffff:10.0.0.7", {}, False, id="the neighbour, mapped"),
        pytest.param(None, {}, False, id="nobody knows"),
        pytest.param("unix", {}, False, id="no address"),
        pytest.param("127.0.0.1", {"Forwarded": "for=10.0.0.7"}, False, id="a proxy"),
        pytest.param("127.0.0.1", {"Via": "1.1 proxy"}, False, id="another proxy"),
    ],
)
def test_without_a_token_only_this_machine_may_read(client: str | None, headers: dict[str, str], may: bool) -> None:
    """Figures are for whoever sits at the machine: not for who is let through to it."""
    assert may_read(asked(client, **headers), "") is may


def test_a_token_of_any_bytes_is_compared_and_never_raises() -> None:
    """A header may hold anything."""
    request = asked("127.0.0.1", Authorization="Bearer ünîcödé")

    assert may_read(request, TOKEN) is False
