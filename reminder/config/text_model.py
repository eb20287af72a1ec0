"""Settings of texts: who sends them, in which language, and where they may lead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from reminder.config.fields import LanguageTag, StrictModel, parsed_by, refuse

__all__ = ["LanguageSettings", "LenderSettings", "TextSettings"]


def _localised(value: object) -> dict[str, str]:
    if isinstance(value, str):
        return {"": value}
    if isinstance(value, dict) and value and all(isinstance(text, str) for text in value.values()):
        return dict(value)
    raise refuse('text, or one text for each language such as {zh-CN: 某某, en: "Acme"}', "put numbers in quotes")


Localised = Annotated[
    Mapping[str, str],
    *parsed_by(
        _localised,
        {"anyOf": [{"type": "string"}, {"type": "object", "additionalProperties": {"type": "string"}}]},
    ),
]
"""A text by language; the empty language stands for every one."""


class LenderSettings(StrictModel):
    """The lender as customers know it: what texts sign with, and where they lead; and what it is to the law."""

    role: Literal["lender", "agency"] | None = Field(
        default=None,
        description="Whether you lent the money or collect for others; left out: rules for either bind you.",
        examples=["lender"],
    )
    name: Localised = Field(description="Name the customer knows you by.", examples=["Acme Credit"])
    hotline: Localised = Field(
        default_factory=lambda: {"": ""}, description="Number to call, as printed.", examples=["95555"]
    )
    app: Localised = Field(
        default_factory=lambda: {"": ""}, description="Name of the app to pay in.", examples=["Acme app"]
    )
    pay: Localised = Field(
        default_factory=lambda: {"": ""}, description="Official page to pay on.", examples=["https://acme.example/pay"]
    )


class TextSettings(StrictModel):
    """Where texts may lead besides the lender's own page and hotline."""

    links: tuple[str, ...] = Field(
        default=(), max_length=50, description="Hosts that a link may lead to.", examples=[["pay.acme.example"]]
    )
    phones: tuple[str, ...] = Field(
        default=(), max_length=50, description="Phone numbers that a text may name.", examples=[["95555"]]
    )


class LanguageSettings(StrictModel):
    """Which language a text is in."""

    default: LanguageTag = Field(
        default="en", description="For customers whose language isn't known.", examples=["zh-CN"]
    )
    fallback: tuple[LanguageTag, ...] = Field(
        default=(),
        description="Tried in turn where a template has no text in the customer's language.",
        examples=[["en"]],
    )
