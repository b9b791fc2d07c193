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

MASK = "***"
SECRET_NAMES = frozenset(
    {"uid", "pwd", "password", "token", "secret", "cookie", "authorization", "mobile", "mobiles", "content"}
)
# A mobile number as people and programs write it: with or without the country, in one piece or 3-4-4, in a
# URL. It begins where no other digits stand before it; the last two digits of an escape (%20, \x00, \u3000)
# are none of its own. Tried first and left alone: hashes and UUIDs, in which eleven digits may follow each
# other by chance. Longer runs of digits are ids and moments.
_APART = r"(?:[ \-_/\t\u00a0\u2010-\u2015\u3000]|%20|%2D|\+){0,2}"
NUMBER = re.compile(
    r"(?P<hash>\b(?=[0-9]*[a-f])[0-9a-f]{24,}\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b)"
    r"|(?:(?<!\d)|(?<=%[0-9a-f]{2})|(?<=\\x[0-9a-f]{2})|(?<=\\u[0-9a-f]{4}))"
    rf"(?:(?:\+|%2B|00)?\(?86\)?{_APART}|0)?"
    rf"[1１][3-9３-９]\d(?:{_APART}\d{{4}}{_APART}|\.\d{{4}}\.)(?P<last>\d{{4}})(?!\d)",
    re.IGNORECASE,
)
# Addresses that open something by themselves: for reports, to join a team, to choose a new password.
OPENING = re.compile(r"(/|%2F)(r|invite|reset)(/|%2F)[0-9A-Z_-]{8,}", re.IGNORECASE)
# A secret that stands in a text by its name: 'pwd': 'x', "pwd": "x", pwd=x.
NAMED = re.compile(
    r"""(['"](?:uid|pwd|password|token)['"]\s*:\s*)(?:'[^']*'|"[^"]*")|\b((?:uid|pwd|password|token)=)[^&\s'",)]+""",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """Cut full phone numbers to their last 4 digits, callback tokens and named secrets to nothing."""
    text = NAMED.sub(lambda found: f"{found[1] or found[2]}{MASK}", text)
    text = NUMBER.sub(lambda found: found["hash"] or f"*{found['last']}", text)
    return OPENING.sub(rf"\1\2\3{MASK}", text)


def _redact_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if name not in {"_record", "_from_structlog"}:  # structlog's own; it takes them out again
            event[name] = _redacted(name, value)
    return event


def _redacted(name: object, value: Any) -> Any:
    """A value as it may be logged; `name` is what it is called, which alone may say that it is a secret."""
    if isinstance(name, str) and name.lower() in SECRET_NAMES:
        return MASK
    if isinstance(value, dict):
        return {_redacted(None, key): _redacted(key, inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(None, inner) for inner in value]
    if value is None or isinstance(value, bool):
        return value
    # Objects are asked for their text here, not later by whoever prints the line; numbers stay numbers.
    text = value if isinstance(value, str) else repr(value)
    found = redact(text)
    return value if found == text and isinstance(value, int | float) else found


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
