"""`python -m bench`: run the bench, print its table, and keep table, JSON and picture in a folder."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from bench.measure import Figure, load
from bench.report import number, save, shares, table
from bench.run import FULL, QUICK, TINY, bench

__all__: list[str] = []

SIZES = {"tiny": TINY, "quick": QUICK, "full": FULL}


def _tell(figure: Figure) -> None:
    """Say how far it is, for a run takes minutes."""
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f} ×"
    result = "" if figure.value is None else number(figure.value, figure.unit)
    sys.stderr.write(f"  {figure.title} {figure.where} {ratio} {result}  (load {load():.1f})\n")


class _Progress:
    """Says which part begins, and how long all has taken so far."""

    def __init__(self) -> None:
        self._begun = perf_counter()

    def __call__(self, part: str) -> None:
        """Say it."""
        minutes, seconds = divmod(round(perf_counter() - self._begun), 60)
        sys.stderr.write(f"{minutes}:{seconds:02} {part}\n")


def main() -> None:
    """Read the command line, measure, report."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--sizes", choices=sorted(SIZES), default="quick")
    parser.add_argument("--databases", default="sqlite,postgresql", help="of sqlite and postgresql, by commas")
    parser.add_argument("--only", default="", help="parts by commas: plan, preview, dispatch, sdk, growth, …")
    parser.add_argument("--into", type=Path, default=Path("bench-results"), help="folder for the report")
    parser.add_argument("--work", type=Path, help="folder for the databases, on a disk as the real one will be")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.work) as folder:
        only = [part for part in asked.only.split(",") if part]
        results = bench(
            SIZES[asked.sizes],
            Path(folder),
            asked.databases.split(","),
            only=only,
            kept=asked.into,
            hear=_tell,
            begin=_Progress(),
        )
    save(asked.into, results.figures, results.points, results.profiles)
    sys.stdout.write(table(results.figures) + shares(results.profiles))
    sys.stdout.write(f"\nKept in {asked.into}: figures.md, figures.json, growth.svg\n")
    if broken := sorted({f"{one.title} {one.where}" for one in results.figures if one.failed}):
        sys.exit(f"failed: {', '.join(broken)}")


if __name__ == "__main__":
    main()
