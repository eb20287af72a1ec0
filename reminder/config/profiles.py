"""Profiles: what the law of a place allows, from `config/profiles/*.yaml`, always with its source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints, ValidationError

from reminder.config.calendars import NO_CALENDARS, Calendars, LoadedCalendars, load_calendars
from reminder.config.cap_model import CapsModel, caps_of
from reminder.config.fields import Slug, StrictModel, WholeNumber
from reminder.config.policy_floor import ever_open
from reminder.config.policy_model import WindowModel
from reminder.config.windows import check_windows, hours_of
from reminder.config.wording import problems_of
from reminder.config.wording_file import Requirement
from reminder.config.yaml_document import Document, read_document, yaml_files
from reminder.domain.hold import HoldKind
from reminder.domain.profile import HoldTerm, Profile, Rule
from reminder.errors import ConfigError, Problem

__all__ = ["LoadedProfiles", "ProfileModel", "RuleModel", "load_profiles", "read_profile"]

_AS_OF: Final = r"^\d{4}(-\d{2}){0,2}$"
Confidence = Literal["H", "M", "L", "U"]
Sentence = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class RuleModel(StrictModel):
    """One rule of a place: hours, caps, consent, wording, or several. What its origin lacks is the profile's."""

    rule: Slug = Field(description="Name of the rule.", examples=["hours"])
    source: str = Field(
        min_length=1,
        max_length=300,
        description="Where the rule stands, to the paragraph.",
        examples=["12 CFR 1006.6(b)"],
    )
    as_of: str | None = Field(
        default=None, pattern=_AS_OF, description="When the source was read.", examples=["2026-11"]
    )
    confidence: Confidence | None = Field(
        default=None, description="How well the source is known, as for the profile.", examples=["H"]
    )
    binds: tuple[Literal["lender", "agency"], ...] | None = Field(
        default=None, min_length=1, description="Whom it binds.", examples=[["lender", "agency"]]
    )
    from_dpd: WholeNumber | None = Field(
        default=None, ge=-365, le=3650, description="First day past due on which its hours bind.", examples=[1]
    )
    until_dpd: WholeNumber | None = Field(
        default=None, ge=-365, le=3650, description="Last day past due on which its hours bind.", examples=[15]
    )
    windows: tuple[WindowModel, ...] = Field(
        default=(),
        max_length=14,
        description="When contact is allowed: in any of these.",
        examples=[[{"days": "mon-sun", "from": "08:00", "to": "22:00"}]],
    )
    caps: CapsModel = Field(
        default_factory=CapsModel,
        description="How often somebody may be contacted.",
        examples=[{"per_claim": [{"max": 7, "per": "7 days", "exempts_notices": True}]}],
    )
    consent: Literal["required"] | None = Field(
        default=None, description="No text without the customer's consent on record.", examples=["required"]
    )
    wording: tuple[Requirement, ...] = Field(
        default=(),
        description="What every text must say; how that is recognised stands in `config/wording/`.",
        examples=[["opt_out", "collector"]],
    )


class HoldTermModel(StrictModel):
    """How long a place gives customers rest, for one cause."""

    term: Slug = Field(description="Name of the term.", examples=["breathing-space"])
    kind: Literal["breathing_space", "hardship", "dispute", "legal"] = Field(
        description="Kind of the hold that it makes.", examples=["breathing_space"]
    )
    days: WholeNumber | None = Field(
        default=None,
        ge=1,
        le=3650,
        description="Days after the one on which it begins; left out: until a person releases it.",
        examples=[60],
    )
    description: Sentence = Field(description="For whom, and what ends it.", examples=["Breathing space, 60 days"])
    source: str = Field(min_length=1, max_length=300, description="Where the term stands.", examples=["SI 2020/1311"])
    as_of: str | None = Field(
        default=None, pattern=_AS_OF, description="When the source was read.", examples=["2026-11"]
    )
    confidence: Confidence | None = Field(
        default=None, description="How well the source is known, as for the profile.", examples=["M"]
    )


class ProfileModel(StrictModel):
    """Contact rules of one jurisdiction or house: the floor under every policy that names it."""

    profile: Slug = Field(description="Name of the profile.", examples=["cn-consumer-credit"])
    description: str = Field(description="Whom it binds, for people.", examples=["Consumer credit, mainland China"])
    binds: tuple[Literal["lender", "agency"], ...] = Field(
        default=("lender", "agency"),
        min_length=1,
        description="Whom it binds: those who lent the money, those who collect it for others.",
        examples=[["agency"]],
    )
    source: str = Field(
        min_length=1, description="Where the rules stand, so that they can be looked up.", examples=["GB/T 45251-2025"]
    )
    as_of: str = Field(pattern=_AS_OF, description="When the source was read.", examples=["2026-11"])
    confidence: Confidence = Field(
        description="H: primary text read. M: summary read. L: weak source. U: unverified.", examples=["M"]
    )
    rules: tuple[RuleModel, ...] = Field(
        default=(),
        max_length=30,
        description="The rules; a moment must be allowed by every one.",
        examples=[
            [
                {
                    "rule": "hours",
                    "source": "12 CFR 1006.6(b)",
                    "windows": [{"days": "mon-sun", "from": "08:00", "to": "21:00"}],
                }
            ]
        ],
    )
    holds: tuple[HoldTermModel, ...] = Field(
        default=(),
        max_length=10,
        description="Pauses that the place gives customers, for `reminder hold add --term`.",
        examples=[
            [
                {
                    "term": "breathing-space",
                    "kind": "breathing_space",
                    "days": 60,
                    "description": "Debt respite",
                    "source": "SI 2020/1311",
                }
            ]
        ],
    )
    leaves_to_lender: tuple[Sentence, ...] = Field(
        default=(),
        max_length=30,
        description="What the place asks beyond the rules, which the lender must see to.",
        examples=[["Calls count against the same limit and are not known here."]],
    )


@dataclass(frozen=True)
class LoadedProfiles:
    """Profiles by name with their files, the calendars read with them, and the problems of files that were left out.

    `role` is what this deployment is, lender or agency, if it says so.
    """

    profiles: Mapping[str, Profile]
    problems: tuple[Problem, ...]
    calendars: Calendars = field(default_factory=dict)
    role: str | None = None
    documents: Mapping[str, Document] = field(default_factory=dict, repr=False)

    @cached_property
    def binding(self) -> Mapping[str, Profile]:
        """The profiles with the rules that bind this deployment."""
        return {name: profile.bound(self.role) for name, profile in self.profiles.items()}


def read_profile(path: Path, calendars: Calendars = NO_CALENDARS) -> tuple[Profile, Document]:
    """Return the profile in a file; raise ConfigError with every problem that was found in it."""
    document = read_document(path)
    try:
        model = ProfileModel.model_validate(document.data)
    except ValidationError as error:
        raise ConfigError(problems_of(error, document, model=ProfileModel)) from error
    problems = [
        problem
        for index, rule in enumerate(model.rules)
        for problem in (
            *_check_rule(index, rule, document),
            *check_windows(rule.windows, document, ("rules", index, "windows")),
        )
    ]
    if problems:
        raise ConfigError(problems)
    profile = _profile(model, calendars)
    if not ever_open(tuple(rule.hours for rule in profile.rules if rule.hours is not None)):
        message = "rules: no hour is in all of them, so contact would never be allowed; a moment must lie in each"
        raise ConfigError([document.problem(("rules",), message)])
    return profile, document


def _check_rule(index: int, rule: RuleModel, document: Document) -> Iterator[Problem]:
    loc = ("rules", index)
    if not rule.windows and not rule.caps and rule.consent is None and not rule.wording:
        message = "has neither `windows`, `caps`, `consent` nor `wording`; say the rest in `leaves_to_lender`"
        yield document.problem((*loc, "rule"), f"rules[{index}]: `{rule.rule}` {message}")
    limited = [key for key in ("from_dpd", "until_dpd") if getattr(rule, key) is not None]
    if rule.caps and limited:
        message = "caps count on every day past due; move them to a rule without it"
        yield document.problem((*loc, limited[0]), f"rules[{index}].{limited[0]}: {message}")
    if rule.from_dpd is not None and rule.until_dpd is not None and rule.from_dpd > rule.until_dpd:
        message = f"ends before it begins on day {rule.from_dpd}; exchange the two"
        yield document.problem((*loc, "until_dpd"), f"rules[{index}].until_dpd: {message}")


def _profile(model: ProfileModel, calendars: Calendars) -> Profile:
    return Profile(
        name=model.profile,
        description=model.description,
        source=model.source,
        as_of=model.as_of,
        confidence=model.confidence,
        rules=tuple(_rule(model, rule, calendars) for rule in model.rules),
        leaves_to_lender=model.leaves_to_lender,
        holds=tuple(
            HoldTerm(
                term.term,
                HoldKind(term.kind),
                term.days,
                term.description,
                term.source,
                term.as_of or model.as_of,
                term.confidence or model.confidence,
            )
            for term in model.holds
        ),
    )


def _rule(model: ProfileModel, rule: RuleModel, calendars: Calendars) -> Rule:
    named = f"{model.profile} ({rule.source})"
    return Rule(
        name=rule.rule,
        source=rule.source,
        hours=hours_of(rule.windows, named, calendars) if rule.windows else None,
        caps=caps_of(rule.caps, named),
        as_of=rule.as_of or model.as_of,
        confidence=rule.confidence or model.confidence,
        binds=frozenset(rule.binds or model.binds),
        from_dpd=rule.from_dpd,
        until_dpd=rule.until_dpd,
        consent=named if rule.consent else "",
        wording=rule.wording,
    )


def load_profiles(folder: Path, calendars_folder: Path | None = None, role: str | None = None) -> LoadedProfiles:
    """Return every profile of the folder that can be read, and the problems of those that can't. Never raises.

    `calendars_folder` holds what the deployment knows of public holidays; its problems come first.
    `role` is what this deployment is, lender or agency.
    """
    calendars = load_calendars(calendars_folder) if calendars_folder is not None else LoadedCalendars({}, ())
    profiles: dict[str, Profile] = {}
    documents: dict[str, Document] = {}
    problems = [*calendars.problems]
    for path in yaml_files(folder):
        try:
            profile, document = read_profile(path, calendars.calendars)
        except ConfigError as error:
            problems += error.problems
            continue
        if profile.name in profiles:
            message = f"profile: the name `{profile.name}` is taken by another file; choose another"
            problems.append(document.problem(("profile",), message))
            continue
        profiles[profile.name], documents[profile.name] = profile, document
    return LoadedProfiles(profiles, tuple(problems), calendars.calendars, role, documents)
