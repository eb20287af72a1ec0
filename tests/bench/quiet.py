"""Silence: what is logged a line a text is no part of what is compared, for the floors log nothing."""

from __future__ import annotations

import logging

import structlog

__all__ = ["be_quiet"]


def be_quiet() -> None:
    """Log only what ends the bench."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
