"""The report: a table to read, JSON to compare, and a picture of growth."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import log10
from pathlib import Path
from xml.sax.saxutils import escape

from bench.measure import Figure

__all__ = ["as_json", "machine", "number", "plot", "save", "shares", "table"]

Points = Mapping[str, Sequence[Mapping[str, float]]]
Profiles = Mapping[str, Mapping[str, Mapping[str, float]]]

_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 640, 320, 60, 40
_COLOURS = ("#1b6ca8", "#c0504d", "#4f8a3c", "#8064a2")


def machine() -> dict[str, object]:
    """Return what the figures were measured on."""
    return {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "processors": os.cpu_count(),
        "system": platform.platform(),
    }


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a Markdown table."""
    lines = [
        "| figure | where | size | product | floor | ratio | CPU ratio | goal | met | result | load |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    notes = []
    for one in figures:
        if one.note:
            notes.append(f"- {one.key}{f' ({one.where})' if one.where else ''}: {one.note}")
        lines.append("| " + " | ".join(_cells(one)) + " |")
    return "\n".join([*lines, "", *dict.fromkeys(notes)]) + "\n"


def _cells(one: Figure) -> list[str]:
    if one.ratio is None and one.value is None:
        return [one.title, one.where, "**failed**" if one.failed else "not measured", *[""] * 8]
    met = "" if one.met is None else "yes" if one.met else "**no**"
    return [
        one.title,
        one.where,
        one.size,
        number(one.product, one.compared),
        number(one.floor, one.compared),
        number(one.ratio),
        number(one.cpu_ratio),
        one.goal,
        met,
        number(one.value, one.unit),
        f"{one.load:.1f}",
    ]


def number(value: float | None, unit: str = "") -> str:
    """Return a number with as many digits as are worth reading, and its unit; None is empty."""
    if value is None:
        return ""
    shown = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3f}"
    return f"{shown} {unit}".strip()


def shares(profiles: Profiles) -> str:
    """Return where the time of each hot path goes, by room and library, as Markdown; nothing without profiles."""
    if not profiles:
        return ""
    lines = []
    for path, profile in profiles.items():
        told = ", ".join(f"{place} {share:.0f} %" for place, share in profile["places"].items() if share >= 1)
        lines.append(f"| {path} | {told} |")
    return "\n".join(["", "| hot path | where its time goes |", "|---|---|", *lines]) + "\n"


def as_json(figures: Sequence[Figure], points: Points, profiles: Profiles) -> str:
    """Return everything that was measured, as JSON."""
    told = {
        "machine": machine(),
        "figures": [asdict(one) | {"goal": one.goal, "met": one.met} for one in figures],
        "growth": points,
        "profiles": profiles,
    }
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def plot(points: Points) -> str:
    """Return a picture (SVG) of planning's seconds over the size of the book; both axes are logarithmic."""
    series = [
        (f"{store}, {label}", [(point["accounts"], point[part]) for point in line])
        for store, line in points.items()
        for part, label in (("seconds", "plan"), ("floor", "bare statement"))
    ]
    every = [pair for _, line in series for pair in line]
    xs, ys = [log10(x) for x, _ in every], [log10(y) for _, y in every]
    low, high = min(ys) - 0.2, max(ys) + 0.2

    def place(x: float, y: float) -> tuple[float, float]:
        across = (log10(x) - min(xs)) / (max(xs) - min(xs) or 1)
        up = (log10(y) - low) / (high - low)
        return _LEFT + across * (_WIDTH - _LEFT - 150), (1 - up) * (_HEIGHT - _BOTTOM)

    parts = [_axis(sorted({x for x, _ in every}), place, low)]
    for number, (name, line) in enumerate(series):
        parts.append(_line(name, [place(x, y) for x, y in line], line, _COLOURS[number % len(_COLOURS)], number))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="11"><rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>{"".join(parts)}</svg>\n'
    )


def _axis(sizes: Sequence[float], place: object, low: float) -> str:
    assert callable(place)
    bottom = _HEIGHT - _BOTTOM
    marks = [
        f'<text x="{place(x, 10**low)[0]:.0f}" y="{bottom + 16}" text-anchor="middle">{x:,.0f}</text>' for x in sizes
    ]
    title = f'<text x="{_LEFT}" y="{_HEIGHT - 6}">accounts in the book; the same number due; seconds of one plan</text>'
    return f'<path d="M{_LEFT} 0V{bottom}H{_WIDTH}" stroke="#999" fill="none"/>{"".join(marks)}{title}'


def _line(
    name: str, at: Sequence[tuple[float, float]], values: Sequence[tuple[float, float]], colour: str, number: int
) -> str:
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in at)
    dots = [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
        f'<text x="{x + 4:.0f}" y="{y - 5:.0f}" fill="{colour}">{seconds:.2f} s</text>'
        for (x, y), (_, seconds) in zip(at, values, strict=True)
    ]
    legend = f'<text x="{_WIDTH - 145}" y="{20 + number * 16}" fill="{colour}">{escape(name)}</text>'
    return f'<path d="M{path}" stroke="{colour}" fill="none" stroke-width="1.5"/>{"".join(dots)}{legend}'


def save(folder: Path, figures: Sequence[Figure], points: Points, profiles: Profiles) -> None:
    """Write table, JSON and picture into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "figures.md").write_text(table(figures) + shares(profiles), encoding="utf-8")
    (folder / "figures.json").write_text(as_json(figures, points, profiles), encoding="utf-8")
    if points:
        (folder / "growth.svg").write_text(plot(points), encoding="utf-8")
