"""JSON Schema of the files of a deployment, generated from the models, so that editors check while one types."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from reminder.config.calendars import CalendarModel
from reminder.config.expectations import ExpectationsModel
from reminder.config.keywords import KeywordsModel
from reminder.config.policy_model import PolicyModel
from reminder.config.profiles import ProfileModel
from reminder.config.settings_model import Settings
from reminder.config.wording_file import WordingModel

__all__ = [
    "SCHEMAS",
    "calendar_schema",
    "expectations_schema",
    "keywords_schema",
    "policy_schema",
    "profile_schema",
    "schema_text",
    "settings_schema",
    "wording_schema",
    "write_schemas",
]

Schema = dict[str, Any]


def policy_schema() -> Schema:
    """Return the JSON Schema of a policy file."""
    return _schema(PolicyModel)


def settings_schema() -> Schema:
    """Return the JSON Schema of `config/reminder.yaml`."""
    return _schema(Settings)


def profile_schema() -> Schema:
    """Return the JSON Schema of a profile file."""
    return _schema(ProfileModel)


def calendar_schema() -> Schema:
    """Return the JSON Schema of a calendar file."""
    return _schema(CalendarModel)


def expectations_schema() -> Schema:
    """Return the JSON Schema of a file of expectations."""
    return _schema(ExpectationsModel)


def keywords_schema() -> Schema:
    """Return the JSON Schema of a file of keywords."""
    return _schema(KeywordsModel)


def wording_schema() -> Schema:
    """Return the JSON Schema of a file of wording."""
    return _schema(WordingModel)


def _schema(model: type[BaseModel]) -> Schema:
    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return draft | model.model_json_schema(by_alias=True, mode="validation")


SCHEMAS: Final[Mapping[str, Callable[[], Schema]]] = {
    "calendar.schema.json": calendar_schema,
    "expectations.schema.json": expectations_schema,
    "keywords.schema.json": keywords_schema,
    "policy.schema.json": policy_schema,
    "profile.schema.json": profile_schema,
    "reminder.schema.json": settings_schema,
    "wording.schema.json": wording_schema,
}
"""Each file of `config/schema/` and what it holds."""


def schema_text(name: str) -> str:
    """Return what the file of this name holds, byte for byte; raise KeyError for a name not in `SCHEMAS`."""
    return json.dumps(SCHEMAS[name](), ensure_ascii=False, indent=2, default=str) + "\n"


def write_schemas(folder: Path) -> list[Path]:
    """Write every schema into the folder and return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in SCHEMAS]
    for path in paths:
        path.write_text(schema_text(path.name), encoding="utf-8")
    return paths
