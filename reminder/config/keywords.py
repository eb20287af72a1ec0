"""Words that customers answer with, from `config/keywords/*.yaml`: one file a language.

A file that is broken or missing is replaced by the one that came with the program, so that no slip of a finger makes
us deaf to a STOP (laws 8 and 9).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

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


def _said(description: str, **example: list[str]) -> Any:  # noqa: ANN401 - as pydantic's own Field
    """Return the field of a thing that a language may have no words for."""
    return Field(default_factory=PhrasesModel, description=description, examples=[example])


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
    start: PhrasesModel = _said("Texts again: lifts what a STOP forbade.", words=["start"])
    deceased: PhrasesModel = _said(
        "The customer has died: never contacted again, unless a person finds that it is not so.", phrases=["has died"]
    )
    represented: PhrasesModel = _said(
        "A lawyer or adviser speaks for the customer: never contacted, as above.", phrases=["my lawyer"]
    )
    insolvent: PhrasesModel = _said(
        "The customer is in insolvency proceedings: never contacted, as above.", phrases=["filed for bankruptcy"]
    )
    fraud_victim: PhrasesModel = _said(
        "Somebody else borrowed in the customer's name: never contacted, as above.", phrases=["identity theft"]
    )
    wrong_person: PhrasesModel = _said(
        "The number is somebody else's: it is never tried again, whoever is booked under it.", phrases=["wrong number"]
    )
    dispute: PhrasesModel = _said(
        "The debt is contested: the customer is held until a person has settled it.", phrases=["i dispute"]
    )
    paid: PhrasesModel = _said("It is said to be paid: the customer is held for some days.", phrases=["already paid"])
    help: PhrasesModel = _said("A question for a person.", words=["help"])
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
