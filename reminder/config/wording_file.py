"""Words that texts must not have, and must have, from `config/wording/*.yaml`: one file a language, with sources.

A file that is broken or missing is replaced by the one that came with the program: a slip of a finger must not let a
threat through (law 8).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from reminder.config.by_language import load_by_language
from reminder.config.fields import LanguageTag, Slug, StrictModel, contradict
from reminder.config.wording import problems_of
from reminder.config.yaml_document import read_document
from reminder.errors import ConfigError, Problem

__all__ = [
    "ForbiddenModel", "LoadedWording", "RequiredModel", "Requirement", "WordingModel", "load_wording", "read_wording",
]  # fmt: skip

Requirement = Literal["opt_out", "collector", "sender", "signature"]
"""What a profile's rule can want of every text: a way to stop, who collects, who sends, and the signed form."""

_Text = Annotated[str, Field(min_length=1, max_length=80)]


class ForbiddenModel(StrictModel):
    """One rule of what no text may say."""

    rule: Slug = Field(description="Name of the rule.", examples=["threat"])
    source: str = Field(min_length=1, max_length=300, description="Where the rule stands.", examples=["12 CFR 1006.18"])
    expected: str = Field(
        min_length=1, max_length=200, description="What a text should be instead.", examples=["no threat"]
    )
    phrases: tuple[_Text, ...] = Field(
        min_length=1, description="Whole words; `*` at the end takes any ending.", examples=[["arrest*", "jail"]]
    )
    unless_denied: tuple[_Text, ...] = Field(
        default=(), description="Words that make a sentence a warning against it.", examples=[["never"]]
    )


class RequiredModel(StrictModel):
    """How one requirement is met in this language."""

    any_of: tuple[_Text, ...] = Field(default=(), description="One of these, anywhere.", examples=[["reply stop"]])
    at_edge: tuple[_Text, ...] = Field(
        default=(), description="One of these, as the first or the last thing.", examples=[["【{{ lender.name }}】"]]
    )

    @model_validator(mode="after")
    def _one_way(self) -> RequiredModel:
        """Refuse what could never be met."""
        if not self.any_of and not self.at_edge:
            raise contradict("has neither `any_of` nor `at_edge`, so that no text could meet it; give one")
        return self


class WordingModel(StrictModel):
    """What texts of one language must not say, and how they say what profiles want."""

    language: LanguageTag = Field(description="Language of these words.", examples=["en"])
    forbidden: tuple[ForbiddenModel, ...] = Field(
        default=(),
        description="What no text may say.",
        examples=[
            [{"rule": "threat", "source": "12 CFR 1006.18", "expected": "no threat", "phrases": ["jail"]}],
        ],
    )
    required: dict[Requirement, RequiredModel] = Field(
        default_factory=dict,
        description="How what profiles want is recognised.",
        examples=[{"opt_out": {"any_of": ["reply stop"]}}],
    )


@dataclass(frozen=True)
class LoadedWording:
    """The words of every language, and the problems of files in whose place the program's own are in force."""

    models: tuple[WordingModel, ...]
    problems: tuple[Problem, ...]


def read_wording(path: Path) -> WordingModel:
    """Return the words in a file; raise ConfigError with every problem that was found in it."""
    document = read_document(path)
    try:
        return WordingModel.model_validate(document.data)
    except ValidationError as error:
        raise ConfigError(problems_of(error, document, model=WordingModel)) from error


def load_wording(folder: Path) -> LoadedWording:
    """Return the words of the folder, and of each language that it lacks or breaks those of the program."""
    return LoadedWording(*load_by_language(folder, "wording", read_wording))
