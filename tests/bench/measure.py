"""Measuring: product and floor in turn, several times, medians, with the machine's load noted.

Seconds differ from machine to machine and from minute to minute; a ratio of two things done in the same minute tells
more. CPU seconds of this process, and of those it waited for, stand beside them: where another program took the
processor, wall time tells of it and CPU time does not. What a database server spends is in the wall time alone.
"""

from __future__ import annotations

import gc
import resource
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, process_time

__all__ = ["Figure", "Sample", "against", "compared", "failed", "load", "missing", "pairs", "timed", "value"]

Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement: wall seconds, and CPU seconds of this process and of children that ended in that time."""

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report.

    `ratio` is product ÷ floor in what is `compared` (seconds, a rate, MB); `goal` says what it should be, and `bound`
    is that as a number, `at_most` or at least. `value` is the product's own result in `unit`. A figure that could not
    be measured has a `note` and nothing else.
    """

    key: str
    title: str
    where: str = ""
    size: str = ""
    product: float | None = None
    floor: float | None = None
    ratio: float | None = None
    cpu_ratio: float | None = None
    compared: str = "s"
    bound: float | None = None
    at_most: bool = True
    value: float | None = None
    unit: str = ""
    samples: Mapping[str, list[float]] = field(default_factory=dict)
    note: str = ""
    load: float = 0.0
    failed: bool = False

    @property
    def goal(self) -> str:
        """The goal in words."""
        if self.bound is None:
            return ""
        return f"{'≤' if self.at_most else '≥'} {self.bound:g}"

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without one, or without a measurement."""
        if self.ratio is None or self.bound is None:
            return None
        return self.ratio <= self.bound if self.at_most else self.ratio >= self.bound


def load() -> float:
    """Return how many processes have wanted a processor in the last minute, on average."""
    return float(Path("/proc/loadavg").read_text(encoding="ascii").split()[0])


def timed(work: Work) -> Sample:
    """Do the work once, with earlier work's garbage gone, and return what it took."""
    gc.collect()
    wall, cpu = perf_counter(), _cpu_seconds()
    work()
    return Sample(perf_counter() - wall, _cpu_seconds() - cpu)


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return process_time() + children.ru_utime + children.ru_stime


def pairs(
    product: Work, floor: Work, *, repeats: int, before: Work = lambda: None
) -> tuple[list[Sample], list[Sample]]:
    """Measure both in turn, `before` ahead of each, after a first round of both that warms caches and isn't counted."""
    products: list[Sample] = []
    floors: list[Sample] = []
    for round_ in range(repeats + 1):
        for work, kept in ((floor, floors), (product, products)):
            before()
            sample = timed(work)
            if round_:
                kept.append(sample)
    return products, floors


def against(
    key: str,
    title: str,
    product: Work,
    floor: Work,
    *,
    repeats: int,
    before: Work = lambda: None,
    rows: int = 0,
    bound: float | None = None,
    where: str = "",
    size: str = "",
    note: str = "",
) -> Figure:
    """Return how many times the floor's seconds the product takes; with `rows`, its rows a second as well."""
    products, floors = pairs(product, floor, repeats=repeats, before=before)
    return compared(key, title, products, floors, rows=rows, bound=bound, where=where, size=size, note=note)


def compared(
    key: str,
    title: str,
    products: Sequence[Sample],
    floors: Sequence[Sample],
    *,
    rows: int = 0,
    bound: float | None = None,
    where: str = "",
    size: str = "",
    note: str = "",
) -> Figure:
    """Return the figure of these samples: medians, their ratio, and with `rows` the product's rows a second."""
    wall = statistics.median(sample.wall for sample in products)
    base = statistics.median(sample.wall for sample in floors)
    cpu = statistics.median(sample.cpu for sample in products)
    cpu_base = statistics.median(sample.cpu for sample in floors)
    return Figure(
        key,
        title,
        where,
        size,
        product=wall,
        floor=base,
        ratio=wall / base,
        cpu_ratio=cpu / cpu_base if cpu_base else None,
        bound=bound,
        value=rows / wall if rows else None,
        unit="rows/s" if rows else "",
        samples={"product": [sample.wall for sample in products], "floor": [sample.wall for sample in floors]},
        note=note,
        load=load(),
    )


def value(key: str, title: str, result: float, unit: str, *, where: str = "", size: str = "", note: str = "") -> Figure:
    """Return a figure without a floor: a peer's rate, the size of an idle process."""
    return Figure(key, title, where, size, value=result, unit=unit, note=note, load=load())


def missing(key: str, title: str, why: str, *, where: str = "") -> Figure:
    """Return a figure that can't be measured here, and why."""
    return Figure(key, title, where, note=f"not measured: {why}")


def failed(part: str, error: Exception, *, where: str = "") -> Figure:
    """Return what stands in the report for a part of the bench that broke."""
    said = f"{type(error).__name__}: {error}".partition("\n")[0]
    return Figure(f"{part}-failed", f"part `{part}`", where, note=f"failed: {said}", failed=True)
