"""Words for what pydantic found: expected, found, what to do; at the place in the file.

A model says what it expects through `reminder.config.fields`; this module says what stood there instead. What stood
there is always quoted from the file, never from the expanded value, so that no secret reaches a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, Final, get_args

import yaml
from pydantic import BaseModel, ValidationError

from reminder.config.yaml_document import Document, Loc, YamlValue
from reminder.errors import Problem

__all__ = ["found", "nearest", "problems_of", "secret_key", "spell_loc"]

_SECRET_KEY: Final = re.compile(r"passw|secret|token|api_?key|auth_?key|private_?key|credential|^urls$", re.IGNORECASE)
_URL_PASSWORD: Final = re.compile(r"(://[^/@\s:]*:)[^@\s]+@")
_SHOWN_MAX: Final = 40


def secret_key(name: str) -> bool:
    """Return whether a key of this name holds something that must not stand in a file; addresses of alerts do."""
    return _SECRET_KEY.search(name) is not None


def spell_loc(loc: Loc) -> str:
    """Return a location as people write it: `steps[2].at`."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean …?`, or, where nothing comes near, `; one of …`."""
    names = sorted(known)
    close = get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean `{close[0]}`?"
    return f"; one of {', '.join(f'`{name}`' for name in names[:24])}" if names else ""


def found(value: YamlValue, key: str = "") -> str:
    """Return how a value is quoted in a message: short, and without secrets."""
    if isinstance(value, Mapping):
        return "keys and values"
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if secret_key(key):
        return "a hidden value"
    if not isinstance(value, str):
        return f"the number {value}"
    text = _URL_PASSWORD.sub(r"\1…@", value)
    return repr(text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 1] + "…")


def problems_of(
    error: ValidationError, document: Document, prefix: Loc = (), *, model: type[BaseModel] | None = None
) -> list[Problem]:
    """Return a problem for each thing that pydantic found, in file order.

    `prefix` leads from the root of the file to what was validated. With `model`, unknown keys suggest the nearest
    known one and missing keys say what they are for.
    """
    details = [detail for detail in error.errors(include_url=False) if not _echo(detail)]
    problems = [_problem(detail, document, prefix, model) for detail in details]
    return sorted(dict.fromkeys(problems), key=lambda problem: (problem.line, problem.column))


def _problem(detail: Mapping[str, Any], document: Document, prefix: Loc, model: type[BaseModel] | None) -> Problem:
    inner = _known_loc(detail["loc"], document, prefix, missing=detail["type"] == "missing")
    loc = (*prefix, *inner)
    owner = _model_at(model, inner[:-1]) if model and inner else None
    if detail["type"] == "extra_forbidden":
        known = _keys(owner) if owner else ()
        return document.problem(loc, f"unknown key `{spell_loc(loc)}`{nearest(str(inner[-1]), known)}", key=True)
    if detail["type"] == "missing":
        return document.problem(loc, f"`{spell_loc(loc)}` is missing{_purpose(owner, str(inner[-1]))}")
    value = document.value(loc)
    name = str(loc[-1]) if loc else ""
    said = _expected(detail, value, name)
    return document.problem(loc, f"{spell_loc(loc)}: {said}" if loc else said)


def _echo(detail: Mapping[str, Any]) -> bool:
    """Return whether a list is only called too short because its items are wrong, which is said for each of them."""
    return bool(detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"])


def _known_loc(loc: Loc, document: Document, prefix: Loc, *, missing: bool) -> Loc:
    """Return `loc` without the names that pydantic puts in for the branches of a union."""
    kept: Loc = ()
    last = len(loc) - 1
    for index, part in enumerate(loc):
        if (*prefix, *kept, part) in document.values or (missing and index == last):
            kept = (*kept, part)
    return kept


def _model_at(model: type[BaseModel], loc: Loc) -> type[BaseModel] | None:
    """Return the model that the mapping at `loc` is checked against."""
    current: type[BaseModel] | None = model
    for part in loc:
        if isinstance(part, int):
            continue
        if current is None:
            return None
        current = _inner_model(current, part)
    return current


def _inner_model(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    for name, info in model.model_fields.items():
        if key in (name, info.alias):
            return _first_model(info.annotation)
    return model  # A key of a free mapping: the model is the one of its values.


def _first_model(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401  # a type expression has no type of its own
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_first_model, get_args(annotation))), None)


def _keys(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(info.alias or name for name, info in model.model_fields.items())


def _purpose(owner: type[BaseModel] | None, key: str) -> str:
    for name, info in owner.model_fields.items() if owner else ():
        if key in (name, info.alias) and info.description:
            return f": {info.description}{_example(key, info.examples)}"
    return "; add it"


def _example(key: str, examples: list[Any] | None) -> str:
    if not examples:
        return ""
    spelt = yaml.safe_dump({key: examples[0]}, default_flow_style=True, allow_unicode=True, width=1000)
    return f" Example: `{spelt.strip()[1:-1]}`."


_KINDS: Final[Mapping[str, str]] = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "decimal_type": "a number",
    "decimal_parsing": "a number",
    "float_type": "a number",
    "float_parsing": "a number",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "keys and values",
    "model_type": "keys and values",
    "model_attributes_type": "keys and values",
}

_BOUNDS: Final[Mapping[str, str]] = {
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "string_pattern_mismatch": "text of the form {pattern}",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "expected": "{expected}",
}


def _expected(detail: Mapping[str, Any], value: YamlValue, name: str) -> str:
    kind = detail["type"]
    context = detail.get("ctx", {})
    expected = _KINDS.get(kind) or (_BOUNDS[kind].format(**context) if kind in _BOUNDS else "")
    if not expected:
        return str(context.get("error", detail["msg"]))
    advice = context.get("advice", "")
    if kind == "string_type" and isinstance(value, int | Decimal):
        advice = "put it in quotes"
    return f"expected {expected}, found {found(value, name)}{f'; {advice}' if advice else ''}"
