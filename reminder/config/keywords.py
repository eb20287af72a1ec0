"""Words that customers answer with, from `config/keywords/*.yaml`: one file a language.

A file that is broken or missing is replaced by the one that came with the program, so that no slip of a finger makes
us deaf to a STOP (laws 8 and 9).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from reminder.config.by_language import load_by_language
from reminder.config.fields import LanguageTag, StrictModel
from reminder.config.wording import problems_of
from reminder.config.yaml_document import read_document
from reminder.errors import ConfigError, Problem

__all__ = ["MEANINGS", "KeywordsModel", "LoadedKeywords", "PhrasesModel", "load_keywords", "read_keywords"]

MEANINGS = (
    "stop", "start", "deceased", "represented", "insolvent", "fraud_victim", "wrong_person", "dispute", "paid", "help",
)  # fmt: skip
"""What a file can have words for."""

_Text = Annotated[str, Field(min_length=1, max_length=80)]


class PhrasesModel(StrictModel):
    """How one thing is said."""

    words: tuple[_Text, ...] = Field(
        default=(), description="Whole texts; case, accents and punctuation don't matter.", examples=[["stop"]]
    )
    phrases: tuple[_Text, ...] = Field(
        default=(), description="What may stand anywhere in a text, as whole words.", examples=[["stop texting"]]
    )


class KeywordsModel(StrictModel):
    """What customers answer with in one language, and what follows from it."""

    language: LanguageTag = Field(description="Language of these words.", examples=["en"])
    source: str = Field(
        min_length=1,
        description="Where the words come from, so that they can be looked up.",
        examples=["47 CFR 64.1200"],
    )
    stop: PhrasesModel = Field(
        description="No more texts: the number is suppressed at once.", examples=[{"words": ["stop", "unsubscribe"]}]
    )
    start: PhrasesModel = Field(
        default_factory=PhrasesModel,
        description="Texts again: lifts what a STOP forbade.",
        examples=[{"words": ["start"]}],
    )
    deceased: PhrasesModel = Field(
        default_factory=PhrasesModel,
        description="The customer has died: never contacted again, unless a person finds that it is not so.",
        examples=[{"phrases": ["has died"]}],
    )
    represented: PhrasesModel = Field(
        default_factory=PhrasesModel,
        description="A lawyer or adviser speaks for the customer: never contacted, as above.",
        examples=[{"phrases": ["my lawyer"]}],
    )
    insolvent: PhrasesModel = Field(
        default_factory=PhrasesModel,
        description="The customer is in insolvency proceedings: never contacted, as above.",
        examples=[{"phrases": ["filed for bankruptcy"]}],
    )
    fraud_victim: PhrasesModel = Field(
        default_factory=PhrasesModel,
        description="Somebody else borrowed in the customer's name: never contacted, as above.",
        examples=[{"phrases": ["identity theft"]}],
    )
    wrong_person: PhrasesModel = Field(
        default_factory=PhrasesModel,
        description="The number is somebody else's: it is never tried again, whoever is booked under it.",
        examples=[{"phrases": ["wrong number"]}],
    )
    dispute: PhrasesModel = Field(
        default_factory=PhrasesModel,
        description="The debt is contested: the customer is held until a person has settled it.",
        examples=[{"phrases": ["i dispute"]}],
    )
    paid: PhrasesModel = Field(
        default_factory=PhrasesModel,
        description="It is said to be paid: the customer is held for some days.",
        examples=[{"phrases": ["already paid"]}],
    )
    help: PhrasesModel = Field(
        default_factory=PhrasesModel, description="A question for a person.", examples=[{"words": ["help"]}]
    )
    confirmation: str = Field(
        min_length=1,
        max_length=300,
        description="Answer to a STOP: only that it was heard, nothing else. {lender} is your name.",
        examples=["{lender}: you will get no more texts from us."],
    )


@dataclass(frozen=True)
class LoadedKeywords:
    """The words of every language, and the problems of files in whose place the program's own are in force."""

    models: tuple[KeywordsModel, ...]
    problems: tuple[Problem, ...]


def read_keywords(path: Path) -> KeywordsModel:
    """Return the words in a file; raise ConfigError with every problem that was found in it."""
    document = read_document(path)
    try:
        return KeywordsModel.model_validate(document.data)
    except ValidationError as error:
        raise ConfigError(problems_of(error, document, model=KeywordsModel)) from error


def load_keywords(folder: Path) -> LoadedKeywords:
    """Return the words of the folder, and of each language that it lacks or breaks those of the program. Never raises
    for the folder's files; raises ConfigError where the program's own can't be read.
    """
    return LoadedKeywords(*load_by_language(folder, "keywords", read_keywords))
