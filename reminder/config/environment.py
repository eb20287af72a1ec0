"""`${VAR}` in settings: values that differ by machine, and secrets, which never stand in a file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Final

from reminder.config.wording import secret_key, spell_loc
from reminder.config.yaml_document import Document, Loc, YamlValue
from reminder.errors import Problem

__all__ = ["expand_variables", "inline_secrets"]

_VARIABLE: Final = re.compile(r"\$(?:(?P<escaped>\$)|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\})")
_LOOKS_MEANT: Final = re.compile(r"\$\{[^}]*\}?")
_URL_PASSWORD: Final = re.compile(r"://[^/@\s:]*:(?![0-9]+/)(?P<password>[^@\s]+)@")
# Digits before a slash are a port, whatever stands behind it.


def expand_variables(document: Document, environ: Mapping[str, str]) -> tuple[YamlValue, list[Problem]]:
    """Return the document's value with every `${VAR}` replaced, and a problem for each that can't be.

    `${VAR:-default}` gives the default where the variable is missing or empty; `$$` is a dollar sign. What a variable
    holds is never expanded again.
    """
    problems: list[Problem] = []

    def walk(value: YamlValue, loc: Loc) -> YamlValue:
        if isinstance(value, dict):
            return {key: walk(item, (*loc, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [walk(item, (*loc, index)) for index, item in enumerate(value)]
        if not isinstance(value, str) or "$" not in value:
            return value
        complaints = list(_complaints(value, environ))
        problems.extend(document.problem(loc, f"{spell_loc(loc)}: {complaint}") for complaint in complaints)
        return value if complaints else _VARIABLE.sub(lambda match: _replacement(match, environ), value)

    return walk(document.data, ()), problems


def _replacement(match: re.Match[str], environ: Mapping[str, str]) -> str:
    if match["escaped"]:
        return "$"
    return environ.get(match["name"]) or match["default"] or ""


def _complaints(text: str, environ: Mapping[str, str]) -> Iterator[str]:
    for match in _VARIABLE.finditer(text):
        name = match["name"]
        if name and match["default"] is None and not environ.get(name):
            near = get_close_matches(name, environ.keys() - {name}, n=1, cutoff=0.8)
            hint = f" (but `{near[0]}`)" if near and name not in environ else ""
            state = f"variable `{name}` is empty" if name in environ else f"the environment has no variable `{name}`"
            yield f"{state}{hint}; set it, or give a default: `${{{name}:-default}}`"
    for left in _LOOKS_MEANT.finditer(_VARIABLE.sub("", text)):
        yield f"`{left[0]}` is no variable; write ${{NAME}} or ${{NAME:-default}}, and $$ for a dollar sign"


def inline_secrets(document: Document) -> list[Problem]:
    """Return a problem for each secret that stands in the file itself: a key named like one, a password in a URL."""
    problems: list[Problem] = []
    for loc in document.values:
        value = document.value(loc)
        if not loc or not isinstance(value, str | int) or isinstance(value, bool) or value == "":
            continue
        text, name = str(value), str(loc[-1])
        password = _URL_PASSWORD.search(text)
        if (secret_key(name) and "${" not in text) or (password and "${" not in password["password"]):
            variable = re.sub(r"\W", "_", name).upper()
            message = f"a secret must not stand in a file; put it into the environment and write ${{{variable}}}"
            problems.append(document.problem(loc, f"{spell_loc(loc)}: {message}"))
    return problems
