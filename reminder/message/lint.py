"""The lint: what would go wrong with a template later, said now, as `path:line:column`.

A template that compiles can still ask for a value that doesn't exist, cost a segment more than its author thinks, turn
into UCS-2 for the sake of one character, or say what no reminder should.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches

from reminder.domain.segments import Segmentation, forcing, segment
from reminder.errors import Problem, TemplateError
from reminder.message.catalogue import Catalogue, CompiledTemplate
from reminder.message.expression import compile_condition
from reminder.message.languages import primary
from reminder.message.sandbox import BrokenTemplateError
from reminder.message.strangers import links_in, phones_in
from reminder.message.values import CONDITION_FIELDS, VARIABLES, Lender
from reminder.message.wording import Words, words_alone
from reminder.message.worst_case import plain_case, worst_cases

__all__ = ["HouseRules", "check_catalogue", "check_condition", "check_template", "worst_segmentation"]

_FEW_CHARACTERS = 4
# A text of which so few different characters are outside of GSM-7 is written in a language that fits; they slipped in.


@dataclass(frozen=True)
class HouseRules:
    """What texts may say: the words of each language, and the hosts and phone numbers that are the lender's."""

    words: Words = field(default_factory=Words)
    hosts: frozenset[str] = frozenset()
    phones: tuple[str, ...] = ()


NO_RULES = HouseRules()


def check_catalogue(
    catalogue: Catalogue, attributes: Iterable[str], lender: Lender | None = None, rules: HouseRules = NO_RULES
) -> list[Problem]:
    """Return every problem of a catalogue: what didn't compile, what each template gets wrong, missing languages.

    `attributes` are those that the book has; `lender`, where given, is measured instead of the longest believable one.
    """
    known = tuple(attributes)
    problems = list(catalogue.problems)
    for template in catalogue.templates():
        problems += check_template(template, known, lender, rules)
    return problems + list(_missing_languages(catalogue))


def check_template(
    template: CompiledTemplate,
    attributes: Iterable[str],
    lender: Lender | None = None,
    rules: HouseRules = NO_RULES,
) -> list[Problem]:
    """Return every problem of one template, in order of its lines."""
    known = tuple(attributes)
    unknown = list(_unknown_values(template, known))
    found = [*unknown, *_wording(template, rules), *_strangers(template, rules)]
    if all(use.path != "lender.name" for use in template.uses):
        message = "expected {{ lender.name }}, found a text that doesn't say who sends it; sign it"
        found.append(Problem(template.path, 1, 1, message, warning=True))
    # A value that doesn't exist would be complained of a second time by each rendering.
    if all(problem.warning for problem in unknown):
        found += [*_over_budget(template, known, lender), *_forcing(template, known)]
    return sorted(found, key=lambda problem: (problem.line, problem.column))


def check_condition(source: str, attributes: Iterable[str]) -> list[str]:
    """Return what is wrong with the `when` of a step, a sentence each: its syntax, or values that don't exist."""
    try:
        condition = compile_condition(source)
    except BrokenTemplateError as error:
        return [f"column {problem.column}: {problem.message}" for problem in error.problems]
    known = {f"account.{name}" for name in (*CONDITION_FIELDS, *attributes)}
    return [_unknown(use.path, known) for use in condition.uses if use.path not in known]


def worst_segmentation(
    template: CompiledTemplate, attributes: Iterable[str], lender: Lender | None = None
) -> Segmentation:
    """Return how a template is packed when every value is as long as it gets.

    Raises TemplateError for a template that can't be rendered with any of them.
    """
    worst: Segmentation | None = None
    failure: TemplateError | None = None
    asked = {use.path for use in template.uses}
    used = [name for name in attributes if f"account.{name}" in asked]
    for values in worst_cases(template.language, used, lender):
        try:
            packed = segment(template.render(values))
        except TemplateError as error:
            # A text for overdue accounts can't be made for one that is not due; another case is its worst.
            failure = failure or error
            continue
        if worst is None or (packed.segments, packed.units) > (worst.segments, worst.units):
            worst = packed
    if worst is None:
        raise TemplateError(f"no text can be made, whatever the values: {failure}")
    return worst


def _unknown_values(template: CompiledTemplate, attributes: Iterable[str]) -> Iterator[Problem]:
    known = {*VARIABLES, *(f"account.{name}" for name in attributes)}
    for use in template.uses:
        if use.path in known:
            continue
        # What a text asks about first, `{% if account.incentive %}`, it can do without; it never refuses for that.
        optional = use.optional and use.path.startswith("account.")
        yield Problem(template.path, use.line, use.column, _unknown(use.path, known), warning=optional)


def _unknown(path: str, known: Iterable[str]) -> str:
    names = sorted(known)
    parts = [name for name in names if name.startswith(f"{path}.")]
    if parts:
        return f"expected a part of {path}, found all of it; name one of {', '.join(parts)}"
    near = get_close_matches(path, names, n=1)
    advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
    return f"expected a value that exists, found {path!r}; {advice}"


def _wording(template: CompiledTemplate, rules: HouseRules) -> Iterator[Problem]:
    for remark in rules.words.remarks(template.source, template.language):
        line, column = _position(template.source, remark.place or 0)
        yield Problem(template.path, line, column, remark.message, remark.warning)


def _strangers(template: CompiledTemplate, rules: HouseRules) -> Iterator[Problem]:
    """Find links and numbers in a template that lead to somebody else, or that a change of the settings would miss."""
    written = words_alone(template.source)
    for link in links_in(written, rules.hosts):
        allow = "a shortener hides where it leads" if link.shortened else "or allow its host in `texts.links`"
        message = f"expected {{{{ lender.pay }}}} or no link, found {link.text[:40]!r}; take it out, {allow}"
        yield Problem(template.path, *_position(template.source, link.place), message)
    for phone in phones_in(written, rules.phones):
        message = (
            f"expected {{{{ lender.hotline }}}} or no number, found {phone.text!r}, which is not the lender's; take it "
            "out, or allow it in `texts.phones`"
        )
        yield Problem(template.path, *_position(template.source, phone.place), message)


def _over_budget(template: CompiledTemplate, attributes: Iterable[str], lender: Lender | None) -> Iterator[Problem]:
    try:
        worst = worst_segmentation(template, attributes, lender)
    except TemplateError as error:
        yield Problem(template.path, 1, 1, str(error))
        return
    if worst.segments > template.budget:
        yield Problem(
            template.path,
            1,
            1,
            f"expected at most {template.budget} segments with the longest values, found {worst.segments} "
            f"({worst.units} units of {worst.encoding}); shorten the text or raise the budget",
        )


def _forcing(template: CompiledTemplate, attributes: Iterable[str]) -> Iterator[Problem]:
    for dpd in (-2, 0, 9):
        try:
            odd = forcing(template.render(plain_case(template.language, attributes, dpd)))
        except TemplateError:
            continue
        own = [character for character in odd if character in template.source]
        if 0 < len(odd) <= _FEW_CHARACTERS and own:
            line, column = _position(template.source, template.source.index(own[0]))
            message = (
                f"expected characters of GSM-7, found {' '.join(own)}: each part of the text then holds 67 instead "
                "of 153; replace them"
            )
            yield Problem(template.path, line, column, message, warning=True)
        return


def _position(source: str, place: int) -> tuple[int, int]:
    """Return line and column, from 1, of an offset."""
    before = source[:place]
    return before.count("\n") + 1, place - (before.rfind("\n") + 1) + 1


def _missing_languages(catalogue: Catalogue) -> Iterator[Problem]:
    """Yield each template that some language has and another hasn't, unless another region of it has."""
    spoken = sorted({language for name in catalogue.names() for language in catalogue.languages(name)})
    for name in catalogue.names():
        there = catalogue.languages(name)
        for language in spoken:
            if primary(language) not in {primary(tag) for tag in there}:
                message = (
                    f"expected {name} in {language} too, found it only in {', '.join(there)}; customers of that "
                    "language get another one"
                )
                yield Problem(str(catalogue.folder / language), 0, 0, message, warning=True)
