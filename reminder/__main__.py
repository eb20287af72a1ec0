"""`python -m reminder` is `reminder`."""

from __future__ import annotations

from reminder.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    main(prog_name="reminder")
