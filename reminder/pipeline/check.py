"""Checking a deployment's files against each other: policies, profiles, templates, conditions, attributes, gateways.

Each room checks what is its own; here the answers are joined, and what lies between two rooms is asked: that every
step has its template, and that what its condition asks for exists.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reminder.config.policies import LoadedPolicies
from reminder.config.policy_check import check_policies
from reminder.config.policy_file import PolicyFile, read_policy
from reminder.config.profile_check import check_roles
from reminder.config.profiles import LoadedProfiles
from reminder.config.settings import LoadedSettings
from reminder.config.wording import nearest
from reminder.config.wording_file import LoadedWording
from reminder.domain.policy import Action
from reminder.errors import ConfigError, Problem, TemplateError
from reminder.message.catalogue import SUFFIX, Catalogue
from reminder.message.expression import compile_condition
from reminder.message.languages import primary
from reminder.message.lint import check_catalogue, check_condition
from reminder.message.values import CONDITION_FIELDS, LENDER_FIELDS, Lender
from reminder.pipeline.check_wording import check_wanted, house_rules

__all__ = ["Files", "attributes_of", "check_installation", "check_templates", "uses_check_codes", "with_drafts"]

_PREFIX = "account."
CHECK_CODE = "check_code"


@dataclass(frozen=True)
class Files:
    """What a deployment's files say, before anything is joined to it."""

    settings: LoadedSettings
    profiles: LoadedProfiles
    policies: LoadedPolicies
    catalogue: Catalogue
    lender: Lender
    wording: LoadedWording
    has_check_key: bool = False


def check_installation(files: Files) -> list[Problem]:
    """Return everything wrong or doubtful in the files: of profiles, of policies, of templates, in this order."""
    mapped = files.settings.settings.book is not None
    attributes = attributes_of(files)
    policies = check_policies(
        files.policies,
        # What our own table will hold is not known before a file is imported.
        attributes=attributes if mapped else None,
        gateways=files.settings.settings.gateways,
    )
    return [
        *files.profiles.problems,
        *files.policies.problems,
        *_in_order(
            [
                *policies,
                *check_roles(files.profiles, files.policies),
                *_conditions(files, attributes),
                *_templates_of_steps(files),
            ]
        ),
        *check_templates(files),
    ]


def with_drafts(files: Files, paths: Sequence[Path]) -> Files:
    """Return the files as if those at `paths` were among the policies, each in place of the one of its name.

    What is wrong with them is in the problems of the policies; those of other files are left out.
    """
    resolved = [path.resolve() for path in paths]
    drafts: dict[str, PolicyFile] = {}
    problems: list[Problem] = []
    for path in resolved:
        try:
            draft = read_policy(path, files.profiles.binding, files.profiles.calendars)
        except ConfigError as error:
            problems += error.problems
        else:
            drafts[draft.policy.name] = draft
    others = [
        file for file in files.policies.files if file.document.path not in resolved and file.policy.name not in drafts
    ]
    ordered = sorted((*others, *drafts.values()), key=lambda file: (file.policy.priority, file.policy.name))
    return replace(files, policies=LoadedPolicies(tuple(ordered), tuple(problems)))


def check_templates(files: Files) -> list[Problem]:
    """Return everything wrong or doubtful in the templates, and languages of the settings that have none."""
    lender = files.lender if _complete(files.lender) else None
    rules = house_rules(files.settings.settings, files.wording)
    return [
        *files.wording.problems,
        *check_catalogue(files.catalogue, attributes_of(files), lender, rules),
        *check_wanted(files.policies, files.catalogue, rules.words),
        *_keyless(files),
        *_silent_languages(files),
    ]


def uses_check_codes(catalogue: Catalogue) -> bool:
    """Return whether any text carries a check code, where there is a key for it."""
    return any(use.path == CHECK_CODE for template in catalogue.templates() for use in template.uses)


def _keyless(files: Files) -> Iterator[Problem]:
    """Find texts that can't do without a check code, in a deployment that has no key for it."""
    if files.has_check_key:
        return
    where = files.settings.settings.check_key_file
    for template in files.catalogue.templates():
        for use in template.uses:
            if use.path == CHECK_CODE and not use.optional:
                message = (
                    f"expected a key for check codes in {where}, found no such file; make one with "
                    "`reminder message new-key`, or ask `{% if check_code %}` first"
                )
                yield Problem(template.path, use.line, use.column, message)
                break


def attributes_of(files: Files) -> tuple[str, ...]:
    """Return the attributes that accounts can have: those of the mapping, or, with our own table, all that are used.

    Our own table takes whatever an imported file brings, so there nothing can be called unknown.
    """
    book = files.settings.settings.book
    return book.attributes if book is not None else tuple(sorted(_used(files)))


def _used(files: Files) -> Iterator[str]:
    asked = [use.path for template in files.catalogue.templates() for use in template.uses]
    for policy in files.policies.policies:
        for step in policy.steps:
            asked += _asked(step.when) if step.when else []
    for path in set(asked):
        name = path.removeprefix(_PREFIX)
        if path.startswith(_PREFIX) and "." not in name and name not in CONDITION_FIELDS:
            yield name


def _asked(when: str) -> list[str]:
    try:
        return [use.path for use in compile_condition(when).uses]
    except TemplateError:
        return []


def _complete(lender: Lender) -> bool:
    """Return whether the lender has all fields, so that texts can be measured with it."""
    return all(any(getattr(lender, name).values()) for name in LENDER_FIELDS)


def _in_order(problems: list[Problem]) -> list[Problem]:
    return sorted(dict.fromkeys(problems), key=lambda problem: (problem.path, problem.line, problem.column))


def _conditions(files: Files, attributes: Collection[str]) -> Iterator[Problem]:
    """Find conditions that can't be read, or ask for what no account has."""
    for file in files.policies.files:
        for index, step in enumerate(file.model.steps):
            for complaint in check_condition(step.when, attributes) if step.when else ():
                yield file.document.problem(("steps", index, "when"), f"when: {complaint}")


def _templates_of_steps(files: Files) -> Iterator[Problem]:
    for file in files.policies.files:
        for index, step in enumerate(file.model.steps):
            if step.template is not None:
                yield from _missing(files, file, ("steps", index, "template"), step.template)
                yield from _of_agreements(files, file, ("steps", index, "template"), step.template)
        for key, breach in (("broken_promise", file.model.broken_promise), ("broken_plan", file.model.broken_plan)):
            if breach is not None:
                yield from _missing(files, file, (key, "template"), breach.template)
        if file.policy.consolidated is not None:
            tiers = dict.fromkeys(step.tier for step in file.policy.steps if step.action is Action.TEXT)
            for tier in tiers:
                yield from _missing(files, file, ("consolidate",), f"{file.policy.consolidated}/{tier}")


def _of_agreements(files: Files, file: PolicyFile, loc: tuple[str | int, ...], template: str) -> Iterator[Problem]:
    """Find a template of a step that speaks of what was agreed, which only the steps of breaches can."""
    for written in files.catalogue.templates():
        if written.name == template and any(use.path.startswith("agreed.") for use in written.uses if not use.optional):
            message = f"template {template} speaks of what was agreed: only `broken_promise` and `broken_plan` can"
            yield file.document.problem(loc, f"{message}; name another one")
            return


def _missing(files: Files, file: PolicyFile, loc: tuple[str | int, ...], template: str) -> Iterator[Problem]:
    """Find languages of the settings in which a template that a policy asks for isn't there."""
    catalogue = files.catalogue
    there = {primary(language) for language in catalogue.languages(template)}
    # A file that is broken is complained of at its own place.
    there |= {primary(path.name) for path in catalogue.folder.glob("*") if (path / f"{template}{SUFFIX}").is_file()}
    languages = _languages(files)
    lacking = [language for language in languages if primary(language) not in there]
    if not lacking:
        return
    if len(lacking) == len(languages):
        message = (
            f"expected a file {catalogue.folder.name}/{languages[0]}/{template}{SUFFIX}, found none"
            f"{nearest(template, catalogue.names())}; without it nothing is sent"
        )
        yield file.document.problem(loc, message)
    else:
        message = f"template {template} is not there in {', '.join(lacking)}; such customers get another language"
        yield file.document.problem(loc, message, warning=True)


def _languages(files: Files) -> tuple[str, ...]:
    languages = files.settings.settings.languages
    return (languages.default, *languages.fallback)


def _silent_languages(files: Files) -> Iterator[Problem]:
    """Find languages that the settings name and no template is written in."""
    spoken = {primary(template.language) for template in files.catalogue.templates()}
    for language in _languages(files):
        if primary(language) not in spoken:
            message = f"languages: no template is written in {language}; write them, or leave the language out"
            yield files.settings.document.problem(("languages",), message, warning=True)
