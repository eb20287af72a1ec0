"""`python -m bench`: run the bench, print its table, and keep table, JSON and picture in a folder."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from bench.measure import Figure, load
from bench.report import save, table
from bench.run import FULL, QUICK, TINY, bench

__all__: list[str] = []

SIZES = {"tiny": TINY, "quick": QUICK, "full": FULL}


def _tell(figure: Figure) -> None:
    """Say how far it is, for a run takes minutes."""
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f} ×"
    result = "" if figure.value is None else f"{figure.value:,.0f} {figure.unit}"
    sys.stderr.write(f"  {figure.title} {figure.where} {ratio} {result}  (load {load():.1f})\n")


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
        results = bench(SIZES[asked.sizes], Path(folder), asked.databases.split(","), only=only, hear=_tell)
    save(asked.into, results.figures, results.points, results.profiles)
    sys.stdout.write(table(results.figures))
    sys.stdout.write(f"\nKept in {asked.into}: figures.md, figures.json, growth.svg\n")


if __name__ == "__main__":
    main()
