"""Conditions: the `when` of a step, asked of the account at the moment of deciding.

A condition that can't be answered refuses instead of guessing (law 8): where the book says nothing about `autopay`,
`not account.autopay` is neither true nor false. Who means "or if it is unknown" writes it:
`account.autopay is undefined or not account.autopay`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

import jinja2
from jinja2 import nodes

from reminder.errors import ReminderError, TemplateError
from reminder.message.grammar import Use, path_of, uses
from reminder.message.sandbox import Missing, Sandbox

__all__ = ["Condition", "compile_condition"]

_SANDBOX = Sandbox(missing=Missing)
_PLACE = "when"
_EVALUATION_ERRORS = (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError, ReminderError)


class Condition:
    """A compiled condition; call it with the values of `values.condition_values`.

    `uses` are the values it asks for, so that a check can say ahead of time which of them don't exist.
    """

    def __init__(self, source: str, program: jinja2.Template, tree: nodes.Expr) -> None:
        self.source = source
        self.uses: tuple[Use, ...] = tuple(uses(tree, source))
        self._program = program
        self._yes_or_no = tuple(sorted(set(_asked_as_yes_or_no(tree))))

    def __call__(self, values: Mapping[str, object]) -> bool:
        """Return whether the condition holds.

        Raises TemplateError where a value is missing or can't be compared, and where the answer is not yes or no.
        """
        self._refuse_text(values)
        context = self._program.new_context(dict(values))
        try:
            for _ in self._program.root_render_func(context):
                pass
            result = context.vars["result"]
            # A missing value refuses here, saying which one it is.
            answer = result if isinstance(result, bool) else str(result)
        except _EVALUATION_ERRORS as error:
            raise TemplateError(f"when: {self.source}: {error}") from error
        if isinstance(answer, bool):
            return answer
        raise TemplateError(
            f"when: {self.source}: expected yes or no, found {type(result).__name__}; compare it with something"
        )

    def _refuse_text(self, values: Mapping[str, object]) -> None:
        # To Python the text "N" is as true as "Y"; a book that keeps its flags as text must be compared with.
        for path in self._yes_or_no:
            value: object = values
            for part in path.split("."):
                value = value.get(part) if isinstance(value, Mapping) else None
            if isinstance(value, str):
                raise TemplateError(
                    f"when: {self.source}: expected {path} to be yes or no, found text; compare it: {path} == 'Y'"
                )


@lru_cache(maxsize=1024)
def compile_condition(source: str) -> Condition:
    """Return the compiled condition, or raise BrokenTemplateError (a TemplateError) with the columns of its faults."""
    tree = _SANDBOX.parse_expression(source, _PLACE)
    return Condition(source, _SANDBOX.compile_expression(tree, _PLACE), tree)


def _asked_as_yes_or_no(node: nodes.Node) -> Iterator[str]:
    """Yield the name of every value whose truth alone is asked for."""
    path = path_of(node)
    if path is not None:
        yield path
    elif isinstance(node, nodes.Not | nodes.And | nodes.Or):
        for child in node.iter_child_nodes():
            yield from _asked_as_yes_or_no(child)
    elif isinstance(node, nodes.CondExpr):
        yield from _asked_as_yes_or_no(node.test)
