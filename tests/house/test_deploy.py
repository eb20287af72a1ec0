"""The service runs with least privilege; what units, images, rules and dashboards name is there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from click import Group

from reminder.cli import main
from reminder.config.environment import expand_variables
from reminder.config.settings_model import Settings
from reminder.config.yaml_document import read_document
from reminder.domain.trouble import CODES
from reminder.web.metrics import METRICS

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = ("reminder", "reminder-web")
EXPOSURE_MAX = 2.0
SETTINGS = (ROOT / "config" / "reminder.yaml").read_text(encoding="utf-8")

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")


def unit(name: str) -> str:
    """Return the text of a unit."""
    return (DEPLOY / f"{name}.service").read_text(encoding="utf-8")


@needs_systemd
@pytest.mark.parametrize("name", UNITS)
def test_a_unit_exposes_little(name: str) -> None:
    """Least privilege: systemd rates each unit's exposure at two of ten or less, and knows every key."""
    path = str(DEPLOY / f"{name}.service")
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", path],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(rf"Overall exposure level for {name}.service: ([\d.]+)", rated.stdout)
    assert found is not None, rated.stdout + rated.stderr
    assert float(found[1]) <= EXPOSURE_MAX
    checked = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True, check=False)
    assert "Unknown" not in checked.stderr


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_keeps_secrets_out_of_itself(name: str) -> None:
    """Secrets come from a file that only root reads; none stands in a unit."""
    assert "EnvironmentFile=" in unit(name)
    assert not re.search(r"^Environment=", unit(name), flags=re.MULTILINE)


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_gives_what_is_under_way_time_to_end(name: str) -> None:
    """A stop is a SIGTERM to the process itself, and patience: nothing in flight is killed at once."""
    assert "KillMode=mixed" in unit(name)
    assert int(re.findall(r"TimeoutStopSec=(\d+)", unit(name))[0]) >= 60


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_starts_a_command_that_there_is(name: str) -> None:
    """What ExecStart types, `reminder --help` lists."""
    (words,) = re.findall(r"^ExecStart=\S+/reminder --config \S+ (\w+)$", unit(name), flags=re.MULTILINE)
    assert isinstance(main, Group)
    assert words in main.list_commands(None)  # type: ignore[arg-type]  # it lists the same whatever the context


DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
OURS = {name: service for name, service in COMPOSE["services"].items() if service["image"] == "reminder"}


def test_the_image_is_built_of_what_is_there() -> None:
    """Every path that is copied is in the repository, and let through to the builder."""
    copied = [
        word
        for words in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, flags=re.MULTILINE)
        for word in words.split()
    ]
    let_through = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), flags=re.MULTILINE)

    assert len(copied) >= 6
    assert [path for path in copied if not (ROOT / path).exists()] == []
    assert set(copied) == set(let_through)


def test_the_image_runs_as_nobody_and_is_checked_by_hash() -> None:
    """Two stages: the tools stay behind; libraries by hash; no root at run time; liveness is asked of /healthz."""
    assert DOCKERFILE.count("\nFROM ") == 2
    assert all("--require-hashes" in line for line in re.findall(r".*pip install.* -r .*", DOCKERFILE))
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, flags=re.MULTILINE)
    assert "/healthz" in DOCKERFILE


def test_the_images_lock_is_the_locks_own() -> None:
    """What runs in the image was tested: the same versions and hashes, all that the program needs, no tool."""
    whole, part = _pins(ROOT / "requirements.lock"), _pins(DEPLOY / "requirements.lock")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    needed = [*project["dependencies"], *(each for extra in extras for each in extra)]
    names = {re.split(r"[\[<>=;]", line)[0].lower() for line in needed}

    assert part.items() <= whole.items()
    assert names <= set(part)
    assert not {"pytest", "hypothesis", "mypy", "hatchling"} & set(part)


def _pins(path: Path) -> dict[str, tuple[str, frozenset[str]]]:
    """Return the version and the hashes of each library of a lock."""
    pin = re.compile(r"^([\w.-]+)==(\S+)((?: [^\\\n]*)?) \\\n((?:    --hash=\S+(?: \\)?\n)+)", re.MULTILINE)
    found = pin.findall(path.read_text(encoding="utf-8"))
    return {name: (version, frozenset(re.findall(r"sha256:\w+", hashes))) for name, version, _, hashes in found}


def test_services_have_no_right_that_they_do_not_need() -> None:
    """Read-only, without capabilities, without a way to get any; only the database may become somebody else."""
    for name, service in COMPOSE["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert ("cap_add" in service) == (name == "database")
    assert [port for service in COMPOSE["services"].values() for port in service.get("ports", ())] == [
        "127.0.0.1:8080:8080"
    ]


def test_services_start_commands_that_there_are() -> None:
    """The tables are made first, then the daemon and the endpoints start."""
    assert {name: service["command"] for name, service in OURS.items()} == {
        "upgrade": ["db", "upgrade"],
        "daemon": ["daemon"],
        "web": ["web"],
    }
    assert set(re.findall(r'"([a-z]+)"', "".join(re.findall(r"^CMD .*", DOCKERFILE, re.MULTILINE)))) == {"daemon"}
    for service in OURS.values():
        assert (
            DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]
        ).resolve() == DEPLOY / "Dockerfile"


def test_services_get_their_secrets_as_files_that_settings_ask_for() -> None:
    """Every variable that is set for them is one of the settings or of a gateway; every secret is declared."""
    asked = set(re.findall(r"\$\{(\w+)", SETTINGS)) | {"TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"}
    for service in OURS.values():
        names = {name.removesuffix("_FILE") for name in service["environment"]}
        assert names <= asked
        files = {value for name, value in service["environment"].items() if name.endswith("_FILE")}
        assert files == {f"/run/secrets/{secret}" for secret in service["secrets"]}
    used = {secret for service in COMPOSE["services"].values() for secret in service["secrets"]}
    assert used == set(COMPOSE["secrets"])
    assert set(re.findall(r"^    (REMINDER_(?!CONFIG)\w+|REMINDER_WEB_HOST)=", DOCKERFILE, re.MULTILINE)) <= asked


def test_the_settings_take_what_the_image_gives() -> None:
    """Where the environment says so, the shipped settings listen at every address of the container, with a token."""
    given = {"REMINDER_WEB_HOST": "0.0.0.0", "REMINDER_WEB_TOKEN": "t" * 32, "REMINDER_DATABASE": "sqlite:///x.db"}  # noqa: S104 - in a container
    data, problems = expand_variables(read_document(ROOT / "config" / "reminder.yaml"), given)

    assert problems == []
    web = Settings.model_validate(data).web
    assert (web.host, web.port, web.in_daemon, web.token) == ("0.0.0.0", 8080, True, "t" * 32)  # noqa: S104 - the same


RULES = yaml.safe_load((DEPLOY / "prometheus" / "rules.yaml").read_text(encoding="utf-8"))["groups"][0]["rules"]
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text(encoding="utf-8"))
EXPRESSIONS = [
    *((rule["alert"], rule["expr"]) for rule in RULES),
    *((panel["title"], target["expr"]) for panel in DASHBOARD["panels"] for target in panel["targets"]),
]


@pytest.mark.parametrize(("where", "expression"), EXPRESSIONS, ids=lambda value: value[:50])
def test_rules_and_dashboard_ask_for_metrics_that_there_are(where: str, expression: str) -> None:
    """A renamed metric would leave a rule that never fires: each name and label is one that /metrics tells."""
    names = set(re.findall(r"reminder_\w+", expression))
    known = {f"{name}{end}" for name, metric in METRICS.items() for end in _endings(metric.kind)}
    labels = {label for name in METRICS.values() for label in name.labels} | {"le"}

    assert names, where
    assert names <= known
    for grouped in re.findall(r"by \(([^)]*)\)", expression):
        assert set(re.split(r", ?", grouped)) <= labels
    assert set(re.findall(r'code="([^"]+)"', expression)) <= set(CODES.values())
    assert expression.count("(") == expression.count(")")


def _endings(kind: str) -> tuple[str, ...]:
    return ("_bucket", "_count", "_sum") if kind == "histogram" else ("",)


def test_every_rule_says_how_bad_it_is_and_where_to_read_on() -> None:
    """The link of each alert leads to its own section of the runbook."""
    for rule in RULES:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert re.fullmatch(r"\d+[mhd]", rule["for"])
        assert rule["annotations"]["runbook"] == f"deploy/RUNBOOK.md#{rule['alert'].lower()}"
        assert rule["annotations"]["summary"]


def test_every_trouble_has_a_rule() -> None:
    """What the daemon would tell, Prometheus tells too: no kind of trouble is without a rule."""
    covered = {
        "RM-E071": "reminder_runs_missed", "RM-E061": "reminder_paused", "RM-E003": "reminder_config_refused"
    }  # fmt: skip
    expressions = " ".join(rule["expr"] for rule in RULES)

    assert [
        code for code in CODES.values() if code not in expressions and covered.get(code, "?") not in expressions
    ] == []


def _named(expressions: str) -> set[str]:
    return set(re.findall(r"RM-[EW]\d+|reminder_\w+", expressions))


def test_the_dashboard_is_whole() -> None:
    """Each panel has its own number and place, and asks the Prometheus that is chosen."""
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}) == len(panels)
    assert {panel["datasource"]["uid"] for panel in panels} == {"${datasource}"}
