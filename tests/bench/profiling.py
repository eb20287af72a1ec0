"""Where the time of a hot path goes: shares by room and by library, and the dearest functions."""

from __future__ import annotations

import cProfile
import pstats
import re
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

__all__ = ["profiled"]

_ROOM = re.compile(r"/reminder/(\w+)/[^/]+\.py$")
_LIBRARY = re.compile(r"site-packages/(\w+)")
_FUNCTIONS_SHOWN = 12
_WAITS = re.compile(r"'(poll|acquire|get)' of '(select\.|_thread\.|_queue\.)")


def profiled(work: Callable[[], object]) -> dict[str, dict[str, float]]:
    """Return the shares (%) of the work's time by place, and its dearest functions with their shares.

    A profiler makes Python's own steps dearer than those of the databases; shares tell where to look, not how long.
    Threads that the work starts are looked at too, and waiting for each other is left out.
    """
    profilers = [cProfile.Profile()]

    def begin(*_: object) -> None:
        """Profile a new thread, from its first step on."""
        profilers.append(cProfile.Profile())
        profilers[-1].enable()

    threading.setprofile(begin)
    profilers[0].enable()
    try:
        work()
    finally:
        profilers[0].disable()
        threading.setprofile(None)
    stats: Any = pstats.Stats(profilers[0])
    for profiler in profilers[1:]:
        stats.add(profiler)
    times = {key: own for key, (_, _, own, _, _) in stats.stats.items() if not _WAITS.search(key[2])}
    whole = sum(times.values()) or 1.0
    places: Counter[str] = Counter()
    for (file, _, name), own in times.items():
        places[_place(file, name)] += own
    dearest = sorted(times, key=lambda key: -times[key])[:_FUNCTIONS_SHOWN]
    return {
        "places": {place: round(100 * own / whole, 1) for place, own in places.most_common(12)},
        "functions": {
            f"{_place(file, name)}: {name}": round(100 * times[file, line, name] / whole, 1)
            for file, line, name in dearest
        },
    }


def _place(file: str, name: str) -> str:
    room, library = _ROOM.search(file), _LIBRARY.search(file)
    if room:
        return f"reminder.{room[1]}"
    if library:
        return library[1]
    if "sqlite3" in name or "psycopg" in name:
        return "the database"
    return "templates" if file.endswith(".j2") else "Python itself"
