"""Logs: one line an event, `reminder.dispatch.sent` and its fields, on stderr, without anybody's number (law 13).

Records of the standard library's loggers (SQLAlchemy, Alembic, APScheduler, a provider's SDK) pass the same processors,
and numbers are masked last, so that one inside a traceback is masked as well.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog
from structlog.typing import Processor

from reminder.domain.phone import mask_phone

__all__ = ["mask_numbers", "set_up"]

_IDS = frozenset({"account", "account_id", "event_id", "reference", "reminder", "reminder_id", "timestamp"})
"""Fields that are no numbers of anybody, though they may consist of digits."""

_NUMBER = re.compile(
    r"""
      \+\d(?:[ ().-]{0,2}\d){6,14}                                  # +86 138 0013 8000
    | (?<![\w.+-])\(?\d{3,4}\)?[ -]\d{3,4}[ -]\d{4}(?![\w-])       # 138-0013-8000, (415) 555-0123
    | (?<![\w.+])(?<![\da-f]-)\d{8,15}(?!\w|-\w|\.\d)              # 13800138000; not LN20260728, nor part of a UUID
    """,
    re.VERBOSE,
)


def mask_numbers(text: str) -> str:
    """Return the text with whatever may be a phone number masked: `+86138****8000`."""
    return _NUMBER.sub(lambda match: _masked(match[0]), text)


def _masked(number: str) -> str:
    digits = "".join(character for character in number if character.isdigit())
    if number.startswith("+"):
        return mask_phone(f"+{digits}")
    return f"{digits[:3]}****{digits[-4:]}" if len(digits) >= 11 else "****"


def set_up(shape: str, level: str) -> None:
    """Send every log record from `level` on to stderr, as lines for people (`console`) or for programs (`json`)."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(), _name_foreign],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _mask_event,
                _renderer(shape),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _renderer(shape: str) -> Processor:
    if shape == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)


def _name_foreign(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add whose record it is: ours are named by their event."""
    record = event.get("_record")
    if record is not None:
        event["logger"] = record.name
    return event


def _mask_event(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    return {name: value if name in _IDS else _mask_value(value) for name, value in event.items()}


def _mask_value(value: object) -> object:
    """Return a field's value masked, whatever it is nested in; anything but plain data becomes masked text."""
    if isinstance(value, str):  # most are, and dispatch writes a line for each text
        return mask_numbers(value)
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        # Counts and amounts are shorter.
        return value if abs(value) < 10**10 else mask_numbers(str(value))
    if isinstance(value, Mapping):
        return {_mask_value(str(key)): _mask_value(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_mask_value(each) for each in value]
    return mask_numbers(str(value))
