"""What the program says is documented: every event of the log with its level and fields, every code of the doctor."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from reminder.pipeline.diagnosis import CODES
from reminder.web.metrics import METRICS

ROOT = Path(__file__).parents[2]
WATCHING = (ROOT / "reminder" / "WATCHING.md").read_text(encoding="utf-8")

LEVELS = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "critical": "critical"} | {
    "exception": "error"
}
"""Method of a logger -> level of what it writes."""


@dataclass(frozen=True)
class Said:
    """One call of a logger: the event with its parts in angle brackets, its level, and the fields it names."""

    event: str
    level: str
    fields: frozenset[str]
    place: str


def _event(node: ast.expr) -> str:
    """Return the event that a call names; a part that is worked out is shown by the last of its names."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_event(value) for value in node.values)
    if isinstance(node, ast.FormattedValue):
        return f"<{ast.unparse(node.value).rpartition('.')[2]}>"
    return str(node.value) if isinstance(node, ast.Constant) else f"<{ast.unparse(node)}>"


def _said() -> Iterator[Said]:
    for path in sorted((ROOT / "reminder").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if isinstance(node.func.value, ast.Name) and node.func.value.id == "log" and node.func.attr in LEVELS:
                fields = frozenset(keyword.arg for keyword in node.keywords if keyword.arg)
                place = f"{path.relative_to(ROOT)}:{node.lineno}"
                yield Said(_event(node.args[0]), LEVELS[node.func.attr], fields, place)


SAID = list(_said())
TOLD = {
    event: (level, frozenset(re.findall(r"`(\w+)`", fields)))
    for event, level, fields in re.findall(r"^\| `(reminder\.[\w.<>]+)` \| (\w+) \|([^|]*)\|", WATCHING, re.MULTILINE)
}


@pytest.mark.parametrize("said", SAID, ids=lambda said: f"{said.place} {said.event}")
def test_every_event_is_documented(said: Said) -> None:
    """Who writes an alert finds each event in the table, with its level and every field."""
    assert said.event in TOLD, f"{said.place}: write {said.event} into the table of reminder/WATCHING.md"
    level, fields = TOLD[said.event]
    assert (said.event, said.level) == (said.event, level)
    assert said.fields <= fields


@pytest.mark.parametrize("event", TOLD)
def test_nothing_is_promised_that_is_never_there(event: str) -> None:
    """An event of the table is one that the code has, and each of its fields stands in some line with it."""
    assert event in {said.event for said in SAID}
    assert TOLD[event][1] == frozenset().union(*(said.fields for said in SAID if said.event == event))


def test_events_are_there_and_in_order() -> None:
    """The table was read, names each event once, and in order, so that one is found at a glance."""
    rows = re.findall(r"^\| `(reminder\.[\w.<>]+)` \|", WATCHING, re.MULTILINE)

    assert len(rows) == len(TOLD) > 20
    assert rows == sorted(rows, key=lambda event: event.replace("<", " "))


def test_every_logger_is_called_log() -> None:
    """No event escapes these tests: whoever takes a logger of structlog calls it `log`."""
    taken = [
        (path.name, name)
        for path in (ROOT / "reminder").rglob("*.py")
        for name in re.findall(r"^\s*(.*?) ?= ?structlog\.get_logger\(", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]

    assert taken
    assert {name for _, name in taken} == {"log"}


def test_every_code_of_the_doctor_is_documented() -> None:
    """The codes of the doctor stand in the table, all and no other, in the doctor's own words."""
    rows = re.findall(r"^\| (RM-[EW]\d+) \| ([^|]*) \| [^|]+ \|$", WATCHING, re.MULTILINE)

    assert dict(rows) == dict(CODES)
    assert len(rows) == len(CODES)


def test_every_metric_is_documented_and_no_other() -> None:
    """Names, labels and meanings of the table are those that `/metrics` tells, in its order."""
    rows = re.findall(r"^\| `(reminder_\w+)` \|([^|]*)\| ([^|]+) \|$", WATCHING, re.MULTILINE)

    told = [(name, tuple(re.findall(r"`(\w+)`", labels)), says) for name, labels, says in rows]
    assert told == [(metric.name, metric.labels, metric.says) for metric in METRICS.values()]
