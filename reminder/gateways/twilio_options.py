"""The settings of a Twilio gateway: its section in `config/reminder.yaml`, checked by itself, without the SDK."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

__all__ = ["TwilioOptions", "is_loopback"]

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}|[0-9]{3,8}")
_NAME = re.compile(r"[A-Za-z0-9 +_&-]{1,11}")


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine itself, without asking any resolver."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _checked_sender(sender: str | None) -> str | None:
    """Return the sender, or raise ValueError: a number, a short code, or a name (Twilio: at most 11 characters)."""
    if sender is None or _NUMBER.fullmatch(sender) or (_NAME.fullmatch(sender) and re.search("[A-Za-z]", sender)):
        return sender
    raise ValueError(
        'expected a number such as "+15017122661", a short code of 3 to 8 digits, or a name of at most 11 letters, '
        "digits, spaces and -_&+ with a letter among them"
    )


def _checked_base_url(url: str | None) -> str | None:
    """Return the address, or raise ValueError: credentials go there, so only https, or this machine itself."""
    if url is None:
        return None
    parts = urlsplit(url)
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    if not safe or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError(
            "expected https://host[/path], or http:// on this machine, without a login, a query or a fragment"
        )
    return url


def _as_text(value: object) -> object:
    """Return a setting as it was meant: an empty text, such as a variable set to nothing, is no setting.

    Raises ValueError for a bare number, for YAML drops the plus of one.
    """
    if isinstance(value, int):
        raise ValueError('put it in quotes, as "+15017122661": YAML reads a bare number as a sum and drops its plus')
    return None if value == "" else value


_Setting = BeforeValidator(_as_text)


class TwilioOptions(BaseModel):
    """The section of a Twilio gateway in `config/reminder.yaml`. Credentials come from the environment."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    sender: Annotated[str | None, _Setting, AfterValidator(_checked_sender)] = Field(
        default=None,
        alias="from",
        description="The number, short code or name that texts come from. Either this or messaging_service_sid.",
        examples=["+15017122661"],
    )
    messaging_service_sid: Annotated[str | None, _Setting] = Field(
        default=None,
        pattern=r"^MG[0-9a-fA-F]{32}$",
        description="The messaging service that chooses the sender. Either this or from.",
        examples=["MG9752274e9e519418a7406176694466fa"],
    )
    base_url: Annotated[str | None, _Setting, AfterValidator(_checked_base_url)] = Field(
        default=None,
        description="Another address for Twilio's API, such as a local stand-in for tests.",
        examples=["http://127.0.0.1:4010"],
    )
    timeout_seconds: float = Field(
        default=15.0, gt=0, le=120, description="How long one call may take before its answer counts as lost."
    )
    connect_timeout_seconds: float = Field(
        default=5.0, gt=0, le=60, description="How much of that may pass before a connection stands."
    )
    max_in_flight: int = Field(default=100, ge=1, le=1000, description="How many calls may be under way at once.")
    settle_seconds: float = Field(
        default=900.0, ge=0, le=86_400, description="How long after a lost answer Twilio's list of messages is trusted."
    )
    confirm_stop: bool = Field(
        default=False,
        description="Answer a STOP ourselves, once. Leave it off where Twilio's opt-out handling answers already.",
        examples=[True],
    )

    @model_validator(mode="after")
    def _agree(self) -> TwilioOptions:
        """Return itself, or raise ValueError where two settings contradict each other."""
        if self.sender and self.messaging_service_sid:
            raise ValueError("from and messaging_service_sid exclude each other: keep one")
        if self.connect_timeout_seconds >= self.timeout_seconds:
            raise ValueError("connect_timeout_seconds must be less than timeout_seconds, of which it is a part")
        return self
