"""Strict YAML: what it refuses, what stays text, and where things stood."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reminder.config.yaml_document import SIZE_MAX_BYTES, Document, document_of, read_document
from reminder.config.yaml_nodes import DEPTH_MAX
from reminder.errors import ConfigError

Write = Callable[..., Path]


def _refusals(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read_document(path)
    return [str(problem).removeprefix(str(path)) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        pytest.param("21:30", "21:30", id="time-not-sexagesimal"),
        pytest.param("no", "no", id="norway"),
        pytest.param("on", "on", id="on"),
        pytest.param("0123", "0123", id="leading-zero"),
        pytest.param("+8613800138000", "+8613800138000", id="plus-is-kept"),
        pytest.param("2026-11-22", "2026-11-22", id="date"),
        pytest.param("1_000", "1_000", id="underscore"),
        pytest.param("0x1F", "0x1F", id="hex"),
        pytest.param("1e3", "1e3", id="exponent"),
        pytest.param(".5", ".5", id="no-leading-digit"),
        pytest.param(".inf", ".inf", id="infinity"),
        pytest.param("True", "True", id="capital-true"),
        pytest.param("NULL", "NULL", id="capital-null"),
        pytest.param("1" * 19, "1" * 19, id="longer-than-64-bit"),
        pytest.param("'5'", "5", id="quoted-number"),
        pytest.param('""', "", id="quoted-nothing"),
        pytest.param("true", True, id="true"),
        pytest.param("false", False, id="false"),
        pytest.param("0", 0, id="zero"),
        pytest.param("-7", -7, id="negative"),
        pytest.param("999999999999999999", 999999999999999999, id="largest-number"),
        pytest.param("0.045", Decimal("0.045"), id="decimal-is-exact"),
        pytest.param("~", None, id="tilde"),
        pytest.param("null", None, id="null"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_only_what_nobody_can_misread_is_more_than_text(write: Write, written: str, meant: object) -> None:
    """Law 8: a value is never guessed to be what it only resembles."""
    value = read_document(write(f"key: {written}\n")).data["key"]

    assert value == meant
    assert type(value) is type(meant)


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        pytest.param(
            "a: &x 1\nb: 2\n", ":1:4: anchor `&x` is not allowed; write the value out where it is needed", id="anchor"
        ),
        pytest.param(
            "a: 1\nb: *x\n", ":2:4: alias `*x` is not allowed; write the value out where it is needed", id="alias"
        ),
        pytest.param("a:\n  <<: {b: 1}\n", ":2:3: merge keys (`<<`) are not allowed; write the values out", id="merge"),
        pytest.param("a: 1\nb: 2\na: 3\n", ":3:1: key `a` is given twice; keep one", id="twice"),
        pytest.param("a:\n  - {b: 1, b: 2}\n", ":2:12: key `b` is given twice; keep one", id="twice-deep"),
        pytest.param("1: a\n", ":1:1: a key must be text; put it in quotes", id="number-as-key"),
        pytest.param("true: a\n", ":1:1: a key must be text; put it in quotes", id="flag-as-key"),
        pytest.param("? [a]\n: b\n", ":1:3: a key must be text; put it in quotes", id="list-as-key"),
        pytest.param("a:\n\t- b\n", ":2:1: a tab; YAML is indented with spaces", id="tab"),
        pytest.param("a: !!str 5\n", ":1:4: tags (`!…`) are not allowed; write the plain value", id="tag"),
        pytest.param(
            "a: !!python/object/apply:os.system [x]\n",
            ":1:4: tags (`!…`) are not allowed; write the plain value",
            id="python-tag",
        ),
        pytest.param("", ": is empty; expected keys and values", id="empty"),
        pytest.param("# nothing\n", ": is empty; expected keys and values", id="comment-only"),
        pytest.param("a: \x00\n", ":1:4: control character U+0000 can't stand in YAML; delete it", id="nul"),
        pytest.param("a: 1\nb: x\x07\n", ":2:5: control character U+0007 can't stand in YAML; delete it", id="bell"),
        pytest.param(
            'a: "\\ud800"\n', ":1:4: half of a surrogate pair is no character; write the character itself", id="half"
        ),
        pytest.param("[" * 99, f":1:{DEPTH_MAX + 1}: nested deeper than {DEPTH_MAX} levels", id="deep"),
        pytest.param(b"a: 1\nb: \xff\n", ":2:4: is not UTF-8 text here; save the file as UTF-8", id="latin-1"),
    ],
)
def test_what_yaml_allows_and_we_refuse_is_named_at_its_place(write: Write, text: str | bytes, refusal: str) -> None:
    """A file means what it looks like, and an error points at the very character."""
    assert _refusals(write(text)) == [refusal]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param("a: [1, 2\n", ":2:1: is not YAML here", id="open-bracket"),
        pytest.param("a: b: c\n", ":1:5: is not YAML here", id="two-colons"),
        pytest.param("a: 'x\n", ":2:1: is not YAML here", id="open-quote"),
        pytest.param("a: 1\n---\nb: 2\n", ":2:1: is not YAML here", id="two-documents"),
        pytest.param("a: 1\n  b: 2\n", ":2:4: is not YAML here", id="wrong-indent"),
        pytest.param('a: "\\UFFFFFFFF"\n', ":1:7: an escape here is no character", id="escape-beyond-unicode"),
    ],
)
def test_syntax_errors_carry_line_and_column(write: Write, text: str, place: str) -> None:
    """Whatever PyYAML raises arrives as a problem at a place, never as a traceback."""
    (refusal,) = _refusals(write(text))

    assert refusal.startswith(place)


def test_every_doubled_key_is_reported_at_once(write: Write) -> None:
    """All problems of a file come together, in file order."""
    assert _refusals(write("a: 1\na: 2\nb: {c: 1, c: 2}\n")) == [
        ":2:1: key `a` is given twice; keep one",
        ":3:11: key `c` is given twice; keep one",
    ]


def test_a_huge_file_is_refused_before_it_is_read(write: Write) -> None:
    """A file can't cost more than its bound."""
    (refusal,) = _refusals(write("#" * (SIZE_MAX_BYTES + 1)))

    assert refusal == ": is larger than 1,000,000 bytes; split it into several files"


def test_a_file_of_the_largest_size_is_read(write: Write) -> None:
    """The bound itself is still allowed."""
    head = "a: 1\n#"

    assert read_document(write(head + "x" * (SIZE_MAX_BYTES - len(head)))).data == {"a": 1}


def test_a_missing_file_is_a_problem_too(tmp_path: Path) -> None:
    """An operating system's refusal is told as ours."""
    assert _refusals(tmp_path / "none.yaml") == [": can't be read: No such file or directory"]


def test_a_byte_order_mark_is_passed_over(write: Write) -> None:
    """Editors on Windows put one; it is no part of the first key."""
    assert read_document(write(b"\xef\xbb\xbfa: 1\n")).data == {"a": 1}


def test_the_digest_is_that_of_the_bytes(write: Write) -> None:
    """Two files of the same meaning and other bytes are two versions."""
    text = b"a: 1  # said so\n"

    assert read_document(write(text)).digest == hashlib.sha256(text).hexdigest()


TEXT = "name: x\nsteps:\n  - {id: one, at: 0}\n  - id: two\n    at: 1\n"


@pytest.mark.parametrize(
    ("loc", "key", "place"),
    [
        pytest.param((), False, (1, 1), id="root"),
        pytest.param(("name",), False, (1, 7), id="value"),
        pytest.param(("name",), True, (1, 1), id="key"),
        pytest.param(("steps", 0, "at"), False, (3, 19), id="flow-value"),
        pytest.param(("steps", 1, "at"), True, (5, 5), id="block-key"),
        pytest.param(("steps", 1, "when"), False, (4, 5), id="missing-key-gives-the-mapping"),
        pytest.param(("steps", 9, "at"), False, (3, 3), id="missing-index-gives-the-list"),
        pytest.param(("steps", 0, "StepModel", "at"), False, (3, 19), id="foreign-part-is-passed-over"),
        pytest.param(("nothing",), True, (1, 1), id="unknown-gives-the-root"),
    ],
)
def test_every_value_and_key_can_be_found_again(
    write: Write, loc: tuple[str | int, ...], key: bool, place: tuple[int, int]
) -> None:
    """Errors found later still point at the line and column."""
    assert read_document(write(TEXT)).locate(loc, key=key) == place


def test_a_problem_says_file_line_column_and_whether_it_is_a_warning(write: Write) -> None:
    """Editors can jump to what `file:line:column` names."""
    path = write(TEXT)
    document = read_document(path)

    assert str(document.problem(("steps", 1, "id"), "odd")) == f"{path}:4:9: odd"
    assert str(document.problem(("name",), "odd", warning=True, key=True)) == f"{path}:1:1: warning: odd"


@pytest.mark.parametrize(
    ("loc", "value"),
    [
        pytest.param(("steps", 1, "id"), "two", id="there"),
        pytest.param(("steps", 5), None, id="no-such-index"),
        pytest.param(("name", "x"), None, id="below-text"),
        pytest.param(("what",), None, id="no-such-key"),
    ],
)
def test_a_value_can_be_asked_for_by_its_place(write: Write, loc: tuple[str | int, ...], value: object) -> None:
    """What stood in the file can be quoted; what didn't is None."""
    assert read_document(write(TEXT)).value(loc) == value


class _PlainDumper(yaml.SafeDumper):
    """Writes values out instead of referring to them."""

    def ignore_aliases(self, data: Any) -> bool:
        """Return that nothing is ever referred to."""
        return True


LETTERS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"], exclude_characters="\ufeff"), max_size=12
)
SCALARS = st.none() | st.booleans() | st.integers(-(10**18) + 1, 10**18 - 1) | LETTERS
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(LETTERS.filter(lambda key: key != "<<"), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(deadline=None)
@given(
    value=st.dictionaries(
        st.from_regex(r"[a-z]{1,8}", fullmatch=True).filter(lambda k: k not in {"true", "null", "false"}),
        VALUES,
        min_size=1,
        max_size=5,
    ),
    flow=st.booleans(),
)
def test_what_is_written_is_read_back(value: dict[str, object], flow: bool) -> None:
    """A round trip through YAML changes nothing, and every value has a place inside the file."""
    text = yaml.dump(value, Dumper=_PlainDumper, allow_unicode=True, default_flow_style=flow, sort_keys=False)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "file.yaml"
        path.write_text(text, encoding="utf-8", newline="")

        document = read_document(path)

    assert document.data == value
    lines = len(text.splitlines()) + 1
    assert all(1 <= line <= lines and column >= 1 for line, column in document.values.values())


@settings(deadline=None)
@given(text=st.text(max_size=60))
def test_any_text_is_read_or_refused_in_our_words(text: str) -> None:
    """Law 9: garbage is a ConfigError with places, whatever it is."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "file.yaml"
        path.write_bytes(text.encode("utf-8", "replace"))
        try:
            told = [repr(read_document(path).data)]
        except ConfigError as error:
            told = [problem.message for problem in error.problems]

    assert told
    assert all(told)


CONFIG = Path(__file__).resolve().parents[2] / "config"
SHIPPED = sorted(CONFIG.rglob("*.yaml"))
SCRAPS = [
    ": ",
    " ",
    "\n",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "'",
    '"',
    "#",
    "|",
    ">",
    "?",
    "\\x41",
    "\u2028",
    "中",
    "%",
    "---",
    "\r\n",
    ",",
]


def _both_ways(text: str) -> tuple[Document | None, Document | None]:
    """Return what libyaml makes of a text, and what PyYAML's own scanner does, to which texts with a tab are left."""
    found: list[Document | None] = []
    for written in (text, f"{text}\n#\t\n"):
        try:
            found.append(document_of(Path("x.yaml"), written))
        except ConfigError:
            found.append(None)
    return found[0], found[1]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_both_scanners_find_the_same_things_at_the_same_places(path: Path) -> None:
    """The fast one is for speed alone: an error in a file is told at the same line and column."""
    fast, plain = _both_ways(path.read_text(encoding="utf-8"))
    assert fast is not None
    assert fast == plain


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(SHIPPED), st.integers(0, 100_000), st.sampled_from(SCRAPS), st.integers(0, 3))
def test_both_scanners_mean_the_same(path: Path, at: int, scrap: str, gone: int) -> None:
    """A file means the same whichever of them reads it, also one that somebody is in the middle of writing."""
    text = path.read_text(encoding="utf-8")
    at %= len(text)
    fast, plain = _both_ways(f"{text[:at]}{scrap}{text[at + gone :]}")
    assert fast is None or plain is None or fast.data == plain.data
