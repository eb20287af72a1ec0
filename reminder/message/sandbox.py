"""The sandbox: Jinja2 that can print values it was given and can reach nothing else.

Source: the limits of Jinja2's own sandbox are told in `grammar`; its documentation, "Sandbox", asks for limits of one's
own on time and memory. Ours: a short list of syntax, plain values only, and caps on the length of source and output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TypeVar

import jinja2
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from reminder.errors import Problem, ReminderError, TemplateError
from reminder.message.grammar import TESTS, column_of, faults

__all__ = [
    "OUTPUT_MAX_CHARS", "SOURCE_MAX_CHARS", "Askable", "BrokenTemplateError", "Fields", "Missing", "Sandbox", "show",
]  # fmt: skip

SOURCE_MAX_CHARS = 4_000
"""How long a template may be; the longest of ours has a tenth of it."""

OUTPUT_MAX_CHARS = 1_000
"""How long a text may be: seven segments, more than anyone should be sent."""

# What a template, or the values it is given, can make Jinja2 and the filters raise while rendering.
_RENDER_ERRORS = (
    jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError, ReminderError,
)  # fmt: skip


class BrokenTemplateError(TemplateError):
    """A template or an expression that can't be compiled. `problems` holds everything that was found, by line."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in problems))


_Tree = TypeVar("_Tree", bound=nodes.Node)


class Fields(dict[str, object]):
    """Values by name, such as an account's, that know what they belong to: `account`, `lender`."""

    __slots__ = ("of",)

    def __init__(self, of: str, values: Mapping[str, object]) -> None:
        super().__init__(values)
        self.of = of


class Missing(jinja2.StrictUndefined):
    """A value that isn't there: anything but `is defined` refuses, naming it."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:
            return self._undefined_hint
        return f"{self._undefined_name} is not a value that there is; correct the name"


class Askable(Missing):
    """A missing value that `{% if account.name %}` takes for no, so that a text can do without it."""

    __slots__ = ()

    def __bool__(self) -> bool:  # type: ignore[override]  # Jinja2 types it as never returning
        return False


class _Environment(ImmutableSandboxedEnvironment):
    """Jinja2 in which a dot reaches into `Fields` only: not one attribute or method of any object."""

    def getattr(self, obj: object, attribute: str) -> object:
        """Return a field's value, or a missing one that says its whole name."""
        if isinstance(obj, Fields):
            try:
                return obj[attribute]
            except KeyError:
                return self.undefined(hint=f"{obj.of}.{attribute} has no value here")
        if isinstance(obj, jinja2.Undefined):
            str(obj)  # Raises, saying which value is missing.
        return self.undefined(hint=f"a single value has no part called {attribute!r}")

    def getitem(self, obj: object, argument: object) -> object:
        """Return the same for brackets as for a dot."""
        return self.getattr(obj, str(argument))


class Sandbox:
    """One environment with its filters; compiles, then renders what it has compiled.

    `filters` are all there are. `finalize` turns each printed value into text. `missing` is what a value that isn't
    there becomes.
    """

    def __init__(
        self,
        filters: Mapping[str, Callable[[object], str]] | None = None,
        finalize: Callable[[object], str] | None = None,
        missing: type[Missing] = Askable,
    ) -> None:
        self._filters = dict(filters or {})
        self._environment = _Environment(
            undefined=missing, autoescape=False, finalize=finalize, trim_blocks=True, lstrip_blocks=True
        )
        self._environment.globals.clear()
        self._environment.filters.clear()
        self._environment.filters.update(self._filters)
        self._environment.tests = {name: self._environment.tests[name] for name in TESTS}

    def parse(self, source: str, path: str) -> nodes.Template:
        """Return the checked tree of a template, or raise BrokenTemplateError with `path:line:column` problems."""
        return self._checked(source, path, lambda: self._environment.parse(source))

    def parse_expression(self, source: str, path: str) -> nodes.Expr:
        """Return the checked tree of one expression, or raise BrokenTemplateError."""
        return self._checked(source, path, lambda: self._parse_expression(source))

    def compile(self, tree: nodes.Template, path: str) -> jinja2.Template:
        """Return the program of a checked tree. Raises BrokenTemplateError should Jinja2 or Python refuse it."""
        try:
            code = self._environment.compile(tree, name=path, filename=path)
        except _COMPILE_ERRORS as error:
            raise BrokenTemplateError([_from_compiler(error, path, "")]) from error
        return jinja2.Template.from_code(self._environment, code, {})

    def compile_expression(self, tree: nodes.Expr, path: str) -> jinja2.Template:
        """Return a program that leaves the value of a checked expression in its context as `result`."""
        body: list[nodes.Node] = [nodes.Assign(nodes.Name("result", "store"), tree, lineno=1)]
        program = nodes.Template(body, lineno=1)
        program.set_environment(self._environment)
        return self.compile(program, path)

    def _parse_expression(self, source: str) -> nodes.Expr:
        # Jinja2 reads an expression as it reads the inside of {{ }}; what follows it would be ignored.
        tree = self._environment.parse("{{ " + source + "\n}}").body
        printed = tree[0].nodes if len(tree) == 1 and isinstance(tree[0], nodes.Output) else []
        if len(printed) != 1 or isinstance(printed[0], nodes.TemplateData):
            raise jinja2.TemplateSyntaxError("expected one expression", 1)
        return printed[0]

    def _checked(self, source: str, path: str, parse: Callable[[], _Tree]) -> _Tree:
        if len(source) > SOURCE_MAX_CHARS:
            long = f"expected at most {SOURCE_MAX_CHARS} characters, found {len(source)}; shorten it"
            raise BrokenTemplateError([Problem(path, 1, 1, long)])
        try:
            tree = parse()
            found = faults(tree, source, self._filters)
        except _COMPILE_ERRORS as error:
            raise BrokenTemplateError([_from_compiler(error, path, source)]) from error
        if found:
            raise BrokenTemplateError([Problem(path, fault.line, fault.column, fault.message) for fault in found])
        return tree


# Nesting can be too deep for Jinja2 (RecursionError) or for Python's own compiler (SyntaxError, MemoryError).
_COMPILE_ERRORS = (jinja2.TemplateSyntaxError, SyntaxError, RecursionError, MemoryError, ValueError)


def _from_compiler(error: Exception, path: str, source: str) -> Problem:
    if isinstance(error, jinja2.TemplateSyntaxError):
        return Problem(path, error.lineno, column_of(source, error.lineno, "{"), f"can't be read: {error.message}")
    return Problem(path, 1, 1, "expected simple text with a few values, found nesting too deep; flatten it")


def show(program: jinja2.Template, values: Mapping[str, object], path: str) -> str:
    """Return what a program prints for these values.

    Raises TemplateError naming file, line and the value that is missing or can't be printed as asked, and for a text
    that is empty or too long.
    """
    try:
        text = program.render(values).strip()
    except _RENDER_ERRORS as error:
        raise TemplateError(f"{path}:{_line(error.__traceback__, path)}: {error}") from error
    if not text:
        raise TemplateError(f"{path}: expected a text, found nothing left to print; see the template's ifs")
    if len(text) > OUTPUT_MAX_CHARS:
        raise TemplateError(
            f"{path}: expected a text of at most {OUTPUT_MAX_CHARS} characters, found {len(text)}; shorten the template"
        )
    return text


def _line(trace: TracebackType | None, path: str) -> int:
    """Return the template's line in which it was raised: Jinja2 puts the template itself into the traceback."""
    line = 1
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
