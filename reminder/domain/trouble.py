"""Troubles: what keeps reminders from going out as they should, or waits for a person.

Alerts and readiness are made of these. Each kind has the code under which `reminder doctor` and `WATCHING.md` know it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

__all__ = ["CODES", "Kind", "Trouble"]


class Kind(StrEnum):
    """What may be wrong. The words stand in `alerts.on` of the settings."""

    TICKS = "ticks"  #: No daemon has done its work for a while, or its work fails.
    MISSED_RUN = "missed_run"  #: A time of the schedule came and nobody planned.
    PAUSED = "paused"  #: A guard paused runs: nothing is sent until a person approves it.
    CONFIG_REFUSED = "config_refused"  #: Edited files are wrong; a daemon goes on with its last good ones.
    GATEWAY_PAUSED = "gateway_paused"  #: A gateway can't send as it is configured, or a person paused it.
    GATEWAY_SILENT = "gateway_silent"  #: A gateway has not answered for a while.
    DOUBTS = "doubts"  #: Texts are in doubt for so long that their provider will hardly settle it: a person must.
    BACKLOG = "backlog"  #: Reminders whose time has come are not being sent.


CODES: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.TICKS: "RM-E070",
        Kind.MISSED_RUN: "RM-E071",
        Kind.PAUSED: "RM-E061",
        Kind.CONFIG_REFUSED: "RM-E003",
        Kind.GATEWAY_PAUSED: "RM-W042",
        Kind.GATEWAY_SILENT: "RM-W072",
        Kind.DOUBTS: "RM-W073",
        Kind.BACKLOG: "RM-W057",
    }
)
"""The code of each kind."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong since an instant (UTC). `subject` tells it from others of its kind, where there are any.

    `found` says what was found and `hint` what to do, for people; neither names a customer, a number or a text.
    """

    kind: Kind
    since: datetime
    found: str
    hint: str
    subject: str = ""

    @property
    def code(self) -> str:
        """The code of its kind."""
        return CODES[self.kind]

    @property
    def key(self) -> str:
        """What this occurrence is known by: another pause, or the same gateway another day, is another one."""
        return f"{self.kind}:{self.subject}"
