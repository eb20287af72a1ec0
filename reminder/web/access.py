"""Who may read figures: whoever has the token, or, where there is none, who asks from this very machine."""

from __future__ import annotations

import hmac
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["may_read"]

_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
"""What a proxy adds: whoever asks through one is not on this machine, whatever the connection looks like."""


def may_read(request: Request, token: str) -> bool:
    """Return whether this caller may read figures.

    With a token, only who has it (`Authorization: Bearer …`), compared in constant time. Without one, only a
    connection from this machine that came through no proxy.
    """
    if token:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        told = scheme.lower() == "bearer"
        return hmac.compare_digest(given.strip().encode(), token.encode()) and told
    if any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False
