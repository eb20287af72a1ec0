"""The process of the bench: as silent as the floors are, and with Python set up as the command sets it up."""

from __future__ import annotations

import gc
import logging

import structlog

from reminder.cli import GARBAGE_LOOKS

__all__ = ["be_quiet"]


def be_quiet() -> None:
    """Log only what ends the bench; look for garbage as often as the command does. Floors have the same."""
    gc.set_threshold(*GARBAGE_LOOKS)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
