"""Logs: one JSON line an event, with whatever could identify a person or open an account taken out.

Nobody is meant to log such a thing in the first place; this is the net below.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

SECRET_NAMES = frozenset(
    {"uid", "pwd", "password", "token", "secret", "cookie", "authorization", "mobile", "mobiles", "content"}
)
NUMBER = re.compile(r"(?<!\d)1[3-9]\d{5}(\d{4})(?!\d)")
CALLBACK = re.compile(r"/r/[0-9A-Za-z_-]{8,}")


def redact(text: str) -> str:
    """Cut full phone numbers to their last 4 digits and callback tokens to nothing."""
    return CALLBACK.sub("/r/***", NUMBER.sub(r"*\1", text))


def _redact_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if name in SECRET_NAMES:
            event[name] = "***"
        elif isinstance(value, str):
            event[name] = redact(value)
        elif isinstance(value, list | tuple | dict):
            event[name] = redact(repr(value))
    return event


def configure(*, development: bool = False) -> None:
    """Send the logs of the program and of its libraries to standard error, through the same net."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.format_exc_info,
        _redact_event,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer = (
        structlog.dev.ConsoleRenderer(colors=False)
        if development
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _redact_event, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    # Its lines at INFO hold the arguments of every job.
    logging.getLogger("procrastinate").setLevel(logging.WARNING)
