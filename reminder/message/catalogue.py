"""The catalogue: every template of a deployment, read and checked once, rendered many times.

A template is a file `<language>/<path>.sms.j2`. Its first line is its budget, `{# segments: 2 #}`: into how many
segments it must fit with the longest values (the lint holds it to that).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from hashlib import sha256
from pathlib import Path

import jinja2

from reminder.domain.segments import smooth
from reminder.errors import Problem, TemplateError
from reminder.message.filters import Filters
from reminder.message.grammar import Use, uses
from reminder.message.languages import nearest
from reminder.message.sandbox import BrokenTemplateError, Sandbox, show

__all__ = ["BUDGET_MAX_SEGMENTS", "SUFFIX", "Catalogue", "CompiledTemplate", "Rendered", "compile_template"]

SUFFIX = ".sms.j2"
"""What the file name of a template ends in."""

BUDGET_MAX_SEGMENTS = 6
"""The largest budget a template may claim."""

_BUDGET = re.compile(r"\{#-?\s*segments:\s*(\d{1,4})\s*-?#\}")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A text, ready to be sent. `language` is that of the template; `version_hash` is a short hash of its source."""

    text: str
    language: str
    template: str
    version_hash: str


@dataclass(frozen=True, slots=True)
class CompiledTemplate:
    """One template in one language. `budget` is in segments; `uses` are the values that it asks for.

    `program` makes its code when it is first rendered: that takes as long as reading and checking it, and most commands
    render few templates or none. What could be wrong with it was found when it was checked.
    """

    name: str
    language: str
    path: str
    source: str
    budget: int
    version_hash: str
    uses: tuple[Use, ...]
    program: Callable[[], jinja2.Template]

    def render(self, values: Mapping[str, object]) -> str:
        """Return the text for these values, or raise TemplateError naming file, line and what is wrong."""
        return smooth(show(self.program(), values, self.path))


def compile_template(
    source: str, *, name: str, language: str, path: str, filters: Filters | None = None
) -> CompiledTemplate:
    """Return a compiled template, or raise BrokenTemplateError with every problem as `path:line:column`.

    `filters` saves making those of the language anew. Raises TemplateError for a language that doesn't exist.
    """
    bound = filters or Filters(language)
    sandbox = Sandbox(bound.by_name(), bound.show)
    tree = sandbox.parse(source, path)
    return CompiledTemplate(
        name=name,
        language=language,
        path=path,
        source=source,
        budget=_budget(source, path),
        version_hash=sha256(source.encode()).hexdigest()[:12],
        uses=tuple(uses(tree, source)),
        program=cache(partial(sandbox.compile, tree, path)),
    )


def _budget(source: str, path: str) -> int:
    header = _BUDGET.match(source)
    budget = int(header[1]) if header else 0
    if not 1 <= budget <= BUDGET_MAX_SEGMENTS:
        expected = f"expected the budget in the first line, {{# segments: 2 #}}, from 1 to {BUDGET_MAX_SEGMENTS}"
        found = f"found {budget}" if header else "found none"
        raise BrokenTemplateError([Problem(path, 1, 1, f"{expected}; {found}")])
    return budget


class Catalogue:
    """All templates below a folder. What is wrong with some is in `problems`; the others work (law 9).

    A customer whose language has no such template gets it in `default_language`, then in the languages of `fallback`.
    """

    def __init__(self, folder: Path, *, default_language: str, fallback: Sequence[str] = ()) -> None:
        self.folder = folder
        self._otherwise = (default_language, *fallback)
        self._filters: dict[str, Filters] = {}
        self._compiled: dict[str, dict[str, CompiledTemplate]] = {}
        self._broken: dict[tuple[str, str], str] = {}
        self._known: dict[str, frozenset[str]] = {}
        problems: list[Problem] = []
        if not folder.is_dir():
            problems.append(Problem(str(folder), 0, 0, "expected a folder of templates, found none; create it"))
        for path in sorted(folder.glob("*/**/*.j2")):
            problems += self._load(path)
        self.problems = tuple(problems)
        """Everything that is wrong with files of the folder, in order of their paths."""

    def names(self) -> tuple[str, ...]:
        """Return the name of every template that works in some language, sorted: `pre_due/week_ahead`."""
        return tuple(sorted(self._compiled))

    def languages(self, template: str) -> tuple[str, ...]:
        """Return the languages in which a template works, sorted; none for one that doesn't exist."""
        return tuple(sorted(self._compiled.get(template, ())))

    def templates(self) -> tuple[CompiledTemplate, ...]:
        """Return every template that works, sorted by name and language."""
        return tuple(self._compiled[name][language] for name in self.names() for language in self.languages(name))

    def find(self, template: str, language: str | None) -> CompiledTemplate:
        """Return a template in the available language that is nearest to the wanted one.

        Raises TemplateError where no language has it, and where the nearest one's file is broken: a text in a language
        that nobody chose must not stand in for it.
        """
        chosen = nearest(language, self._known.get(template, frozenset()), self._otherwise)
        if chosen is None:
            wanted = ", ".join(tag[:20] for tag in (language, *self._otherwise) if tag)
            raise TemplateError(
                f"expected {self.folder}/<language>/{template}{SUFFIX} in one of the languages {wanted}, found none; "
                "write it, or correct the step's template"
            )
        compiled = self._compiled.get(template, {}).get(chosen)
        if compiled is None:
            raise TemplateError(f"the template can't be used until it is corrected: {self._broken[template, chosen]}")
        return compiled

    def render(
        self, template: str, language: str | None, values_for: Callable[[str], Mapping[str, object]]
    ) -> Rendered:
        """Return the text of a template in the nearest language; `values_for` gets that language and gives its values.

        Raises TemplateError where there is no such template, it is broken, or a value that it prints is missing.
        """
        found = self.find(template, language)
        text = found.render(values_for(found.language))
        return Rendered(text, found.language, template, found.version_hash)

    def _load(self, path: Path) -> list[Problem]:
        if not path.name.endswith(SUFFIX):
            near = f"expected a name that ends in {SUFFIX}, found {path.name}; rename the file, or it is never sent"
            return [Problem(str(path), 0, 0, near, warning=True)]
        language, *parts = path.relative_to(self.folder).parts
        name = "/".join(parts).removesuffix(SUFFIX)
        self._known[name] = self._known.get(name, frozenset()) | {language}
        try:
            compiled = self._compile(path, name, language)
        except BrokenTemplateError as error:
            problems = list(error.problems)
        except TemplateError as error:
            problems = [Problem(str(path), 0, 0, str(error))]
        except (OSError, UnicodeDecodeError) as error:
            problems = [Problem(str(path), 0, 0, f"expected a file of UTF-8 text that can be read, found {error}")]
        else:
            self._compiled.setdefault(name, {})[language] = compiled
            return []
        self._broken[name, language] = str(problems[0])
        return problems

    def _compile(self, path: Path, name: str, language: str) -> CompiledTemplate:
        if language not in self._filters:
            self._filters[language] = Filters(language)
        source = path.read_text(encoding="utf-8")
        return compile_template(source, name=name, language=language, path=str(path), filters=self._filters[language])
