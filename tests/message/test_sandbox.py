"""The sandbox: what a template can't do, whatever its author or its data try."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder.errors import Problem, TemplateError
from reminder.message.catalogue import CompiledTemplate, compile_template
from reminder.message.grammar import DEPTH_MAX
from reminder.message.sandbox import (
    OUTPUT_MAX_CHARS,
    SOURCE_MAX_CHARS,
    BrokenTemplateError,
    Fields,
    Sandbox,
    show,
)

Compile = Callable[..., CompiledTemplate]


class Spy:
    """An object whose method leaves a mark when it is called."""

    def __init__(self) -> None:
        self.called = False

    def delete(self) -> str:
        """Leave the mark."""
        self.called = True
        return "deleted"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("{{ 'a' * 10**9 }}", id="a-gigabyte-of-text"),
        pytest.param("{{ 10 ** (10 ** 8) }}", id="a-power-no-signal-interrupts"),
        pytest.param("{{ 'a' ~ 'b' }}", id="joining"),
        pytest.param("{{ '%s' % account }}", id="formatting"),
        pytest.param("{{ dpd + 1 }}", id="adding"),
        pytest.param("{{ amount.minor // 7 }}", id="dividing"),
        pytest.param("{% for i in 'aaaa' %}{% for j in 'aaaa' %}x{% endfor %}{% endfor %}", id="loops"),
        pytest.param("{% for i in account recursive %}{{ loop(i) }}{% endfor %}", id="recursive-loop"),
        pytest.param("{% set x = amount %}{{ x }}", id="set"),
        pytest.param("{% set x %}a{% endset %}", id="set-block"),
        pytest.param("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", id="macro"),
        pytest.param("{% include '/etc/passwd' %}", id="include"),
        pytest.param("{% import 'x' as y %}", id="import"),
        pytest.param("{% from 'x' import y %}", id="from-import"),
        pytest.param("{% extends 'x' %}", id="extends"),
        pytest.param("{% block b %}x{% endblock %}", id="block"),
        pytest.param("{% filter mask %}x{% endfilter %}", id="filter-block"),
        pytest.param("{% call m() %}x{% endcall %}", id="call-block"),
        pytest.param("{% with a = 1 %}{{ a }}{% endwith %}", id="with"),
        pytest.param("{{ account.delete() }}", id="calling-a-method"),
        pytest.param("{{ range(10**9) }}", id="calling-a-global"),
        pytest.param("{{ account.id.format(account) }}", id="format-string"),
        pytest.param("{{ account.id|attr('__class__') }}", id="attr-filter"),
        pytest.param("{{ account.id|center(10**10) }}", id="center-filter"),
        pytest.param("{{ account|tojson }}", id="stock-filter"),
        pytest.param("{{ amount|money(1) }}", id="filter-with-argument"),
        pytest.param("{{ amount|money(*account) }}", id="filter-with-spread"),
        pytest.param("{{ account.id[0:1] }}", id="slice"),
        pytest.param("{{ account[dpd] }}", id="computed-name"),
        pytest.param("{{ account[0] }}", id="number-for-a-name"),
        pytest.param("{{ {'a': 1} }}", id="mapping"),
        pytest.param("{{ [account.id] }}", id="list-of-values"),
        pytest.param("{% if dpd is divisibleby 3 %}x{% endif %}", id="stock-test"),
        pytest.param("{% if dpd is defined(account) %}x{% endif %}", id="test-with-argument"),
        pytest.param("{{ -dpd }}", id="minus-a-value"),
    ],
)
def test_only_printing_filtering_and_choosing_compile(body: str, compiled: Compile) -> None:
    """Law 9: a template's work is bounded by its length, so nothing that could run away is ever compiled."""
    with pytest.raises(BrokenTemplateError) as broken:
        compiled(f"Hello\n{body}")

    assert [problem.line for problem in broken.value.problems] == [3] * len(broken.value.problems)
    assert all(problem.path == "test.sms.j2" and problem.column >= 1 for problem in broken.value.problems)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("{{ a }}", "1", id="print"),
        pytest.param("{{ b.c }}|{{ b['c'] }}", "two|two", id="dot-and-brackets"),
        pytest.param("{% if a > 0 and not b.none %}yes{% else %}no{% endif %}", "yes", id="if"),
        pytest.param("{% if a == -1 %}x{% elif a in (1, 2) %}y{% endif %}", "y", id="elif-in-constants"),
        pytest.param("{{ 'x' if a == 2 else 'z' }}", "z", id="choice"),
        pytest.param("{% if b.none is undefined and b.c is defined %}ok{% endif %}", "ok", id="tests"),
        pytest.param("{% raw %}{{ a }}{% endraw %}", "{{ a }}", id="raw"),
        pytest.param("x{# not printed #}y", "xy", id="comment"),
    ],
)
def test_what_a_text_needs_compiles(body: str, expected: str, compiled: Compile) -> None:
    """Promise: values, filters, conditions and constants are all there."""
    assert compiled(body).render({"a": 1, "b": Fields("b", {"c": "two"})}) == expected


@pytest.mark.parametrize("name", ["__class__", "__init__", "_private", "items", "keys", "pop", "of", "get", "__dict__"])
def test_a_dot_reaches_fields_only(name: str, compiled: Compile) -> None:
    """Law 11: no attribute or method of any object can be reached, not even of the mapping that holds the values."""
    template = compiled(f"{{{{ account.{name} }}}}")

    with pytest.raises(TemplateError, match=rf"account\.{name} has no value"):
        template.render({"account": Fields("account", {"id": "1"})})


def test_an_attribute_may_bear_the_name_of_a_method(compiled: Compile) -> None:
    """Promise: a book's own column called `items` or `copy` prints its value, not Python's method."""
    values = {"account": Fields("account", {"items": "3 chairs", "copy": "no"})}

    assert compiled("{{ account.items }}, {{ account.copy }}").render(values) == "3 chairs, no"


def test_an_object_that_slips_in_stays_closed(compiled: Compile) -> None:
    """Law 11: even an object with methods, were it passed, could be neither reached into nor called."""
    spy = Spy()

    with pytest.raises(TemplateError, match="no part called 'delete'"):
        compiled("{{ spy.delete }}").render({"spy": spy})
    assert not spy.called


@pytest.mark.parametrize("text", ["{{ 7*7 }}", "{% if 1 %}x{% endif %}", "{# x #}", "=cmd()", "${x}", "<b>&amp;</b>"])
def test_data_is_printed_and_never_read(text: str, compiled: Compile) -> None:
    """Law 11: a customer called `{{ 7*7 }}` is called that in the text too."""
    template = compiled("Dear {{ account.name }}")

    assert template.render({"account": Fields("account", {"name": text})}) == f"Dear {text}"


def test_a_missing_value_refuses_the_text_and_is_named_with_its_line(compiled: Compile) -> None:
    """Law 8: nothing is sent with a hole in it, and the reason says where to look."""
    template = compiled("Hello\nDear {{ account.name }}")

    with pytest.raises(TemplateError, match=r"test\.sms\.j2:3: account\.name has no value"):
        template.render({"account": Fields("account", {})})


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("{{ account.name }}", id="print"),
        pytest.param("{{ account.name|mask }}", id="filter-of-text"),
        pytest.param("{{ account.name|money }}", id="filter-of-money"),
        pytest.param("{{ account.name|ordinal }}", id="filter-of-number"),
        pytest.param("{{ account.name.first }}", id="part-of-it"),
        pytest.param("{% if account.name == 'x' %}a{% endif %}b", id="compare"),
        pytest.param("{% if account.name > 3 %}a{% endif %}b", id="order"),
        pytest.param("{% if 'x' in account.name %}a{% endif %}b", id="in"),
        pytest.param("{{ nothing }}", id="no-such-root"),
        pytest.param("{{ nothing.at.all }}", id="part-of-no-such-root"),
    ],
)
def test_whatever_is_done_with_a_missing_value_refuses(body: str, compiled: Compile) -> None:
    """Law 8: only asking whether it is there is allowed; the error says which value is missing."""
    with pytest.raises(TemplateError, match=r"account\.name|nothing"):
        compiled(body).render({"account": Fields("account", {})})


@pytest.mark.parametrize("test", ["account.name", "account.name is defined", "not account.name is undefined"])
def test_a_text_can_do_without_a_value_by_asking_first(test: str, compiled: Compile) -> None:
    """Promise: `{% if account.name %}` is how an author writes a text for accounts with and without a name."""
    template = compiled(f"Dear {{% if {test} %}}{{{{ account.name }}}}{{% else %}}customer{{% endif %}}")

    assert template.render({"account": Fields("account", {"name": "Ann"})}) == "Dear Ann"
    assert template.render({"account": Fields("account", {})}) == "Dear customer"


@pytest.mark.parametrize(
    ("body", "value"),
    [
        pytest.param("{% if account.x > 3 %}a{% endif %}b", "text", id="text-against-number"),
        pytest.param("{{ account.x|date }}", "3 May", id="text-as-date"),
        pytest.param("{{ account.x|money }}", 500, id="number-as-money"),
        pytest.param("{{ account.x|ordinal }}", True, id="yes-as-number"),
        pytest.param("{{ account.x }}", True, id="print-yes"),
        pytest.param("{{ account }}", 1, id="print-a-whole-account"),
    ],
)
def test_a_value_of_the_wrong_kind_refuses_the_text(body: str, value: object, compiled: Compile) -> None:
    """Law 9: a value that a template can't use refuses this text with `path:line`, and nothing else falls."""
    with pytest.raises(TemplateError, match=r"test\.sms\.j2:2: "):
        compiled(body).render({"account": Fields("account", {"x": value})})


def test_a_text_that_is_too_long_is_refused(compiled: Compile) -> None:
    """Promise: no text is longer than the cap, whatever the data; the edge itself is still allowed."""
    template = compiled("{{ a }}")

    assert len(template.render({"a": "x" * OUTPUT_MAX_CHARS})) == OUTPUT_MAX_CHARS
    with pytest.raises(TemplateError, match=f"at most {OUTPUT_MAX_CHARS} characters, found {OUTPUT_MAX_CHARS + 1}"):
        template.render({"a": "x" * (OUTPUT_MAX_CHARS + 1)})


@pytest.mark.parametrize("body", ["", "   \n ", "{% if a == 2 %}x{% endif %}", "{{ b }}"])
def test_an_empty_text_is_refused(body: str, compiled: Compile) -> None:
    """Law 8: an empty SMS tells nobody anything and costs money."""
    with pytest.raises(TemplateError, match="nothing left to print"):
        compiled(body).render({"a": 1, "b": " \n"})


def test_a_source_that_is_too_long_is_refused_before_it_is_read() -> None:
    """Promise: the parser never sees more than the cap."""
    sandbox = Sandbox()

    sandbox.parse("x" * SOURCE_MAX_CHARS, "a")
    with pytest.raises(BrokenTemplateError, match=f"at most {SOURCE_MAX_CHARS} characters"):
        sandbox.parse("{{" * SOURCE_MAX_CHARS, "a")


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("{{ " + "(" * 1900 + "1" + ")" * 1900 + " }}", id="brackets"),
        pytest.param("{{ " + "not " * 900 + "a }}", id="not"),
        pytest.param("{% if a %}" * 180 + "x" + "{% endif %}" * 180, id="ifs"),
        pytest.param("{{ a" + "|mask" * 700 + " }}", id="filters"),
        pytest.param("{{ a" + ".b" * 1500 + " }}", id="parts"),
    ],
)
def test_deep_nesting_is_a_problem_not_a_crash(source: str) -> None:
    """Law 9: a template that is too deep for the compiler is reported like any other mistake."""
    with pytest.raises(TemplateError):
        compile_template("{# segments: 1 #}" + source, name="a", language="en", path="a").render({"a": "x"})


@pytest.mark.parametrize(
    ("opening", "inmost", "closing"),
    [
        pytest.param("{% if a %}", "x", "{% endif %}", id="ifs"),
        pytest.param("{% if a %}y{% else %}", "x", "{% endif %}", id="elses"),
        pytest.param("{% if a and (b or c) %}y{% elif d %}", "x", "{% endif %}", id="elifs"),
        pytest.param("", "{{ a", "|mask", id="filters"),
        pytest.param("", "{{ a", ".b", id="parts"),
        pytest.param("", "{{ a", "['b']", id="brackets"),
        pytest.param("", "{{ a", " and b", id="ands"),
        pytest.param("not ", "a", "", id="not"),
        pytest.param("(b if c else ", "a", ")", id="choices"),
        pytest.param("(b == ", "a", ")", id="comparisons"),
    ],
)
def test_what_is_as_deep_as_a_template_may_be_compiles(opening: str, inmost: str, closing: str) -> None:
    """Law 9: of all templates that are checked none is refused when its first text is rendered."""

    def at(depth: int) -> CompiledTemplate:
        source = opening * depth + inmost + closing * depth
        source = source if "{%" in source else "{{ " + source.removeprefix("{{ ") + " }}"
        return compile_template("{# segments: 1 #}" + source, name="a", language="en", path="a")

    def works(depth: int) -> bool:
        try:
            return bool(at(depth).program())
        except BrokenTemplateError:
            return False

    deepest = max(filter(works, range(1, DEPTH_MAX + 1)))

    assert DEPTH_MAX // 3 < deepest < DEPTH_MAX
    with pytest.raises(BrokenTemplateError, match="nesting too deep"):
        at(deepest + 1)


@pytest.mark.parametrize(
    ("body", "line", "message"),
    [
        pytest.param("a\n{{ amount", 3, "can't be read", id="open-brackets"),
        pytest.param("a\nb {% if x %}", 3, "can't be read", id="open-if"),
        pytest.param("{% bogus %}", 2, "bogus", id="unknown-tag"),
        pytest.param("a\n{{ amount|moeny }}", 3, "did you mean money", id="misspelt-filter"),
        pytest.param("{{ amount|xyzzy }}", 2, "there are date, day", id="unknown-filter"),
    ],
)
def test_mistakes_are_reported_with_their_line(body: str, line: int, message: str, compiled: Compile) -> None:
    """Promise: an author is told where the mistake is and what was meant."""
    with pytest.raises(BrokenTemplateError) as broken:
        compiled(body)

    assert broken.value.problems[0].line == line
    assert message in broken.value.problems[0].message


def test_the_column_is_that_of_the_mistake(compiled: Compile) -> None:
    """Promise: problems read `path:line:column`, so that an editor jumps there."""
    with pytest.raises(BrokenTemplateError) as broken:
        compiled("Dear {{ account.name|maks }}")

    assert str(broken.value.problems[0]).startswith("test.sms.j2:2:22: ")


def test_all_mistakes_are_reported_at_once(compiled: Compile) -> None:
    """Promise: an author doesn't correct one mistake only to be told of the next."""
    with pytest.raises(BrokenTemplateError) as broken:
        compiled("{{ a|x }}\n{{ b() }}\n{{ c + 1 }}")

    assert [problem.line for problem in broken.value.problems] == [2, 3, 4]


@given(name=st.text(max_size=200), attribute=st.text(max_size=200))
def test_no_data_can_break_or_change_a_rendering(name: str, attribute: str) -> None:
    """Law 11: whatever stands in the book comes out as it went in, between the words of the template."""
    program = Sandbox().compile(Sandbox().parse("[{{ a.name }}|{{ a.attribute }}]", "a"), "a")

    text = show(program, {"a": Fields("a", {"name": name, "attribute": attribute})}, "a")

    assert text == f"[{name}|{attribute}]"


@given(source=st.text(alphabet="{}%#|()[]'\"abif endor.=-*~ \n\\", max_size=120))
def test_any_source_compiles_or_is_refused_with_problems(source: str) -> None:
    """Law 9: no file, however garbled, raises anything but a TemplateError that says where."""
    problems: tuple[Problem, ...] = ()
    try:
        compile_template("{# segments: 1 #}" + source, name="a", language="en", path="a")
    except BrokenTemplateError as error:
        problems = error.problems or (Problem("a", 0, 0, "refused without a problem"),)

    assert all(problem.line >= 1 and problem.column >= 1 for problem in problems)
