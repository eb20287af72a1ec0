"""What a template may say: print a value, filter it, choose with `if`. Nothing else is compiled.

Jinja2's own sandbox lets a template ask for a string of a gigabyte (`'a' * 10**9`), for a power that no signal can
interrupt (`10 ** (10 ** 8)`) and for loops without end. Here only what is on a short list of syntax gets as far as the
compiler, so that the work of a template is bounded by its length; and nothing so deep that a compiler would refuse it,
so that a template which was checked can be compiled when it is first rendered.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from jinja2 import nodes

__all__ = ["DEPTH_MAX", "TESTS", "Fault", "Use", "column_of", "faults", "path_of", "uses"]

DEPTH_MAX = 50
"""How deep values, filters and ifs may be nested: Python takes 100 blocks and 200 brackets, and Jinja2 adds its own."""

TESTS = frozenset({"defined", "undefined"})
"""The only tests there are: whether a value is there."""

_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Filter,
    nodes.If, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Const, nodes.Test,
    nodes.Tuple, nodes.List, nodes.Neg,
)  # fmt: skip

_NAMES: dict[type[nodes.Node], str] = {
    nodes.For: "a loop (for)",
    nodes.Call: "a call (…)",
    nodes.Assign: "an assignment (set)",
    nodes.AssignBlock: "an assignment (set)",
    nodes.Include: "an include",
    nodes.Import: "an import",
    nodes.FromImport: "an import",
    nodes.Extends: "an extends",
    nodes.Block: "a block",
    nodes.Macro: "a macro",
    nodes.CallBlock: "a call block",
    nodes.FilterBlock: "a filter block",
    nodes.Concat: "a joining of texts (~)",
    nodes.Slice: "a slice",
    nodes.Dict: "a mapping",
    nodes.With: "a with block",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that a template must not say; line and column count from 1."""

    line: int
    column: int
    message: str


@dataclass(frozen=True, slots=True)
class Use:
    """A value that a template asks for, by its dotted name: `account.name`.

    `optional` says that the template asks whether it is there, as in `{% if account.name %}`, and can do without.
    """

    path: str
    line: int
    column: int
    optional: bool


def column_of(source: str, line: int, needle: str) -> int:
    """Return the column (from 1) at which a line of the source first has `needle`; 1 where it hasn't.

    Jinja2 knows only lines; this is near enough for an editor to put its cursor.
    """
    lines = source.splitlines()
    return lines[line - 1].find(needle) + 1 or 1 if 0 < line <= len(lines) else 1


def faults(tree: nodes.Node, source: str, filters: Collection[str]) -> list[Fault]:
    """Return everything in a parsed template or expression that is not allowed, in order of lines."""
    found: list[Fault] = []
    for node, depth in _walk(tree):
        wrong = _TOO_DEEP if depth > DEPTH_MAX else _wrong(node, filters)
        if wrong is not None:
            message, needle = wrong
            line = node.lineno or 1  # Jinja2 gives what stands behind a comparison none
            found.append(Fault(line, column_of(source, line, needle), message))
    return sorted(found, key=lambda fault: (fault.line, fault.column))


def uses(tree: nodes.Node, source: str) -> list[Use]:
    """Return every value asked for, `account.name` as a whole, in order of lines."""
    asked_about = set(_asked_about(tree))
    found = [
        Use(path, node.lineno, column_of(source, node.lineno, path), path in asked_about)
        for node in _outermost(tree)
        if (path := path_of(node)) is not None
    ]
    return sorted(found, key=lambda use: (use.line, use.column, use.path))


def path_of(node: nodes.Node) -> str | None:
    """Return the dotted name that a node asks for, or None where it is no name."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        part: object = node.attr
    elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        part = node.arg.value
    else:
        return None
    whole = path_of(node.node)
    return None if whole is None else f"{whole}.{part}"


_TOO_DEEP = "expected simple text with a few values, found nesting too deep; flatten it", "{"


def _walk(node: nodes.Node, depth: int = 0) -> Iterator[tuple[nodes.Node, int]]:
    yield node, depth
    # What stands inside of something forbidden, or of something too deep, is not worth a second complaint.
    if isinstance(node, _ALLOWED) and depth <= DEPTH_MAX:
        for child in node.iter_child_nodes():
            yield from _walk(child, depth + 1)


def _outermost(node: nodes.Node) -> Iterator[nodes.Node]:
    if path_of(node) is not None:
        yield node
        return
    for child in node.iter_child_nodes():
        yield from _outermost(child)


def _asked_about(tree: nodes.Node) -> Iterator[str]:
    """Yield each name that stands alone in a condition, or behind which stands `is defined`."""
    tests: list[nodes.Node] = [choice.test for choice in tree.find_all(nodes.If)]
    tests += [choice.test for choice in tree.find_all(nodes.CondExpr)]
    tests += [test.node for test in tree.find_all(nodes.Test)]
    while tests:
        test = tests.pop()
        path = path_of(test)
        if path is not None:
            yield path
        elif isinstance(test, nodes.And | nodes.Or | nodes.Not):
            tests += test.iter_child_nodes()


def _wrong(node: nodes.Node, filters: Collection[str]) -> tuple[str, str] | None:
    """Return what is wrong with this one node and a word to find it by, or None."""
    if not isinstance(node, _ALLOWED):
        return _forbidden(node), "{"
    if isinstance(node, nodes.Filter):
        return _wrong_filter(node, filters)
    if isinstance(node, nodes.Test) and (node.name not in TESTS or node.args):
        return f"expected one of the tests {', '.join(sorted(TESTS))}, alone, found {node.name!r}", node.name
    if isinstance(node, nodes.Getitem) and not _is_text(node.arg):
        return "expected a name between the brackets, such as account['name'], found something else", "["
    if isinstance(node, nodes.Tuple | nodes.List) and not all(isinstance(i, nodes.Const) for i in node.items):
        return "expected only constants in a list, such as ('SH', 'BJ')", "("
    if isinstance(node, nodes.Neg) and not isinstance(node.node, nodes.Const):
        return "expected a number behind the minus sign", "-"
    return None


def _is_text(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Const) and isinstance(node.value, str)


def _forbidden(node: nodes.Node) -> str:
    what = _NAMES.get(type(node))
    if what is None:
        arithmetic = isinstance(node, nodes.BinExpr | nodes.UnaryExpr)
        what = "arithmetic" if arithmetic else f"{type(node).__name__}"
    return f"expected a value, a filter or an if, found {what}; the program computes, a template only prints"


def _wrong_filter(node: nodes.Filter, filters: Collection[str]) -> tuple[str, str] | None:
    if node.name not in filters:
        near = get_close_matches(node.name, sorted(filters), n=1)
        advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(filters))}"
        return f"expected a filter that exists, found {node.name!r}; {advice}", node.name
    if node.args or node.kwargs or node.dyn_args or node.dyn_kwargs:
        return f"expected the filter {node.name} without arguments, found some; leave them out", node.name
    return None
