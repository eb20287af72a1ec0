"""The registry: gateways are found by entry point, and a bad plug-in harms no other."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from reminder import __version__
from reminder.errors import GatewayError
from reminder.gateways.base import GatewayContext, NotConfiguredError
from reminder.gateways.console import ConsoleGateway
from reminder.gateways.registry import ENTRY_POINT_GROUP, available, build, gateway_class

PLUGIN = '''
"""A plug-in of the tests."""
from typing import ClassVar
from pydantic import BaseModel
from reminder.domain.message import Accepted
from reminder.domain.segments import Counting

class Options(BaseModel):
    """No options."""

class Good:
    """A gateway."""
    Options: ClassVar = Options
    counting = Counting.CN
    stands_in: ClassVar = False
    def __init__(self, options, context):
        self.name = context.name
    async def send(self, message):
        return Accepted("1")
    async def close(self):
        pass

class Breaks(Good):
    """Breaks when built."""
    def __init__(self, options, context):
        raise KeyError("endpoint")

class Sync(Good):
    """Has no coroutines."""
    def send(self, message):
        return Accepted("1")

class Bare:
    """Has nothing."""

instance = Good.__new__(Good)
'''


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Install a distribution with entry points of our group, as a wheel would leave it."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(distribution: str, version: str = "1.2.3", **points: str) -> None:
        module = f"plugin_{distribution.replace('-', '_')}"
        (tmp_path / f"{module}.py").write_text(PLUGIN)
        (tmp_path / "plugin_raises.py").write_text("raise RuntimeError('no licence')\n")
        info = tmp_path / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        lines = [f"{name} = {value.replace('MODULE', module)}" for name, value in points.items()]
        (info / "entry_points.txt").write_text(f"[{ENTRY_POINT_GROUP}]\n" + "\n".join(lines) + "\n")

    return write


def _context(name: str = "mine") -> GatewayContext:
    """Return a context without secrets."""
    return GatewayContext(name, {})


def test_our_own_gateways_are_there() -> None:
    """A fresh installation has the console and Twilio, both sound, with where they come from."""
    kinds = {kind.name: kind for kind in available()}
    assert kinds["console"].cls is ConsoleGateway
    for name in ("console", "twilio"):
        assert kinds[name].error is None
        assert (kinds[name].distribution, kinds[name].version) == ("reminder-dispatcher", __version__)


def test_a_gateway_is_built_under_its_name() -> None:
    """The name comes from the configuration: two gateways of a type are two."""
    gateway = build("console", {"show_numbers": True}, _context("second screen"))
    assert isinstance(gateway, ConsoleGateway)
    assert gateway.name == "second screen"


def test_an_unknown_type_names_those_that_exist() -> None:
    """A mistyped type is an error that says what there is and what was probably meant."""
    with pytest.raises(GatewayError, match=r"'twilo'.*console, twilio.*Did you mean 'twilio'\?"):
        build("twilo", {}, _context())
    with pytest.raises(GatewayError, match=r"'carrier-pigeon'.*console, twilio.*plug-in"):
        build("carrier-pigeon", {}, _context())


def test_wrong_options_come_through_with_their_place() -> None:
    """The caller knows the file and the line, so it gets pydantic's own error with its path."""
    with pytest.raises(ValidationError) as caught:
        build("console", {"show_number": True, "show_numbers": "perhaps"}, _context())
    assert {problem["loc"] for problem in caught.value.errors()} == {("show_number",), ("show_numbers",)}


def test_missing_configuration_comes_through() -> None:
    """The app can tell a gateway that is not set up from one that is broken, and let the console stand in."""
    with pytest.raises(NotConfiguredError) as caught:
        build("twilio", {}, _context("sms"))
    assert caught.value.missing == ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "from or messaging_service_sid")


def test_a_plugin_is_found(install: Callable[..., None]) -> None:
    """One entry point is all that a plug-in needs."""
    install("acme-reminder", acme="MODULE:Good")
    kind = {kind.name: kind for kind in available()}["acme"]
    assert (kind.distribution, kind.version, kind.error) == ("acme-reminder", "1.2.3", None)
    assert build("acme", {}, _context()).name == "mine"


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        pytest.param("plugin_raises:Good", "RuntimeError: no licence", id="module raises"),
        pytest.param("no_such_module_anywhere:Good", "ModuleNotFoundError", id="module missing"),
        pytest.param("MODULE:Absent", "AttributeError", id="class missing"),
        pytest.param("MODULE:Bare", "no coroutine method send", id="no gateway"),
        pytest.param("MODULE:Bare", "no pydantic model Options", id="no options"),
        pytest.param("MODULE:Bare", "no bool stands_in", id="no stands_in"),
        pytest.param("MODULE:Sync", "no coroutine method send", id="send is no coroutine"),
        pytest.param("MODULE:instance", "no class behind its name", id="no class"),
    ],
)
def test_a_broken_plugin_harms_no_other(install: Callable[..., None], value: str, complaint: str) -> None:
    """One that can't be loaded is listed with its reason; all others are there (law 9)."""
    install("broken-reminder", broken=value, fine="MODULE:Good")
    kinds = {kind.name: kind for kind in available()}
    assert kinds["broken"].cls is None
    assert complaint in (kinds["broken"].error or "")
    assert [kinds[name].error for name in ("console", "fine", "twilio")] == [None, None, None]
    with pytest.raises(GatewayError, match="broken"):
        build("broken", {}, _context())


def test_a_plugin_that_breaks_when_built_says_whose_fault_it_is(install: Callable[..., None]) -> None:
    """The operator learns that no setting of theirs is wrong."""
    install("acme-reminder", breaks="MODULE:Breaks")
    with pytest.raises(GatewayError, match=r"'mine' of type 'breaks'.*KeyError: 'endpoint'.*authors"):
        build("breaks", {}, _context())


def test_nobody_slips_in_front_of_our_own(install: Callable[..., None]) -> None:
    """A plug-in called twilio is reported and never used: texts don't go to whoever takes a known name."""
    install("a-reminder", twilio="MODULE:Good")
    listed = [kind for kind in available() if kind.name == "twilio"]
    assert [kind.error is None for kind in listed].count(True) == 1
    assert gateway_class("twilio").__module__ == "reminder.gateways.twilio"
    refused = next(kind for kind in listed if kind.error)
    assert refused.distribution == "a-reminder"
    assert "taken by another distribution" in (refused.error or "")


def test_two_plugins_with_one_name_are_told_apart(install: Callable[..., None]) -> None:
    """Which of two goes first doesn't depend on the order of a directory."""
    install("zeta-reminder", acme="MODULE:Good")
    install("alpha-reminder", acme="MODULE:Good")
    listed = [(kind.distribution, kind.error is None) for kind in available() if kind.name == "acme"]
    assert listed == [("alpha-reminder", True), ("zeta-reminder", False)]


def test_the_console_loads_no_sdk() -> None:
    """A deployment that only prints doesn't pay for Twilio's SDK at every start."""
    program = (
        "import sys\n"
        "from reminder.gateways.base import GatewayContext\n"
        "from reminder.gateways.registry import build\n"
        "build('console', {}, GatewayContext('c', {}))\n"
        "sys.exit(sorted({'twilio', 'aiohttp', 'requests', 'phonenumbers'} & set(sys.modules)) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
