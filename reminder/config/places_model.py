"""The shape of `profile` in a policy: names, or names by where the customer is."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Discriminator, Field, StringConstraints, Tag

from reminder.config.fields import AttributeName, OneOrMore, Slug, StrictModel

__all__ = ["PlacesModel", "Profiles"]

Place = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
"""A country (ISO 3166-1) or a part of one (ISO 3166-2)."""


Names = Annotated[tuple[Slug, ...], OneOrMore(), Field(min_length=1, max_length=8)]


class PlacesModel(StrictModel):
    """Profiles by where the customer is."""

    by: AttributeName = Field(
        description="Attribute that holds the place: ISO 3166 country, or one with a part.", examples=["place"]
    )
    places: dict[Place, Names] = Field(
        min_length=1,
        max_length=300,
        description="Profiles by place; a country whose parts are listed stands for all of them.",
        examples=[{"CN": "cn-consumer-credit", "US-FL": ["us-regf", "us-fl-fccpa"]}],
    )
    otherwise: Literal["strictest"] | Names = Field(
        default="strictest",
        description="Profiles of any other place; `strictest`: all that are listed, together.",
        examples=["strictest", ["house-default"]],
    )

    @property
    def profiles(self) -> tuple[str, ...]:
        """Every profile that is named, once."""
        listed = [name for names in self.places.values() for name in names]
        return tuple(dict.fromkeys([*listed, *self.fallback]))

    @property
    def fallback(self) -> tuple[str, ...]:
        """The profiles of a place that is not listed."""
        if self.otherwise == "strictest":
            return tuple(dict.fromkeys(name for names in self.places.values() for name in names))
        return tuple(self.otherwise)


def _profile_shape(value: object) -> str:
    return "by place" if isinstance(value, dict | BaseModel) else "names"


Profiles = Annotated[
    Annotated[Names, Tag("names")] | Annotated[PlacesModel, Tag("by place")],
    Discriminator(_profile_shape),
]
"""Profiles by name, or by place."""
