"""Prometheus' text format, version 0.0.4: families of samples as bytes. What a metric means is said elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from reminder.pipeline.vitals import LATENCY_BOUNDS_SECONDS, Histogram

__all__ = ["MEDIA_TYPE", "Family", "Metric", "exposed"]

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})


@dataclass(frozen=True, slots=True)
class Metric:
    """A name, what it means, and the labels that its samples have."""

    name: str
    says: str
    labels: tuple[str, ...] = ()
    kind: Literal["gauge", "histogram"] = "gauge"


@dataclass(frozen=True, slots=True)
class Family:
    """A metric with its samples, by the values of its labels in their order."""

    metric: Metric
    samples: Mapping[tuple[str, ...], float | Histogram]


def exposed(families: Iterable[Family]) -> bytes:
    """Return the families as Prometheus reads them; those without samples are left out."""
    lines: list[str] = []
    for family in families:
        if family.samples:
            metric = family.metric
            lines += [f"# HELP {metric.name} {_escaped(metric.says)}", f"# TYPE {metric.name} {metric.kind}"]
            lines += _samples(metric, family.samples)
    return "".join(f"{line}\n" for line in lines).encode()


def _samples(metric: Metric, samples: Mapping[tuple[str, ...], float | Histogram]) -> Iterator[str]:
    for values, found in sorted(samples.items(), key=lambda item: item[0]):
        if isinstance(found, Histogram):
            yield from _histogram(metric, values, found)
        else:
            yield f"{metric.name}{_labels(metric.labels, values)} {found:.17g}"


def _histogram(metric: Metric, values: Sequence[str], found: Histogram) -> Iterator[str]:
    names, running = (*metric.labels, "le"), 0
    for bound, count in zip((*map(str, LATENCY_BOUNDS_SECONDS), "+Inf"), found.counts, strict=True):
        running += count
        yield f"{metric.name}_bucket{_labels(names, (*values, bound))} {running}"
    yield f"{metric.name}_count{_labels(metric.labels, values)} {running}"
    yield f"{metric.name}_sum{_labels(metric.labels, values)} {found.total_seconds:.17g}"


def _labels(names: Sequence[str], values: Sequence[str]) -> str:
    pairs = [f'{name}="{value.translate(_ESCAPES)}"' for name, value in zip(names, values, strict=True)]
    return f"{{{','.join(pairs)}}}" if pairs else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")
