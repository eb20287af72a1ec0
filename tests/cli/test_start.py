"""How little a command loads before it answers; what is slow to load is loaded by who needs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import pytest

from support.deployments import write_deployment

ENVIRON = os.environ  # noqa: TID251 - for the child
TWILIO = {"TWILIO_ACCOUNT_SID": "AC" + "0" * 32, "TWILIO_AUTH_TOKEN": "a-token"}
RUN = """
import gc, sys
from reminder.cli import main
try:
    main(sys.argv[1:])
finally:
    print(sum(each["collections"] for each in gc.get_stats()), *sys.modules, file=sys.stderr)
"""

OF_HELP = ("click", "reminder")
SLOW = (
    "alembic", "apprise", "apscheduler", "aiohttp", "holidays", "phonenumbers", "requests", "rich", "starlette",
    "structlog", "urllib3",
)  # fmt: skip
COLLECTIONS_MAX = 80


def _loaded(*arguments: str) -> set[str]:
    """Run a command in a process of its own; return every module that it has loaded.

    Between them it hardly looked for garbage: what is loaded stays.
    """
    command = [sys.executable, "-c", RUN, *arguments]
    done = subprocess.run(command, env=ENVIRON | TWILIO, check=True, capture_output=True, text=True)
    collections, *modules = done.stderr.splitlines()[-1].split()
    assert int(collections) < COLLECTIONS_MAX
    return set(modules)


def _installed(modules: Collection[str]) -> set[str]:
    """Return the packages among modules that are not the standard library's."""
    return {module.partition(".")[0] for module in modules} - set(sys.stdlib_module_names) - {"__main__"}


def test_the_help_loads_click_and_nothing_else() -> None:
    """`reminder --help` starts as fast as click does: no other library, no entry points, no database, no zones."""
    loaded = _loaded("--help")

    assert {name for name in _installed(loaded) if not name.startswith(("_", "sitecustomize"))} == set(OF_HELP)
    assert not {"asyncio", "importlib.metadata", "json", "logging", "sqlite3", "zoneinfo"} & loaded
    assert not {"dataclasses", "pathlib", "reminder.errors"} & loaded


@pytest.mark.parametrize("sender", [pytest.param("", id="not configured"), pytest.param("+15017122661", id="ready")])
def test_status_loads_no_client_and_no_server(tmp_path: Path, sender: str) -> None:
    """`reminder status` knows whether a gateway is ready without its SDK, a server, alerts and other databases."""
    config = write_deployment(tmp_path)
    settings = config / "reminder.yaml"
    given = settings.read_text("utf-8").replace("twilio: {", f'twilio: {{from: "{sender}", ')
    settings.write_text(given, encoding="utf-8")
    loaded = _loaded("--config", str(config), "status")

    assert "reminder.gateways.twilio" in loaded
    assert not set(SLOW) & _installed(loaded)
    assert not {"twilio.rest", "twilio.http", "reminder.web", "reminder.daemon", "uvicorn"} & loaded
    assert not {"sqlalchemy.dialects.mysql", "sqlalchemy.dialects.postgresql"} & loaded
