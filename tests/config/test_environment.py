"""Variables and secrets in settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reminder.config.environment import expand_variables, inline_secrets
from reminder.config.yaml_document import read_document

Write = Callable[..., Path]
ENVIRON = {"HOST": "db.example", "EMPTY": "", "ODD": "${HOST} $$ ${X:-y}"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        pytest.param("${HOST}", "db.example", id="whole"),
        pytest.param("https://${HOST}/x", "https://db.example/x", id="inside"),
        pytest.param("${HOST}${HOST}", "db.exampledb.example", id="twice"),
        pytest.param("${NONE:-5432}", "5432", id="default"),
        pytest.param("${NONE:-}", "", id="empty-default"),
        pytest.param("${EMPTY:-x}", "x", id="empty-counts-as-missing"),
        pytest.param("${HOST:-x}", "db.example", id="set-beats-default"),
        pytest.param("${NONE:-sqlite:///a.db}", "sqlite:///a.db", id="default-with-colons"),
        pytest.param("5 $$", "5 $", id="dollar"),
        pytest.param("$${HOST}", "${HOST}", id="escaped"),
        pytest.param("US$ 5", "US$ 5", id="lone-dollar"),
        pytest.param("${ODD}", "${HOST} $$ ${X:-y}", id="never-expanded-twice"),
    ],
)
def test_a_variable_is_replaced_once(write: Write, written: str, meant: str) -> None:
    """Law 11: what the environment holds is a value, not another template."""
    value, problems = expand_variables(read_document(write(f"a: [{{b: '{written}'}}]\n")), ENVIRON)

    assert value == {"a": [{"b": meant}]}
    assert problems == []


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param(
            "${NOWHERE}",
            "a.b: the environment has no variable `NOWHERE`; set it, or give a default: `${NOWHERE:-default}`",
            id="missing",
        ),
        pytest.param(
            "${EMPTY}", "a.b: variable `EMPTY` is empty; set it, or give a default: `${EMPTY:-default}`", id="empty",
        ),
        pytest.param("${QQ}", "a.b: the environment has no variable `QQ`; set it", id="missing-and-nothing-near"),
        pytest.param("${HOSTS}", "a.b: the environment has no variable `HOSTS` (but `HOST`); set it", id="nearest"),
        pytest.param("${HOST", "a.b: `${HOST` is no variable; write ${NAME} or ${NAME:-default}", id="unclosed"),
        pytest.param("${a-b}", "a.b: `${a-b}` is no variable; write ${NAME} or ${NAME:-default}", id="bad-name"),
        pytest.param("${}", "a.b: `${}` is no variable; write ${NAME} or ${NAME:-default}", id="no-name"),
    ],
)  # fmt: skip
def test_a_variable_that_cannot_be_replaced_is_named_at_its_place(write: Write, written: str, expected: str) -> None:
    """A deployment that misses a variable says which, and where it is used."""
    _, (problem,) = expand_variables(read_document(write(f"a:\n  b: '{written}'\n")), ENVIRON)

    assert (problem.line, problem.column) == (2, 6)
    assert problem.message.startswith(expected)


def test_every_missing_variable_is_reported_at_once(write: Write) -> None:
    """All problems of a file come together."""
    _, problems = expand_variables(read_document(write("a: ${ONE} ${TWO}\nb: [x, '${THREE}']\n")), {})

    assert [(problem.line, problem.column) for problem in problems] == [(1, 4), (1, 4), (2, 8)]


def test_what_is_no_text_stays_as_it_is(write: Write) -> None:
    """Numbers, flags and nothing hold no variables."""
    document = read_document(write("a: 1\nb: true\nc:\nd: 0.5\n"))

    assert expand_variables(document, {}) == (document.data, [])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("gateways: {x: {auth_token: abc}}", id="token"),
        pytest.param("gateways: {x: {api_key: abc}}", id="api-key"),
        pytest.param("gateways: {x: {apiKey: abc}}", id="camel-case"),
        pytest.param("gateways: {x: {client_secret: 123}}", id="number"),
        pytest.param("gateways: {x: {PASSWORD: abc}}", id="capital"),
        pytest.param("database: postgresql://u:abc@h/d", id="password-in-a-url"),
        pytest.param("database: postgresql://u:a${B}c@h/d?x=${Y}", id="wholly-variable-only-beside-it-is-fine"),
    ],
)
def test_a_secret_in_a_file_is_refused(write: Write, text: str) -> None:
    """A file is copied, committed and mailed; a secret lives in the environment."""
    problems = inline_secrets(read_document(write(text + "\n")))
    variable = "${B}" in text

    assert len(problems) == (0 if variable else 1)
    assert all("a secret must not stand in a file" in problem.message for problem in problems)


def test_the_message_never_repeats_the_secret(write: Write) -> None:
    """Law 13: an error message goes to logs; the secret does not."""
    (problem,) = inline_secrets(read_document(write("gateways: {x: {auth_token: hunter2}}\n")))

    assert problem.message == (
        "gateways.x.auth_token: a secret must not stand in a file; put it into the environment and write ${AUTH_TOKEN}"
    )
    assert (problem.line, problem.column) == (1, 28)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("gateways: {x: {auth_token: '${TOKEN}'}}", id="variable"),
        pytest.param("database: postgresql://u:${PASSWORD}@h/d", id="variable-in-a-url"),
        pytest.param("database: postgresql://u@h/d", id="url-without-password"),
        pytest.param("public_url: https://example.com:8443/a@b", id="port-and-at"),
        pytest.param("gateways: {x: {api_key: ''}}", id="empty"),
        pytest.param("gateways: {x: {token: true}}", id="flag"),
        pytest.param("gateways: {x: {secrets: {a: b}}}", id="mapping-of-that-name"),
    ],
)
def test_what_is_no_secret_passes(write: Write, text: str) -> None:
    """A reference, an address and a switch are no secrets."""
    assert inline_secrets(read_document(write(text + "\n"))) == []


@settings(deadline=None)
@given(
    values=st.dictionaries(st.from_regex(r"[A-Z]{1,6}", fullmatch=True), st.text(min_size=1, max_size=20), max_size=5)
)
def test_what_the_environment_holds_arrives_unchanged(values: dict[str, str]) -> None:
    """Whatever a variable holds, braces and dollars included, arrives byte for byte."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "file.yaml"
        path.write_text(yaml.safe_dump({"a": {name: f"<${{{name}}}>" for name in values}}), encoding="utf-8")

        expanded, problems = expand_variables(read_document(path), values)

    assert expanded == {"a": {name: f"<{value}>" for name, value in values.items()}}
    assert problems == []
