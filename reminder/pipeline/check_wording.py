"""Checking texts against the law they are sent under: what profiles want every text to say, and what none may."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reminder.config.policies import LoadedPolicies
from reminder.config.settings import Settings
from reminder.config.wording_file import ForbiddenModel, LoadedWording
from reminder.domain.policy import Action, Policy, Step
from reminder.domain.profile import Rule
from reminder.errors import Problem
from reminder.message.catalogue import Catalogue, CompiledTemplate
from reminder.message.lint import HouseRules
from reminder.message.strangers import own_hosts
from reminder.message.wording import Forbidden, LanguageWords, Required, Words

__all__ = ["check_wanted", "house_rules", "lender_hosts"]


def lender_hosts(settings: Settings) -> frozenset[str]:
    """Return the hosts that links in texts may lead to: the lender's own page, and those that the settings allow."""
    lender = settings.lender
    return own_hosts([*lender.pay.values(), *lender.app.values(), *settings.texts.links])


def house_rules(settings: Settings, wording: LoadedWording) -> HouseRules:
    """Return what texts of this deployment may say."""
    words = Words(
        LanguageWords(
            language=model.language,
            forbidden=tuple(map(_forbidden, model.forbidden)),
            required={name: Required(each.any_of, each.at_edge) for name, each in model.required.items()},
        )
        for model in wording.models
    )
    phones = (*settings.lender.hotline.values(), *settings.texts.phones)
    return HouseRules(words, lender_hosts(settings), phones)


def _forbidden(model: ForbiddenModel) -> Forbidden:
    return Forbidden(model.rule, model.source, model.expected, model.phrases, model.unless_denied)


@dataclass(frozen=True, slots=True)
class _Want:
    """One requirement of one rule of a policy's profile, on one of the policy's templates."""

    profile: str
    rule: Rule
    requirement: str
    template: str


def check_wanted(policies: LoadedPolicies, catalogue: Catalogue, words: Words) -> Iterator[Problem]:
    """Find templates that don't say what the profile of a policy that sends them wants, in each of their languages.

    A language in which nobody has listed how a requirement is met is a warning: a person must look.
    """
    wants = dict.fromkeys(want for file in policies.files for want in _wants(file.policy))
    for template in catalogue.templates():
        for want in wants:
            if want.template == template.name:
                yield from _unmet(want, template, words)


def _wants(policy: Policy) -> Iterator[_Want]:
    for step in policy.steps:
        if step.action is not Action.TEXT or step.template is None:
            continue
        names = [step.template, *([f"{policy.consolidated}/{step.tier}"] if policy.consolidated else [])]
        for rule in policy.profile.rules:
            for requirement in rule.wording if _binds(rule, step) else ():
                for name in names:
                    yield _Want(policy.profile.name, rule, requirement, name)
    # A promise may be broken on any day past due, so whatever binds on some day binds the text of a breach.
    for breach in policy.breaches:
        for rule in policy.profile.rules:
            for requirement in rule.wording:
                yield _Want(policy.profile.name, rule, requirement, breach.template)


def _binds(rule: Rule, step: Step) -> bool:
    return any(rule.binds_on(dpd) for dpd in range(step.opens, step.closes + 1))


def _unmet(want: _Want, template: CompiledTemplate, words: Words) -> Iterator[Problem]:
    required = words.of(template.language).required.get(want.requirement)
    by = f"{want.profile}, rule {want.rule.name} ({want.rule.source})"
    if required is None:
        message = (
            f"{by} wants {want.requirement} in every text, and nobody has listed how that is said in "
            f"{template.language}; look at it, and write it into `config/wording/`"
        )
        yield Problem(template.path, 1, 1, message, warning=True)
    elif not required.met_by(template.source):
        message = f"expected {want.requirement}, such as {required}, found none; {by} wants it in every text"
        yield Problem(template.path, 1, 1, message)
