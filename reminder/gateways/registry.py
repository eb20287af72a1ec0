"""Which gateways there are: classes found by the entry point group `reminder.gateways`.

A plug-in is a distribution with one line in its `pyproject.toml`::

    [project.entry-points."reminder.gateways"]
    acme = "acme_reminder.gateway:AcmeGateway"

Its class fits `reminder.gateways.base.Gateway` and passes `reminder.gateways.conformance`. One that can't be loaded is
reported and harms no other (law 9); one that takes a name which is taken already is never loaded, so that nobody can
slip in front of a gateway that is relied on.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from pydantic import BaseModel, ValidationError

from reminder.errors import GatewayError
from reminder.gateways.base import Gateway, GatewayContext

__all__ = ["ENTRY_POINT_GROUP", "GatewayType", "available", "build", "gateway_class"]

ENTRY_POINT_GROUP = "reminder.gateways"

_OWN_DISTRIBUTION = "reminder-dispatcher"


@dataclass(frozen=True, slots=True)
class GatewayType:
    """A type of gateway as `reminder gateway list` shows it: either its class, or the error that keeps it from use."""

    name: str
    cls: type[Gateway] | None
    distribution: str
    version: str
    error: str | None = None


def available() -> list[GatewayType]:
    """Return all types, loaded, by name; those that can't be used carry their error."""
    kinds = []
    taken: set[str] = set()
    for point in _points():
        kinds.append(_loaded(point, point.name in taken))
        taken.add(point.name)
    return sorted(kinds, key=lambda kind: kind.name)


def gateway_class(type_name: str) -> type[Gateway]:
    """Return the class of a type, loading no other.

    Raises GatewayError for a type that doesn't exist or can't be loaded.
    """
    points = _points()
    for point in points:
        if point.name == type_name:
            return _load(point)
    names = sorted({point.name for point in points})
    near = get_close_matches(type_name, names, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else "A plug-in that brings it must be installed beside this program."
    raise GatewayError(f"no gateway of type {type_name!r}: expected one of {', '.join(names)}. {hint}")


def build(type_name: str, options: Mapping[str, object], context: GatewayContext) -> Gateway:
    """Return a gateway of this type under the name that `context` gives it.

    Raises GatewayError for a type that can't be had or a plug-in that breaks, NotConfiguredError where settings or
    variables are missing, and pydantic's ValidationError for wrong options: the caller knows their place in the file.
    """
    cls = gateway_class(type_name)
    try:
        return cls(cls.Options.model_validate(dict(options)), context)
    except (GatewayError, ValidationError):
        raise
    except Exception as error:
        raise GatewayError(
            f"gateway {context.name!r} of type {type_name!r} could not be built: {type(error).__name__}: {error}. "
            "This is a fault of that gateway's code: report it to its authors."
        ) from error


def _points() -> list[EntryPoint]:
    """Return the entry points, our own first, then by distribution: in a clash of names the first has it."""

    def place(point: EntryPoint) -> tuple[bool, tuple[str, str], str]:
        origin = _origin(point)
        return origin[0] != _OWN_DISTRIBUTION, origin, point.name

    return sorted(entry_points(group=ENTRY_POINT_GROUP), key=place)


def _origin(point: EntryPoint) -> tuple[str, str]:
    """Return name and version of the distribution that declares an entry point."""
    if point.dist is None:
        return "unknown", ""
    about = point.dist.metadata  # read and parsed anew each time that somebody asks for any of it
    return about["Name"], about["Version"]


def _loaded(point: EntryPoint, taken: bool) -> GatewayType:
    """Return what a listing says about an entry point."""
    distribution, version = _origin(point)
    if taken:
        error = f"the name {point.name!r} is taken by another distribution: {distribution} must choose another"
        return GatewayType(point.name, None, distribution, version, error)
    try:
        return GatewayType(point.name, _load(point), distribution, version)
    except GatewayError as error:
        return GatewayType(point.name, None, distribution, version, str(error))


def _load(point: EntryPoint) -> type[Gateway]:
    """Return the class that an entry point names, or raise GatewayError saying what is wrong with it."""
    try:
        loaded = point.load()
    except Exception as error:
        raise GatewayError(
            f"gateway type {point.name!r} ({point.value}, from {_origin(point)[0]}) can't be loaded: "
            f"{type(error).__name__}: {error}. Update or remove that distribution."
        ) from error
    if faults := _faults(loaded):
        raise GatewayError(f"gateway type {point.name!r} ({point.value}) is no gateway: it has {'; '.join(faults)}.")
    return cast(type[Gateway], loaded)


def _faults(loaded: object) -> list[str]:
    """Return in what an object falls short of a gateway's class."""
    faults = [
        f"no coroutine method {method}()"
        for method in ("send", "close")
        if not inspect.iscoroutinefunction(getattr(loaded, method, None))
    ]
    options = getattr(loaded, "Options", None)
    if not (isinstance(options, type) and issubclass(options, BaseModel)):
        faults.append("no pydantic model Options")
    if not isinstance(getattr(loaded, "stands_in", None), bool):
        faults.append("no bool stands_in")
    return faults if isinstance(loaded, type) else [*faults, "no class behind its name"]
