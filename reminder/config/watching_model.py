"""The shape of what watches and is watched: the endpoints (`web`) and the alerts (`alerts`) of the settings."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from reminder.config.fields import Flag, StrictModel, WholeNumber, parsed_by, refuse
from reminder.domain.trouble import Kind

__all__ = ["TOKEN_CHARS_MIN", "AlertSettings", "WebSettings"]

TOKEN_CHARS_MIN = 16


def _token(value: object) -> str:
    if isinstance(value, str) and (value == "" or len(value) >= TOKEN_CHARS_MIN):
        return value
    raise refuse(f"at least {TOKEN_CHARS_MIN} characters that nobody can guess", "`openssl rand -hex 32` makes some")


Token = Annotated[str, *parsed_by(_token, {"type": "string"})]


class WebSettings(StrictModel):
    """Where receipts and replies are taken, who may read figures there, and what follows from replies."""

    host: str = Field(default="127.0.0.1", min_length=1, description="Address to listen at.", examples=["127.0.0.1"])
    port: WholeNumber = Field(
        default=8080, ge=0, le=65_535, description="Port to listen at; 0 takes a free one.", examples=[8080]
    )
    in_daemon: Flag = Field(
        default=True,
        description="Whether the daemon listens too; false where `reminder web` runs by itself.",
        examples=[True],
    )
    token: Token = Field(
        default="",
        description="Who reads figures must say it; left out: only who asks from this machine.",
        examples=["${REMINDER_WEB_TOKEN:-}"],
    )
    paid_hold_days: WholeNumber = Field(
        default=3, ge=1, le=60, description="How long a customer who says it is paid is left alone.", examples=[3]
    )


def _urls(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        found = tuple(value.split())
        if all(re.match(r"[a-z][a-z0-9+.-]*://", url, re.IGNORECASE) for url in found):
            return found
    raise refuse(
        "Apprise addresses such as mailto://…, with blanks between them", "see the list of services at Apprise"
    )


Urls = Annotated[tuple[str, ...], *parsed_by(_urls, {"type": "string"})]


class AlertSettings(StrictModel):
    """Whom to wake when something is wrong, for what, and how often while it lasts."""

    urls: Urls = Field(
        default=(),
        description="Addresses for Apprise, with blanks between them; always a variable, for they hold secrets.",
        examples=["${REMINDER_ALERT_URLS:-}"],
    )
    on: tuple[Kind, ...] = Field(
        default=tuple(Kind), min_length=1, description="What to tell of.", examples=[["paused", "missed_run"]]
    )
    repeat_hours: WholeNumber = Field(
        default=4, ge=1, le=168, description="How often to tell again while it lasts, in hours.", examples=[4]
    )
