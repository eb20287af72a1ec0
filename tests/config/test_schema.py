"""JSON Schema: fresh, complete, and of one mind with the reader."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reminder.config.schema import SCHEMAS, policy_schema, profile_schema, schema_text, settings_schema, write_schemas
from reminder.config.yaml_document import read_document

Schema = dict[str, Any]

TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, Decimal),
    "boolean": (bool,),
    "null": (type(None),),
    "array": (list,),
    "object": (dict,),
}


def _is_type(value: object, name: str) -> bool:
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def _breaches(value: Any, schema: Schema, root: Schema, where: str = "$") -> Iterator[str]:
    """Yield each way in which a value breaks a schema: the keywords that ours use, as JSON Schema defines them."""
    if "$ref" in schema:
        yield from _breaches(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root, where)
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema and all(list(_breaches(value, branch, root)) for branch in schema[keyword]):
            yield f"{where}: fits no branch of {keyword}"
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is_type(value, kind) for kind in kinds):
        yield f"{where}: is no {kinds}"
        return
    yield from _bounds(value, schema, where)
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _breaches(item, schema.get("items", {}), root, f"{where}[{index}]")
    if isinstance(value, dict):
        yield from _members(value, schema, root, where)


def _bounds(value: Any, schema: Schema, where: str) -> Iterator[str]:
    if "const" in schema and value != schema["const"]:
        yield f"{where}: is not {schema['const']}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: is none of {schema['enum']}"
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{where}: doesn't match {schema['pattern']}"
    if "minimum" in schema and value < schema["minimum"]:
        yield f"{where}: is below {schema['minimum']}"
    if "maximum" in schema and value > schema["maximum"]:
        yield f"{where}: is above {schema['maximum']}"
    if isinstance(value, list) and len(value) < schema.get("minItems", 0):
        yield f"{where}: is too short"


def _members(value: Schema, schema: Schema, root: Schema, where: str) -> Iterator[str]:
    known = schema.get("properties", {})
    yield from (f"{where}: misses {name}" for name in schema.get("required", []) if name not in value)
    for name, item in value.items():
        rest = schema.get("additionalProperties", True)
        for pattern, inner in schema.get("patternProperties", {}).items():
            rest = inner if re.search(pattern, name) else rest
        if name in known:
            yield from _breaches(item, known[name], root, f"{where}.{name}")
        elif rest is False:
            yield f"{where}: doesn't know {name}"
        elif isinstance(rest, dict):
            yield from _breaches(item, rest, root, f"{where}.{name}")


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_committed_schema_is_fresh(repository: Path, name: str) -> None:
    """Editors check by what the reader checks by; `reminder.config.schema.write_schemas` makes them anew."""
    committed = (repository / "config" / "schema" / name).read_text(encoding="utf-8")

    assert committed == schema_text(name)


def test_every_committed_schema_is_generated(repository: Path) -> None:
    """Nobody edits a schema by hand."""
    assert sorted(path.name for path in (repository / "config" / "schema").iterdir()) == sorted(SCHEMAS)


def test_schemas_are_written_where_asked(tmp_path: Path) -> None:
    """Regenerating is one call, and writes nothing else."""
    paths = write_schemas(tmp_path / "schema")

    assert sorted(path.name for path in (tmp_path / "schema").iterdir()) == sorted(SCHEMAS)
    assert all(path.read_text(encoding="utf-8") == schema_text(path.name) for path in paths)


@pytest.mark.parametrize(
    "schema", [policy_schema(), profile_schema(), settings_schema()], ids=["policy", "profile", "settings"]
)
def test_every_field_has_a_description_and_an_example(schema: Schema) -> None:
    """A file can be written from its schema alone."""
    fields = [
        (model.get("title"), name, field)
        for model in (schema, *schema["$defs"].values())
        for name, field in model.get("properties", {}).items()
    ]

    assert len(fields) >= 6
    assert [(model, name) for model, name, field in fields if not field.get("description")] == []
    assert [(model, name) for model, name, field in fields if not field.get("examples")] == []


def _samples(repository: Path) -> list[tuple[Path, Schema]]:
    config = repository / "config"
    return [
        *((path, policy_schema()) for path in sorted((config / "policies").glob("*.yaml"))),
        *((path, profile_schema()) for path in sorted((config / "profiles").glob("*.yaml"))),
        (config / "reminder.yaml", settings_schema()),
    ]


def test_the_samples_pass_their_schemas(repository: Path) -> None:
    """What the reader takes, an editor doesn't underline."""
    samples = _samples(repository)

    assert len(samples) >= 6
    for path, schema in samples:
        assert list(_breaches(read_document(path).data, schema, schema, path.name)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("policy: consumer-loan", "polcy: consumer-loan", id="unknown-key"),
        pytest.param('from: "09:00"', "from: 9", id="hour-without-minutes"),
        pytest.param("days: mon-sun", "days: mon-sum", id="unknown-day"),
        pytest.param("per: 7 days", "per: fortnight", id="unknown-period"),
        pytest.param("at: -7", "at: soon", id="text-for-number"),
        pytest.param("action: hand_over", "action: call", id="unknown-action"),
        pytest.param("product: [cash-loan, instalment]", "product: {nott: x}", id="unknown-condition"),
        pytest.param("timezone: Asia/Shanghai", "zone: Asia/Shanghai", id="missing-key"),
        pytest.param("{sms: [twilio, console]}", "{sms: []}", id="empty-route"),
    ],
)
def test_what_the_reader_refuses_by_shape_an_editor_underlines(
    repository: Path, tmp_path: Path, old: str, new: str
) -> None:
    """The schema is no looser than the model where a schema can say it at all."""
    text = (repository / "config" / "policies" / "consumer-loan.yaml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "policy.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    schema = policy_schema()

    assert list(_breaches(read_document(path).data, schema, schema)) != []


def test_every_sample_names_its_schema(repository: Path) -> None:
    """An editor finds the schema beside the file, without any setting."""
    for path, _ in _samples(repository):
        first = path.read_text(encoding="utf-8").splitlines()[0]
        relative = first.removeprefix("# yaml-language-server: $schema=")

        assert (path.parent / relative).resolve().is_file(), path.name


def test_a_schema_is_plain_json() -> None:
    """Any tool can read it."""
    for name in SCHEMAS:
        assert json.loads(schema_text(name))["$schema"] == "https://json-schema.org/draft/2020-12/schema"
