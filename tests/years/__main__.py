"""`python -m years`: let seeded years happen until one breaks a law, or all have passed."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from years.living import live_through, opened
from years.memory import LawBrokenError
from years.year import Year

__all__: list[str] = []


def main() -> int:
    """Read the command line, live through the years, return the exit code."""
    parser = argparse.ArgumentParser(prog="years", description=__doc__)
    parser.add_argument("--seed", type=int, help="only this year")
    parser.add_argument("--years", type=int, default=3, help="how many, from seed --first on")
    parser.add_argument("--first", type=int, default=1000)
    parser.add_argument("--accounts", type=int, default=300)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--database", help="an empty database of a server, in place of SQLite files")
    asked = parser.parse_args()
    seeds = [asked.seed] if asked.seed is not None else list(range(asked.first, asked.first + asked.years))
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder, opened(
            seed, Path(folder), accounts=asked.accounts, database=asked.database
        ) as year:  # fmt: skip
            try:
                live_through(year, asked.days)
            except LawBrokenError as error:
                sys.stderr.write(f"{error}\n")
                return 1
            sys.stdout.write(f"seed {seed}: {in_words(year)}\n")
            sys.stdout.flush()
    return 0


def in_words(year: Year) -> str:
    """Return what a year was like, so that nobody takes an empty one for a good one."""
    texts = sum(year.judge.texts_on.values())
    return (
        f"{texts} texts, {len(year.lives.states)} reminders, {year.ticks} ticks, {year.deaths} deaths, "
        f"{year.restarts} restarts, {year.judge.edits} edits, {year.foretold} foretold and sent; "
        f"no law broken; fingerprint {year.journal.whole.hexdigest()[:12]}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
